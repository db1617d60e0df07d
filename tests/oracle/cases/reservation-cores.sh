# reservations of cores, and those that float ahead of the clock
n() { sed -E 's/(Start|End)Time=[^ ]*/\1Time=T/g; / NodeName=.*CoreIDs/d'; }
c() { echo "$*"; scontrol "$@" 2>&1; echo "status $?"; }
r() { c create res=r users=root start=now dur=60 "$@"; scontrol show res r 2>&1 | n; scontrol delete res=r 2> /dev/null; }
r corecnt=4; r corecnt=10; r corecnt=33; r nodes=n1 corecnt=4; r nodes=n[1-2] corecnt=4; r nodes=n2,n1 corecnt=2,4; r nodes=n1 corecnt=9; r nodes=n1 corecnt=0; r nodecnt=2 corecnt=4; r tres=cpu=4,node=2; r corecnt=2k; r corecnt=4 flags=replace; r corecnt=4 flags=flex,maint; r corecnt=4 partition=debug
r nodes=n1 flags=time_float; r nodes=n1 flags=time_float,daily; r nodecnt=1 flags=time_float,replace
# the cores are shown some moments later
c create res=a users=root start=now dur=60 corecnt=3; c create res=b users=root start=now dur=60 nodes=n[0-1] corecnt=2,1
shown() { [ "$(scontrol show res | grep -c CoreIDs)" = 3 ]; }; waits shown; scontrol -o show res | sed -E 's/(Start|End)Time=[^ ]*//g'; c update res=a corecnt=2; c update res=a nodes=n1
at() { sbatch --parsable -o /dev/null -w n0 "$@" --wrap 'sleep 30' > id; J=$(cat id); echo "$*"; wait_state RUNNING; scontrol -d show job $J | grep -o 'CPU_IDs.*'; }
at -n2; A=$J; at -n3 --reservation=a; B=$J; submit --reservation=b -n4 -o /dev/null --wrap true; wait_reason Resources; say sbatch --reservation=b -N3 --wrap true; say sbatch --reservation=b -w n3 --wrap true; scancel $A $B $J; wait_gone $A; wait_gone $B; wait_gone; c delete res=a; c delete res=b
c create res=f users=root start=now+1hour dur=60 nodes=n0 flags=time_float; say srun --reservation=f true; srun -t 30 -w n0 echo runs; submit -t 90 -w n0 -o /dev/null --wrap true; waits sh -c "squeue -h -j $J -o %r | grep -q Req"; squeue -h -j $J -o '%T %r'; scancel $J; c update res=f starttime=now; c update res=f flags-=time_float; c update res=f flags=time_float; c update res=f dur=30; scontrol show res f | n; c delete res=f
