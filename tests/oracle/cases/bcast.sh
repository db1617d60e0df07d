# sbcast and srun --bcast
head -c 300000 /dev/zero | tr '\0' x > src; chmod 751 src; touch -d '2020-01-02 03:04:05' src
cat > j.sh <<'S'
#!/bin/bash
c() { "$@" 2>&1 | sed -E 's/REQUEST_FILE_BCAST\(n[0-9]\)/BCAST/' | sort -u; echo "status ${PIPESTATUS[0]}"; }
c sbcast src d1; stat -c '%a %s' d1; [ "$(stat -c %Y d1)" = "$(stat -c %Y src)" ] && echo kept || echo new
c sbcast src d1
c sbcast -f src d1
c sbcast -p src d2; stat -c '%a %s %y' d2 | cut -c1-30
c sbcast -C src d3; cmp src d3 && echo same
c sbcast --compress=nosuch src d5
c sbcast -s 1m src d6; cmp src d6 && echo same
c sbcast -F 1 -t 5 src d7; cmp src d7 && echo same
c sbcast src $PWD/d8; cmp src d8 && echo same
c sbcast nosuch d9
c sbcast src /nonexistent/d
c sbcast src d/
c sbcast -j $SLURM_JOB_ID src e1; cmp src e1 && echo same
c sbcast -j 99999999 src e2
c sbcast src
printf '#!/bin/sh\necho ran $1 $SLURM_PROCID\n' > prog; chmod 755 prog
srun -n2 --bcast=$PWD/there ./prog word | sort; stat -c %a there
srun -n2 --bcast=$PWD/there --compress=lz4 ./prog again | sort
SLURM_BCAST=$PWD/other srun -n1 ./prog env; ls other
ls -A | grep -c '^\.'
# last: in Slurm the step that could not be launched keeps what it holds
srun -n1 -N1 --bcast=$PWD/dir/ ./prog x 2>&1 | sed -E 's/slurm_bcast_[0-9.]+_n[0-9]/BCAST/; s/[0-9]{5}/N/'
S
# a step's end may reach Slurm's controller late: whether the next one waits is chance
submit -n2 -N1 -o out j.sh; wait_gone; sed -E "s,$PWD,CWD,g; s/\b7[0-9]{4}\b/N/g" out | grep -v 'temporarily\|Step created'
