# steps within a job: parts of it, beside each other, refused
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -N2 -n4 -c2 -o out -e err
t() { echo "$*"; srun "$@" bash -c 'echo $SLURM_STEP_ID.$SLURM_PROCID $SLURMD_NODENAME $SLURM_CPUS_PER_TASK $SLURM_STEP_NODELIST $SLURM_STEP_NUM_NODES $SLURM_STEP_NUM_TASKS' | sort; }
t; t -N1 -n1; t -n3; t -r1 -N1 -n1; t -w n1 -n1 -N1; t -x n0 -n1 -N1; t -c1 -n8; t --ntasks-per-node=1; t -n1 -c4 -N1
for a in '-N3' '-n99' '-w n3' '-c9' '-r5 -N1' '--gres=gpu:1' '-p nosuch' '-t x'; do echo "$a"; srun $a true; echo "status $?"; echo "$a" >&2; done
srun -n1 -N1 --exclusive bash -c 'echo exclusive' & srun -n1 -N1 --overlap bash -c 'echo $SLURM_STEP_ID' > /dev/null & wait
srun --jobid=$SLURM_JOB_ID -n1 -N1 bash -c 'echo $SLURM_STEP_NUM_TASKS'
S
submit j.sh; wait_gone; sort out | grep -v '^$' > /dev/null; cat out; # a step that is just ending may still be in the way
sed -E 's/[0-9]{5}/N/g; /step creation temporarily|Step created for/d' err
# -c that does not divide the CPUs of the nodes: what is left over shares them, where the sum is enough
cat > j.sh <<'S'
t() { echo "$*"; timeout 10 srun -Q "$@" bash -c 'echo $SLURM_PROCID $SLURMD_NODENAME $SLURM_CPUS_PER_TASK' 2>&1 | sed -E 's/[0-9]{5}/N/' | sort; }
t -c3 -n3; t -c3 -n3 -N2; t -c4 -n2; t -c3 -n4; t -c5 -n3; t -c3 -n3 -m cyclic; t -c6 -n1; t -c4 -n2 -N1
srun -Q -n1 -N1 -c3 -w n0 bash -c 'touch up; until [ -e go ]; do sleep 0.1; done' & until [ -e up ]; do sleep 0.1; done
srun -Q -n2 -c3 bash -c 'ls go' & sleep 0.5; touch go; wait
S
submit -o out -n10 -N2 --ntasks-per-node=5 -w n0,n1 --wrap 'bash j.sh'; wait_gone; cat out
