# streams of srun: where they go, how lines are told apart, and readers that leave
t() { echo "> $*"; srun -Q "$@" < in 2> err; echo "status $?"; cat err; }
printf 'one\ntwo\n' > in
t -n2 cat | sort; t -n2 -i none cat; t -n2 -i all cat | sort; t -n2 -i 1 cat; t -n2 -i 0 -l cat; t -n2 -i in cat | sort; t -n2 -i nosuch cat; t -n2 -i 7 cat; t -i /dev/null cat
t -n2 -l bash -c 'echo out; echo err >&2' | sort; t -n2 -o none bash -c 'echo out; echo err >&2'; t -n2 -e none bash -c 'echo out; echo err >&2' | sort; t -n3 -o 1 bash -c 'echo $SLURM_PROCID'; t -n2 -o 9 echo x; t -n2 -e 1 bash -c 'echo $SLURM_PROCID >&2' 
t -n2 -o 'o-%t' bash -c 'echo $SLURM_PROCID; echo e >&2'; head o-*; t -n2 -o task-out -e task-err bash -c 'echo $SLURM_PROCID; echo e >&2'; sort task-out task-err; t -n2 -o both bash -c 'echo o; echo e >&2'; sort both
t -o app --open-mode=append echo first; t -o app --open-mode=append echo second; cat app; t -o app --open-mode=truncate echo third; cat app; t -o app echo fourth; cat app; t -o app --open-mode=x echo
t -n2 -o '%N-%n-%t-%s.out' echo x; ls *.out; rm -f *.out; t -N2 -n2 -o '%4t-%x.out' -J named echo x; ls *.out; rm -f *.out; t -o 'a%%b-%u.out' echo x; ls *.out; t -o dir/nosuch echo x; t -o /nonexistent/x echo x; t -n2 -o '%q-%t.out' echo x; ls *.out
srun -Q -n1 bash -c 'for i in $(seq 100000); do echo $i; done' 2> err | head -n 1; echo "status ${PIPESTATUS[0]}"; cat err
srun -Q -n2 -l bash -c 'printf "no newline"' 2>&1 | sort; echo; srun -Q -n1 printf 'a\0b\n' | od -c; srun -Q -n1 -u printf 'x' ; echo; srun -Q -n2 -l bash -c 'for i in 1 2 3; do printf "part "; done; echo' | sort
srun -Q -n1 bash -c 'exec >&-; exec 2>&-; sleep 0.2'; echo "status $?"; srun -Q -n1 bash -c 'head -c 3000000 /dev/zero' | wc -c; head -c 2000000 /dev/zero | srun -Q -n2 -i 1 wc -c; head -c 2000000 /dev/zero | srun -Q -n2 wc -c; srun -Q -n1 true < /dev/null; echo | srun -Q -n1 bash -c 'sleep 0.2; cat' | od -c
