# what srun says when tasks fail; order of lines between tasks may vary, and nodes, since one that has just been used is passed
t() { echo "$*"; srun "$@" 2> err; echo "status $?"; sed -E 's/[0-9]{5}\.[0-9]+/JOB/g; s/[0-9]{5}/N/g; s/<time>//; s/\bn[0-3]\b/NODE/g' err | sort; }
t false
t bash -c 'exit 42'
t bash -c 'kill -9 $$'
t bash -c 'kill -SEGV $$'
t -n3 bash -c 'exit $((SLURM_PROCID + 1))'
t -N2 -n4 bash -c 'exit $((SLURM_PROCID % 2))'
t -n2 -l bash -c 'echo hello; echo oops >&2; exit 5' | sort
t -Q false
t nosuchprogram
t -n2 -N2 nosuchprogram
t --epilog=/bin/false true
touch file; for d in $PWD/new $PWD/file $PWD/file/x; do TMPDIR=$d t sh -c 'ls -ld $TMPDIR | cut -c1-10'; done
t --resv-ports=2 true; t --resv-ports true
t --task-prolog=/nonexistent true
