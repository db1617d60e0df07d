# steps inside steps, side by side, from outside, with hooks of tasks, and after a srun that was killed
cat > pro.sh <<'S'
#!/bin/sh
echo "export SET_BY_PROLOG=value $SLURM_PROCID"
echo "unset TAKEN"
echo "print from the prolog"
echo "print $SLURM_TASK_PID" | sed 's/[0-9][0-9]*$/PID/'
echo ignored
S
cat > epi.sh <<'S'
#!/bin/sh
echo "epilog of $SLURM_PROCID $SET_BY_PROLOG" >> epi-out
S
chmod +x pro.sh epi.sh
n() { sed -E 's/[0-9]{5}/N/g; s/ AT [^ ]*/ AT T/; s/\bn[0-3]\b/NODE/g' | sort; }
TAKEN=yes srun -Q -n2 --task-prolog=./pro.sh --task-epilog=./epi.sh bash -c 'echo "task $SLURM_PROCID ${SET_BY_PROLOG} ${TAKEN-gone}"' 2>&1 | n; sort epi-out
srun -Q --task-prolog=/bin/false echo ran 2>&1 | n; srun -Q --task-epilog=/nonexistent echo ran 2>&1 | n
cat > j.sh <<'S'
#!/bin/bash
for i in 1 2 3 4; do srun -n1 --exact bash -c "touch up$i; until [ -e up1 -a -e up2 -a -e up3 -a -e up4 ]; do sleep 0.1; done; echo together $i" & done; wait
srun -n1 bash -c 'echo outer $SLURM_STEP_ID; srun -n1 --overlap --mem=0 bash -c "echo inner \$SLURM_STEP_ID \$SLURM_PROCID \$SLURM_NTASKS"'
srun -n4 true; echo "status $?"; srun -n4 bash -c 'exit $((SLURM_PROCID * 10))'; echo "status $?"
export R=9$RANDOM; srun -n2 bash -c 'touch k$SLURM_PROCID; exec sleep $R' & p=$!; until [ -e k0 -a -e k1 ]; do sleep 0.1; done; kill -9 $p; wait $p; echo "killed $?"; until ! squeue -h -s -j $SLURM_JOB_ID -o %j | grep -q bash; do sleep 0.1; done; pgrep -f "^sleep $R" | wc -l; srun -n4 echo next
S
submit -n4 -o out -e err j.sh; wait_gone; sort out; n < err | grep -v -e 'step creation temporarily' -e 'Step created for' -e 'Killed  '
salloc -Q --no-shell -n2 2> err; n < err; J=$(squeue -h -o %A | head -n 1); srun --jobid=$J -n2 -l bash -c 'echo $SLURM_STEP_ID' | sort; SLURM_JOB_ID=$J srun -Q -n1 bash -c 'echo $SLURM_STEP_ID $SLURM_NTASKS'; srun --jobid=$J -n3 true 2>&1 | n; srun --jobid=$J -N2 true 2>&1 | n; scancel $J; wait_gone; srun --jobid=$J true 2>&1 | n
