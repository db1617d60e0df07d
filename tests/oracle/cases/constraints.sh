# nodes by name and feature
for a in '-C nosuch' '-w n9' '-x n9' '-w n0 -x n0' '-w n[0-1] -N1' '-w n[0-3] -N 2-3' '-C [' '-C a&' '--contiguous -w n0,n2' '-p debug -w n1' '-F /nonexistent' '--nodefile=/nonexistent' '--prefer=nosuch'; do echo "$a"; say sbatch -H -o /dev/null $a --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
submit -H -w n[2-3] -x n0 -o /dev/null --wrap true; scontrol show job $J | grep -E 'NodeList|Features'; squeue -h -j $J -o '%n|%x|%f'; scancel $J
srun -Q -w n2 -N1 bash -c 'echo $SLURMD_NODENAME'; srun -Q -x n0 bash -c 'echo $SLURMD_NODENAME'; srun -Q -N2 -x n[0-1] bash -c 'echo $SLURM_JOB_NODELIST' | sort -u
printf 'n3\nn1\n' > nodes; srun -Q -w ./nodes -N2 bash -c 'echo $SLURM_NODEID $SLURMD_NODENAME' | sort
say srun -Q -w n9 true
say srun -Q -p debug -w n1 true
scancel -u root
