# How heterogeneous jobs are listed and named: order, one component, what is not there, --test-only.
rel() { perl -pe "s/\b(7\d{4})\b/'J'.(\$1-$K)/ge"; }
submit -n1 -b 2031-01-01 : -n2 --wrap true; K=$J
sbatch -Q -b 2031-01-01 --wrap true; sbatch -Q -b 2031-01-01 --wrap true
submit -n1 -H : -n2 : -n1 --wrap true
submit -n1 : -n2 --wrap 'sleep 9'; wait_state RUNNING
squeue -h | awk '{print $1, $5}' | rel
squeue -h -r -o '%i %T' | rel
squeue -h -S i -o '%i %T' | rel
squeue -h -t R -o '%i %P %u %C %D' | rel
say scontrol show job $J+5
say scontrol show job $J+1 | grep -c JobId
say scontrol write batch_script $J -
say scontrol write batch_script $((J + 1)) -
say scontrol hold $K+1; squeue -h -j $K -o '%i %r' | sort | rel
say scontrol hold $K; say scontrol release $K+0; squeue -h -j $K -o '%i %r' | sort | rel | sed 's/None/BeginTime/'
say scancel $K+7 2>/dev/null
say scontrol suspend $J+1
say sbatch --test-only -n1 : -n1 --wrap true 2>&1 | sed 's/ on .*//'
say srun --test-only -n1 true : -n1 true 2>&1 | sed 's/ on .*//'
say sbatch --test-only -n1 : -N9 --wrap true
say sbatch -n1 : -n1 </dev/null
scancel -n wrap -t PD; squeue -h -o '%i %T' | rel
