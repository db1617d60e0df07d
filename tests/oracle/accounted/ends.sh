# jobs of every kind and how they ended. Left out: what is measured, which Slurm samples too seldom for short jobs; the ids of
# tasks of arrays, which Slurm gives out late; qualities of service, which are a database's; which nodes a job had; the
# script of a job that is killed, now and then. Slurm tells its
# database of jobs every five seconds, and what it tells of a job that was over by then is incomplete: jobs wait to be known
S() { submit -A acc -o /dev/null "$@"; }
known() { SECONDS_TO_WAIT=30 waits sh -c "[ -n \"\$(sacct -nXj $1 -o jobid)\" ]"; }
has() { [ "$(sacct -nXPj "$1" -o state | head -n 1 | cut -d' ' -f1)" = "$2" ]; }
wait_sacct() { SECONDS_TO_WAIT=40 waits has "$2" "$1" || { echo "never $1"; sacct -j $2; }; }
S -H --wrap true; OK=$J; S -H -J failing -c2 --mem=300 -t 5 -D /tmp --wrap 'exit 3'; FAIL=$J; S -H -J sig --wrap 'kill -TERM $$'; SIG=$J; S -H -J gpu --gpus=a100:1 -L lic:1 --wrap true; GPU=$J
printf '#!/bin/bash\n#SBATCH -n2 -J steps\nsrun -n1 true; srun -n2 -J two --cpu-freq=1000-2000:OnDemand sh -c "exit 2"; srun -n1 sh -c "kill -9 \\$\\$"; srun -n4 -O true; exit 0\n' > steps.sh; S -H steps.sh; STEPS=$J
S -J held -H --wrap true; known $J; scancel $J; HELD=$J; S -J waits -H --wrap true; PEND=$J
S -H -J nodes -N2 -n4 --exclusive --wrap 'srun -n4 true; srun -N1 -n2 -m block:block true; srun -l -n2 -N2 --mem=0 true'; NST=$J; scontrol update jobid=$FAIL admincomment=adm; for j in $OK $FAIL $SIG $GPU $STEPS $NST; do known $j; scontrol release $j; done
J=$(srun -A acc -J alone -n2 -N2 sh -c 'echo $SLURM_JOB_ID; exit 1' 2> /dev/null | cat | sort -u); SRUN=$J; J=$(salloc -A acc -J alloc sh -c 'echo $SLURM_JOB_ID; srun false; srun true; exit 4' 2> /dev/null); SALLOC=$J
S -J run --wrap 'srun sleep 100'; RUN=$J; known $J; wait_state RUNNING; waits sh -c "squeue -h -s -j $RUN -o %i | grep -q '\.0'"; S -J trap --wrap 'trap "exit 7" TERM; touch '$PWD'/up; sleep 100 & wait'; TRAP=$J; S -J killed --wrap 'sleep 100; true'; KILL=$J; known $KILL; wait_state RUNNING; waits test -e up; scancel $RUN $TRAP; scancel -s KILL $KILL
S -J after -H -d afterany:$TRAP --wrap true; AFTER=$J; S -J again --requeue --wrap '[ "$SLURM_RESTART_COUNT" ] || sleep 100'; AGAIN=$J; known $AGAIN; known $AFTER; scontrol release $AFTER; wait_state RUNNING; scontrol requeue $AGAIN; scontrol hold $AGAIN
for j in $OK $STEPS $NST $AFTER; do wait_sacct COMPLETED $j; done; for j in $FAIL $SIG $SRUN $SALLOC; do wait_sacct FAILED $j; done; for j in $RUN $TRAP $KILL $HELD; do wait_sacct CANCELLED $j; done; wait_sacct PENDING $AGAIN
S -J shrinks -N2 -n2 --wrap 'sleep 100'; known $J; wait_state RUNNING; sleep 1.5; waits scontrol update jobid=$J numnodes=1; ended() { [ "$(sacct -nXPj $J -o state | tail -n 1)" = "CANCELLED by 0" ]; }; scancel $J; SECONDS_TO_WAIT=40 waits ended; sacct -nXPj $J -o jobname,state,ncpus,nnodes,alloctres,exitcode
I="$OK $FAIL $SIG $GPU $STEPS $HELD $PEND $NST $SRUN $SALLOC $RUN $TRAP $KILL $AFTER"
for f in jobid,jobidraw,jobname,state,exitcode account,user,uid,group,gid,partition,allocnodes,alloccpus,ncpus,nnodes,ntasks,reqnodes,reqcpus,reqmem \
  alloctres,reqtres,nodelist,layout,reason,timelimit reqcpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov workdir,submitline,wckey,mcslabel,constraints,admincomment; do
  sacct -nPj ${I// /,} -o jobid,$f | grep -v "^$KILL.batch" | sort
done | sed -E "s#$PWD#<cwd>#g; s/365-00:00:00/UNLIMITED/; s/\bn(\[[0-9,-]+\]|[0-9])/NODES/" | ids $I
for j in $STEPS $SALLOC $FAIL $RUN; do sacct -nXPj $j -o derivedexitcode; done
for j in $HELD $PEND; do sacct -nPXj $j -o start,end,eligible,elapsed; done; sacct -DnPXj $AGAIN -o state,exitcode,reason | sort
sacct -B -j $FAIL | ids $I; sacct --env-vars -j $FAIL | grep -E '^(HOME|SLURM_JOB_NAME)='; scontrol show job $GPU | grep ' TRES='; for w in 'node n3' 'partition gpu'; do scontrol show $w | grep TRES=c; done
scancel $PEND $AGAIN
