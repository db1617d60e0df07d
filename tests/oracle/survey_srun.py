"""Every option of srun, in a job of its own, as a step of a job and as variable, with usual, odd, empty and wrong values.

`python -m tests.oracle.survey_srun [own|step|variable] [PATTERN]` prints what differs between Slurm and ours: where the tasks
are, their environment, what srun says and its exit status. What is left is known and said in KNOWN.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

from mgpu_slurm.facts import options
from mgpu_slurm.facts.option import NONE, OPTIONAL, Option
from tests.oracle import survey, survey_options

SKIPPED = frozenset((
    "autocomplete", "help", "usage", "version", "uid", "gid", "no-allocate", "x11", "resv-ports", "verbose",
))  # fmt: skip
KNOWN = """\
the lists that help prints (words of our own); clusters (ours has a database); --parsable and --pty=N, which only newer
versions know; what --debugger-test says of a program that cannot be run; numbers beyond 32 bits, which wrap in Slurm;
--prolog that fails, where Slurm's tasks have begun or not by chance; what the node's daemon says at --slurmd-debug;
SLURM_CPU_BIND_LIST of a word (cores, sockets, v), which the oracle fills since it binds nothing; the MPI kinds that are
installed; --gpus-per-task= (nothing); --extra-node-info= (nothing: Slurm binds to sockets then); --constraint=
(nothing) of a step, for which Slurm waits; components that Slurm queues before it starts them"""

VALUES = {
    **survey_options.VALUES,
    "accel-bind": "g v gnv x gx",
    "bcast": "/tmp/mgpu-bcast-%j /tmp/mgpu-survey/ relative",
    "begin": "now 25:00 2099-13-01 fika",
    "compress": "lz4 none zlib x",
    "cpu-bind": "none v q,none cores rank map_cpu:0,1 mask_cpu:0x1 x help map_cpu: verbose,x sockets threads,cores",
    "cpus-per-task": "1 2 8 9 0 -1 x 1.5 1k 99999999999",
    "cpus-per-gpu": "1 2 0 -1 x 1k 9",
    "dependency": "afterok:999999 after:1+5 foo:1 afterok:",
    "epilog": "none /bin/true /bin/false /nonexistent",
    "error": "none o-%j %t-x \\%j 0 1 99",
    "export": "ALL NONE NIL HOME,A=1 ALL,A=1 A=1,B HOME=",
    "het-group": "0 1 0,1 0-1 x -1 0,0 1-0",
    "pack-group": "0 1 x",
    "immediate": "1 0 x 10 -1 1.5",
    "input": "none all 0 1 /dev/null /nonexistent 99 -1",
    "jobid": "1 x 999999 1_1 0 -1 1.0 1+0 1_",
    "kill-on-bad-exit": "0 1 2 x -1",
    "mem-bind": "none local v map_mem:0 mask_mem:0x1 x help rank sort prefer",
    "mpi": "none pmi2 list x openmpi",
    "nodes": "1 2 4 1-2 2-1 5 1k 1- 1,2 1-2-3 x 0-1",
    "nodelist": "n1 n[1-2] n9 n[ n1,n1 n[2-1] n[a] n[] n[1-2]x ./x",
    "ntasks": "1 2 8 33 0 -1 x 1.5 1k",
    "ntasks-per-node": "1 2 9 0 -1 x",
    "output": "none o-%j %t-x \\%j 0 1 99 -1",
    "open-mode": "a t append x",
    "overlap": "force x",
    "profile": "none all task,energy x,task",
    "prolog": "none /bin/true /bin/false /nonexistent",
    "propagate": "ALL NONE NOFILE,CORE x NOFILE,x",
    "relative": "0 1 2 -1 x 1k",
    "send-libs": "yes no x",
    "slurmd-debug": "1 debug x quiet -1",
    "task-epilog": "none /bin/true /bin/false /nonexistent",
    "task-prolog": "none /bin/true /bin/false /nonexistent",
    "threads": "1 0 60 99 -1 x",
    "time": "10 1:30 1-2:3:4 0 -1 infinite 1:60 1- 10s",
    "wait": "0 1 -1 x 1.5",
}  # fmt: skip

PASSED_BY = r"SLURM_CONF=|_PORT=|_PID=|PRIO_PROCESS|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|WORKING_CLUSTER|CLUSTER_NAME="
"""Variables that are another on each cluster."""

BY_CHANCE = (
    r"step creation temporarily disabled|Step created for|Force Terminated JobId|allocation J has been revoked"
    r"|lacks support for cpu binding|^[0-9 ]*PMI_FD="
)
"""What srun says by chance, by its plugins, or as the number of a descriptor."""

SHELL = rf"""
echo mine > mine; export LC_ALL=C
cat > show <<'S'
env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ZE_|ENVIRONMENT|HOSTNAME|PMI|A=|B=)' | grep -vE '{PASSED_BY}' |
  sed "s/^/$SLURM_PROCID /"
S
said() {{ sed -E 's/\b7[0-9]{{4}}\b/J/g; s/^srun: error: (n[0-3])/srun: error: \1/' | grep -vE '{BY_CHANCE}'; }}
# a line of several tasks is said once, with their ranks
by_rank() {{ sort -n | uniq | awk '{{ rank = $1; if (rank !~ /^[0-9]+:?$/) {{ print; next }}
  sub(/^[^ ]+ /, ""); ranks[$0] = ranks[$0] " " rank }}
  END {{ for (line in ranks) print line " @" ranks[line] }}' | sort; }}
rest() {{ [ -n "$SLURM_JOB_ID" ] || until [ -z "$(squeue -h -t R,CG,PD -o %i)" ]; do sleep 0.05; done; }}
tell() {{ echo "status $s"; sort err | said | uniq; by_rank < out | said
  for f in $(ls | grep -vE '^(mine|show|out|err|m)$'); do echo "file $f"; by_rank < ./$f | said | head -c 5000; done
  find . -type f ! -name mine ! -name show ! -name out.txt -delete; }}
try() {{ rest; timeout -k 5 ${{LIMIT:-8}} "$@" sh show < /dev/null > out 2> err; s=$?; tell; }}
export -f try said by_rank rest tell
inside() {{ salloc -Q -N2 -n4 --gpus-per-node=2 --mem=400 -w n[0-1] bash -c "$1"; }}
"""


def values(row: Option) -> list[str | None]:
    """Arguments of an option; None is none at all."""
    if row.arg == NONE:
        return [None]
    texts: list[str | None] = [*shlex.split(VALUES.get(row.name, "1 x"), posix=False), "", "gar,bage"]
    return [None, *texts] if row.arg == OPTIONAL else texts


def tries(form: str) -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    for row in options.of("srun"):
        if row.name in SKIPPED or not row.known_to(survey_options.OLD):
            continue
        for value in values(row):
            word = f"--{row.name}" + ("" if value is None else f"={value}")
            if form == "own":
                yield word, f"try srun {shlex.quote(word)}"
            elif form == "step":
                yield word, f"inside {shlex.quote('try srun ' + shlex.quote(word))}"
            elif form == "variable":
                for name in row.variables("r"):
                    setting = f"{name}={value or ''}"
                    yield setting, f"try env {shlex.quote(setting)} srun"


def main(form: str = "own", pattern: str = "") -> int:
    chosen = [(what, line) for what, line in tries(form) if re.search(pattern, what)]
    differ = survey.differing(chosen, SHELL)
    print(f"{len(chosen)} tried as {form}, {differ} differ. Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
