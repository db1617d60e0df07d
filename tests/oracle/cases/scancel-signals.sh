# signals to a job's steps, its batch shell and all of it
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -n2 -o out
trap 'echo shell usr1' USR1; trap 'echo shell usr2' USR2
srun -Q -n2 --exact bash -c 'trap "echo task usr1" USR1; trap "echo task usr2" USR2; touch up$SLURM_PROCID; while [ ! -e stop ]; do sleep 0.1; done' &
while [ ! -e stop ]; do sleep 0.1; done; wait
S
s() { echo "$*" | sed "s/$J/JOB/g"; rm -f up? stop out; submit j.sh; waits test -e up0; waits test -e up1; sleep 0.3; scancel "${@//JOB/$J}" 2>&1 | ids $J; sleep 0.6; touch stop; wait_gone; sort out | grep usr | uniq -c | tr -s ' '; }
s -s USR1 JOB; s -s USR1 -b JOB; s -s USR2 -f JOB; s -s USR1 JOB.0; s -s USR2 JOB.batch; s -s USR1 JOB.7; s -s NOSUCH JOB; s -s 0 JOB; s -b -f -s USR1 JOB
salloc -Q -n2 bash -c 'srun bash -c "touch one; exec sleep 30" 2> err & p=$!; while [ ! -e one ]; do sleep 0.1; done; scancel $SLURM_JOB_ID.0; wait $p; echo $?'; sed -E 's/[0-9]{5}/N/g; s/ AT [^ ]*/ AT T/; s/\bn[0-3]\b/NODE/g' err | sort -u
