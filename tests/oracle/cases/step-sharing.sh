# steps beside each other in an allocation: who waits, who shares, who is refused. Memory is shared
# with --overlap only from 23.02 on, and never counted with --mem=0
cat > j.sh <<'S'
#!/bin/bash
# held COMMAND...: while a step holds what the options of $H say
held() { rm -f up go; srun $H bash -c 'touch up; until [ -e go ]; do sleep 0.1; done' 2> held-err & h=$!; until [ -e up ]; do sleep 0.1; done; "$@"; touch go; wait $h; }
# now OPTIONS: one that must start at once; later OPTIONS: one that waits until the other has gone
# Slurm's step that has just ended may be in the way of a next one for a moment, and says so again and again
now() { echo "now $*"; timeout 20 srun "$@" bash -c 'echo ran' > at-once 2>&1; echo "status $?"; grep -v -e 'step creation temporarily' -e 'Step created for' at-once; }
later() { echo "later $*"; srun "$@" bash -c 'echo ran' > late 2>&1 & l=$!; sleep 0.7; grep -c ran late; touch go; wait $l; grep -c ran late; grep -v ran late | sort -u; }
H='-N1 -n1 --exact' held now -N1 -n1 --exact
H='-N1 -n1 --exact' held now -N1 -n3 --exact
H='-N1 -n1 --exact' held later -N2 -n8 --exact
H='-N2 -n8' held later -N1 -n1
H='-N2 -n8' held later -N1 -n1 --exact
H='-N2 -n8' held now -N1 -n1 --overlap --mem=0
H='-N2 -n8 --overlap' held now -N1 -n1
H='-N2 -n8 --overlap' held now -N2 -n8
H='-N2 -n8' held now -N1 -n1 -I1
H='-N2 -n8' held now -N1 -n1 --immediate=2
H='-N1 -n4 -w n0' held now -N1 -n4
H='-N1 -n4 -w n0' held later -N1 -n1 -w n0
H='-N1 -n4 -w n0' held later -N2 -n2
H='-N1 -n1 -c2' held now -N1 -n1 -c2 -w n0
H='-N1 -n1 -c4 -w n0' held later -N1 -n1 -c1 -w n0
H='-N2 -n8' held now -N1 -n1 -O --overlap --mem=0
now -n16 -O -N2 -Q; now -n9; now -N1 -n1 --exclusive; now -N1 -n1 --mem=100 --exact
H='-N1 -n1 --exact --mem=400 -w n0' held later -N1 -n1 --exact --mem=200 -w n0
H='-N1 -n1 --exact --mem=100 -w n0' held now -N1 -n1 --exact --mem=200 -w n0
S
submit -N2 -n8 --ntasks-per-node=4 -w n[0-1] -o out j.sh; wait_gone $J 55; ids $J < out | sed -E 's/JOB1\.[0-9]+/STEP/'
