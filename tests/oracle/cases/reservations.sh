# nodes kept for some users
say scontrol show reservation; say scontrol show reservation nosuch
scontrol create reservation reservationname=mine users=root starttime=now duration=60 nodes=n3; echo "status $?"
n() { sed -E 's/(Start|End)Time=[^ ]*/\1Time=T/g'; }
scontrol show reservation | n; scontrol -o show res mine | n; sinfo -h -p gpu -o '%T %D %N' | sort; scontrol show node n3 | grep -E 'State='
srun --reservation=mine bash -c 'echo $SLURMD_NODENAME $SLURM_JOB_RESERVATION'; say srun --reservation=nosuch true; srun -N3 bash -c 'echo $SLURMD_NODENAME' | sort
submit -w n3 -t 5 -o /dev/null --wrap true; sleep 1.5; squeue -h -j $J -o '%T %v %r'; scancel $J
submit --reservation=mine -H -o /dev/null --wrap true; squeue -h -j $J -o %v; field $J Reservation; say scontrol delete reservationname=mine; scancel $J
scontrol update reservationname=mine duration=120 users=root,daemon; scontrol show res mine | n
say scontrol delete reservationname=mine; say scontrol delete reservationname=mine; say scontrol show reservation; say scontrol update reservationname=nosuch duration=5
scontrol create reservation users=root starttime=now+1hour duration=1-0 nodecnt=2 flags=maint; scontrol show reservation | n; R=$(scontrol -o show reservation | sed 's/ReservationName=\([^ ]*\).*/\1/'); scontrol delete reservationname=$R
say scontrol create reservation users=root nodes=n1; say scontrol create reservation users=nosuchuser starttime=now duration=5 nodes=n1; say scontrol create reservation users=root starttime=now duration=5 nodes=n99; say scontrol create reservation starttime=now duration=5 nodes=n1; say scontrol create reservation users=root starttime=x duration=5 nodes=n1
