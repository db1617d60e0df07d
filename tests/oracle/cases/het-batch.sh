# A batch script of three components: what it sees, its steps in one component and over several.
cat > het.sh <<'EOF'
#!/bin/bash
#SBATCH -J three -n1 -t5 -o out -O --acctg-freq=20 --profile=task
#SBATCH hetjob
#SBATCH -N2 --gres=gpu:1 -t10
#SBATCH hetjob
#SBATCH -n3 -J third -w n3 -p gpu,debug
env | grep -E '^SLURM_(.*(_HET_GROUP_|_PACK_GROUP_)|HET_SIZE|PACK_SIZE|JOB|N|T|CPUS|OVERC|ACCTG|PROF)|CUDA' | grep -vE 'TASK_PID|TOPOLOGY|COMM' | sort
echo "--- steps"
srun hostname | wc -l
srun --het-group=1 -l sh -c 'echo $SLURM_PROCID/$SLURM_NTASKS $SLURM_NODEID/$SLURM_NNODES $SLURMD_NODENAME' | sort
srun --het-group=0,2 -l sh -c 'echo $SLURM_PROCID/$SLURM_NTASKS $SLURM_NODEID/$SLURM_NNODES $SLURMD_NODENAME $SLURM_LOCALID' | sort
srun --het-group=0-2 -l sh -c 'echo $SLURM_JOB_ID $SLURM_STEP_ID $SLURM_JOB_NODELIST $SLURM_STEP_TASKS_PER_NODE $SLURM_GTIDS' | sort
srun --het-group=1 hostname : --het-group=0 -l echo a | sort | sed "s/^$(hostname -s)/HOST/"
exit 4
EOF
submit het.sh
wait_gone
sed "s/$(hostname -s)/HOST/" out | grep -v 'step creation\|Step created' | ids $J $((J + 1)) $((J + 2))
scontrol show job $J | grep -E 'JobId=|HetJobIdSet|JobState|ExitCode|^ +NodeList|BatchHost|NumNodes|ExcNode' | sed -E 's/ReqB.*//' | ids $J $((J + 1)) $((J + 2))
