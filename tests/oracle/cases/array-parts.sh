# single elements and groups of an array
submit -H --array=1-8 -J parts -o /dev/null --wrap true
l() { squeue -h -r -j $J -o '%i %j %r %l %Q' | sed "s/ [1-9][0-9]*$/ P/" | sort | ids $J; }
scancel ${J}_[2-3]; scontrol update jobid=${J}_5 name=five timelimit=3; scontrol hold ${J}_6; l
say scancel ${J}_99 2>&1 | ids $J
say scontrol update jobid=${J}_99 name=x 2>&1 | ids $J
say scontrol show job ${J}_99 2>&1 | ids $J
scontrol show job ${J}_5 | grep -E 'JobName|TimeLimit|ArrayTaskId' | sed -E 's/JobId=[0-9]+/JobId=N/' | ids $J
scontrol update jobid=$J arraytaskthrottle=3; scontrol show job $J | grep -oE 'ArrayTaskThrottle=.*' | sort | uniq -c
scontrol show job ${J}_[7-8] | grep -c ArrayTaskId
scancel ${J}_[5-6] ${J}_7; l
squeue -h -j ${J}_1 -o %i | ids $J; squeue -h -j ${J}_3 -o %i; scancel $J
