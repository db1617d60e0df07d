# which jobs can be started for another one, and what says so (SchedulerParameters=permit_job_expansion); what is given is
# tests/controller/test_expansion.py's: nodes of a Slurm 22.05 may be busy ever after
u() { scontrol update "jobid=$1" "$2" 2>&1 | ids $A $B; echo "${2//$A/A} ${PIPESTATUS[0]}"; }
see() { scontrol show job $1 | grep -oE 'JobState=[^ ]*|Reason=[^ ]*|Dependency=[^ ]*|^ *NodeList=.*|BatchHost=.*|NumNodes=.* NumTasks=[^ ]*|TRES=.*' | ids $A | tr -s '\n ' ' '; echo; }
t() { submit -H -o /dev/null -d "$1" --wrap true 2>&1 | ids $A; echo "${1//$A/A} ${PIPESTATUS[0]}"; }
submit -N1 -w n1 -n2 -t 9 --mem-per-cpu=10 -o /dev/null --wrap 'sleep 100'; A=$J; wait_state RUNNING $A
for d in expand: expand expand:x expand:$A:$A expand:${A}_1 expand:999999; do t $d; done
submit -H -o /dev/null -d "expand:$A?afterok:$A" --wrap true; squeue -h -j $J -o '%r %E' | ids $A; u $J NumNodes=0; scancel $J
submit -H -o /dev/null -d "EXPAND:$A,singleton" --wrap true; squeue -h -j $J -o '%r %E' | ids $A; u $J Dependency=; see $J; scancel $J
submit -H -N2 -o /dev/null --wrap true; sbatch -d expand:$J --wrap true 2>&1; u $J NumNodes=ALL; see $J; u $J Dependency=expand:$A; see $J; scancel $J; sbatch -p debug -d expand:$A --wrap true 2>&1
for k in ALL al 0 1 2 3 1-1 1-2; do u $A NumNodes=$k; done
SLURM_JOBID=$A SLURM_NNODES=1 SLURM_TASKS_PER_NODE=2 u $A NumNodes=ALL; cat slurm_job_*.sh; ls slurm_job_* | ids $A
submit -N2 -n3 -w n[2-3] --mem-per-cpu=10 -d expand:$A -o /dev/null --wrap 'sleep 100'; B=$J; wait_state RUNNING $B; see $B; for k in 1 2 ALL 0; do u $B NumNodes=$k; done; scancel $B; wait_gone $B
submit -H -d expand:$A -o /dev/null --wrap true; scancel $A; wait_gone $A; scontrol release $J; wait_reason DependencyNeverSatisfied $J; squeue -h -j $J -o %E | ids $A; scancel $J
