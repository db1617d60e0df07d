# nodes kept for some users
say scontrol show reservation; say scontrol show reservation nosuch
scontrol create reservation reservationname=mine users=root starttime=now duration=60 nodes=n3; echo "status $?"
n() { sed -E 's/(Start|End)Time=[^ ]*/\1Time=T/g; s/root_[0-9]+/root_N/'; }
# Slurm marks the nodes some moments later
waits sh -c 'sinfo -h -n n3 -p gpu -o %T | grep -qx reserved'
scontrol show reservation | n; scontrol -o show res mine | n; sinfo -h -p gpu -o '%T %D %N' | sort; scontrol show node n3 | grep -E 'State='; sinfo -T | sed -E 's/20[0-9T:-]+/T/g'; sinfo -h -p gpu -t resv -o '%t %N'
srun --reservation=mine bash -c 'echo $SLURMD_NODENAME $SLURM_JOB_RESERVATION'; say srun --reservation=nosuch true; srun -N3 bash -c 'echo $SLURMD_NODENAME' | sort
say srun --test-only -N4 true; srun --test-only -N3 true 2>&1 | sed 's/.*using/using/'; srun --test-only --reservation=mine true 2>&1 | sed 's/.*using/using/'
submit -w n3 -t 5 -o /dev/null --wrap true; sleep 1.5; squeue -h -j $J -o '%T %v %r'; scancel $J
submit --reservation=mine -H -o /dev/null --wrap true; squeue -h -j $J -o %v; field $J Reservation; say scontrol delete reservationname=mine; scancel $J
scontrol update reservationname=mine duration=120 users=root,daemon; scontrol show res mine | n
say scontrol delete reservationname=mine; say scontrol delete reservationname=mine; say scontrol show reservation; say scontrol update reservationname=nosuch duration=5
scontrol create reservation users=root starttime=now+1hour duration=1-0 nodecnt=2 flags=maint | n; scontrol show reservation | n; R=$(scontrol -o show reservation | sed 's/ReservationName=\([^ ]*\).*/\1/'); scontrol delete reservationname=$R
say scontrol create reservation users=root nodes=n1; say scontrol create reservation users=nosuchuser starttime=now duration=5 nodes=n1; say scontrol create reservation users=root starttime=now duration=5 nodes=n99; say scontrol create reservation starttime=now duration=5 nodes=n1; say scontrol create reservation users=root starttime=x duration=5 nodes=n1
# what is refused, changed, ended by itself, and kept from others
c() { echo "$*"; scontrol "$@"; echo "status $?"; }
c create res=a users=root start=now+1hour dur=5 nodes=n1; c create res=a users=root start=now+3hours dur=5 nodes=n2; c create res=b users=root start=now+1hour dur=5 nodes=n1; c create res=b users=root start=now+1hour dur=5 nodes=n1 flags=overlap,maint,daily; scontrol show res b | n
c create res=d users=root start=now-2hours end=now-1hour nodes=n3; c create res=d users=root start=now+60 end=now+30 nodes=n3; c create res=d groups=nosuch start=now dur=5 nodes=n3; c create res=d users=root start=now dur=5 nodes=n3 partition=nosuch; c create res=d users=root start=now dur=5; c create res=d users=root start=now nodes=n3; c create res=d users=root start=now dur=5 nodes=n3 flags=nosuch; c create res=d users=root start=now dur=x nodes=n3; c create res=d users=root start=now dur=5 nodes=n3 nosuch=1; c create res=d users=root start=now dur=5 nodecnt=x
c update res=a users+=daemon; c update res=a nodes=n2,n3; c update res=a dur=30 flags=ignore_jobs; scontrol show res a | n; c update res=a users=; c update res=a nodes=n99; c update res=a end=now; c update res=a nosuch=1; c update res=a nodes+=n1; c update res=a users=nosuch
c create res=e users=daemon start=now dur=5 nodes=n2 flags=overlap; say srun --reservation=e true; c delete res=e; c delete reservation a; c delete res b; c delete reservation; c create reservation; scontrol show res
submit -w n0 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; c create res=f users=root start=now dur=5 nodes=n0; c create res=f users=root start=now dur=5 nodes=n0 flags=ignore_jobs; c delete res=f; scancel $J
# flags: shortened, with a time, drawing jobs to it, letting them begin before and elsewhere; words that are kept and shown; what excludes what
f() { c create res=g users=root start=now+1hour dur=5 "$@"; scontrol show res g 2>&1 | n; scontrol delete res=g 2>/dev/null; }
for w in purge_comp=10 pu=1:30 purge_comp=0 no_hold_jobs_after_end o,w,repl replace_d flex,maint,mag ''; do f nodecnt=1 flags=$w; done; f nodes=n1 flags=replace; f nodes=n1 flags=spec_nodes; f nodes=n1 flags=pa; f nodes=ALL partition=small flags=part_nodes
f nodes=n1 maxstartdelay=60 burstbuffer=x; f nodes=n1 licenses=nosuch; f licenses=lic:1 flags=any_nodes; f licenses=lic:1; f nodes=n1 groups=daemon; f nodes=n1 corecnt=x; f nodes=n1 tres=x; f tres=node=2; f nodes=n1 watts=5
c create res=g groups=root start=now+1hour dur=5 nodes=n1; c update res=g users=root; c update res=g flags=; c update res=g starttime=x; c update res=g flags=replace; c update res=g flags=time_float; c update res=g watts=5 maxstart=1:00; scontrol show res g | n; c delete res=g
c create res=g users=root start=now dur=30 nodes=n3 flags=magnetic; submit -n1 -t 5 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; squeue -h -j $J -o '%N %v'; A=$J; submit -N4 -t 5 -o /dev/null --wrap 'sleep 30'; waits sh -c "squeue -h -j $J -o %r | grep -q Req"; squeue -h -j $J -o '%T %v %r'; scancel $A $J; wait_gone $A; c delete res=g
c create res=g users=root start=now+1hour dur=5 nodes=n3 flags=flex; submit --reservation=g -w n0 -t 500 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; A=$J; submit --reservation=g -w n3 -t 500 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; squeue -h -j $A,$J -o '%N %v' | sort; scancel $A $J; wait_gone; wait_gone $A; c delete res=g
