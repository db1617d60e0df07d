# forms of the command line, and what is refused
has() { [ "$(sacct -nXPj "$1" -o state | cut -d' ' -f1)" = "$2" ]; }
submit -H -A acc -J ok -o /dev/null --wrap true; A=$J; submit -H -A acc -J failing -o /dev/null -n2 --wrap 'srun true; exit 3'; B=$J; for j in $A $B; do SECONDS_TO_WAIT=30 waits sh -c "[ -n \"\$(sacct -nXj $j -o jobid)\" ]"; scontrol release $j; done
SECONDS_TO_WAIT=40 waits has $A COMPLETED; SECONDS_TO_WAIT=40 waits has $B FAILED
s() { echo "$*" | ids $A $B; sacct "$@" 2>&1 | sed 's/ *$//' | ids $A $B; echo "status ${PIPESTATUS[0]}"; }
o=jobid,jobname,state
s -j $A,$B; s -j $A -P; s -j $A -p -n; s -j $B -X -n; s -j $A --delimiter=, -P -o $o; s -j $A -b; s -b -o state -j $A; s -l -o state -j $A; s -j $B.0 -o $o; s -j $B.batch,$A -o $o; s -j 999999; s -j x; s -j $A,x; s -j $A.x; s -j $A -o nosuch; s -j $A -o ''; s -j $A -o jobid%5,state%-20,jobname%30; s -j $A,$A -X -o jobid
s -j $A,$B -s F -X -o $o; s -j $A,$B -s nosuch; s -j $A,$B --name=ok,x -X -o $o; s -j $A,$B -N n99 -X; s -j $A,$B -r gpu -X -o $o; s -j $A,$B -r nosuch -X; s -j $A -u root -X -o user; s -u nosuch; s -u 12345; s -g nosuch; s -g 12345; s -j $A -A nosuch -X; s -S x; s -E x; s -j $A -S now+1hour -X -n; s -K 10 -j $A -X -n; s -k x; s -i 2 -j $A,$B -X -n -o $o; s -I 2-3 -j $A,$B -X -n -o $o; s -F nosuch; s --units=x; s -j $A --units=K -X -o reqmem,alloctres%40; s -j $A --noconvert -X -o reqmem; s --nosuch; s -z; s extra; s --whole-hetjob=x; s -c -j $A; s -f /nonexistent; s -n -Xj$B -oState; s -Pnj $B --format=JobID,State,ExitCode
s -e
