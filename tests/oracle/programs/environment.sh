# what each program sees of a batch job, of an element of an array and of srun's own job
seen() { # seen JOB...
  local file
  for file in $(ls *.env | LC_ALL=C sort); do echo "== $file"; cat "$file"; done | ids "$@"
  rm -f -- *.env
}
is_told() { [ "$(ls ./*.env 2>/dev/null | wc -l)" -ge "$1" ]; }
submit -N2 --gres=gpu:2 -J named --comment=why -e err -C '' -A acc --wrap 'srun -N1 -n1 true; exit 3'
wait_gone && waits is_told 5
seen $J
submit -a 5-9:4%1 -n2 -o out.%a -i /dev/zero --wrap 'exit 0'
wait_gone && waits is_told 8
squeue -h -t all -j $J -o %i | wc -l
rm -f -- prolog_*.env epilog_slurmd*.env
ls ./*.env | wc -l
rm -f -- *.env
cat err slurm-*.out out.*
srun -n2 --gres=gpu:1 sh -c 'exit 5'
waits is_told 4
J=$(ls prolog_slurmctld.*.env | cut -d. -f3)
seen $J | grep -v DERIVED_EC  # 22.05 has often not heard of the step's end by then
