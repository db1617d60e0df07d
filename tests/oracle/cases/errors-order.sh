# of several things that are wrong, which is told, and how often
submit -H -o /dev/null --wrap true; K=$J
s() { echo "# $*" | ids $K; "$@" 2>&1 | sed -n 1,4p | ids $K; echo "status ${PIPESTATUS[0]}"; }
q() { for a in "$@"; do s squeue $a; done; }
q '-u NOSUCH --badopt' '--badopt -u NOSUCH' '-u NOSUCH -j abc' '-j abc -u NOSUCH' '-t foo -u NOSUCH' '-u NOSUCH -t foo' '-u NOSUCH extra' '-i x -u NOSUCH' '-u NOSUCH -i x' '-u NOSUCH -u NOSUCH2 -h' '-t foo -t bar' '-j abc -t foo' '-w n[ -t foo' '-o %i -O foo' '-O foo -o %i' '-j 999 -u NOSUCH' '-u NOSUCH -n' '-u NOSUCH --usage' '--usage --badopt' '-t foo --usage'
for a in '-t foo --badopt' '-i x -t foo' '-t foo -i x' '-a -p gpu -t foo' '-l -o %n -t foo' '-t foo --usage' '--usage -t foo' '-t foo -p' '-n n[ -t foo'; do s sinfo $a; done
for a in '-u NOSUCH -t foo' '-t foo --help' '-t bar -s FOO 1' '-s FOO -t bar 1' '-s FOO --badopt' '-s FOO abc' 'abc -u NOSUCH' '-b 999' '-b -Q 999' 'abc 999'; do s scancel $a; done
for v in 'SCANCEL_STATE=foo scancel abc' 'SQUEUE_STATES=foo squeue -u NOSUCH' 'SQUEUE_USERS=NOSUCH squeue --badopt'; do s env $v; done
for a in '-u NOSUCH --badopt' '-u NOSUCH -j abc' '-u NOSUCH -o %Z' '-S ? -u NOSUCH' '-u NOSUCH --usage' '-u NOSUCH extra'; do s sprio $a; done
s sstat -j abc --badopt; s sstat -o foo; s sstat -j abc --usage; s sattach abc --badopt; s sattach --input-filter=x --badopt 1.0; s sattach 999.0 --usage
for a in '-j abc --badopt' '-u NOSUCH -j abc' '-s foo -u NOSUCH' '-S foo -s bar' '-E foo -S bar' '-k x -j abc' '-i x -u NOSUCH' '--units=X --badopt'; do s sacct $a; done
n=(burstbuffer=x partition=NOSUCH reqnodelist=NOSUCH reservationname=NOSUCH gres=foo licenses=NOSUCH excnodelist=NOSUCH numnodes=9-3 numtasks=0 deadline=2001-01-01 corespec=2 features=NOSUCH dependency=x)
for i in {0..11}; do s scontrol update jobid=$K ${n[i+1]} ${n[i]}; done
s scontrol update nodename=n0 weight=y state=foo; s scontrol hold foo=x; s scontrol hold jobname=x,y; s scontrol show job 999 abc
for c in 'sbatch -H --wrap true' 'srun -I'; do for a in '--uid=4242 -p NOSUCH' '-p NOSUCH -C NOSUCH' '-w NOSUCH -C NOSUCH' '-d afterok:999999 -C NOSUCH' '-L NOSUCH --gres=foo' '-t x --badopt' '-t x -N y'; do s $c $a true; done; done
s srun -i /nonexistent -o /nonexistent/x true
