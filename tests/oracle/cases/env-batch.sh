# every variable of a batch script, over shapes
e() { env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ENVIRONMENT|HOSTNAME|PMI)' | grep -vE 'SLURM_CONF=|_PORT=|_PID=|TOPOLOGY|PRIO_PROC|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|SLURM_TIME_FORMAT|WORKING_CLUSTER|SLURM_CLUSTER_NAME' | sed -E "s/(JOB_?ID|ARRAY_JOB_ID)=[0-9]+/\1=JOB/; s/STEPID=[0-9]+/STEPID=N/; s,/tmp/case-[^ ]*,CWD,g" | sort; }
declare -f e > lib; export LIB=$PWD/lib
idle() { waits sh -c '[ -z "$(squeue -h -t CG,R,PD -o %i)" ]'; }
cat > j.sh <<'J'
#!/bin/bash
. $SLURM_SUBMIT_DIR/lib; e
J
n=0; b() { n=$((n + 1)); echo "== $*"; submit -o o$n "$@" j.sh; idle; cat o$n; }
b; b -n3 -c2; b -N2; b -N2-3; b -N2 -n5 -m cyclic; b -N2 --ntasks-per-node=2; b --mem=200; b --mem=0; b --mem-per-cpu=50 -n2; b --exclusive; b -a 3 -J arr; b -a 7-9%1 -o 'a%a'; cat a9; b -w n1,n2
