# limits and umask of the submitter in tasks and batch scripts
ulimit -S -n 777; ulimit -S -c 0; ulimit -S -s 4096
show='echo n=$(ulimit -S -n) c=$(ulimit -S -c) s=$(ulimit -S -s)'
srun bash -c "$show"
srun --propagate=ALL bash -c "$show"
srun --propagate bash -c "$show"
srun --propagate=NOFILE bash -c 'echo n=$(ulimit -S -n)'
srun --propagate=NOFILE,STACK bash -c 'echo n=$(ulimit -S -n) s=$(ulimit -S -s)'
srun --propagate=nofile bash -c 'echo n=$(ulimit -S -n)'
srun --propagate=RLIMIT_NOFILE bash -c 'echo n=$(ulimit -S -n)'
srun --propagate=STACK bash -c '[ $(ulimit -S -n) = 777 ] && echo same || echo other'
srun --propagate=NONE bash -c '[ $(ulimit -S -n) = 777 ] && echo same || echo other'
say srun --propagate=NOSUCH true
say srun --propagate=NOFILE,NOSUCH true
submit -o b1 --wrap "$show; srun bash -c '$show'"; wait_gone; grep -v 'temporarily\|Step created' b1
submit -o b2 --propagate=NONE --wrap '[ $(ulimit -S -n) = 777 ] && echo same || echo other'; wait_gone; cat b2
say sbatch --propagate=NOSUCH --wrap true
SLURM_PROPAGATE=NONE bash -c 'srun env' | grep -c '^SLURM_RLIMIT_'
for mask in 0022 077 000 027; do (umask $mask; srun sh -c 'umask; touch f; stat -c %a f; rm f'; submit -o b3 --wrap 'umask; srun sh -c umask; touch f; stat -c %a f; rm f'; wait_gone; grep -v 'temporarily\|Step created' b3; stat -c %a b3; rm b3); done
(umask 027; srun -o o1 true; stat -c %a o1; srun -o 'o-%t' -n2 true; stat -c %a o-0 o-1)
SLURM_UMASK=0070 srun sh -c 'umask; echo $SLURM_UMASK'
