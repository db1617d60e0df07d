# what an allocation's shell sees, and what salloc says
salloc -N2 -n4 -c2 --gres=gpu:1 -t 5 -J inter bash -c 'env | grep -E "^(SLURM|CUDA)" | grep -vE "PORT|_PID|_ID=|JOBID|CONF=|SUBMIT_DIR|TOPOLOGY|UMASK|PRIO|_TIME=|HOST=" | sort' 2> err; echo "status $?"; sed -E 's/[0-9]{5}/N/g' err
salloc -Q bash -c 'exit 3'; echo "status $?"
salloc -Q -n3 bash -c 'srun -Q bash -c "echo \$SLURM_PROCID \$SLURM_STEP_ID" | sort; srun -Q -n1 hostname > /dev/null; echo $?; srun -n9 true'; echo "status $?"
salloc -Q nosuchprogram; echo "status $?"
salloc -Q bash -c 'kill -TERM $$'; echo "status $?"
salloc -Q -t 3 -J named bash -c 'squeue -h -j $SLURM_JOB_ID -o "%j %l %T %A"; scontrol show job $SLURM_JOB_ID | grep -E "BatchFlag|Command|StdOut"' | sed -E 's/[0-9]{5}/N/g'
SALLOC_PARTITION=debug SALLOC_TIMELIMIT=4 salloc -Q bash -c 'squeue -h -j $SLURM_JOB_ID -o "%P %l"'
