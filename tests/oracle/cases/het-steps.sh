# Steps in a heterogeneous job: which component, who waits, exit reports, wrong groups.
cat > het.sh <<'EOF'
#!/bin/bash
#SBATCH -J aa -N1 -t5 -o out -e out
#SBATCH hetjob
#SBATCH -N2 -t10
srun --het-group=1 sleep 2 &
sleep 0.7
srun -n1 --overlap sleep 2 &
sleep 0.7
squeue -h -s -j $SLURM_JOB_ID -o '%i %j %N' | sort
squeue -h -s -j $SLURM_JOB_ID_HET_GROUP_1 -o '%i %j %N'
squeue -h -j $SLURM_JOB_ID_HET_GROUP_1 -o '%i|%A|%F|%K|%B'
squeue -h -j $SLURM_JOB_ID -o '%i|%A|%F|%K|%B' | sort
squeue -j $SLURM_JOB_ID -O hetjobid,hetjoboffset,hetjobidset,name | sort
scontrol show step $SLURM_JOB_ID | grep StepId= | sed 's/ User.*//' | sort
scontrol -o show job $SLURM_JOB_ID+1 | cut -d' ' -f1-4
scontrol -o show job $SLURM_JOB_ID_HET_GROUP_1 | cut -d' ' -f1-4
wait
srun --het-group=2 true; echo "status $?"
srun --het-group=0-5 true; echo "status $?"
srun --het-group=x true; echo "status $?"
srun --het-group=1,0 -l sh -c 'echo $SLURMD_NODENAME' | sort; echo "status $?"
srun --het-group=0 sh -c 'exit 3' : --het-group=1 sh -c 'exit 5' 2>err; echo "status $?"; sort err
srun --het-group=0,1 sh -c 'exit $((SLURM_PROCID + 1))' 2>err; echo "status $?"; sort err
srun -n1 true : -n2 -l sh -c 'echo $SLURM_PROCID of $SLURM_NTASKS $SLURM_NODEID $SLURMD_NODENAME' | sort
srun -n1 true : -n2 true : -n1 true; echo "status $?"
srun --jobid=$SLURM_JOB_ID_HET_GROUP_1 true; echo "status $?"
EOF
submit het.sh
wait_gone
ids $J $((J + 1)) <out | ids $J $((J + 1)) | grep -v 'step creation\|Step created'
