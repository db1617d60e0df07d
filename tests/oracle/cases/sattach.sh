# sattach to a step that runs: output, labels, filters, input, layout, exit statuses
cat > j.sh <<'S'
#!/bin/bash
cat > task.sh <<'T'
while [ ! -e stop.$1 ]; do echo tick $SLURM_PROCID; echo tock $SLURM_PROCID >&2; sleep 0.05; done
exit $2
T
# follow STEP STATUS SRUN-OPTIONS -- SATTACH-OPTIONS: until sattach has shown something
follow() {
  local step=$1 status=$2 options=(); shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done; shift
  srun "${options[@]}" sh task.sh $step $status > o.$step 2> e.$step &
  until grep -q 'tick 0' o.$step 2> /dev/null && { [[ ${options[*]} = -n1 ]] || grep -q 'tick 1' o.$step; }; do sleep 0.05; done
  touch got.$step err.$step
  sattach "$@" $SLURM_JOB_ID.$step > got.$step 2> err.$step < /dev/null & local pid=$!
  for ((i = 0; i < 200; i++)); do [ $(sort -u got.$step err.$step | wc -l) -ge $LINES_WANTED ] && break; sleep 0.05; done
  touch stop.$step; wait $pid; echo "step $step sattach status $?"; wait
  sort -u got.$step; echo --; sed 's/[0-9]\{5\}/N/' err.$step | sort -u
}
LINES_WANTED=4 follow 0 0 -n2 --
LINES_WANTED=4 follow 1 3 -n2 -- -l
LINES_WANTED=2 follow 2 0 -n2 -- --output-filter 1
LINES_WANTED=3 follow 3 0 -n2 -- -l --error-filter=0
LINES_WANTED=2 follow 4 2 -n1 -- -Q
srun -n2 -N2 sh -c 'while [ ! -e stop.5 ]; do sleep 0.05; done' & until squeue -s -h -o %i | grep -q "^$SLURM_JOB_ID.5\$"; do sleep 0.05; done
sattach --layout $SLURM_JOB_ID.5 2>&1 | sed 's/[0-9]\{5\}/N/'; echo "status ${PIPESTATUS[0]}"; touch stop.5; wait
for words in "$SLURM_JOB_ID.0" "$SLURM_JOB_ID.99" "$SLURM_JOB_ID" "x.y" "" "1.0 2.0" "--output-filter=x $SLURM_JOB_ID.0" "--nosuch"; do echo "<${words/$SLURM_JOB_ID/N}>"; sattach $words 2>&1 | sed "s/$SLURM_JOB_ID/N/g"; echo "status ${PIPESTATUS[0]}"; done
S
submit -N2 -n2 -o out j.sh; wait_gone; cat out
# steps of array elements, and what is none
submit -a 1-2 --mem=10 -o /dev/null --wrap 'srun sleep 100'; waits eval '[ $(squeue -h -s -j $J | grep -vc batch) = 2 ]'
for s in ${J}_1.0 "${J}_[1].0" ${J}_x.0 ${J}_1 ${J}_2.batch ${J}_1. $J.0 1. .0 1.x 999999_1.0; do sattach --layout $s 2>&1 | ids $J | sed -E "s/n[0-9]+/NODE/"; echo "${s//$J/J} ${PIPESTATUS[0]}"; done; scancel $J
