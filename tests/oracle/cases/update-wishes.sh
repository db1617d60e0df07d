# the finer wishes of a waiting job, and the end of one that runs
submit -H -o /dev/null -t 10 --wrap true
for k in ReqSockets=1 ReqCores=2 ReqThreads=1 Switches=2@00:05:00 Switches=1 TresBind=gpu:closest TresFreq=gpu:low DelayBoot=5 EndTime=now+1hour; do
  echo "== $k"; say scontrol update jobid=$J $k 2>&1 | ids $J; scontrol show job $J | grep -E 'ReqB|Socks|Switches|Tres|DelayBoot'
done
scancel $J; submit -o /dev/null -t 10 --wrap 'sleep 60'; wait_state RUNNING
for k in EndTime=now+5minutes ReqCores=1; do echo "== $k"; say scontrol update jobid=$J $k 2>&1 | ids $J; squeue -h -j $J -o %l; done
scancel $J
