# every variable of the tasks of srun's own jobs, over shapes
e() { env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ENVIRONMENT|HOSTNAME|PMI)' | grep -vE 'SLURM_CONF=|_PORT=|_PID=|TOPOLOGY|PRIO_PROC|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|SLURM_TIME_FORMAT|WORKING_CLUSTER|SLURM_CLUSTER_NAME' | sed -E "s/(JOB_?ID|ARRAY_JOB_ID)=[0-9]+/\1=JOB/; s/STEPID=[0-9]+/STEPID=N/; s,/tmp/case-[^ ]*,CWD,g" | sort; }
declare -f e > lib; export LIB=$PWD/lib
idle() { waits sh -c '[ -z "$(squeue -h -t CG,R,PD -o %i)" ]'; }
r() { echo "== $*"; srun "$@" bash -c '. $LIB; e > $(dirname $LIB)/t$SLURM_PROCID' </dev/null; cat t0; for t in t[1-9]; do [ -f $t ] && diff t0 $t; done; rm -f t*; idle; }
r; r -n3 -c2; r -N2; r -N2 --ntasks-per-node=2; r --mem=200 -l; r --mem-per-cpu=50 -n2; r --exclusive; r --gpus=2; r --gpus-per-node=1 -N2; r --gres=gpu:2 -n2 --gpus-per-task=1; r --gpus=2 --ntasks-per-gpu=1; r -n2 -O; r -A acct --comment=c; r -m plane=2 -n2; r --cpu-freq=high --network=x; r --mem-bind=v,local; r --mem-bind=v,rank,p,sort,q,no,map_mem:0,mask_mem:0x1; r --mem-bind=q,nosort; r -J nm -p small -t 3; r -u -k; r --threads-per-core=1 2> /dev/null; r -D /tmp --export=ALL,A=1; r -L lic:1; r --mem=0; r -m '*'
r -Q; r -d singleton -J x; r -d ''; r -p debug,gpu; r --acctg-freq=5 --profile=task; r --ntasks-per-socket=2; r --gres=gpu:2 --exclusive
