# which lines of a script are read as options
show() { squeue -h -j "$J" -o '%j|%l|%D|%C|%P|%k|%y|%m|%b'; scancel "$J"; }
cat > a.sh <<'S'
#!/bin/bash
# a comment
#SBATCH --job-name="two words" --hold
#SBATCH -t 5 # a remark
##SBATCH -N 4
# SBATCH -N 3

#SBATCH --comment='it is' -n2 --output=/dev/null
:
#SBATCH -N 2
S
submit a.sh; show
cat > b.sh <<'S'
#!/bin/sh
#SBATCH -H -o /dev/null
#SBATCH -Jx -c2
#SBATCH --mem 300M
#SBATCH --nice
#SBATCH --gres gpu:1
#PBS -l walltime=1:00:00
S
submit b.sh; show
submit -J cmd -c1 --mem=200 b.sh; show
SBATCH_JOB_NAME=env SBATCH_TIMELIMIT=7 SBATCH_PARTITION=debug SBATCH_GRES=gpu:2 submit b.sh; show
SBATCH_JOB_NAME=env SBATCH_TIMELIMIT=7 submit -J line -t 9 b.sh; show
printf '#!/bin/sh\n#SBATCH -H -o /dev/null --comment=a\\ b\n#SBATCH --jo=longprefix\n' > c.sh; submit c.sh; show
