# array expressions
t() { submit -H -o /dev/null --array="$1" --wrap true && squeue -h -j $J -o "%i %K %F" | ids $J; squeue -h -r -j $J -o '%K' | sort -n | tr '\n' ' '; scontrol show job $J | grep -oE 'ArrayTask[A-Za-z]*=.*|ArrayJobId=.*' | ids $J; scancel $J; }
t 0; t 5; t 1-3; t 1,3,5; t 1-9:3; t 1-5%2; t 3,1,2; t 1,1,2; t 0-10:5,7%1; t 07-09; t 1-2,4-5,8
for a in x 1- -1 5-1 1-3:0 1-3%x 1--2 '' 1-200000 '[1-3]' 1,,3 1-3%0; do echo "<$a>"; say sbatch -H -o /dev/null --array="$a" --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
scancel -u root
say srun --array=1-2 true
