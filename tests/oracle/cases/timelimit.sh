# slow: a job past its limit is signalled and reported; needs over a minute where limits are whole minutes
cat > job.sh <<'S'
#!/bin/bash
#SBATCH -t 0:01
#SBATCH -o tl.out
#SBATCH --signal=B:USR1@55
trap 'echo got usr1; exit 3' USR1
for i in $(seq 300); do sleep 0.2; done
S
submit job.sh; wait_gone $J 50; cat tl.out; field $J JobState; field $J ExitCode
