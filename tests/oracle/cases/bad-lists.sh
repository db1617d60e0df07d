# slow: many commands
# times, arrays, signals, features and devices that cannot be read: text and exit status
b() { sbatch -H -o /dev/null "$@" --wrap true > out 2> err; s=$?; J=$(grep -o '[0-9]*$' out | tail -n 1); echo "$* => $s $(cat err)"; [ $s = 0 ] && scancel $J; }
for v in '' x now+ 25:00 13/13/30 12:60; do b -b "$v"; b --deadline="$v"; done
for v in '' x 1-2-3 1,,2 0-5:0 5-1 1-3%0 1-3%x 1-3% 1000001 1,1 1-3:2:2 '[1-3]'; do b -a "$v"; done
for v in '' x USR1@x @5 99 B: R:USR1@5 0; do b --signal="$v"; done
for v in '' x END,x NONE,END all; do b --mail-type="$v"; done
for v in '' x 'a|b' '[a|b]' 'a*2' '('; do b -C "$v"; done
for v in '' x 1x gpu:x:1:2 gpu:0 1:2 gpu gres:gpu:1; do b --gres="$v"; b --gpus="$v"; b --gpus-per-task="$v" -n1; done
for v in '' x nosuch n0,nosuch n0,n0 ','; do b -w "$v"; b -x "$v"; done
b --gpus=1,; b --gpus-per-node=1,
for v in 'n[' 'n[1' 'n1[' 'n[0-1,' 'n[0],n[' 'n[1]-' 'n[[0]]' '[0-1]n' n1/ ./; do b -w "$v"; b -x "$v"; done
: > empty; echo '#x' > comment; printf 'n1\nn1\n' > twice; for f in empty comment twice nosuch ''; do b -F "$f"; b -w "./$f"; b -x "./$f"; done
for v in gpu, ,gpu , '' gpu,x,; do b -p "$v"; done; for v in 0 infinite; do b --time-min=$v; done; b --export-file=; b -S ''; b --deadline=2001-01-01
