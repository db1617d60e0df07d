# licences of jobs that wait or run, changed; what scontrol shows of them
submit -L lic:3 -o /dev/null --wrap 'sleep 30'; A=$J; wait_state RUNNING $A; scontrol show lic lic; scontrol show lic nosuch; say scontrol show licenses lic,matlab; say scontrol show license;
scontrol update jobid=$A licenses=lic:1; echo $?; scontrol show lic lic; field $A Licenses
submit -L lic:4 -o /dev/null --wrap 'sleep 30'; B=$J; wait_reason Licenses $B; squeue -h -j $B -O licenses,reason; scontrol update jobid=$B licenses=lic:2; echo $?;  field $B Licenses; wait_state RUNNING $B; scontrol suspend $B; scontrol show lic lic; scontrol resume $B; scontrol update jobid=$B licenses=nosuch; echo $?
submit -H -L matlab:1 -o /dev/null --wrap 'sleep 30'; scontrol update jobid=$J licenses=nosuch:1; echo $?;  scontrol update jobid=$J licenses=matlab:9; echo $?; scontrol update jobid=$J licenses=; echo $?; field $J Licenses;  scontrol update jobid=$J licenses=lic,matlab:2; field $J Licenses; scancel $J
scancel $A $B; wait_gone $A; wait_gone $B;  scontrol show lic
sbatch --test-only -L lic:4 --wrap true 2>&1 | sed 's/.*using/using/'; scontrol show config | grep -i licen
