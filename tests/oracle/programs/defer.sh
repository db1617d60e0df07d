# slow: with DeferBatch a script waits until all nodes of its job have run their Prologs
is_told() { [ "$(ls ./$1.*.env 2>/dev/null | wc -l)" -ge "$2" ]; }
touch hold.prolog_slurmd
submit -w n0,n1 -N2 -o out --wrap 'echo begins'
waits is_told prolog_slurmd 2
squeue -h -j $J -o '%T|%r'; ls out 2>&1
touch go
wait_gone; field $J JobState; cat out
