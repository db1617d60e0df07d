# what sdiag counts as submitted, started, completed, canceled and failed
d() { echo "$1: $(sdiag | awk '/^Jobs [scf]/ {printf "%s ", $NF}')"; sdiag -r >/dev/null; }
run() { submit -o /dev/null "$@"; wait_state RUNNING; }
all_run() { [ "$(squeue -h -t R -j $J | wc -l)" = 3 ]; }
is_queued() { [ -n "$(squeue -h)" ]; }
is_stepping() { squeue -h -s -j $J | grep -q "$J\.0"; }
submit -o /dev/null --wrap "sleep 1"; wait_gone # a controller that has only just begun forgets its counts once more
sdiag -r >/dev/null; set -m
submit -H --wrap true; scancel $J; run --wrap 'sleep 60'; scancel $J; wait_gone; scancel $J; d jobs
submit -H -a 1-5 --wrap true; scancel ${J}_2; scancel ${J}_[3-4]; scancel $J; d array
run -a 1-3 --wrap 'sleep 60'; waits all_run; scancel $J; wait_gone; d 'running array'
submit -H -n1 : -n1 --wrap true; scancel $J; submit -o /dev/null -n1 : -n1 --wrap true; wait_gone; d het
submit -o /dev/null --wrap false; wait_gone; srun true; salloc true 2>/dev/null; d ends
srun -H true 2>/dev/null & waits is_queued; kill -INT $!; wait; d queued
run -a 1-2 --wrap 'trap : USR1; touch $SLURM_ARRAY_TASK_ID; sleep 60 & wait; wait'; waits test -e 1 -a -e 2; scancel -b -s USR1 $J; d signal; scancel $J; wait_gone; d cancelled
run --wrap 'touch up; sleep 60'; waits test -e up; scontrol requeuehold $J; wait_state PENDING; d requeue; scancel $J
run --wrap 'srun sleep 60; sleep 60'; waits is_stepping; scancel $J.0; scancel $J; wait_gone; d step
submit -o /dev/null --deadline now+10 -t 1 --wrap true; wait_gone; squeue -h -t all -j $J -o '%T %r'; d deadline
