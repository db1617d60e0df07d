# a running job gives nodes back: what it keeps, the scripts for its shells, its steps, and that the rest is free
cat > job.sh <<'END'
#!/bin/bash
srun -N3 -n3 sh -c 'echo on $SLURM_PROCID; sleep 100' 2>/dev/null &
until [ "$(wc -l < out)" = 3 ]; do sleep 0.1; done
scontrol update jobid=$SLURM_JOB_ID NumNodes=1; echo "status $?"
cat slurm_job_*.sh slurm_job_*.csh
stat -c %a slurm_job_*
kill %1; wait; echo "steps are over"
. ./slurm_job_${SLURM_JOB_ID}_resize.sh
env | grep -E '^SLURM_(NODELIST|JOB_NODELIST|NNODES|JOB_NUM_NODES|JOB_CPUS_PER_NODE|NPROCS|NTASKS|TASKS_PER_NODE)=' | sort
srun -n1 sh -c 'echo step on $SLURM_STEP_NODELIST' 2>/dev/null
scontrol show job $SLURM_JOB_ID | grep -oE '^ *(NodeList|BatchHost|TRES)=.*|NumNodes=[^ ]* NumCPUs=[^ ]*|ResizeTime='
touch done; sleep 100
END
submit -N3 -n3 -w 'n[0-2]' -t 5 --mem-per-cpu=10 --gpus-per-node=4 -o out job.sh
waits test -e done
sort out | ids $J
salloc -Q -w 'n[1-2]' --gpus-per-node=4 -N2 -I15 squeue -h -j $J -o '%N %D %C' | ids $J
ls slurm_job_* | ids $J
scancel $J; wait_gone
