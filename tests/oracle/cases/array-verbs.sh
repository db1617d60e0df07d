# what hold and its kin say of an array and of parts of it
submit -H --array=1-5 -o /dev/null --wrap true; scancel ${J}_[2-3]; N="ids $J $((J+1)) $((J+2)) $((J+3)) $((J+4))"
for c in hold uhold requeue suspend resume top; do for t in $J ${J}_99 ${J}_2 ${J}_[2-3] ${J}_[1-2] ${J}_[4-5]; do echo "$c $t"; say scontrol $c $t; done; done 2>&1 | $N
for t in $J ${J}_99 ${J}_[2-3] ${J}_[1-2]; do echo "update $t"; say scontrol update jobid=$t timelimit=3; say scontrol show job $t | grep -c ArrayTaskThrottle; done 2>&1 | $N
scancel $J; wait_gone; for c in hold release suspend; do say scontrol $c $J; done 2>&1 | $N
submit --array=1-4%1 -o /dev/null --wrap '[ $SLURM_ARRAY_TASK_ID = 1 ] || sleep 20'; wait_state RUNNING ${J}_2; wait_gone ${J}_1; N="ids $J $((J+1)) $((J+2)) $((J+3))"
for c in hold release; do for t in $J ${J}_1 ${J}_[1-2]; do echo "$c $t"; say scontrol $c $t; done; done 2>&1 | $N
say scontrol update jobid=$J numnodes=1 2>&1 | $N; ls slurm_job_* 2>/dev/null; scancel $J
