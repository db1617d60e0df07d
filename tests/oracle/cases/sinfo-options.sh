# sinfo's listings and filters
s() { echo "$*"; sinfo "$@" 2>&1 | sed 's/ *$//' | grep -v '^<time>' | sed -E 's/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) .*//'; }
scontrol update nodename=n3 state=drain reason=drained; submit -w n0 -n2 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; submit -w n1 --exclusive -o /dev/null --wrap 'sleep 30'; wait_state RUNNING
# partitions of a node: Slurm asks for them in threads; of 60 listings of five partitions 17 were different
sN() { s "$@" | sort; }
s; s -s; s -l; sN -N; sN -N -l; s -e; s -p debug; s -p nosuch; s -n n1; s -n n[0-1],n3; s -n n99; s -t idle; s -t alloc,mix; s -t drain; s -t nosuch; s -r; s -d; s -h; s -a -p closed; s -S -P; s -o '%P'; sN -N -o '%N %P'; s -o '%all' > /dev/null; s -R; s -R -l; s -O NodeList,StateLong; s -O nosuch; s --nosuch; s -T; s -O 'NodeList:5,StateCompact:.8,CPUsState' | sort; s -t 'drain&idle'; s -t ~down ; s -i x; s extra; s -t allocated; s -t 'idle&~drain'; s -l -O partition; s -S '!' | sort; s -S zP | sort; sN -R -N
SINFO_FORMAT='%N %t' sinfo -h -p gpu; s -N -p gpu; s -N -p gpu -l; SINFO_FORMAT='%t' sinfo -N -h -p debug; SINFO_PARTITION=debug sinfo -h; SINFO_SORT=-N sinfo -h -p gpu -o '%N %t'
scontrol update nodename=n3 state=resume; scancel -u root; waits sh -c '[ "$(sinfo -h -p gpu -o %T)" = idle ]'
submit -w n2 -o /dev/null --wrap 'sleep 30'; wait_state RUNNING; scontrol update nodename=n2 state=drain reason=draining; scontrol update nodename=n1 state=drain reason=drained
for t in idle mix alloc drain drained draining idle,drain 'idle&drain' 'mix&drain' idle+drain; do s -p gpu -h -t $t -o '%T %N'; done; s -p gpu -h -S t -o '%T %t %C %A %F %N'; s -p gpu -h -O 'statecomplete,nodelist'; scancel -u root; for n in 1 2; do scontrol update nodename=n$n state=resume; done
