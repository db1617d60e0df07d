# how the record of an ended job looks
s() { wait_gone; for k in JobState Reason ExitCode NodeList BatchHost NumNodes NumCPUs DerivedExitCode; do field $J $k; done; squeue -h -t all -j $J -o '%T %t %r'; }
submit -o /dev/null --wrap 'exit 3'; A=$J; submit -o /dev/null --wrap 'kill -9 $$'; B=$J; submit -o /dev/null --wrap 'srun false; srun bash -c "exit 9"; true'; C=$J; submit -o /dev/null --wrap true; D=$J; submit -H -o /dev/null --wrap true; E=$J; scancel $E; submit -o /nonexistent/x --wrap true; F=$J
for J in $A $B $C $D $E $F; do echo "-- $J" | ids $A $B $C $D $E $F; s; done
squeue -h -t CD,F,CA -o '%i %T' -j $A,$B,$C,$D,$E,$F | sort | ids $A $B $C $D $E $F
squeue -h -j $A -o %i | ids $A; srun false 2> /dev/null; J=$(squeue -h -t all -o %A -S -i | head -n 1); s; scontrol show job $J | grep -E 'Command|WorkDir'
