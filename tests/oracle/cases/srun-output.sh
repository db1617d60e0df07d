# where tasks' output goes
srun -n2 -o out.%t -e err.%t bash -c 'echo o $SLURM_PROCID; echo e $SLURM_PROCID >&2'; for f in out.* err.*; do echo $f; cat $f; done
srun -n2 -o none bash -c 'echo x'; ls; srun -o one.txt --open-mode=truncate echo one; srun -o one.txt --open-mode=append echo two; cat one.txt
srun -n2 -o 1 bash -c 'echo only $SLURM_PROCID'; rm -f 1
srun -n2 -N2 -o f-%N-%n-%s.txt bash -c 'echo $SLURM_PROCID'; ls f-*; cat f-*
srun -n11 -O -l bash -c 'echo x' | sort
srun -l printf 'no newline'; echo "|"
srun -u -n1 bash -c 'echo a; echo b >&2' 2>&1 | sort
srun -e e.txt bash -c 'echo a; echo b >&2'; cat e.txt
srun -o /nonexistent/x true 2>&1 | sed -E 's/[0-9]{5}/N/g' ; srun -D /tmp pwd
srun --export=ALL,SLURM_LABELIO=x bash -c 'echo y'; SLURM_LABELIO=1 srun echo z; SLURM_STDOUTMODE=mode.txt srun echo w; cat mode.txt
