# an administrator's changes of nodes
r() { scontrol show node n3 | grep -E 'State=|Reason|Weight' | sed -E 's/\[root@.*//; s/ +$//'; sinfo -h -n n3 -p gpu -o '%T %t %E'; }
scontrol update nodename=n3 state=drain reason='for a test'; r; sinfo -R -h -o '%E %u %N'; sinfo -R -h | sed -E 's/ +/ /g'; sinfo -h -p gpu -o '%t %D %N' | sort
say scontrol update nodename=n3 state=drain; srun -w n3 -I1 true 2>&1 | sed -E 's/[0-9]{5}/N/g'
for try in 1 2 3 4 5; do submit -w n3 -o /dev/null --wrap true; sleep 1; squeue -h -j $J -o %R | grep -q UnavailableNodes && break; scancel $J; done; squeue -h -j $J -o '%T %R'; scancel $J
say sbatch --test-only -w n3 --wrap true; say srun --test-only -N4 true; sbatch --test-only -N3 --wrap true 2>&1 | sed 's/.*using/using/'
# Slurm takes a changed node for silent until it has answered
idle() { waits sh -c 'sinfo -h -n n3 -p gpu -o %T | grep -qx idle'; r; }
scontrol update nodename=n3 state=undrain; idle; say scontrol update nodename=n3 state=resume; idle; scontrol update nodename=n3 state=drain reason=again; say scontrol update nodename=n3 state=idle; idle
scontrol update nodename=n[2-3] weight=5 comment='a remark' extra=more; r; scontrol show node n3 | grep -E 'Comment|Extra'
scontrol update nodename=n3 features=f1,f2; scontrol show node n3 | grep -E 'Features'; sinfo -h -n n3 -p gpu -o '%f %b'; srun -C f1 bash -c 'echo $SLURMD_NODENAME'
scontrol update nodename=n3 features= activefeatures=; scontrol update nodename=n[2-3] comment= extra=; scontrol update nodename=n[2-3] weight=1
scontrol update nodename=n3 state=down reason=broken; r; srun -w n3 -I1 true 2>&1 | sed -E 's/[0-9]{5}/N/g'; scontrol update nodename=n3 state=resume; waits sh -c 'sinfo -h -n n3 -p gpu -o %T | grep -qx idle'; r
say scontrol update nodename=n99 state=drain reason=x; say scontrol update nodename=n3 state=nosuch; say scontrol update nodename=n3 nosuch=1; say scontrol show node n99; say scontrol update nodename=n3 weight=x; say scontrol update nodename=n3 state=down
waits sh -c 'scontrol update nodename=n3 state=resume; sinfo -h -n n3 -p gpu -o %T | grep -qx idle'
# quotes at the ends of a reason; a node of the future that is drained besides
for q in '"both"' '"one' 'a"b' '""' '"a"b'; do say scontrol update nodename=n3 state=drain "reason=$q" 2>&1; scontrol show node n3 | grep -oE 'Reason=.*' | sed 's/ \[.*//'; done
f() { say scontrol update nodename=n3 "$@" 2>&1; scontrol -F show node n3 | grep -oE 'State=[^ ]*|Reason=.*' | sed 's/ \[.*//'; }
f state=future reason=why; f reason=other; f state=drain reason=why; f reason=other; f reason=; f state=undrain; f state=down reason=x
scontrol update nodename=n3 state=resume; waits sh -c 'sinfo -h -n n3 -p gpu -o %T | grep -qx idle'
# when it was last busy, for who brings it back
busy() { scontrol show node n3 | grep -o 'LastBusyTime=.*'; }
tick() { local second=$(date +%s); while [ $(date +%s) = $second ]; do sleep 0.05; done; }
for w in drain undrain down idle; do case $w in undrain | idle) tick ;; esac; busy > before; scontrol update nodename=n3 state=$w reason=x; busy > after; cmp -s before after; echo "$w $?"; done
# a limit that is changed while the job is suspended
submit -o /dev/null -t 10 --wrap 'sleep 60'; wait_state RUNNING; scontrol suspend $J; waits is_state SUSPENDED $J
for t in 20 UNLIMITED; do squeue -h -j $J -o '%S %e' > before; scontrol update jobid=$J timelimit=$t; squeue -h -j $J -o '%S %e' > after; cmp -s before after; echo "$t $?"; done; scancel $J
# what is held after it was looked at keeps its size
submit -b now+1hour -n3 -c3 -o /dev/null --wrap true; field $J NumNodes; scontrol hold $J; field $J NumNodes; scancel $J; submit -H -n3 -c3 -o /dev/null --wrap true; field $J NumNodes; scancel $J
