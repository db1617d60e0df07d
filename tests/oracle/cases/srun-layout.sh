# which task runs where
t() { echo "$*"; srun -Q "$@" bash -c 'echo $SLURM_PROCID $SLURM_NODEID $SLURM_LOCALID' | sort -n; }
t -N2 -n5; t -N2 -n5 -m cyclic; t -N2 -n6 -m plane=2; t -N3 -n4 -m block; t -N2 --ntasks-per-node=2; t -N2 -n4 -m block:cyclic; t -n10; t -N2 -n3 -c3; t -N2-3 -n2
printf 'n1\nn0\nn1\n' > hosts; SLURM_HOSTFILE=hosts t -m arbitrary -n3
srun -N2 -n5 bash -c 'env | grep -E "TASKS_PER_NODE|CPUS_PER_NODE|DISTRIBUTION|NNODES|NPROCS|NTASKS|_GTIDS|PLANE|CPUS_ON"' | sort -u
srun -N2 -n5 -m plane=2 bash -c 'env | grep -E "TASKS_PER_NODE|DISTRIBUTION|PLANE"' | sort -u
for x in -N1-2 -N2-4 '-N2-3 -n7' '-N2-3 --gpus-per-node=2'; do wait_idle; srun $x --ntasks-per-node=3 bash -c 'echo $SLURM_NTASKS $SLURM_STEP_TASKS_PER_NODE $SLURM_JOB_CPUS_PER_NODE' | sort | uniq -c; done
