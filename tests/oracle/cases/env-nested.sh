# every variable of tasks within a batch script
e() { env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ENVIRONMENT|HOSTNAME|PMI)' | grep -vE 'SLURM_CONF=|_PORT=|_PID=|TOPOLOGY|PRIO_PROC|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|SLURM_TIME_FORMAT|WORKING_CLUSTER|SLURM_CLUSTER_NAME' | sed -E "s/(JOB_?ID|ARRAY_JOB_ID)=[0-9]+/\1=JOB/; s/STEPID=[0-9]+/STEPID=N/; s,/tmp/case-[^ ]*,CWD,g" | sort; }
declare -f e > lib; export LIB=$PWD/lib
idle() { waits sh -c '[ -z "$(squeue -h -t CG,R,PD -o %i)" ]'; }
cat > j.sh <<'J'
#!/bin/bash
cd $SLURM_SUBMIT_DIR; r() { echo "== $*"; srun "$@" bash -c '. $LIB; e > $(dirname $LIB)/t$SLURM_PROCID' </dev/null; cat t0; for t in t[1-9]; do [ -f $t ] && diff t0 $t; done; rm -f t*; while squeue -h -s -j $SLURM_JOB_ID -o %i | grep -q '[.][0-9]'; do sleep 0.1; done; }
r; r -n2; r -n2 -c2; r -N1 -n1; r --exact -n1 -c1; r --mem=50 -n1; r --gpus=1 -n1; r --gres=none -n1; r -J st -l -n1; r -m block -n3; r --overlap -n1
J
b() { echo "== batch $*"; submit -o o "$@" j.sh; idle; sed -E 's/^srun: Job [0-9]+ step|^srun: Step.*//' o; }
b -N2 -n4 -c2 --gpus-per-node=2; b -n4 -m cyclic --mem-per-cpu=50 -a 4 -A acct
