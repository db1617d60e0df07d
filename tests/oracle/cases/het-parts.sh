# A step of two parts in an allocation that is no heterogeneous job.
cat > see.sh <<'EOF'
env | grep -E '^SLURM_' | grep -vE 'CONF=|WORKING|COMM|TASK_PID|LAUNCH|PRIO|DEBUG' | sort >see.$SLURM_PROCID
if [ $SLURM_PROCID = 0 ]; then
  squeue -h -s -o '%i %j %N' | sort
  scontrol show step $SLURM_JOB_ID | grep -E 'StepId=|Nodes=|State=' | sed -E 's/StartTime=[^ ]*//' | grep -v batch
fi
sleep 1; exit $SLURM_PROCID
EOF
cat > run.sh <<'EOF'
srun -n1 -N1 -l sh see.sh : -n1 -N1 sh see.sh; echo "status $?"
srun -n1 -N1 true : -n1 -N1 true : -n1 -N1 true; echo "status $?"
srun --het-group=0 -n1 true; echo "status $?"
srun --het-group=1 -n1 true; echo "status $?"
EOF
salloc -N2 -n4 -J nm bash run.sh 2>&1 | grep -vE 'revoked|Granted|tep creat' | sed -E 's/\b70[0-9]{3}\b/ID/g'
for number in 0 1; do echo "--- $number"; sed -E "s/=$(hostname -s)$/=HOST/; s/\b70[0-9]{3}\b/ID/g" see.$number; done
