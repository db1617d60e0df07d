# --mpi and what it tells the tasks
cat > keys.py <<'END'
import os, socket
sock = socket.socket(fileno=int(os.environ["PMI_FD"]))
rank = int(os.environ["PMI_RANK"])
def ask(line):
    sock.sendall(line.encode() + b"\n")
    said = sock.recv(4096).decode().strip()
    if not rank:
        print(line, "->", said, flush=True)
for line in ("cmd=init pmi_version=1 pmi_subversion=1", "cmd=get_maxes", "cmd=get_appnum", "cmd=get_universe_size",
             "cmd=put kvsname=x key=k%d value=v%d" % (rank, rank), "cmd=barrier_in", "cmd=get kvsname=x key=k1",
             "cmd=get kvsname=x key=nokey", "cmd=get kvsname=x key=PMI_process_mapping", "cmd=finalize"):
    ask(line)
END
cat > second.py <<'END'
import os, socket
sock = socket.socket(fileno=int(os.environ["PMI_FD"]))
rank = int(os.environ["PMI_RANK"])
def read(size):
    data = b""
    while len(data) < size:
        data += sock.recv(size - len(data))
    return data
sock.sendall(b"cmd=init pmi_version=2 pmi_subversion=0\n")
sock.recv(4096)
for words in ("fullinit;pmijobid=%s;pmirank=%d;threaded=FALSE;" % (os.environ["PMI_JOBID"], rank),
              "info-getjobattr;key=PMI_process_mapping;", "info-getjobattr;key=universeSize;", "kvs-put;key=k%d;value=v;" % rank,
              "kvs-get;jobid=;srcid=-1;key=k0;", "kvs-fence;", "kvs-get;jobid=;srcid=-1;key=k1;", "finalize;"):
    data = ("cmd=" + words).encode()
    sock.sendall(b"%6d" % len(data) + data)
    said = read(int(read(6))).decode()
    if not rank:
        print(words.partition(";")[0], "->", said, flush=True)
END
run() { echo "\$ $*"; "$@" 2>&1; echo "status $?"; }
run srun --mpi=pmi2 -N2 -n3 python3 keys.py
run srun --mpi=pmi2 -N2 -n3 python3 second.py
for mpi in none openmpi pmi2; do srun --mpi=$mpi -n1 sh -c 'echo ${PMI_RANK-no} ${PMI_SIZE-no} ${SLURM_MPI_TYPE-no}'; done
SLURM_MPI_TYPE=pmi2 srun -n1 sh -c 'echo ${PMI_RANK-no} ${PMI_SIZE-no} ${SLURM_MPI_TYPE-no}'
srun --mpi=list 2>&1 | grep -c pmi2
run srun --mpi=nosuch true
SLURM_MPI_TYPE=nosuch srun true; echo $?
