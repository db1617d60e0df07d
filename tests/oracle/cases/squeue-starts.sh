# expected starts: squeue --start, the nodes that are planned, and what starts and ends are sorted by
A=$(sbatch --parsable -o /dev/null -N4 --exclusive -t 5 -J a --wrap 'sleep 60'); wait_state RUNNING $A
B=$(sbatch --parsable -o /dev/null -N2 --exclusive -t 5 -J b --wrap true); C=$(sbatch --parsable -o /dev/null -N4 -n4 -t 5 -J c --wrap true); H=$(sbatch --parsable -H -o /dev/null -J h --wrap true)
L=$(sbatch --parsable -o /dev/null -J l -b now+1hour --wrap true); M=$(sbatch --parsable -o /dev/null -J m -b now+2hour -t 5 --wrap true)
planned() { [ "$(squeue -h -j $C -o %Y)" = 'n[0-3]' ]; }; waits planned || echo never planned
squeue --start -j $B,$C,$H | ids $B $C $H | sed "s,(Priority),(Resources),"; squeue --start -h -S -i -o '%i %S %Y' -j $B,$C,$H | ids $B $C $H
for j in $B $C; do scontrol show job $j | grep -E 'StartTime|NodeList='; done
for s in S -S e -e; do echo "$s: $(squeue -h -j $H,$L,$M -S $s -o %j | tr '\n' ' ')"; done
scancel $A $B $C $H $L $M
