# a running job in full, and its steps
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -N2 -n4 -c2 --gres=gpu:1 -t 7 -J shown -o out-%j -e err-%j --comment=remark
srun -n2 -N2 sleep 30
S
submit j.sh; wait_state RUNNING; waits sh -c "squeue -h -s -j $J -o %i | grep -q '\.0'"
n() { sed -E 's/(RunTime|AllocNode:Sid|Priority|SubmitLine|Host|LastSchedEval|Scheduler|SrunHost)=[^ ]*/\1=X/g; s/Sid=.*/Sid=X/; s/SrunHost:Pid=X.*/X/; s/Pid=[^ ]*/Pid=X/; s/TimeLeft=[^ ]*/TimeLeft=X/' | ids $J; }
scontrol show job -d $J | n; scontrol -o show job $J | n; scontrol show step $J | n; scontrol show step $J.0 | n; say scontrol show step $J.9 | ids $J; say scontrol show step 99999999.0
squeue -h -s -j $J -o '%i %j %P %u %N %A' | ids $J; squeue -s -j $J | sed -E 's/ 0:0[0-9] / T /' | ids $J; squeue -h -j $J -o '%i %B %N %R %O %o %S %e %Z' | ids $J
squeue -h -j $J -O 'NodeList,tres-alloc:60,BatchHost,JobArrayID,ReqNodes,NumNodes,cpus-per-task,StepName' | ids $J
scontrol show node n0 | grep -E 'State=|TRES|CPUAlloc|Gres|AllocMem' | sed -E 's/(CPULoad|FreeMem)=[0-9.]+/\1=X/g; s/Scheduler=.*//'; scontrol show node -d n0 | grep Gres; sinfo -h -p gpu -o '%T %D %C %N' | sort
scancel $J.0 ; wait_gone; scontrol show job $J | n | grep -vE 'Time='
