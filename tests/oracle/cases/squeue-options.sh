# filters, order and errors of squeue
submit -H -J aa -n1 -o /dev/null --nice=1 --wrap true; A=$J; submit -H -J bb -N2 -p debug,gpu -A acct -o /dev/null --wrap true; B=$J; submit -b now+1hour -J cc -c2 -o /dev/null --wrap true; C=$J
q() { echo "$*"; squeue -h "$@" -o '%i %j %P'; echo "status $?"; }
{ q; q -n aa; q -n aa,cc; q -p debug; q -p nosuch; q -u root; q -u nosuchuser; q -u daemon; q -u 0; q -t PD; q -t R; q -t pending,running; q -t all -n aa -j $A,$B; q -t nosuch; q -A acct; q -A nosuch; q -j $A,$C; q -j $A,99999999; q -j x; q -w n0; q -w n99; q -S j; q -S -j; q -S P,i; q --sort=-i; q -S zz; q --me; q -q normal; q -R nosuch; q -L lic; q -s; q -r; q extra; q --nosuch; } 2>&1 | ids $A $B $C
squeue --start -j $B -o '%i %T' | ids $A $B $C; squeue -h --start -j $C | sed -E 's/ +/ /g' | ids $A $B $C; squeue --noheader -l -j $A | tail -n +2 | ids $A
SQUEUE_FORMAT='%i;%j' squeue -j $A | ids $A; SQUEUE_FORMAT2='JobID:8,Name:.6' squeue -j $A | ids $A; SQUEUE_SORT=-i SQUEUE_PARTITION=gpu SQUEUE_STATES=all squeue -h -o %i | ids $A $B $C | grep JOB; SQUEUE_NAMES=aa squeue -h -o %j; SQUEUE_USERS=nosuchuser squeue
squeue -a -h -o %j | sort; squeue --hide -h -o %j | sort; squeue -P -h -j $B -o '%i %P' | ids $A $B $C; scancel $A $B $C; squeue
