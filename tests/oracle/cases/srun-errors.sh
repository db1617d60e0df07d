# srun's refusals outside of a job; not what Slurm says of its plugins, and whatever node it is
n() { sed -E '/lacks support for cpu binding|mpi plugin|MPI: |specified plugin name/d; s/n[0-3]\b/NODE/g'; }
exec 3>&1 4>&2; exec > out 2> err
for a in '-N 0' '-n 0' '-n x' '-t x' '--mem=x' '-p nosuch' '--gres=gpu:99' '-w n9' '--nosuch' '-c 0' '-m nosuch' '--jobid=99999999' '--cpu-bind=nosuch' '--mpi=nosuch' '--signal=NOSUCH' '-d nosuch:1' '-C nosuch' '--multi-prog' '-i /nonexistent/x' '--kill-on-bad-exit=x' '--begin=nosuch' '-W x' '--export-file=/nonexistent'; do echo "$a"; say srun $a true; done 2>&1
say srun
say srun ''
say srun -D /nonexistent true
say srun /etc/passwd
say srun ./missing
exec 1>&3 2>&4; n < out; n < err >&2
