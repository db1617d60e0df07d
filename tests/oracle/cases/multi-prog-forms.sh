# several programs in a step
m() { printf "$1" > m.conf; shift; srun "$@" --multi-prog m.conf 2> err | sort; echo "status ${PIPESTATUS[0]}"; sed -E 's/[0-9]{5}(\.[0-9]+)?/N/g' err | sort; }
m '0 echo zero %%t %%o\n1-2 echo some %%t %%o\n' -n3
m '# remark\n\n0,2 echo a\n1 echo b c\n' -n3
m '0 echo zero\n' -n2
m '0-5 echo x\n' -n2
m 'x echo\n' -n1
m '0\n' -n1
m '0 echo a\n0 echo b\n' -n1
m '0 nosuchprogram\n1 echo b\n' -n2
m '' -n1
srun -n2 -l --multi-prog /nonexistent; echo "status $?"
m '0,1 echo c %%o %%t %%%% %%x\n' -n2; m '* echo star\n0 echo a\n' -n2; m '0 echo a %%o\n* echo star %%t %%o\n' -n3; m '1-0 echo\n' -n2; m '0-x echo\n' -n2; m '0 echo a\\ b "c  d" e\\\\f\n' -n1; m "0 echo 'single  q' \$HOME\n" -n1; m '  0 echo lead\n\t1 echo  tab  x\n' -n2; m '0 echo a\\\n b\n' -n1
printf '0-1 echo hi\n' > m.conf; srun -n2 --multi-prog m.conf more "'%t'" %o; say srun --multi-prog
