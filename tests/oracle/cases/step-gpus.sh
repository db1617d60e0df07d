# GPUs of steps and tasks
cat > j.sh <<'S'
#!/bin/bash
#SBATCH -N2 --gpus-per-node=4 -n4 -c2 -o out
t() { echo "$*"; srun "$@" bash -c 'echo $SLURM_PROCID $CUDA_VISIBLE_DEVICES step=$SLURM_STEP_GPUS' | sort; }
echo "$CUDA_VISIBLE_DEVICES $SLURM_JOB_GPUS $SLURM_GPUS_ON_NODE $SLURM_GPUS_PER_NODE"
t -n2; t -n2 --gpus-per-task=1; t -n4 --gpus-per-task=2; t -n1 -N1 --gres=gpu:1; t -n1 -N1 --gpus=2; t --gres=none -n1 -N1; t -n2 -N1 --gpus-per-node=2 --gpu-bind=single:1; t -n4 --gpu-bind=none
t -n2 -N1 --gres=gpu:2 --gpu-bind=map_gpu:1,0
S
# a step that is just ending may still be in the way
submit j.sh; wait_gone; sed -E '/step creation temporarily|Step created for/d' out
srun --gpus=2 -n2 bash -c 'echo $SLURM_PROCID $CUDA_VISIBLE_DEVICES' | sort
srun --gpus-per-task=1 -n2 bash -c 'echo $SLURM_PROCID $CUDA_VISIBLE_DEVICES' | sort
exact() { echo "exact $*"; srun --exact "$@" bash -c 'echo $SLURM_PROCID $SLURM_CPUS_ON_NODE $CUDA_VISIBLE_DEVICES' | sort; }
export -f exact
salloc -Q -N1 --exclusive --gpus=4 bash -c 'for n in "-n1 --gpus=2" "-n2 --gpus=2" "-n1 --gres=gpu:3" "-n1 --gpus-per-node=2" "-n2 --gpus-per-task=2" "-n1 --gpus-per-task=1 -c1"; do exact --cpus-per-gpu=2 $n; done'
salloc -Q -G2 --cpus-per-gpu=3 bash -c 'exact -n1; exact -n2 --gpus-per-task=1'
