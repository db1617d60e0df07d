# which states a node can take, idle and with a job; what reads failing, whose CPUs are idle, what a job then waits for
see() { scontrol -F show node $1 | grep -oE 'State=\S+|Reason=.*' | sed 's/+NOT_RESPONDING//; s/ \[.*//' | tr '\n' ' '; sinfo -h -n $1 -p gpu -o '%t %T %C %A %F %E' | sed 's/\*//g'; }
u() { local s; scontrol update "$@" 2>&1; s=$?; echo "$2 $3: $s $(see ${1#*=})"; }
n() { u nodename=$1 state=$2 reason=$3; }
# Slurm takes a changed node for silent until it has answered
well() { waits sh -c "scontrol update nodename=$1 state=resume 2> /dev/null; sinfo -h -n $1 -p gpu -o %T | grep -qx idle"; }
for s in idle resume undrain noresp; do n n3 $s new; done
n n3 drain a; n n3 fail b; n n3 drain c; n n3 resume d; n n3 fail e; u nodename=n3 reason=; n n3 idle f; n n3 fail g; n n3 undrain h
well n3; n n3 down j; n n3 drain j; n n3 undrain k; n n3 fail l; n n3 undrain m; n n3 resume n;
submit -w n2 -n2 -o /dev/null --wrap 'sleep 1000'; wait_state RUNNING
for s in idle resume undrain future; do n n2 $s new; done
n n2 drain a; n n2 idle b; n n2 fail c; n n2 idle d; n n2 undrain e; n n2 drain f; n n2 undrain g
well n3; scontrol update nodename=n3 state=drain reason=h; scontrol update nodename=n[2-3] state=idle weight=7 comment=x; see n2; see n3; sinfo -h -p gpu -N -o '%N %w'; scontrol show node n[2-3] | grep Comment; scontrol update nodename=n[2-3] comment=
n n2 fail i; for t in fail drain idle mixed alloc; do echo "$t: $(sinfo -h -N -t $t -p gpu -o '%N %t' | tr '\n' ' ' | tr -d '*')"; done; scancel $J; wait_gone
q() { submit -H -o /dev/null "$@" --wrap true; scontrol release $J; waits sh -c "squeue -h -j $J -o %r | grep -vqE '^(None|JobHeld.*|Priority)$'"; echo "$* $(squeue -h -o '%T %R' -j $J) $(field $J Reason)"; scancel $J; sbatch --test-only "$@" --wrap true 2>&1 | sed 's/[jJ]ob [0-9]*//'; }
n n2 drain x; n n3 down y; for o in '-w n3' '-w n1,n3' '-w n[2-3]' -N4 -n30 '-N2 -w n2 -x n3'; do q $o; done
salloc -I1 -w n3 true 2>&1 | grep error; well n2; well n3
