# counted licences
l() { scontrol show licenses; }
l; submit -L lic:3 -o /dev/null --wrap 'sleep 30'; A=$J; wait_state RUNNING $A; l; scontrol show job $A | grep Licenses
submit -L lic:2 -o /dev/null --wrap true; B=$J; wait_reason Licenses $B; squeue -h -j $B -o '%T %r %W'; srun -L lic:1,matlab:1 bash -c 'echo $SLURM_JOB_LICENSES'; scancel $A; wait_gone $B; field $B JobState; l; scontrol show lic matlab; scontrol -o show lic
for x in nosuch nosuch:1 lic:5 lic:x lic:0 lic:-1 lic; do echo $x; say sbatch -H -L $x -o /dev/null --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'; scancel -u root
# which of two mistakes is told
for x in '-d bad' '-C nosuch' '-x n99' '-x n1 -w n1' '--gres=foo' '-w n9'; do echo "$x"; say sbatch -H -L nosuch $x -o /dev/null --wrap true; say sbatch -H -d bad $x -o /dev/null --wrap true; done 2>&1
