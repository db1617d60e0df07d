# --debugger-test: the tasks wait, stopped, with their programs loaded; a debugger is told their processes
t() {
  echo "== $*"; : >out >err >seen >told; srun --debugger-test "$@" >out 2>err & S=$! A=
  waits there err; P=$(sed -n 's/.*pid:\([0-9]*\),.*/\1/p' err | sort -un); waits stopped || echo "never stopped"
  for p in $P; do basename "$(readlink /proc/$p/exe)"; grep TracerPid: /proc/$p/status; done
  [ -z "$ATTACH" ] || { sattach $ATTACH "$(squeue -h -s -o %i | grep -v '[a-z]')" >seen 2>told & A=$!; waits there told; }
  kill -CONT $P; wait $S; echo "status $?"; sort out; sed 's/pid:[0-9]*/pid:X/' err
  [ -z "$A" ] || { wait $A; echo "sattach $?"; sort seen; sed 's/pid:[0-9]*/pid:X/' told | grep -v 'task . exited'; }
}
there() { [ "$(grep -c 'pid:' $1)" -ge 3 ]; }
stopped() { [ "$(cat $(printf '/proc/%s/status ' $P) 2>/dev/null | grep -c '^State:.T')" = 3 ]; }
printf '0 echo zero %%t\n1-2 /bin/echo others\n' >programs
t -n3 --multi-prog programs; wait_idle; ATTACH=--debugger-test t -N2 -n3 -w n[1-2] -l sh -c 'echo hi; exit $((SLURM_PROCID / 2))'; wait_idle
srun -v --debugger-test -n1 /bin/sleep 60 2>&1 | sed -n '/defined options/,/end of/p' & waits eval 'J=$(squeue -h -t R -o %A | grep .)'; scancel $J; wait
