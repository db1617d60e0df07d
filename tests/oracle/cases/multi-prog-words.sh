# the words of a --multi-prog file: blanks, quotes, continued lines, offsets within ranges
m() { printf "$1" > m.conf; shift; srun -l "$@" --multi-prog m.conf 2> err | sort; echo "status ${PIPESTATUS[0]}"; sed -E 's/[0-9]{5}(\.[0-9]+)?/N/g; s/ n[0-9]: task/ NODE: task/; s/slurmstepd-n[0-9]/slurmstepd-NODE/' err | sort; }
m '0-1,3 echo t=%%t o=%%o\n2 echo other %%t %%o\n' -n4
m '3,0-1 echo t=%%t o=%%o\n2 echo other %%t %%o\n' -n4
m '0\techo\ttab  two   blanks\n' -n1
m '   0    echo   leading\n' -n1
m '0 echo "in quotes  %%t" end\n' -n1
m "0 echo 'single  quotes' end\n" -n1
m '0 echo a\\\n b\n1 echo c\n' -n2
m '0 sh -c "echo $SLURM_PROCID"\n' -n1
m '0 echo a\\ b\n' -n1
m '* echo t=%%t o=%%o\n' -n3
m '0 echo first\n* echo t=%%t o=%%o\n' -n3
m '* echo all\n0 echo first\n' -n2
m '0 echo x%%tx%%o%%t\n' -n1
m '0-1 echo 100%%%% %%x\n' -n2
m '0 echo a # remark\n' -n1
m '0 ./own.sh %%t\n' -n1
printf '#!/bin/sh\necho own $1\n' > own.sh; chmod +x own.sh
m '0 ./own.sh %%t\n' -n1
m '0 own.sh %%t\n' -n1
m '0-1 hostname -x\n' -n2 2>&1 | head -3
m '2-1 echo back\n0 echo a\n' -n2
m '0,1 echo %%o\n' -n2 -N2
srun -n2 -l --multi-prog m.conf extra words | sort
