# every variable of salloc's shell and of a step in it, over shapes
e() { env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ENVIRONMENT|HOSTNAME|PMI)' | grep -vE 'SLURM_CONF=|_PORT=|_PID=|TOPOLOGY|PRIO_PROC|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|SLURM_TIME_FORMAT|WORKING_CLUSTER|SLURM_CLUSTER_NAME' | sed -E "s/(JOB_?ID|ARRAY_JOB_ID)=[0-9]+/\1=JOB/; s/STEPID=[0-9]+/STEPID=N/; s,/tmp/case-[^ ]*,CWD,g" | sort; }
declare -f e > lib; export LIB=$PWD/lib
idle() { waits sh -c '[ -z "$(squeue -h -t CG,R,PD -o %i)" ]'; }
a() { echo "== $*"; salloc -Q "$@" bash -c '. $LIB; e'; idle; }
a; a -n3 -c2; a -N2 --ntasks-per-node=2; a --mem=200; a --mem=0; a --mem-per-cpu=50 -n2; a --exclusive; a --gpus=2; a --gpus-per-node=a100:1 -N2; a --gres=gpu:1; a --gpus-per-task=1 -n2 --gpu-bind=closest --gpu-freq=low; a -n2 -O; a -A acct; a -m cyclic -N2; a --cpu-freq=high --network=x --acctg-freq=10 --profile=task; a --mem-bind=local; a -J nm -p small; a --threads-per-core=1 --ntasks-per-socket=1; a -N2 --hint=nomultithread
echo "== steps"; salloc -Q -N2 -n4 --gpus-per-node=1 srun bash -c '. $LIB; [ $SLURM_PROCID != 3 ] || e'; idle
