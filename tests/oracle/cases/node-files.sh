# a file of nodes is read where no list is given, after options that exclude each other
: >none; printf 'n1\nn2\n' >two
for o in "-F none" "-F nosuch" "-F none -w n1" "-w n1 -F nosuch" "-w n0 -F two" "-F two -w n0" "-F none --mem=1 --mem-per-cpu=1" "-F none --gpus-per-task=1 --ntasks-per-gpu=2"; do sbatch -H $o -o /dev/null --wrap true 2>&1 | sed 's/[0-9]\{5\}$/ID/'; echo "$o ${PIPESTATUS[0]} $(squeue -h -o %n -t PD)"; scancel -u root -t pending; done
srun -F none true; echo $?; srun -F two -N2 sh -c 'echo $SLURMD_NODENAME' | sort
# one node for each task, and none besides (-m arbitrary); what sstat hears
for o in "-w n1 -n6 --gpus-per-task=1" "-w n1 -n9" "-w n1 -n2 -N2" "-w n1,n1 -n2" "-w n1 -N1-2 -n9" "-w n2,n1 -n2 --gpus-per-task=1"; do srun $o -m arbitrary sh -c 'echo $SLURM_PROCID $SLURMD_NODENAME' 2>&1 | sort; echo "$o ${PIPESTATUS[0]}"; wait_idle; done
for j in 0 4294967297 999999 x 1.0 0.0 -1 "" 4294967295 99999999999999999999 0,999999; do sstat -o jobid -j "$j" 2>&1; echo "$j $?"; done
