# GPUs of steps by step, node, socket and task beside those of their job; what a --multi-prog file and -c count
t() { local o="$1"; shift; for s in "$@"; do echo "$o | $s"; srun -Q $s sh -c 'echo $SLURM_PROCID $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES $SLURM_CPUS_ON_NODE' 2>&1 | sed -E 's/[0-9]{5}/N/' | grep -v -e 'step creation temporarily' -e 'Step created' | sort; done; }
declare -f t > lib
j() { echo "== $*"; salloc -Q "${@:1:$#-1}" bash -c ". ./lib; ${!#}" < /dev/null 2>&1; }
j -N2 -n4 --gpus-per-node=2 -w 'n[0-1]' 't A --gpus=1 --gpus=3 --gpus=5 "--gpus=2 -N1 -n1" --gpus-per-task=1 "--gpus-per-task=1 -n3" --gpus-per-node=a100:1 --gpu-bind=per_task:0 --gres=none'
j -N2 -n16 --mem=1000 --gpus=4 -w 'n[0-1]' 't B --gpus=2 "-N1 -n1 --gpus-per-task=2" "-n17 --gpus-per-task=1" --gpus=9 --gpus=a100:1'
j -N2 --exclusive -w 'n[0-1]' 't C -c3 "-N1 -c3" "-m block,pack" "-c3 --whole" --gpus-per-task=a100:9 "-n2 --gpus-per-node=4"; printf "0-2 hostname\n" > m; srun -Q --multi-prog m | wc -l'
j -N3 -n9 -w 'n[0-2]' 't D "-n7 -m plane=4" "-n3 -m plane=2" "-N1-2 -n2 -w n1" "-O --exact -n3"'
