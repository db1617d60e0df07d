# numbers that are none, or too small: text and exit status. Numbers of more than 31 bits are left out, which Slurm cuts off
b() { sbatch -H -o /dev/null "$@" --wrap true > out 2> err; s=$?; J=$(grep -o '[0-9]*$' out | tail -n 1); echo "$* => $s $(cat err)"; [ $s = 0 ] && scancel $J; }
for v in '' x -1 0 1.5 1k; do b -n "$v"; b -c "$v"; b --ntasks-per-node="$v"; b --mincpus="$v"; b -B "$v"; b --threads-per-core="$v"; b --cpus-per-gpu="$v" --gpus=1; b --ntasks-per-gpu="$v" --gpus=1; b --nice="$v"; b --priority="$v"; b --switches="$v"; b --wait-all-nodes="$v"; done
b --core-spec=1; b --thread-spec=1; b --core-spec=x; b --wait-all-nodes=2
