# which task runs where
t() { echo "$*"; srun -Q "$@" bash -c 'echo $SLURM_PROCID $SLURM_NODEID $SLURM_LOCALID' | sort -n; }
t -N2 -n5; t -N2 -n5 -m cyclic; t -N2 -n6 -m plane=2; t -N3 -n4 -m block; t -N2 --ntasks-per-node=2; t -N2 -n4 -m block:cyclic; t -n10; t -N2 -n3 -c3; t -N2-3 -n2
printf 'n1\nn0\nn1\n' > hosts; SLURM_HOSTFILE=hosts t -m arbitrary -n3
srun -N2 -n5 bash -c 'env | grep -E "TASKS_PER_NODE|CPUS_PER_NODE|DISTRIBUTION|NNODES|NPROCS|NTASKS|_GTIDS|PLANE|CPUS_ON"' | sort -u
srun -N2 -n5 -m plane=2 bash -c 'env | grep -E "TASKS_PER_NODE|DISTRIBUTION|PLANE"' | sort -u
