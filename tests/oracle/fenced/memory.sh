# What uses more than its memory: ConstrainRAMSpace=yes. What srun and the step's node say comes in any order.
eat="x = bytearray($((120 << 20))); print('ate')"
last() { job=$(squeue -h -t all -o %A | sort -n | tail -n 1); scontrol show job "$job" | grep -o "JobState=.*Reason=[A-Za-z]*\|ExitCode=.*"; }
srun -w n0 --mem=200 python3 -c "$eat"; echo "fits $?"
srun -w n0 --mem=60 python3 -c "$eat" 2>err; echo "too much $?"; sort err
one="if [ \$SLURM_PROCID = 1 ]; then exec python3 -c \"$eat\"; else sleep 0.5; echo stays; fi"
srun -w n0 -n2 --mem=60 sh -c "$one" 2>err; echo "one of two $?"; sort err
srun -w n0 -n2 -K --mem=60 python3 -c "import os, time; x = bytearray(120 << 20) if os.environ[\"SLURM_PROCID\"] == \"1\" else 0; time.sleep(20)" 2>err; echo "killed with it $?"; sort err | sed 's/ AT .*/ AT/'
cat > steps.sh <<'END'
#!/bin/bash
srun --mem=60 python3 -c "$1" 2>err; echo "step $?"; sort err
srun python3 -c "$1"; echo "whole $?"
END
sbatch -W -w n0 -o steps.out --mem=250 steps.sh "$eat" >/dev/null; echo "steps $?"
cat steps.out; last
sbatch -W -w n0 -o batch.out --mem=60 --wrap "python3 -c \"$eat\"; echo after \$?" >/dev/null; echo "batch $?"
grep -v "Killed" batch.out; last
squeue -h -t all -j "$job" -o "%T %t %r"
