# what squeue and scontrol say of waiting jobs of many kinds
names=numnodes:5,maxnodes:5,numcpus:5,maxcpus:5,numtasks:5,mincpus:4,minmemory:8,mintime:8,wait4switch:8,reqswitch:5,endtime:20,timeleft:12,starttime:20,eligibletime:20,overSubscribe:5,feature:9,ntpernode:4,sct:8,tres-per-node:20,tres-per-job:20,tres-per-task:20,tres-per-socket:20,cpus-per-tres:14,mem-per-tres:14,tres-bind:18,licenses:9,reqnodes:9,prefer:9,tres-alloc:50,nice:4,reboot:4,contiguous:4
i=0
for a in -n9 "-n9 -c2" "-n400 -N1-3" "-n17 -N2" -c9 -n8 "-n16 -N1-5" "-n20 --mincpus=4" "-n9 -p debug" "-n2 --exclusive" "-n9 -N3" "-n4 --mem-per-cpu=2000" "-n6 --gpus-per-task=1" --gpus=9 --deadline=now+2hours "--deadline=now+2hours -t 5" "-t 5 --time-min=2" --switches=2@10 --switches=2@3 --switches=1 "-b now+1hour" "-b now+1hour -t 5" "-b 2010-01-01" "-N2 -n4 --gpus-per-node=a100:2 --cpus-per-gpu=2" "-N2 -B 1:2:1" "--gpus-per-socket=1 --sockets-per-node=1 --gpus=1" "--gpu-bind=closest -G1" "-C x|y" "-w n[0-1] -N2" "-x n3 --nice=-5 --contiguous" "-L lic:2 -s" "-B 1:2:1" "--mem=0" "-t 1-0 -N1 --ntasks-per-node=3"; do
  J=$(sbatch --parsable -o /dev/null -H $a --wrap true) || continue
  echo "$a:"; squeue -h -j $J -O $names; scontrol show job $J | grep -E 'TimeMin|StartTime|NumNodes|MinCPUs|Switches|SchedNode|Socks'; list="$list $J"
done
scancel $list
