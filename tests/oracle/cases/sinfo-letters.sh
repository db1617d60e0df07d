# every letter and name of sinfo's formats. Lines are sorted: Slurm orders them by the states of nodes, which may have a flag
# more for a moment
scontrol update nodename=n2 state=drain reason='a reason'; submit -w n0 -n2 --gres=gpu:1 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING
for l in a A b B c C d D e E f F g G h i I l L m M n N p P r R s S t T u U X Y z Z; do echo "$l:"; sinfo -p gpu -o "%$l" 2>&1 | sort; done | sed -E 's/^[0-9]{4,}(-[0-9]+)?$/N/'
for n in All Allocated AllocMem AllocNodes Available Cluster Comment Cores CPUs CPUsState DefaultTime Disk Extra Features features_act Gres GresUsed Groups MaxCPUsPerNode Memory NodeAI NodeAIOT NodeAddr NodeList Nodes NodeHost OverSubscribe Partition PartitionName PreemptMode PriorityJobFactor PriorityTier Reason Root Size SocketCoreThread Sockets StateCompact StateLong StateComplete Threads Time Timestamp User UserLong Weight; do echo "$n:"; sinfo -p gpu -O "$n:40" 2>&1 | sort | sed 's/ *$//'; done | grep -v '^$' | sed -E "s/\b$(hostname -s)\b/HOST/g"  | awk '/^All:/{skip=1} /^Allocated:/{skip=0} !skip'
sinfo -N -p gpu -o '%N|%t|%C|%O' | sed -E 's/\|[0-9.]+$/|L/'; sinfo -N -p gpu -O nodelist,gresused:40,gres; scontrol update nodename=n2 state=resume; scancel -u root
# no limit comes last, of two signs the last one counts, and by some letters nothing is sorted; what stands behind a wrong name stays
for s in l -l '#P' '-#P,-l' l,C l,L V,l; do echo "$s"; sinfo -h -p gpu,debug,small -S "$s" -o '%P %l'; done; sinfo -h -p gpu,debug -S -#P,l -o '%P %l'
sinfo -O 'foo:|,nodes:6|' 2>&1; sinfo -O 'nodes:6,foo:.3|' 2>&1
scontrol update nodename=n1 state=drain reason=zz; scontrol update nodename=n3 state=drain reason=aa; for s in E -E u; do sinfo -h -p gpu -S $s -o '%E %u'; done; sinfo -h -p gpu -o '%u %N' -S u
scontrol update nodename=n[1,3] state=resume
