# the compressed forms in a batch script's environment
cat > j.sh <<'S'
#!/bin/bash
env | grep -E '^SLURM' | grep -vE 'PORT|_PID|_ID=|JOBID|CONF=|_DIR|TOPOLOGY|UMASK|PRIO|_TIME=|HOST=|WORKING' | sort
S
sub() { n=$((n + 1)); submit -o o$n "$@" j.sh; wait_gone; }
sub -n10; sub -N2 -n3 -c2 --mem=1G; sub -N3 --ntasks-per-node=2 --mem-per-cpu=200; sub --exclusive -t 3; sub --gpus=3 --gpus-per-task=1 -n3 --mem-per-gpu=100; sub -N2 --gpus-per-node=a100:2 -m cyclic --hint=nomultithread; sub -n2 --requeue -A acct --threads-per-core=1 -p debug
for i in $(seq $n); do echo "-- $i"; cat o$i; done
