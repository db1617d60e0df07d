# how many nodes, tasks and CPUs
t() { submit -H -o /dev/null "$@" --wrap true && { echo "$*"; scontrol show job $J | grep -E 'NumNodes|Socks|MinCPUs'; squeue -h -j $J -o '%D %C %z %X %Y'; scancel $J; }; }
t -N2; t -N1-3; t -N2 -n5; t -n3 -c2; t -n3; t -N2 --ntasks-per-node=3; t -c3; t -n2 --mincpus=4; t -N2 -n1; t --ntasks-per-node=2 -n4; t -n4 --sockets-per-node=1 --cores-per-socket=4; t -n2 --threads-per-core=1; t -N1-2 -n9 -O
for a in '-N 0' '-N 2-1' '-N x' '-n 0' '-n -1' '-n x' '-c 0' '-c x' '--ntasks-per-node=-1' '-n 99' '-c 9' '--mincpus=9' '-N1 -n9' '-N 1k' '-B 9' '--ntasks-per-node=9'; do echo "$a"; say sbatch -o /dev/null $a --wrap true; done
