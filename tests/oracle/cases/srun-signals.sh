# signals to srun and to its tasks, and what srun says of them
# lines of several processes come in any order; names of nodes depend on who has just ended
p() { sed -E 's/[0-9]{5}/N/g; s/ AT [^ ]*/ AT T/; s/\bn[0-3]\b/NODE/g' err | sort; }
t() { echo "$*"; srun "$@" 2> err; echo "status $?"; p; }
for s in TERM KILL HUP INT ABRT USR1 QUIT PIPE; do t bash -c "kill -$s \$\$; exec sleep 1"; done
t bash -c 'exit 137'; t bash -c 'exit 143'; t -n2 bash -c '[ $SLURM_PROCID = 0 ] && kill -9 $$; exit 2'; t -N2 bash -c 'kill -9 $$'
t -n2 -K bash -c '[ $SLURM_PROCID = 0 ] && kill -9 $$; exec sleep 30'; t -Q -n2 -K bash -c '[ $SLURM_PROCID = 0 ] && exit 3; exec sleep 30'; t -n2 -K0 bash -c '[ $SLURM_PROCID = 0 ] && exit 3; exec sleep 1'
# k OPTIONS SIGNALS: a step is started, each signal goes to srun
k() { local o=$1; shift; echo "$o $*"; rm -f up; srun $o bash -c 'touch up; exec sleep 30' 2> err & local j=$!; waits test -e up; for s in "$@"; do kill -$s $j; sleep 0.3; done; wait $j; echo "status $?"; p | grep -v 'aborted before step completely'; }
k '' USR1; k '' USR2; k '' HUP; k '' TERM; k '' QUIT; k -X INT; k --quit-on-interrupt INT | grep -v -e 'Job step aborted' -e Interrupt -e CANCELLED
# after Ctrl-C the banner comes or not, as the task is still there or not
k '' INT INT | grep -v CANCELLED; k -Q INT INT | grep -v CANCELLED
