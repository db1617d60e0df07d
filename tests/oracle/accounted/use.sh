# what tasks use: figures of a step that lasts, rounded, with their nodes and tasks; Slurm looks at it every second here
submit -A acc -o /dev/null -N2 -n2 -w n[0-1] --acctg-freq=task=1 --wrap 'srun -l python3 -c "
import os, time
rank = int(os.environ[\"SLURM_PROCID\"])
block = bytearray((60 + 60 * rank) << 20)
for _ in range(1 + rank): open(os.devnull, \"wb\").write(memoryview(block)[7:])
end = time.process_time() + 1.5 + rank
while time.process_time() < end: pass
time.sleep(8)"'
SECONDS_TO_WAIT=60 waits sh -c "[ \"\$(sacct -nXPj $J -o state)\" = COMPLETED ]" || echo never; waits sh -c "[ -n \"\$(sacct -nPj $J.0 -o maxrss)\" ]"
rounded() { sed -E 's/\b([0-9])[0-9]{4}K/\10M/g; s/\b([1-9])[0-9]{5}K/\100M/g; s/\b6[0-9]\.[0-9]{2}M/60M/g; s/mem=[0-9]{8}\b/mem/g'; }
for f in maxrssnode,maxrsstask maxvmsizenode,maxvmsizetask maxdiskwritenode,maxdiskwritetask maxpages,maxpagestask mincpunode,mincputask maxrss \
  avecpu,mincpu ntasks,tresusageinmaxnode tresusageinmintask tresusageoutmaxn,tresusageoutmaxt; do
  sacct -Pj $J.0 -o $f | rounded; done
sacct -nPj $J.0 -o tresusageinmax,tresusageintot,tresusageoutmin | sed -E 's/=[0-9]+K/=K/g; s/=[0-9]{6,}/=N/g; s/cpu=00:00:0[2-5]/cpu/g'
for o in --units=G --noconvert --units=K; do sacct -nPj $J.0 $o -o maxrss,maxdiskwrite | sed -E 's/[0-9]+/N/g'; done
