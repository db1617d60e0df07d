# hold, release, top, suspend; Slurm says for a moment after a release that nothing blocks the job
submit -H -o /dev/null --wrap true; K=$J; submit -o /dev/null -J hold-me -w n0 -d afterany:$K --wrap true; s() { squeue -h -j $J -o '%T %r'; scontrol show job $J | grep -oE 'Priority=0|Reason=[A-Za-z]*'; }
scontrol hold $J; s; scontrol release $J; wait_reason Dependency; s; scontrol uhold $J; s; scontrol release jobname=hold-me; wait_reason Dependency; s; scontrol hold name=hold-me; s; scancel $J $K
say scontrol hold 99999999; say scontrol release x; say scontrol hold; say scontrol release 99999999; say scontrol hold jobname=nosuchname
say scontrol suspend 99999999; say scontrol resume 99999999; say scontrol suspend $J 2>&1 | ids $J; say scontrol top 99999999
submit -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; scontrol suspend $J; squeue -h -j $J -o '%T %t'; field $J JobState; say scontrol suspend $J 2>&1 | ids $J; scontrol resume $J; squeue -h -j $J -o '%T'; say scontrol resume $J 2>&1 | ids $J; say scontrol release $J 2>&1 | ids $J; scontrol hold $J; squeue -h -j $J -o %T; scancel $J; wait_gone; say scontrol hold $J 2>&1 | ids $J
