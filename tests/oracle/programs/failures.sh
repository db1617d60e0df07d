# slow: programs that fail: what becomes of job and node, and what srun and salloc say
noted() { ls ./$1.*.env >/dev/null 2>&1; }
told() { squeue -h -t all -j $J -o '%T|%r|%Q'; field $J ExitCode; field $J Restarts; }
drained() { # drained TEXT: n0 is drained for it; then it serves again
  is_drained() { [ "$(sinfo -h -N -n n0 -p debug -o '%T %E')" = "drained $1" ]; }
  waits is_drained "$1" || sinfo -h -N -n n0 -p debug -o '%T %E'
  sinfo -h -N -n n0 -p debug -o '%T|%E|%U'
  scontrol update nodename=n0 state=resume
  is_up() { [ "$(sinfo -h -N -n n0 -p debug -o %T)" = idle ]; }
  waits is_up
}
touch fail.prolog_slurmd
submit -p debug -o out --wrap 'echo never'
wait_reason 'launch failed requeued held'; wait_state PENDING
told; cat out; drained 'Prolog error'
scancel $J
submit -p debug --no-requeue -o /dev/null --wrap true
wait_gone; told; drained 'Prolog error'
without_chance() { grep -vE 'Pending|queued|been allocated|Required node|Relinquishing|revoked'; }
say srun -p debug true 2>&1 | ids 7.... | without_chance | LC_ALL=C sort
drained 'Prolog error'
# srun may be over, and salloc with it, before the controller has said of which node it is
say salloc -p debug srun true 2>&1 | ids 7.... | without_chance | grep -v 'Prolog failure' | LC_ALL=C sort
drained 'Prolog error'
rm -f fail.* -- *.env
touch fail.epilog_slurmd
submit -p debug -o /dev/null --wrap 'exit 2'
wait_gone; told; drained 'Epilog error'
rm -f fail.*
touch fail.epilog_slurmctld
submit -p debug -o /dev/null --wrap 'exit 2'
wait_gone; told; sinfo -h -N -n n0 -p debug -o '%T|%E'
rm -f fail.* -- *.env
touch fail.prolog_slurmctld
submit -p debug -o /dev/null --wrap true
wait_reason BeginTime; told; scancel $J
submit -p debug --no-requeue -o /dev/null --wrap true
wait_gone; told
say srun -p debug true 2>&1 | without_chance
say salloc -p debug true 2>&1 | ids 7.... | without_chance
ls ./*slurmd*.env 2>/dev/null | wc -l
rm -f fail.*
