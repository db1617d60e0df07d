# not before, and not after
t() { submit -o /dev/null "$@" --wrap true && { wait_reason BeginTime $J 5; squeue -h -j $J -o '%T %r'; scancel $J; }; }
t -b now+1hour; t -b now+60; t --begin=now+2days; t --begin=2099-01-01; t --begin=2099-01-01T10:11:12
for b in nosuch now+x 2001-01-01T25:00 99:99 13/45 now+1century; do say sbatch -H -o /dev/null -b $b --wrap true; done 2>&1 | sed 's/batch job [0-9]*/batch job N/'
submit -H -b 2099-01-01T10:11:12 -o /dev/null --wrap true; scontrol show job $J | grep -oE '(Start|Eligible)Time=[^ ]*'; scontrol show job $J | grep -oE '[A-Za-z]*=2099[^ ]*'; squeue -h -j $J -o %V%S | sed 's/[0-9T:-]*//g'; scancel $J
say sbatch --deadline=now+1minute -t 60 -o /dev/null --wrap true
say sbatch --deadline=2001-01-01 -o /dev/null --wrap true
submit -H --deadline=2099-02-03T04:05:06 -o /dev/null --wrap true; scontrol show job $J | grep -c Deadline=; scancel $J
scancel -u root
