# every key that can be changed of a job, with values that Slurm takes and values that it refuses
submit -H -o /dev/null -t 10 --wrap true
see() { scontrol show job -d $J | grep -E "${1:-.}" | tr -s ' \n' '\n\n' | grep -E "^(${2:-.*})=" | tr '\n' ' '; echo; }
# several keys, one after the other, and what the record then says
u() { for k in "$@"; do scontrol update jobid=$J "$k" 2>&1 | ids $J; echo "$k: ${PIPESTATUS[0]}"; done; }
u ArrayTaskThrottle=2 ArrayTaskThrottle=x ArrayTaskThrottle=-1 BurstBuffer=foo BurstBuffer= b=x Clusters=x Clusters= ClusterFeatures=x CoreSpec=1 CoreSpec=x ThreadSpec=1 ThreadSpec=x Extra=e MCSLabel=x NtasksPerNode=2 StdErr=x StdIn=x Container=x State=x
u DelayBoot=x DelayBoot=10:00 Prefer=nosuch Prefer= ResetAccrueTime SiteFactor=5 SiteFactor=x SiteFactor=-5 SiteFactor=99999999999 Nice Nice=x Nice=-5 Nice=99999999999 UserID=root UserID=nosuch user=root wait-for-switch=5 Switches=2 Switches=x Switches=2@x Switches=2@1 ReqProcs=x TasksPerNode=x NumCPUs=2-x NumCPUs=0 NumCPUs=x NumTasks=0 NumTasks=2-4 MinMemoryCPU=2G MinMemoryNode=1G MinTmpDiskNode=1G
see . 'DelayBoot|Switches|Prefer'
u MailType=x MailType= MailType=NONE MailType=all OverSubscribe=x OverSubscribe=1 Shared=n Reboot=x Reboot=1 Contiguous=maybe Contiguous=y Requeue=2 Requeue=x Priority=5 Priority=-1 Priority=x Priority=99999999999 TimeMin=99 TimeMin=UNLIMITED TimeMin=2 TimeLimit-=50 TimeLimit-=3 TimeLimit=1 EndTime=now+1hour EndTime=x StartTime= Deadline= Gres= Gres=help Gres=none TresPerNode=gpu:2 CpusPerTres=gpu:2 TresPerJob=gpu:2 TresPerSocket=gpu:1 TresPerTask=gpu:1 Gres=gpu:1 Gres=gpu:9
see . 'MailType|Reboot|Contiguous|Requeue|TimeMin|TimeLimit|TresPerNode'
u TresPerNode=gres:x:1 TresPerNode=gres:gpu:2 CpusPerTres=gres:x:2 CpusPerTres=gres:gpu:2 MemPerTres=gres:gpu:100 TresPerJob=gres:gpu:2 TresPerSocket=gres:gpu:1 TresBind=x TresBind=gres:gpu:closest TresBind=gpu:closest TresFreq=x TresFreq=gpu:foo TresFreq=gpu:900
see . '.*Tres.*|Tres.*'
u TresPerNode= CpusPerTres= TresBind= TresFreq= TresPerSocket= TresPerTask= NumNodes=x NumNodes=2 NumNodes=1-3
for k in Account Comment Features Name NumNodes Partition Priority StdOut SiteFactor UserID ArrayTaskThrottle; do u $k+=5; done
u AdminComment-=x AdminComment=a resetaccrue=5 jobid; say scontrol update resetaccruetime 2>&1; say scontrol update job $J name=k; field $J JobName; say scontrol update jobid=$J name=l nosuch=1 2>&1; field $J JobName
u NumCPUs=33 NumNodes=2-1; scancel $J; submit -H -o /dev/null --wrap true; u NumNodes=1k; scancel $J; submit -N2 -o /dev/null -t 10 --wrap 'sleep 60'; wait_state RUNNING
u BurstBuffer=x Clusters=x CoreSpec=1 CpusPerTres=gres:gpu:2 DelayBoot=5 NumCPUs=2 NumNodes=3 Prefer= ResetAccrueTime SiteFactor=5 Switches=2@10 TimeMin=5 TresBind=gpu:closest TresPerSocket=gres:gpu:1 WCKey=w ReservationName= ReservationName=x ArrayTaskThrottle=2 NumTasks=3 Gres=gpu:1 EndTime=x
see . 'DelayBoot|Switches'; scancel $J
# how many CPUs it may get stands beside how many it needs, while it waits
submit -H -o /dev/null --wrap true; c() { u NumCPUs=$1; field $J NumCPUs; squeue -h -j $J -O NumCPUs:5,MaxCPUs:5; squeue --json | tr -d ' \n' | grep -oE '"max_cpus":(\{[^}]*"number":)?[0-9]+' | grep -oE '[0-9]+$' | tail -1; }
for k in 2-8 9 2 8 4-4 3-2k 4-2 0-3 3-0 2- 2-x 3-4-5 0; do c $k; done; u NumCPUs=2-3; scontrol update jobid=$J TimeLimit=1; scontrol release $J; wait_gone; field $J NumCPUs
# CPUs in all are no tasks
printf '#!/bin/bash\nenv | grep -E "SLURM_(NTASKS|NPROCS|CPUS_ON|JOB_CPUS|TASKS)" | sort; srun hostname | wc -l\n' > s.sh
submit -H -o s.out s.sh; scontrol update jobid=$J numcpus=4; scontrol release $J; wait_gone; cat s.out; scontrol show job $J | grep -E 'NumCPUs|TRES'
# priorities that are set, held and released; what running jobs take; steps, the controller's log level, names with users
v() { scontrol update "$@" 2>&1 | sed "s/$J/JOB/"; echo "$2 ${PIPESTATUS[0]} $(field $J Priority) $(field $J Nice)"; }
submit -b now+1hour -o /dev/null --wrap true; for k in nice=5 priority=7 nice=10 sitefactor=3 priority=0 nice=20; do v job=$J $k; done; scontrol release $J; field $J Priority; field $J Nice; scancel $J
submit -t 60 -n1 -o /dev/null --wrap 'sleep 300'; wait_state RUNNING; scontrol create res=upd users=root start=now+1hour dur=5 nodes=n3; for k in sitefactor=5 nice=4 deadline=now+10days endtime=now+3hours reservationname=upd; do v job=$J $k; done; field $J Deadline; field $J TimeLimit; field $J Reservation; v job=$J reservationname=; scontrol delete res=upd
for s in $J.batch $J.7 foo $J.x; do scontrol update stepid=$s timelimit=3 2>&1; echo "$?"; done; for w in '' timelimit=x foo=1; do scontrol update stepid=$J.0 $w 2>&1; echo "$w $?"; done
for w in slurmctlddebug=3 slurmctlddebug=foo 'jobname=nope userid=root comment=x' 'jobname=nope userid=nosuch comment=x' 'jobname=nope comment=x'; do scontrol update $w 2>&1; echo "$w $?"; done; scancel $J; wait_gone
# the sums that a waiting job shows, of which only the one is changed that a key speaks of
s() { for k in "$@"; do scontrol update jobid=$J $k 2>&1 | ids $J; echo "$k: ${PIPESTATUS[0]} $(scontrol show job $J | tr -s ' ' '\n' | grep -E '^(Num[NCT].*|CPUs/Task|TRES|MinCPUsNode)=' | tr '\n' ' ')"; done; }
new() { scancel $J; submit -H -o /dev/null "$@" --wrap true; }
new -n4 -c2; s CPUsPerTask=3 NumTasks=3 TasksPerNode=2 MinCPUsNode=3 NumCPUs=5 NumNodes=2 MinMemoryCPU=50 NumNodes=9 TimeLimit=1 MinMemoryNode=70 NumCPUs=1-7 NumNodes=1
new -N2-4 -n2; s NumNodes=4-5 NumNodes=1 TasksPerNode=3 CPUsPerTask=5 'NumCPUs=5 NumNodes=2 MinCPUsNode=1' 'NumNodes=2 MinCPUsNode=3'
new; s NumCPUs=2-4 NumNodes=9 MinCPUsNode=99 'ReqNodeList=n[0-1]' ReqNodeList=; s StartTime=now; scontrol show job $J | grep -oE 'EligibleTime=[^ ]*'
new --mincpus=4; s NumTasks=9 NumNodes=2 NumNodes=1 NumTasks=99; new; s NumNodes=3 NumNodes=1 MinCPUsNode=2; new; s NumNodes=9; new; s CoreSpec=-1 ThreadSpec=* CPUsPerTask=65534 TasksPerNode=+2 NumTasks=4294967294 NumNodes=2147483648 NumCPUs=2147483648 NumNodes=1-2-3 NumNodes=1-0 NumCPUs=+2
scancel $J
