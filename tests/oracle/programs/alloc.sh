# slow: with PrologFlags=Alloc the Prolog runs on all nodes as soon as a job has them
noted() { ls ./$1.*.env >/dev/null 2>&1; }
is_told() { [ "$(ls ./$1.*.env 2>/dev/null | wc -l)" -ge "$2" ]; }
without_chance() { grep -vE 'Pending|queued|been allocated|Required node|Relinquishing|revoked\.'; }
shown() { squeue -h -t all -j $J -o '%T|%r'; field $J NodeList; }
touch hold.prolog_slurmd
submit -w n0,n1 -N2 -o out --wrap 'echo begins; srun -l echo step | sort'
waits is_told prolog_slurmd 2; wait_reason Prolog
shown; ls out 2>&1
touch go
wait_gone; shown; cat out
rm -f go -- *.env
(waits noted prolog_slurmd; sleep 0.3; touch go) &
srun -v -w n0,n1 -N2 hostname 2>&1 | grep -cE 'Waiting for nodes to boot|are ready for job|Completed'
wait; rm -f go -- *.env
(waits noted prolog_slurmd; sleep 0.3; touch go) &
say salloc -w n0,n1 -N2 sh -c 'squeue -h -j $SLURM_JOB_ID -o "%T|%r"; srun -n1 -N1 true' 2>&1 | ids 7.... | without_chance
wait; rm -f go hold.* -- *.env
touch fail.prolog_slurmd
up() { scontrol update nodename=n0 state=resume; waits is_up; }
is_up() { [ "$(sinfo -h -N -n n0 -p debug -o %T)" = idle ]; }
submit -p debug -o failed --wrap true
wait_reason 'launch failed requeued held'; wait_state PENDING; shown; cat failed; scancel $J; up
say srun -p debug true 2>&1 | ids 7.... | without_chance; up
say salloc -p debug true 2>&1 | ids 7.... | without_chance; up
rm -f fail.*
