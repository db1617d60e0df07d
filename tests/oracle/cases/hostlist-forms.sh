# hostlists, folded and unfolded
for h in n1 'n[1-3]' 'n[1,3,5]' 'n[08-11]' 'a[1-2]b[3-4]' 'n1,n2' 'n[1-2],m[3]' 'n1-3]' 'n[3-1]' 'n[]' 'n[a-b]' '' 'n[1-2]-ib' 'n[0-1]x' 'n,n' 'n[1-1]' ' n1' 'n[1-70000]'; do echo "<$h>"; say scontrol show hostnames "$h" 2>&1 | tail -n 4; done
for h in n1,n2,n3 n3,n1,n2 n01,n02,n1 a,b,a1 n1,n1,n2 'n[1-3],n5' 'x1y,x2y' 'r1[02,01]' 'a[4-5][1-2]' 'n[1-2]s' 'n[3-2][a]' rack1n1,rack1n2,rack2n1 '' ,, n1, /nonexistent; do echo "<$h>"; say scontrol show hostlist "$h"; scontrol show hostlistsorted "$h"; done 2>&1
printf 'n1\nn2\nn3\n' > "$PWD/f"; scontrol show hostlist "$PWD/f"; SLURM_JOB_NODELIST= scontrol show hostnames; echo "status $?"
