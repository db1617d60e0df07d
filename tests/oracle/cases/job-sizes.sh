# slow: many commands
# nodes, tasks, CPUs and memory that a waiting job is said to need, and what it gets
t() { submit -H -o /dev/null "$@" --wrap true && { echo "$* $(squeue -h -j $J -o '%D %C') $(field $J NumNodes) $(field $J NumCPUs) $(field $J NumTasks) $(field $J TRES) $(squeue -h -j $J -O maxnodes:.3,mincpus:.4,ntpernode:.4)"; scancel $J; }; }
for c in 2 3 5; do for n in 1 3 9; do t -n$n -c$c; done; done
t --ntasks-per-node=2 -n5; t --ntasks-per-node=2 -n1; t --ntasks-per-node=2 -n3 -c2; t -N2 --ntasks-per-node=3 -n4; t -N1-3 --ntasks-per-node=2; t -N2 -c3; t -N2 -n3 -c3; t -N1-4 -n2; t -N2-4; t -O -n3 --ntasks-per-node=1; t -w n[0-2] -n1; t -n9 -p debug; t --ntasks-per-gpu=2 --gpus=2; t --gpus=8 --gpus-per-node=4; t --mem-per-gpu=300 --gpus=2 -n3
cat > j.sh <<'J'
#!/bin/bash
env | grep -E 'SLURM_(NTASKS|NPROCS|JOB_CPUS|TASKS_PER|JOB_NODELIST)' | sort; scontrol show job $SLURM_JOB_ID | grep -E 'NumN|TRES|Mem'
J
r() { echo "== $*"; submit -o o "$@" j.sh && wait_gone; cat o; }
r --ntasks-per-node=2 -n5; r -w n[0-2] -n1; r -N2-4; r -N1-2 -n9 -O; r -N1-3 --ntasks-per-node=2; r --ntasks-per-node=4 -n1; r --gpus=2 --mem-per-gpu=1G --exclusive; r -O -c3 -n4
