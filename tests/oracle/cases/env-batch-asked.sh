# slow: many commands
# every variable of a batch script, over what may be asked for
e() { env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ENVIRONMENT|HOSTNAME|PMI)' | grep -vE 'SLURM_CONF=|_PORT=|_PID=|TOPOLOGY|PRIO_PROC|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|SLURM_TIME_FORMAT|WORKING_CLUSTER|SLURM_CLUSTER_NAME' | sed -E "s/(JOB_?ID|ARRAY_JOB_ID)=[0-9]+/\1=JOB/; s/STEPID=[0-9]+/STEPID=N/; s,/tmp/case-[^ ]*,CWD,g" | sort; }
declare -f e > lib; export LIB=$PWD/lib
idle() { waits sh -c '[ -z "$(squeue -h -t CG,R,PD -o %i)" ]'; }
cat > j.sh <<'J'
#!/bin/bash
. $SLURM_SUBMIT_DIR/lib; e
J
n=0; b() { n=$((n + 1)); echo "== $*"; submit -o o$n "$@" j.sh; idle; cat o$n; }
b -w n2,n1 -m arbitrary; b --gpus=2; b --gpus-per-node=a100:2 -N2; b --gres=gpu:1; b --gpus-per-task=1 -n2; b --gpus=2 --cpus-per-gpu=2 --mem-per-gpu=100; b --gpus=2 --ntasks-per-gpu=1; b -n2 -O; b -A acct -q x --comment=c --requeue; b --export=ALL,A=1; b -m plane=2 -n2; b --acctg-freq=10 --cpu-freq=high --network=x --profile=task; b --signal=USR1@60 --open-mode=append --nice=5; b -D /tmp -t 5 -p small; b --mem-bind=v,local --gpu-bind=closest --gpus=1 --gpu-freq=low; b -d singleton -J dep; b -L lic:1 --contiguous --tmp=1 -x n3
