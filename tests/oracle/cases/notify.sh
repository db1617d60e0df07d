# a message to a running job, and the processes of its steps
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -o out
srun sleep 30 &
sleep 30
S
submit j.sh; waits sh -c "squeue -h -s -j $J -o %i | grep -q '\.0'"; say scontrol notify $J hello there; wait_file out; sed -E 's/[0-9]{5}/N/g' out
export SLURMD_NODENAME=n0; scontrol wait_job $J; echo "status $?"; scancel $J; wait_gone; say scontrol notify $J late 2>&1 | ids $J
