# every way to say how long
for t in 1 01:30 90:00 2:00:00 1-0 1-12 1-12:30 1-12:30:30 0:20 infinite UNLIMITED 100:100 ; do
  submit -H -o /dev/null -t $t --wrap true && squeue -h -j $J -o "$t %l %L"; scancel $J
done
for t in -5 1-x 1: :5 1:2:3:4 '' 1.5 1-0-0; do say sbatch -H -o /dev/null -t "$t" --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
submit -H -o /dev/null -t 10 --time-min=5 --wrap true; field $J TimeMin; field $J TimeLimit; scancel $J
say sbatch -t 5 --time-min=10 --wrap true
scancel -u root
