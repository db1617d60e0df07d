# salloc and srun with components: what their commands see, what they say.
salloc -N1 -J first --gpus-per-node=1 -c2 : -N2 --ntasks-per-node=2 --mem=300 -m block : -n2 -A acc \
  bash -c 'env | grep -E "^SLURM_" | grep -vE "CONF=|WORKING|NTASKS_PER_NODE=" | sort; squeue -h -o "%i %j %T %D %N" -j $SLURM_JOB_ID' \
  2>&1 | grep -vE 'Pending|queued|been allocated|revoked|tep creat' | sed -E "s/=$(hostname -s)$/=HOST/" | sed -E 's/\b70[0-9]{3}\b/ID/g'
salloc -n1 : -n2 -N2 bash -c 'echo $SLURM_NTASKS; srun -l hostname; srun --het-group=0,1 -l sh -c "echo \$SLURM_PROCID" | sort; exit 3' \
  2>&1 | grep -vE 'Pending|queued|been allocated|revoked|tep creat' | sed -E "s/$(hostname -s)$/HOST/" | sed -E 's/\b70[0-9]{3}\b/ID/g'
say salloc -n1 : -N9 -I1 true 2>&1 | grep -v revoked | sed -E 's/\b70[0-9]{3}\b/ID/g'
cat > see.sh <<'EOF'
env | grep -E '^SLURM_' | grep -vE 'CONF=|WORKING|COMM|TASK_PID|LAUNCH|PRIO|DEBUG' | sort >see.$SLURM_PROCID
EOF
srun -n1 sh see.sh : -n2 -N2 sh see.sh 2>/dev/null; echo "status $?"
for number in 0 1 2; do echo "--- $number"; sed -E "s/=$(hostname -s)$/=HOST/; s/\b70[0-9]{3}\b/ID/g" see.$number; done
srun -n1 sh -c 'exit 3' : -n2 -N2 sh -c 'exit $((SLURM_PROCID + 3))' 2>err; echo "status $?"; grep -v 'queued\|allocated' err | sort
srun -n1 -o one echo a : -n1 -l echo b 2>/dev/null; sort one
say srun -n1 true : 2>&1
say srun --het-group=0 true : --het-group=0 true 2>&1
