# The jobs, nodes and reservations over which the query commands are surveyed
job() { sbatch --parsable -o /dev/null "$@" | tail -n 1; }
state() { for _ in $(seq 300); do [ "$(squeue -h -j $1 -t all -o %T)" = $2 ] && return; sleep 0.1; done; echo "$1 never $2"; }
scontrol update nodename=n2 features=fast,big >/dev/null
scontrol update nodename=n3 state=drain reason='bad fan' >/dev/null
scontrol create reservation reservationname=rsv users=root starttime=now+30days duration=60 nodes=n2 >/dev/null
scontrol create partition=hid nodes=n1 hidden=yes >/dev/null
R=$(job -J train -N2 -w 'n[0-1]' -n4 --gres=gpu:2 --mem=1000 -t 60 --comment=hello -L lic:2 --wckey=k \
    --wrap 'srun -J inner -n4 --gres=gpu:1 --mem=500 sleep 1000 & sleep 1; srun -N1 -n1 -w n1 --overlap --mem=0 sleep 1001 & wait'); state $R RUNNING
sleep 1.1
S=$(job -J stopped -w n0 -n1 --mem=10 -t 60 --wrap 'sleep 1000'); state $S RUNNING; sleep 1.1; scontrol suspend $S
A=$(job -J arr -a 1-6%2 -w n1 -t 1-0 --mem=10 --wrap 'sleep 1000')
for _ in $(seq 100); do [ $(squeue -h -j $A -t R -r | wc -l) = 2 ] && break; sleep 0.1; done
sleep 1.1; E=$(job -J ended -w n2 --mem=10 -t 60 --wrap 'sleep 1'); state $E COMPLETED
F=$(job -J failed -w n2 --mem=10 -t 60 --wrap 'sleep 1; exit 3'); state $F FAILED
K=$(job -J killed -w n2 --mem=10 -t 60 --wrap 'sleep 1000'); state $K RUNNING; sleep 1.1; scancel $K; state $K CANCELLED
B=$(job -J begin -b 2099-01-01T10:00:00 --nice=7 -n3 -c2 --wrap true)
D=$(job -J depends -d afterok:$R -n1 --deadline=2099-01-01 -t 10 --wrap true)
L=$(job -J lics -L matlab:2,lic:3 -n1 --mem=10 -t 60 --gpus=2 --wrap true)
X=$(job -J whole -N3 -n3 --exclusive -w n1 -x n3 --gpus-per-node=1 --mem-per-cpu=50M -t 2-3:4:5 --wrap true)
Y=$(job -H -J after -N3 -n7 --exclusive --ntasks-per-node=4 --mem=15G -p small,gpu --wrap true)
P=$(job -J down -p closed -n1 --reservation=rsv --wrap true)
H=$(job -H -J held -n2 -C 'fast|big' --core-spec=1 --switches=1@10 --contiguous --requeue --mail-type=END --mail-user=x@y -A acc --qos=normal --wrap true)
T=$(job -H -J one -n1 --mem=10 : -J two -N1 --gpus=a100:1 --mem=10 --wrap true)
for _ in $(seq 100); do squeue -h -j $Y,$X,$L,$P -o %r | grep -q None || break; sleep 0.1; done
for _ in $(seq 100); do [ $(squeue -h -s | wc -l) -ge 6 ] && break; sleep 0.1; done
say() { "$@" > out 2> err; s=$?; cat out; sed 's/^/err: /' err; echo "status $s"; }
# u KIND ID KEY=VALUE...: update it, and show what that has changed of it
shown() { scontrol -a -o show "$1" "$2" 2>/dev/null | tr ' ' '\n' | grep -vE '^(RunTime|LastSchedEval|CPULoad|FreeMem|AccrueTime)='; }
u() {
  local kind=$1 id=$2 status; shift 2
  shown "$kind" "$id" > before; scontrol update "$kind=$id" "$@"; status=$?; shown "$kind" "$id" > after
  diff before after | grep '^[<>]'; return $status
}
