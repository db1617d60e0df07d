# slow: many commands
# hints and the geometry of a node: how many tasks they mean
cat > j.sh <<'S'
#!/bin/bash
env | grep -E '^SLURM_(NTASKS|NPROCS|THREADS|HINT|DIST|NNODES|JOB_CPUS_PER|NTASKS_PER_CORE)' | sort | tr '\n' ' '; echo
S
r() { echo "== $*"; submit -o o "$@" j.sh || return; wait_gone;  cat o; submit -H -o o "$@" j.sh; scontrol show job $J | grep -E 'NumN|NtasksPer'; scancel $J; }
r --hint=nomultithread; r --hint=compute_bound; r --hint=memory_bound; r --hint=multithread; r -N2 --hint=memory_bound; r -N2 -n3 --hint=compute_bound; r -N2 --hint=nomultithread,memory_bound; r -B 1:2:1; r -B 1:1; r -B 1; r -N2 -B 1:4:1; r -N2 --cores-per-socket=3; r -N2 --sockets-per-node=1 --cores-per-socket=2; r -N2 --hint=memory_bound --ntasks-per-core=1; r --hint=nomultithread --threads-per-core=1; r --hint=compute_bound --cores-per-socket=2; r --hint=multithread --threads-per-core=1; r -B 1:1:1 --hint=nomultithread; r -c2 --hint=nomultithread; r -n2 --hint=multithread;  r -N2 -w n0,n1,n2; r -w n0,n1 --sockets-per-node=1; SLURM_HINT=nomultithread r -N2; SBATCH_HINT=nomultithread r -N2; SBATCH_HINT=memory_bound r -N2 --ntasks-per-core=1; SBATCH_HINT=memory_bound r -N2 -B 1:2:1
