# memory per node, per CPU, per GPU
t() { submit -H -o /dev/null "$@" --wrap true && squeue -h -j $J -o "$* %m" && scontrol show job $J | grep -oE '(Min|Mem)[A-Za-z]*Mem[A-Za-z]*=[^ ]*|mem=[^, ]*|MemPerTres=.*'; scancel $J; }
t --mem=100; t --mem=1G; t --mem=2048M; t --mem=1024K; t --mem=0; t --mem-per-cpu=300 -n2; t --mem-per-cpu=1G -c4; t --mem-per-gpu=1G --gpus=2; t -n4 -N2
for m in 1Q -1 G 1.5G ''; do say sbatch -H --mem="$m" --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
say sbatch --mem=99999999 --wrap true
say sbatch --mem=100 --mem-per-cpu=100 -H -o /dev/null --parsable --wrap true | sed 's/^[0-9]*$/N/'
say srun --mem=99999999 true
scancel -u root
