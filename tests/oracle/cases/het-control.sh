# scancel, scontrol's verbs and updates on a heterogeneous job and on one of its components.
show() { squeue -h -j $J -o '%i %j %T %r' | sort | ids $J; }
submit -n1 -H : -n1 --wrap 'sleep 30'; show
say scancel $((J + 1)) 2>&1 | ids $J $((J + 1))
say scancel $J+1 2>&1 | ids $J $((J + 1))
say scontrol release $((J + 1)); show
say scontrol hold $((J + 1)) 2>&1; show
say scontrol requeue $((J + 1)) 2>&1 | ids $J $((J + 1))
say scontrol requeue $J+1 2>&1 | ids $J $((J + 1))
say scontrol suspend $((J + 1)) 2>&1 | ids $J $((J + 1))
say scontrol suspend $J 2>&1 | ids $J $((J + 1))
say scontrol update job $((J + 1)) timelimit=3
scontrol show job $J | grep -o 'TimeLimit=[^ ]*'
say scontrol update job $J timelimit=4
scontrol show job $J | grep -o 'TimeLimit=[^ ]*'
say scontrol update job $J+1 name=xx; show
say scancel $J
scontrol show job $J | grep -oE '(JobId|JobState|ExitCode)=[^ ]*' | ids $J $((J + 1))
say scancel $J 2>&1 | ids $J
submit -n1 : -n1 : -n1 --wrap 'srun --het-group=0,1 sleep 30'
wait_state RUNNING; wait_state RUNNING $((J + 2)); show
say scontrol suspend $((J + 1)) 2>&1 | ids $J $((J + 1))
say scontrol requeue $((J + 1)) 2>&1 | ids $J $((J + 1))
say scontrol hold $J; show
say scontrol release $J
say scancel $((J + 2)); wait_gone $((J + 2)); show
say scancel $J
wait_gone
scontrol show job $J | grep -oE '(JobId|JobState|ExitCode)=[^ ]*' | ids $J $((J + 1)) $((J + 2))
submit -n1 : -n1 --wrap 'sleep 30'; wait_state RUNNING
say scontrol requeue $J; wait_state PENDING; wait_reason BeginTime; wait_reason BeginTime $((J + 1)); show
scontrol show job $J | grep -oE 'Restarts=[^ ]*'
say scancel $J
say sbatch --array=1-2 -n1 : -n1 --wrap true
say sbatch -n1 : -p nope -n1 --wrap true
say sbatch -n1 : --gres=gpu:9 -n1 --wrap true
time=$(sbatch --wait -n1 : -n1 --wrap 'exit 4' >/dev/null; echo "status $?"); echo "$time"
submit -n1 : -N9 --wrap true; wait_reason PartitionNodeLimit $((J + 1)); waits_for() { squeue -h -j $J -o %r | grep -q Resources; }; waits waits_for; show; scancel $J
