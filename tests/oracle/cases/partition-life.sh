# partitions are changed, made and removed
p() { sinfo -h -p "$1" -o '%P %a %l %D %N' | tr '\n' ';'; echo; }
scontrol update partitionname=debug state=down; p debug; submit -p debug -o /dev/null --wrap true; wait_reason PartitionDown $J 6; scontrol update partitionname=debug state=drain; say sbatch -p debug --wrap true; scontrol update partitionname=debug state=up; wait_gone; field $J JobState
scontrol update partitionname=debug maxtime=30 nodes=n[0-1] minnodes=1 maxnodes=2 defaulttime=10; p debug; scontrol show partition debug | grep -E 'MaxTime|Nodes=|DefaultTime|Time'; scontrol update partitionname=debug maxtime=60 nodes=n0 maxnodes=unlimited defaulttime=none; scontrol show partition debug
# the last change was refused as a whole
scontrol update partitionname=debug maxtime=60 nodes=n0 maxnodes=unlimited
say scontrol update partitionname=nosuch state=up; say scontrol update partitionname=debug state=x; say scontrol update partitionname=debug nosuch=1; say scontrol update partitionname=debug nodes=n99; say scontrol update partitionname=debug maxtime=x
scontrol create partitionname=extra nodes=n[1-2] maxtime=20 state=up; echo "status $?"; p extra; scontrol show partition extra; srun -p extra -N2 bash -c 'echo $SLURM_JOB_PARTITION $SLURMD_NODENAME' | sort
submit -H -p extra -o /dev/null --wrap true; say scontrol delete partitionname=extra; scancel $J; say scontrol delete partitionname=extra; p extra; say scontrol delete partitionname=extra; say scontrol create partitionname=debug; say scontrol create; say scontrol delete; say scontrol create foo=bar; say scontrol delete foo=bar; say scontrol create partitionname=bad nodes=n99
scontrol delete partition=bad 2> /dev/null; sinfo -h -o %P
# from other hosts only, or in reservations only
for key in allocnodes=n9 reqresv=yes; do scontrol update partitionname=debug $key; say sbatch -H -o /dev/null -p debug --wrap true; scontrol update partitionname=debug allocnodes=ALL reqresv=no; done
# as configured again, for the cases that follow: DefaultTime cannot be taken away otherwise
scontrol reconfigure; waits sh -c 'sinfo -h -p debug -o "%D %l %L" | grep -qx "1 1:00:00 n/a"'; p debug
