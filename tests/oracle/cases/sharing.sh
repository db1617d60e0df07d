# whole nodes, shared nodes, and waiting for them
submit --exclusive -w n0 -o /dev/null --wrap 'sleep 30'; A=$J; wait_state RUNNING $A; scontrol show job $A | grep -E 'NumCPUs|OverSubscribe|TRES'; squeue -h -j $A -o '%C %h %D'
submit -w n0 -o /dev/null --wrap true; B=$J; wait_reason Resources $B; squeue -h -j $B -o '%T %r %R'; srun -w n0 -I1 true 2>&1 | sed -E 's/[0-9]{5}/N/g'; echo "status ${PIPESTATUS[0]}"
scancel $A; for J in $B; do wait_gone $J; field $J JobState; done
submit -s -n2 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; scontrol show job $J | grep -oE 'OverSubscribe=[^ ]*'; squeue -h -j $J -o %h; scancel $J; submit --exclusive=user -H -o /dev/null --wrap true;  scontrol show job $J | grep -oE 'OverSubscribe=[^ ]*'; squeue -h -j $J -o %h; scancel $J
