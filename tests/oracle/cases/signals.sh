# scancel's signals reach whom they should
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -o out
trap 'echo script usr1' USR1
trap 'echo script usr2; exit 4' USR2
bash -c 'trap "echo child usr1" USR1; for i in $(seq 100); do sleep 0.05; done' &
srun bash -c 'trap "echo step usr1" USR1; touch ready; for i in $(seq 100); do sleep 0.05; done' &
for i in $(seq 100); do sleep 0.1; done
S
submit j.sh; waits test -e ready
scancel -s USR1 $J; waits grep -q 'step usr1' out; scancel -b -s USR1 $J; waits grep -q 'script usr1' out
scancel -f -s USR1 $J; waits grep -q 'child usr1' out; grep usr1 out | sort -u
say scancel -s NOSUCH $J
scancel -b -s USR2 $J; wait_gone; field $J JobState; field $J ExitCode
submit -H -o /dev/null --wrap true; say scancel -Q $J; say scancel $J 2>&1 | ids $J; say scancel -v $J 2>&1 | ids $J
