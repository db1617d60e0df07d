# slow: many commands
# words that are none: distributions, frequencies, bindings, hints and the like: text and exit status
b() { sbatch -H -o /dev/null "$@" --wrap true > out 2> err; s=$?; J=$(grep -o '[0-9]*$' out | tail -n 1); echo "$* => $s $(cat err)"; [ $s = 0 ] && scancel $J; }
for v in '' x cyclic:x plane plane=0 BLOCK block,x; do b -m "$v"; done
for v in '' x low-x x-high 5-1 low:x :performance low-high:x; do b --cpu-freq="$v"; done
for v in '' x x:1 map_gpu: mask_gpu:zz single:x none:1; do b --gpu-bind="$v" --gpus=1; done
for v in '' x low,x memory=x low,memory=high; do b --gpu-freq="$v" --gpus=1; done
for v in '' x none,x; do b --hint="$v"; b --mem-bind="$v"; b --profile="$v"; done
for v in '' x task=x 1,2 -5; do b --acctg-freq="$v"; done; b --mem-bind=map_mem:; b --mem-bind=mask_mem:x; b --mem-bind=map_mem:a
for v in '' x yes; do b --open-mode="$v"; b --exclusive="$v"; b --kill-on-invalid-dep="$v"; b --propagate="$v"; b --gres-flags="$v"; b --power="$v"; b --no-kill="$v"; b --get-user-env="$v"; b --uid="$v"; b --gid="$v"; done
b --batch=x; b --batch=; b --batch=x -C y; b --cpu-freq=conservative; b --cpu-freq=1000-2000:PowerSave
for v in task=1,energy=-1 energy=0 0 30 31 -1 -5x 0x5 5k 1.5 task==5 , 1,task=2 TASK=5 energytask=1 gar,bage 4294967295 4294967296; do b --acctg-freq="$v"; done
b --gpu-freq=LOW; b --gpu-bind=map_gpu:x; b --power=a,level,b; b --profile=x,task,all
c() { submit -H -o /dev/null "$@" --wrap true && { scontrol show job $J | grep -E 'Power|Mail|ReqNode|GresEnf'; squeue -h -j $J -O profile:30; scancel $J; }; }
c --power=x,level; c --mail-type=NONE; c --gres-flags=Disable-Binding; c --profile=all; c --profile=x,task,energy; c -w n2,n0,n2 -x n3,n1,n3
