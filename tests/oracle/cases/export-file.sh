# --export and --export-file of srun and sbatch, --chdir
printf 'AA=1\0BB=two words\0CC=with\nline\0' > vars
export FOO=foo
srun --export=FOO,QUX=1 /bin/sh -c 'echo "$FOO $QUX ${SLURM_JOB_ID:+id} ${PATH:+path}"'
srun --export=NONE /bin/sh -c 'echo "<$FOO> ${SLURM_JOB_ID:+id}"'
srun --export=NIL /bin/sh -c 'echo "<$FOO> ${SLURM_JOB_ID:+id}"'
srun --export=ALL,A=1,B=2 /bin/sh -c 'echo "<$FOO> $A $B"'
srun --export='A=x y,B=z' /bin/sh -c 'echo "<$A> <$B>"'
srun --export=NOTSET /bin/sh -c 'echo "<$NOTSET>"'
srun --export='A="a,b",C=d' /bin/sh -c 'echo "<$A> <$C>"' 2>&1
srun --export= /bin/sh -c 'echo "<$FOO>"' 2>&1
SLURM_EXPORT_ENV= srun /bin/sh -c 'echo "<$FOO> <${PATH:+path}>"'
SLURM_EXPORT_ENV=FOO,Z=9 srun /bin/sh -c 'echo "<$FOO> <$Z> <$SLURM_EXPORT_ENV>"'
SLURM_EXPORT_ENV=NONE srun --export=ALL /bin/sh -c 'echo "<$FOO> <$SLURM_EXPORT_ENV>"'
submit -o b1 --export-file=vars --wrap 'echo "$AA <$BB> <$CC> <$FOO>"'; wait_gone; cat b1
submit -o b2 --export-file=vars --export=FOO --wrap 'echo "$AA <$FOO>"'; wait_gone; cat b2
say sbatch --export-file=/nonexistent --wrap true
srun --export-file=vars /bin/sh -c 'echo "$AA"' 2>&1 | head -1
mkdir -p deep/er; cd deep
srun -D er pwd | sed 's,.*/case-[^/]*,,'; srun --chdir=../deep/er pwd | sed 's,.*/case-[^/]*,,'; srun -D /usr pwd
submit -o ../b3 -D er --wrap 'pwd; srun pwd; srun -D /usr pwd'; wait_gone; cd ..; cat b3 deep/b3 2>/dev/null | grep -v 'temporarily\|Step created' | sed 's,.*/case-[^/]*,,'
say srun -D '' pwd 2>&1 | sed 's,.*/case-[^/]*,,'
