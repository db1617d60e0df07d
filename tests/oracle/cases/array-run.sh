# elements run: their variables, files, exit codes, and --wait's status
cat > j.sh <<'S'
#!/bin/bash
#SBATCH --array=3,5-6 -o %x-%A-%a-%3a.out -J arr
env | grep ^SLURM_ARRAY | grep -v JOB_ID | sort
[ "$SLURM_JOB_ID" = "$SLURM_ARRAY_JOB_ID" ] && echo same id
exit $SLURM_ARRAY_TASK_ID
S
sbatch -Q --wait j.sh; echo "status $?"
J=$(ls arr-*.out | head -n 1 | cut -d- -f2); for f in arr-*.out; do echo $f | ids $J; cat $f; done
scontrol show job $J | grep -oE 'JobState=.*Reason=[A-Za-z]*|ExitCode=.*|ArrayTaskId=[0-9]*' 
scontrol show job ${J}_5 | grep -oE 'ArrayTaskId=.*'
squeue -h -t all -j $J -o '%i %T' | sort | ids $J
