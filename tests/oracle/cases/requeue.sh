# a running job goes back into the queue
submit --requeue -o out --open-mode=append --wrap 'echo "start $SLURM_RESTART_COUNT"; exec sleep 60'; wait_file out
scontrol requeue $J; wait_state PENDING; wait_reason BeginTime; field $J Restarts; field $J Requeue; field $J JobState; field $J Reason
scontrol show job $J | grep -oE 'StartTime=[^ ]*' | cut -d= -f2 > at; d=$(($(date -d "$(cat at)" +%s) - $(date +%s))); [ $d -gt 100 ] && [ $d -le 121 ] && echo about two minutes || echo "in $d"
say scontrol requeue $J 2>&1 | ids $J; cat out; scancel $J
submit --requeue -o out2 --wrap 'echo up; exec sleep 60'; wait_file out2; scontrol requeuehold $J; wait_reason 'job requeued in held state'; wait_state PENDING; squeue -h -j $J -o '%T %r %Q'; field $J JobState; scancel $J
submit --requeue -o out3 --wrap 'echo up; exec sleep 60'; wait_file out3; scontrol requeuehold state=SpecialExit $J; wait_state SPECIAL_EXIT; squeue -h -j $J -o '%T %t %r %Q'; squeue -h -t SE -j $J -o '%T'; field $J JobState; scancel $J; wait_state CANCELLED
submit --no-requeue -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; say scontrol requeue $J 2>&1 | ids $J; scancel $J; wait_gone; say scontrol requeue $J 2>&1 | ids $J
say scontrol requeue 99999999; say scontrol requeue x
submit --requeue -o /dev/null --wrap 'true'; wait_gone; say scontrol requeue $J 2>&1 | ids $J; squeue -h -j $J -o '%T'; field $J Restarts; scancel $J
