# -v lists the options that were given, and srun -v tells where its tasks go
said() { grep -vE 'select/|route/|auth/|hash/|Entering|Leaving|port|IO |msg_rc|prelaunch|RLIMIT|debug[2-5]' | sed -E 's/\b7[0-9]{4}\b/J/g'; }
sbatch -v --test-only -n3 -c2 --gres=gpu:1 --mem=2G -t1:30 --signal=B:USR1@10 -o o-%j --mail-type=END,BEGIN -wn1 \
  --switches=1@5 --cpu-freq=low-high --nice --exclusive=user --profile=all -B1:2 --wrap true 2>&1 | said
SBATCH_PARTITION=gpu sbatch -v --test-only -n1 --no-kill --gpus=1 --wrap true 2>&1 | said
salloc -v -n2 -K --no-bell true 2>&1 | said
srun -v --test-only -m plane=2 --cpu-bind=map_cpu:0,1 --mem-bind=v,local -E -X -K --mpi=pmi2 --label -i none -e x true 2>&1 | said
wait_idle; srun -vv -n2 -c2 --propagate=NOFILE true 2>&1 | said
wait_idle; srun -v -N2 -n3 true 2>&1 | said | sort
wait_idle; srun -v -n1 sh -c 'exit 3' 2>&1 | said
wait_idle; salloc -Q -N2 -n3 --mem=200 -J inner bash -c 'srun -v -r1 -N1 -n1 true' 2>&1 | said
for w in rank,v,p,sort,q,map_mem:0,mask_mem:0x1,0x3 nosort,q sort,v,no; do srun -v --test-only --mem-bind=$w true 2>&1 | said | grep mem-bind; done
