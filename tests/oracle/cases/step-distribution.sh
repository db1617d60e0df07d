# which task of a step is where, by every form of --distribution and the options that count tasks
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -N2 -n4 -c2
t() { echo "> $*"; srun "$@" bash -c 'echo $SLURM_PROCID $SLURM_NODEID $SLURM_LOCALID' 2>&1 | sort -n; }
t -m block; t -m cyclic; t -m plane=2; t -m block:block; t -m cyclic:cyclic; t -m block:fcyclic; t -m "*:block"; t -m block,Pack; t -m block,NoPack; t -n3 -m plane=1; t -m plane; t -m plane=0; t -m arbitrary; t -m arbitrary -w n0,n1,n1,n0 -n4; t -m nosuch; t -m cyclic:nosuch; t -n4 -m block:block:cyclic; t -O -n8 -m cyclic; t -O -n8; t -N2 -n2 -m block
t --ntasks-per-socket=1; t --ntasks-per-core=1; t --mem-bind=local; t --mem-bind=nosuch; t --hint=nomultithread; t --cores-per-socket=1; t -B 1:1:1; t --cpu-freq=low; t --contiguous; t --spread-job; t --use-min-nodes
d() { echo "> $*"; srun "$@" bash -c '[ $SLURM_PROCID != 0 ] || echo $SLURM_DISTRIBUTION $(scontrol -o show step $SLURM_JOB_ID.$SLURM_STEP_ID | grep -o "Dist=[^ ]*")'; }
for way in block cyclic plane=2 pack nopack "*,pack" "*:*" "cyclic:*:block" block::cyclic; do d -m "$way"; done; d -n2; d -n2 -m nopack; d -n2 -m pack; d -m arbitrary -w n0,n1 -n2; d -m arbitrary -w n0,n1 -n3
S
# a step that is just ending may still be in the way
submit -w n[0-1] -o out j.sh; wait_gone $J 50; grep -v -e 'step creation temporarily' -e 'Step created for' out
salloc -Q -m arbitrary -w n0,n0,n1 -n3 true; salloc -Q -N1 -w n0 srun -m arbitrary -w n0,n1 true 2>&1 | sed -E 's/7[0-9]{4}/JOB/'
for way in "*:cyclic" pack plane=2; do salloc -Q -N2 -n4 -m "$way" bash -c 'echo $SLURM_DISTRIBUTION; srun bash -c "echo \$SLURM_DISTRIBUTION" | sort -u'; srun -N2 -n4 -m "$way" bash -c 'echo $SLURM_DISTRIBUTION' | sort -u; done
