# refusals; of two lines about one refusal either may come first
for a in '-N 0' '-t x' '--mem=x' '--gres=fpga:1' '-w n9' '--nosuch' '-n 99 -I' '-C nosuch'; do echo "$a"; say salloc $a true 2>&1 | sort; done | sed -E 's/[0-9]{5}/N/g'
salloc -Q -w n0 --exclusive bash -c 'salloc -Q -I -w n0 --exclusive true; echo "inner $?"; srun -I1 -w n0 --jobid=99999999 true; echo "inner $?"'
salloc --no-shell -Q -n2; J=$(squeue -h -o %A | head -n 1); squeue -h -j $J -o '%T %C %j'; srun --jobid=$J bash -c 'echo $SLURM_PROCID' | sort; scancel $J; wait_gone; field $J JobState
salloc -n1 true 2>&1 | sed -E 's/[0-9]{5}/N/g'
salloc -v -n1 true 2>&1 | grep -c .  > /dev/null; echo "status $?"
