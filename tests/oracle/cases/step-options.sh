# options of a step against the allocation around it
cat > j.sh <<'S'
#!/bin/bash
t() { echo "> $*"; srun "$@" bash -c 'echo $SLURM_PROCID $SLURMD_NODENAME $SLURM_NTASKS_PER_NODE' 2>&1 | sort; }
t --ntasks-per-node=1; t --ntasks-per-node=2; t -n2 --ntasks-per-node=1; t -n3 --ntasks-per-node=1; t -n4 -N2 --ntasks-per-node=1; t -n1 --ntasks-per-node=2; t -N1 --ntasks-per-node=1; t -N1 --ntasks-per-node=4
t -c9; t -c5; t -c4 -n3; t -c9 -n1; t -N2 -c4; t -N1 -n3; t -N1 -c3; t --mem-per-cpu=300; t --mem=9999999; t --mem=100; t --mem=500 -n2; t --mem=0
t -r5; t -r5 -N1; t -r1 -N2; t -r1; t -r0; t -r1 -w n0; t -r1 -x n0; t -r -1; t -r1 -N1 -n1; t -w n1,n0 -n2; t -w n0 -N2; t -x n0,n1; t -x n0; t -x n0 -N1; t -w n3; t -w n0,n3; t -w nosuch
t -n2 -m arbitrary; t -m arbitrary; t -x 'n['; t -x n9; t -w 'n['; t -x n0 -w n0,n1; t --gres=foo:1; t --begin=now; t -O --exact; t -N2 -c2 -n2 --overlap
S
# a step that is just ending may still be in the way
submit -N2 -n4 -c2 -w n[0-1] -o out j.sh; wait_gone $J 50; sed -E '/step creation temporarily|Step created for/d' out | ids $J
