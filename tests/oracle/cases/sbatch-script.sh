# how a script is given, and what it finds
cat > j.sh <<'S'
#!/bin/bash
echo "$# <$1> <$2> $(basename "$0") $(pwd | sed 's,/tmp/case-.*,CWD,') $SLURM_JOB_NAME"; umask; read -r line && echo "in: $line"; echo err >&2
S
chmod +x j.sh; echo 'from a file' > in.txt; mkdir sub
submit -o a j.sh 'one two' three; A=$J; submit -o b < j.sh; B=$J; submit -i in.txt -o c -e c.err -D sub -J given j.sh x; C=$J; submit --wrap 'echo $0 | sed s,.*/,,; echo "$SLURM_JOB_NAME"; wc -c'; D=$J; (umask 077; submit -o e j.sh; echo $J > J); E=$(cat J); printf '#!/usr/bin/env python3\nimport sys; print(sys.argv[1:], sys.stdin.read())\n' > p.py; submit -o f p.py 1; F=$J; submit -i none -o g --open-mode=append j.sh; G=$J
for J in $A $B $C $D $E $F $G; do wait_gone $J; done; for f in a b slurm-$D.out e f g; do echo "$f" | ids $D; cat $f; done; cat c c.err sub/* 2>&1; stat -c %a e
scontrol show job $A | grep -E 'Command|StdIn|StdOut' | ids $A; scontrol show job $B | grep -E 'Command|JobName|StdErr|StdIn' | ids $B;  scontrol show job $C | grep -E 'StdIn|StdErr|WorkDir' | ids $C; scontrol show job $D | grep -E 'JobName|Command|StdOut' | ids $D
printf '#!/bin/sh\npwd | sed "s,.*/,,"; echo in sub\n' > sub/j.sh; submit -D sub/ -o h j.sh; A=$J; submit -D /tmp -o h2 ./j.sh; B=$J; wait_gone $A; wait_gone $B; cat sub/h; scontrol show job $A | grep -E 'Command|StdOut'; scontrol show job $B | grep Command
rm -f /tmp/h2
