# limits and states of partitions
for p in small closed drained nosuch gpu,debug debug,nosuch; do echo $p; say sbatch -H -p $p -o /dev/null --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
t() { submit -o /dev/null "$@" --wrap true && { wait_reason "$R" $J 6; squeue -h -j $J -o '%T %r %l %P'; scancel $J; }; }
R=PartitionTimeLimit t -p small -t 20; R=PartitionTimeLimit t -p debug -t 90; R=PartitionDown t -p closed
submit -p small -H -o /dev/null --wrap true; squeue -h -j $J -o '%l %P'; scancel $J
submit -p gpu,debug -H -o /dev/null --wrap true; squeue -h -j $J -o '%l %P'; scontrol show job $J | grep -oE 'Partition=[^ ]*'; scancel $J
say srun -p drained true; say srun -p nosuch true; say salloc -p nosuch true
scontrol show partition small; scontrol show partition gpu | head -5; say scontrol show partition nosuch; scontrol -o show partition debug
sinfo -p small,closed; sinfo -o '%P %a %l %s %D %L' -h
scancel -u root
