# which jobs scancel means
submit -H -J a -A acct -o /dev/null --wrap true; A=$J; submit -H -J b --array=1-4 -o /dev/null --wrap true; B=$J; submit -H -J c -p debug -o /dev/null --wrap true; C=$J
l() { squeue -h -r -o %i | sort | ids $A $B $C; }
t() { echo "$*" | ids $A $B $C; scancel "$@" 2>&1 | ids $A $B $C; echo "status ${PIPESTATUS[0]}"; }
t; t -A nosuch; t -n nosuch; t -p nosuch; t -u nosuchuser; t -u nosuchuser -t nosuch; t -u nosuchuser x; t -t RUNNING -u root; t -t nosuch; t -w n99; t -q nosuch; t ${B}_2 ; t "${B}_[3-4]"; l; t $A $A; t $A 99999999; t 99999999.0; t x.y; t $C.batch; t --nosuch; t -R nosuch; l; t -A acct; t -n c; l; t -f $B; l; t "$B"; t --me; t -u root; t -Q 99999999; t --quiet x; t -i $A; t -p debug -n c -t PD; t -s 0 $A; t '';  l
