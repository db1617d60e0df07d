# one bad task ends the others; waiting is bounded
# which node it is does not matter, and a shell may see its sleep killed first
p() { sed -E 's/[0-9]{5}/N/g; s/ AT .*/ AT T/; s/\bn[0-3]\b/NODE/g; / sleep 0.1$/d' err | sort; }
srun -n3 -K bash -c '[ $SLURM_PROCID = 1 ] && exit 3; sleep 30' 2> err; echo "status $?"; p
srun -n3 -N1 bash -c '[ $SLURM_PROCID = 1 ] && sleep 0.05; [ $SLURM_PROCID = 2 ] && sleep 1; exit 3' 2> err; echo "status $?"; p
srun -n2 -W1 bash -c '[ $SLURM_PROCID = 1 ] && exit 0; sleep 30' 2> err; echo "status $?"; p
srun -n2 bash -c 'trap "echo got term; exit 9" TERM; touch up$SLURM_PROCID; for i in $(seq 100); do sleep 0.1; done' > out 2> err & p=$!
waits test -e up1; waits test -e up0; kill -TERM $p; wait $p; echo "status $?"; sort out; p
