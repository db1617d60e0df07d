# what can be waited for, how it is shown, what is refused
submit -H -o /dev/null --wrap true; A=$J
submit -H -o /dev/null --array=1-3 --wrap true; B=$J
t() { submit -o /dev/null -b now+1hour -J dep -d "$1" --wrap true && squeue -h -j $J -o "%T %E" | ids $A $B; scontrol show job $J | grep -oE 'Dependency=.*' | ids $A $B; scancel $J; }
t after:$A; t afterany:$A; t afterok:$A,afternotok:$B; t "afterok:$A?afterany:$B"; t afterok:$A:$B; t after:$A+5; t aftercorr:$B; t afterburstbuffer:$A; t singleton; t $A; t afterok:${B}_2; t afterok:99999999; t afterany:99999999
for d in nosuch:1 afterok afterok: after:x afterok:$A,singleton?x "afterok:1,afterok:2?afterok:3" ''; do say sbatch -H -o /dev/null -d "$d" --wrap true; done 2>&1 | sed -E "s/batch job [0-9]*/batch job N/" | ids $A $B
submit -d afterok:$A -o /dev/null --wrap true; scontrol update jobid=$J dependency=afterany:$A; field $J Dependency | ids $A; scontrol update jobid=$J dependency=; field $J Dependency; say scontrol update jobid=$A dependency=afterok:$A; scancel $J
scancel $A $B
