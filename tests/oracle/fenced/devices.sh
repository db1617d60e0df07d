# Which GPUs can be opened, and how they are called: ConstrainDevices=yes
cat > look.sh <<'END'
dev=$(dirname "${SLURM_CONF:-$MGPU_CONF}")/dev
for number in 0 1 2 3; do
    error=$( (: <"$dev/nvidia$number") 2>&1)
    case $error in *"Operation not permitted"*) ;; *) open="$open $number" ;; esac
done
echo "$1 task $SLURM_PROCID opens:$open; CUDA=${CUDA_VISIBLE_DEVICES-unset} job=${SLURM_JOB_GPUS-unset} step=${SLURM_STEP_GPUS-unset} on=${SLURM_GPUS_ON_NODE-unset}"
END
srun -w n0 bash look.sh none
srun -w n0 --gres=gpu:2 bash look.sh two
srun -w n0 -n2 --gres=gpu:2 bash look.sh shared | sort
srun -w n0 -n2 --gpus-per-task=1 bash look.sh per-task | sort
srun -w n0 -n2 --gres=gpu:4 --gpu-bind=map_gpu:3,1 bash look.sh map | sort
srun -w n0 -n2 --gres=gpu:4 --gpu-bind=mask_gpu:0x3,0xc bash look.sh mask | sort
srun -w n0 -n2 --gres=gpu:2 --gpu-bind=single:1 bash look.sh single | sort
srun -w n0 -n4 --gres=gpu:2 --ntasks-per-gpu=2 bash look.sh ntasks-per-gpu | sort
srun -w n0 -n2 --gres=gpu:2 --gpu-bind=none bash look.sh bind-none | sort
cat > job.sh <<'END'
#!/bin/bash
bash look.sh batch
srun -w n0 -n1 --gres=gpu:1 --exact --mem=100 bash look.sh one
srun -w n0 -n1 --gres=gpu:2 --exact --mem=100 bash look.sh two
srun -w n0 -n1 --gres=none bash look.sh none
srun -w n0 -n2 --gpus-per-task=1 bash look.sh per-task | sort
srun -w n0 -n1 --overlap bash look.sh all
END
sbatch -W -w n0 --gres=gpu:3 -n2 -o job.out job.sh
cat job.out
sbatch -W -w n0 -n2 -o job.out job.sh >/dev/null
head -n 1 job.out
salloc -w n0 -n1 --gres=gpu:2 srun bash look.sh salloc 2>/dev/null
