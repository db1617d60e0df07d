# a dependency that can no longer come true
submit -H -o /dev/null --wrap true; A=$J
submit -d afterok:$A -o /dev/null --wrap true; B=$J
submit -d afterok:$A --kill-on-invalid-dep=yes -o /dev/null --wrap true; C=$J
submit -d afterany:$A -o a.out --wrap 'echo after any'; D=$J
submit -d "afterok:$A?afternotok:$A" -o b.out --wrap 'echo either'; E=$J
scancel $A; wait_gone $D; wait_gone $E; wait_gone $C; cat a.out b.out
wait_reason DependencyNeverSatisfied $B
squeue -h -j $B -o '%T %r %E' | ids $A; field $C JobState; field $C Reason
submit -d singleton -J one -H -o /dev/null --wrap true; F=$J; submit -d singleton -J one -o /dev/null --wrap true; G=$J; field $G Dependency | ids $F; field $G Reason
scancel $B $F; wait_gone $G; field $G JobState
