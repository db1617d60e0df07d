# what can be changed of a waiting job. Slurm's sums of CPUs and memory are left out: it does not add them up anew when the
# number of tasks changes
submit -H -o /dev/null -N2 --wrap true
u() { echo "$*"; scontrol update jobid=$J "$@"; echo "status $?"; }
u timelimit=1-2:03 ; u timelimit+=10; u timelimit-=5; u partition=debug; u partition=gpu; u numnodes=2-3; u numtasks=6; u minmemorynode=500; u minmemorycpu=50; u gres=gpu:1; u comment='two words'; u name=other; u nice=7; u features=; u reqnodelist=n1; u excnodelist=n3; u requeue=0; u starttime=2099-01-01; u deadline=2099-02-02; u account=acct; u qos=normal; u qos=; u stdout=/tmp/x.out; u workdir=/tmp; u mailuser=me; u contiguous=1; u mincpusnode=2; u cpuspertask=2; u admincomment=adm; u wckey=wc; u licenses=lic:1; u timemin=3; u oversubscribe=yes; u shared=0
scontrol show job $J | grep -vE 'AllocNode|LastSched|Priority|SubmitTime|AccrueTime|Power|MCS|StdIn|Secs|TRES=cpu' | sed -E 's/NumCPUs=[0-9]+/NumCPUs=X/' | ids $J
for x in timelimit=x partition=nosuch numnodes=0 numnodes=99 nosuch=1 features=nosuch gres=nosuch:1 reqnodelist=n99 starttime=x dependency=x deadline=2001-01-01 priority=x numtasks=x minmemorynode=x licenses=nosuch:1 jobid=5 state=x reservationname=nosuch; do u $x; done 2>&1 | ids $J
scancel $J; u name=x 2>&1 | ids $J
say scontrol update jobid=99999999 name=x; say scontrol update name=x; say scontrol update; say scontrol update foo=bar; say scontrol update jobid=x name=y
