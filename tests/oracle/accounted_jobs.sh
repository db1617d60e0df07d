# A set of jobs that have ended in every way there is, and some that have not, for survey_sacct.py. Slurm tells its database
# of jobs every five seconds, and what it tells of a job that was over by then is incomplete: all are held until they are known.
# A node takes a batch job again only some seconds after it was requeued. All have a limit: of what has none Slurm's database
# hears 365 days.
S() { submit -A acc -t 9 -o /dev/null -H "$@"; }
known() { SECONDS_TO_WAIT=60 waits sh -c "[ -n \"\$(sacct -nXj $1 -o jobid)\" ]"; }
has() { [ "$(sacct -nXPj "$1" -o state | tail -n 1 | cut -d' ' -f1)" = "$2" ]; }
ends() { SECONDS_TO_WAIT=${3:-60} waits has "$2" "$1" || { echo "never $1"; sacct -j "$2"; }; }
runs() { waits sh -c "squeue -h -s -j $1 -o %i | grep -q '\.$2\$'"; }
cd /tmp
S -J late -t 1 -w n3 --wrap 'srun sleep 200 & exec sleep 300'; LATE=$J
S -J ok -c2 --mem=300 --comment='a word' --wrap true; OK=$J
S -J failing -t 5 --gpus=1 --wrap 'exit 3'; FAIL=$J
S -J signalled --wckey=wk -p debug --wrap 'kill -TERM $$'; SIG=$J
printf '#!/bin/bash\n#SBATCH -N2 -n4 -w n[0-1] -J steps -L lic:1\nsrun -n1 -N1 true; srun -n2 -N2 -J two sh -c "exit 2"; srun -n1 -N1 sh -c "kill -9 \\$\\$"; srun -n8 -O true; exit 0\n' > $W/steps.sh
S $W/steps.sh; STEPS=$J
S -J unborn --wrap true; UNBORN=$J
S -J het --wrap 'srun --het-group=0,1 true' : -n2 -p small -J hetb; HET=$J
S -J broken --no-requeue -w n2 --wrap 'srun sleep 9000'; BROKEN=$J
S -J again --requeue --wrap '[ "$SLURM_RESTART_COUNT" ] || sleep 9000'; AGAIN=$J
S -J twice --requeue --wrap '[ "$SLURM_RESTART_COUNT" ] || sleep 9000'; TWICE=$J
S -J stopped --wrap 'srun sleep 9000'; STOPPED=$J
S -J run -n2 --wrap 'srun sleep 9000'; RUN=$J
S -J hushed --wrap 'sleep 9000'; HUSHED=$J
S -J waits --begin=now+1day --wrap true; WAITS=$J
S -J follows -d afterok:$FAIL --wrap true; FOLLOWS=$J
S -J held --exclusive -N3 --wrap true; HELD=$J
sleep 1.1  # rows are in the order of whole seconds, arrays behind others
S -J array --array=1-3 --wrap '[ $SLURM_ARRAY_TASK_ID != 2 ]'; ARRAY=$J
S -J some --array=1-9:2%2 --wrap 'sleep 9000'; SOME=$J
for j in $LATE $OK $FAIL $SIG $STEPS $UNBORN $ARRAY $SOME $HET $BROKEN $AGAIN $TWICE $STOPPED $RUN $HUSHED $WAITS $FOLLOWS $HELD; do known $j; done
scontrol release $LATE
for j in $OK $SIG $STEPS; do scontrol release $j; ends "$([ $j = $SIG ] && echo FAILED || echo COMPLETED)" $j; done
scontrol release $FAIL; ends FAILED $FAIL; scancel $UNBORN; ends CANCELLED $UNBORN
scontrol release $WAITS $FOLLOWS
scontrol release $ARRAY; ends FAILED ${ARRAY}_2; ends COMPLETED ${ARRAY}_3
scontrol release $HET; ends COMPLETED $HET
scontrol release $BROKEN; runs $BROKEN 0; scontrol update nodename=n2 state=down reason=gone; ends NODE_FAIL $BROKEN; scontrol update nodename=n2 state=resume 2> /dev/null
scontrol release $AGAIN; runs $AGAIN batch; scontrol requeuehold $AGAIN; wait_state PENDING $AGAIN; scontrol update jobid=$AGAIN starttime=now+1day
scontrol release $TWICE; runs $TWICE batch; scontrol requeue $TWICE; wait_state PENDING $TWICE; known $TWICE; sleep 5; scontrol update jobid=$TWICE starttime=now; ends COMPLETED $TWICE
scontrol release $STOPPED; runs $STOPPED 0; scancel $STOPPED; ends CANCELLED $STOPPED
scontrol release $RUN; runs $RUN 0; scontrol release $SOME; runs ${SOME}_3 batch
scontrol release $HUSHED; runs $HUSHED batch; scontrol suspend $HUSHED
srun -A acc -t 9 -J alone -n2 -N2 false 2>&1 | sed 's/n[0-3]:/n:/' | sort; salloc -Q -A acc -t 9 -J alloc sh -c 'srun true; exit 4'
ends SUSPENDED $HUSHED; ends RUNNING $RUN; ends TIMEOUT $LATE 150
