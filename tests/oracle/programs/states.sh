# slow: what is shown of a job while each program runs, and what may be done meanwhile
shown() { squeue -h -t all -j $J -o '%T|%r|%M' | sed 's/0:0[0-9]$/T/'; sinfo -h -N -n n0 -p debug -o %T | sed s/allocated/mixed/; }
noted() { ls ./$1.*.env >/dev/null 2>&1; }
for name in prolog_slurmctld prolog_slurmd; do
  touch hold.$name
  submit -p debug -o /dev/null --wrap 'sleep 0'
  waits noted $name
  echo "$name"; shown
  field $J NodeList; field $J Reason
  scancel $J
  touch go
  wait_gone; field $J JobState; field $J ExitCode
  ls ./*.env | cut -d. -f2,3 | LC_ALL=C sort
  rm -f go hold.* -- *.env
done
for name in epilog_slurmd epilog_slurmctld; do
  touch hold.$name
  submit -p debug -o /dev/null --wrap 'exit 4'
  waits noted $name; wait_state COMPLETING
  [ $name = epilog_slurmctld ] && waits is_idle
  echo "$name"; shown
  touch go
  wait_gone; field $J JobState; field $J ExitCode
  rm -f go hold.* -- *.env
done
# a job of its own waits for its nodes; a step of another waits for the job
touch hold.prolog_slurmctld
(waits noted prolog_slurmctld; sleep 0.3; touch go) &
srun -v -p debug hostname 2>&1 | grep -cE 'Waiting for nodes to boot|are ready for job|Completed'
wait; rm -f go hold.* -- *.env
touch hold.prolog_slurmctld
(waits noted prolog_slurmctld; sleep 0.3; touch go) &
say salloc -p debug sh -c 'srun true; echo done' 2>&1 | ids 7.... | grep -vE 'Pending|queued|been allocated'
wait; rm -f go hold.*
