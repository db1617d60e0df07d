# slow: many commands
# every letter and name of squeue --steps, and scontrol show step, for steps of several kinds
salloc -Q --no-shell -N2 -w n[0-1] -n4 -c2 --gres=gpu:4 -J steps 2>/dev/null; J=$(squeue -h -o %A)
k=0; try() { echo "== $*"; srun --jobid $J "$@" sleep 20 & waits step_runs; "${look[@]}"; scancel $J.$k; wait; k=$((k + 1)); }
step_runs() { squeue -h -s $J.$k -o %i | grep -q .; }
show() { scontrol show step $J.$k | ids $J | sed 's/SrunHost:Pid=.*//; /ResvPorts\|StartTime/d'; }
letters() {
  for l in A b i j l M N P S u U; do echo "$l"; squeue -s -o "%i|%$l|" | ids $J | sed -E 's/\|[0-9]:[0-9]+\|$/|DURATION|/'; done
  for l in a C z; do squeue -s -o "%$l" 2>&1 | ids $J; done
  for n in ArrayJobID ArrayTaskID Cluster Container CPUFreq cpus-per-tres Gres JobID mem-per-tres Network Nodes NumCPUs NumTasks Partition ResvPorts StartTime StepID StepName StepState TimeLimit tres-bind tres-freq tres-per-job tres-per-node tres-per-socket tres-per-step tres-per-task UserID UserName NodeList State; do echo "$n"; squeue -s -O "$n:30" 2>&1 | ids $J; done
  squeue -s -O "stepid:.9x,stepname:3,nodes:.2,nodes:2" | ids $J
  squeue -s $J.0 -h | ids $J | sed 's/[0-9]:[0-9][0-9]/T/'; squeue -s -h -w n2; squeue -s 12; squeue -s -j $J -h -o %i | ids $J
} 2>&1
{
look=(letters); try -n2 --gres=gpu:1
look=(show); try -w n0 -N1 -n2 -c2 2>&1; try -w n0 -n1 --gpus=1; try -n2 --gpus-per-task=1; try -n2 -N2 --gpus-per-node=1; try -w n0 -n1 --mem-per-gpu=30 --gpus=1; try --gpu-bind=closest --gpus=1 -n1 -w n0; try -n2 --exact -t 3 -J name
} 2>&1 | grep -v '^srun: \|^slurmstepd'
scancel $J
