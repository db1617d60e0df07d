# slow: many commands
# where the name of a job and of its steps comes from
cat > j.sh <<'S'
#!/bin/bash
env | grep JOB_NAME; env | grep -c JOB_NAME; srun bash -c 'echo step $SLURM_JOB_NAME'
S
submit -H -o o j.sh; scontrol update jobid=$J name=other; scontrol release $J; wait_gone; cat o; field $J JobName; squeue -h -t all -j $J -o %j
submit  -o o < j.sh;  wait_gone; cat o; field $J JobName; squeue -h -t all -j $J -o %j
SLURM_JOB_NAME=byenv submit -o o < j.sh;  wait_gone; cat o; field $J JobName;  SBATCH_JOB_NAME=byenv submit -o o < j.sh;  wait_gone; cat o; field $J JobName; SLURM_JOB_NAME=byenv submit -o o  j.sh;  wait_gone; cat o; field $J JobName
submit -J sbatch -o o < j.sh;  wait_gone; cat o; submit -J '' -o o j.sh;  wait_gone; cat o; field $J JobName;
SLURM_JOB_NAME=byenv srun bash -c 'echo $SLURM_JOB_NAME'; srun -J '' bash -c 'echo $SLURM_JOB_NAME'; srun /bin/bash -c 'echo $SLURM_JOB_NAME; squeue -h -j $SLURM_JOB_ID -o %j'; SLURM_JOB_NAME=byenv salloc -Q bash -c 'echo $SLURM_JOB_NAME;  squeue -h -j $SLURM_JOB_ID -o %j'
t() { salloc -Q "$@" bash -c 'echo $SLURM_JOB_NAME;  squeue -h -j $SLURM_JOB_ID -o %j'; }
t; t -J x; SLURM_JOB_NAME=byenv t; SALLOC_JOB_NAME=byenv t; SLURM_JOB_NAME=byenv t -J y; t -J ''; salloc -Q /bin/bash -c 'echo $SLURM_JOB_NAME;  squeue -h -j $SLURM_JOB_ID -o %j'; 
