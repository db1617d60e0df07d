# which variables travel
export FOO=foo BAR='two words'; unset BAZ
cat > j.sh <<'S'
#!/bin/bash
echo "foo=$FOO bar=$BAR baz=$BAZ path=${PATH:+set} home=${HOME:+set} user=$USER export=$SLURM_EXPORT_ENV"
S
i=0; jobs=; for e in ALL NONE FOO ALL,BAZ=1 NIL FOO,BAR 'FOO=new,BAZ=2' ; do i=$((i+1)); submit -o o$i --export="$e" j.sh; jobs="$jobs $J"; done; for J in $jobs; do wait_gone $J; done; for n in $(seq $i); do echo "-- $n"; cat o$n | grep -v 'cannot be found\|error' ; done
srun --export=BAZ=5 /bin/bash -c 'echo $FOO $BAZ'; srun --export=FOO,BAR /bin/bash -c 'echo $FOO $BAR'; SLURM_EXPORT_ENV=NONE srun /bin/bash -c 'echo "<$FOO>"'; SBATCH_EXPORT=NONE submit -o x --wrap 'echo "<$FOO>"'; wait_gone; cat x; srun --export='ALL,Q=a b' bash -c 'echo "$Q"'
srun bash -c 'ulimit -n > /dev/null; umask; pwd' | sed 's,/tmp/case-.*,CWD,'
