# GPUs, asked for in every way
t() { submit -H -o /dev/null "$@" --wrap true && { echo "$*"; scontrol show job $J | grep -E 'Tres|TRES|NumNodes'; squeue -h -j $J -o '%b'; scancel $J; }; }
t --gres=gpu; t --gres=gpu:2; t --gres=gpu:a100:1; t --gres=gpu:a100; t --gpus=2; t --gpus=a100:3 -N1; t --gpus-per-node=2 -N2; t --gpus-per-task=1 -n3; t --gpus-per-socket=1 --sockets-per-node=1; t --gpus=2 --cpus-per-gpu=3; t --gpus=1 --mem-per-gpu=500; t --gres=none; t --gpus=4 --ntasks-per-gpu=2
for g in --gres=gpu:x:y:z --gres=gpu:v100:1 --gres=gpu:0 --gres=license:1 --gpus=x --gpus=99 --gpus=0 --gpus-per-node=9 --gpus-per-task=1 --gres=,; do echo $g; say sbatch -H -o /dev/null $g --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
scancel -u root
for g in --gres=none,gpu:1 --gres=gpu=1 --gres=gres/gpu:1 --gres=gpu:-1 --gres=NONE --gpus=gpu:1 '-N2 --gpus-per-node=2 --gpus-per-task=1' '-n4 --gpus-per-node=4 --gpus-per-task=2' '--gpus=2 -N4' '--gpus=3 --gpus-per-task=2' '-N2 --ntasks-per-gpu=2' '-n4 --ntasks-per-gpu=3' '--gres=gpu:4 -n2 --gpus-per-task=a100:2'; do echo "$g"; say sbatch -o /dev/null $g --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
