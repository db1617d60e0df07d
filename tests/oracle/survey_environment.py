"""The environment of batch scripts, salloc's shells and their steps, of every kind of job, on Slurm and on ours.

`python -m tests.oracle.survey_environment [PATTERN]` prints what differs: names that one of them sets or removes, and values.
What is left is known and said in KNOWN.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

from tests.oracle import survey, survey_srun

ASKED = (
    "", "-n3", "-n3 -c2", "-N2", "-N2 --ntasks-per-node=2", "-N2 -n5", "-N1-2 -n3", "-c3", "--mem=200", "--mem=0",
    "--mem-per-cpu=50 -n2", "--exclusive", "--exclusive -N2 -n4", "--gpus=2", "--gpus=3 -N2", "--gpus-per-node=a100:2 -N2",
    "--gres=gpu:1", "--gres=gpu:a100:2", "--gpus-per-task=1 -n2", "--gpus-per-task=2 -n2 -c2", "--gpus=2 --cpus-per-gpu=2",
    "--gpus=2 --mem-per-gpu=100", "--gpus=2 --ntasks-per-gpu=1", "--gpus-per-socket=1 --sockets-per-node=1 -N1",
    "-n2 -O", "-A acct", "-q normal", "--comment=c", "--export=NONE", "--export=A=1", "--export=ALL,A=1", "--export=HOME,PATH",
    "--export=NIL", "-m plane=2 -n4", "-m cyclic -N2 -n4", "-m block:cyclic -n2", "--acctg-freq=10",
    "--cpu-freq=1000-2000:performance", "--network=x", "--profile=task,energy", "--signal=USR1@60", "--open-mode=append",
    "-D/tmp", "-t5 -psmall", "--gpu-bind=closest --gpus=1", "--gpu-freq=low --gpus=1", "-dsingleton -Jdep",
    "-Llic:1", "--contiguous -xn3", "--hint=nomultithread", "--hint=compute_bound", "--hint=multithread",
    "--threads-per-core=1", "--ntasks-per-core=1 -n2", "--ntasks-per-socket=2 -n2", "-B1:2:1", "--sockets-per-node=1",
    "--container=/x", "--spread-job -n2", "--wckey=w", "--mincpus=2", "--no-kill", "--switches=1", "--reboot", "--nice=5",
    "-n4 --gres-flags=enforce-binding --gpus=2", "--bb=x", "--power=level", "--core-spec=1", "-Jname", "--mail-type=END",
    "--dependency=", "--account=", "--comment=", "-s", "--time-min=1 -t3", "--delay-boot=1", "--tmp=1", "--use-min-nodes",
)  # fmt: skip
BATCH_ONLY = ("--get-user-env", "--requeue", "--no-requeue", "-a3", "-a1-3", "-a1-10:3%2", "-a7,5", "-a0", "--export-file=vars")

KNOWN = """\
--ntasks-per-gpu of a job, which outweighs a step's own -n in 22.05; names, -c and distribution of one component that Slurm tells
the tasks of another; sbatch a : -J NAME, which names both components where the first has none. By chance: the node of a step of
one node, and on a busy machine "requeued", whose job Slurm may not start again in time"""

SHELL = survey_srun.SHELL + r"""
printf 'A=file\0B=other\0PATH=/usr/bin:/bin\0' > vars
look() { env | grep -E '^(SLURM|SBATCH|SALLOC|SRUN|CUDA|ROCR|GPU_|ZE_|ENVIRONMENT|HOSTNAME|PMI|A=|B=|HOME=|USER=|SHELL=)' |
  grep -vE 'SLURM_CONF=|_PORT=|_PID=|PRIO_PROCESS|LAUNCH_NODE|COMM_HOST|SUBMIT_HOST|SUBMIT_DIR|WORKING_CLUSTER|CLUSTER_NAME=' |
  sed -E 's/\b7[0-9]{4}\b/J/g' | grep -v SRUN_DEBUG | sort; }
steps() { for s in "$@"; do echo "-- step $s"; srun -Q $s bash -c 'look | sed "s/^/$SLURM_PROCID /"' 2>&1 < /dev/null |
  grep -v 'lacks support for cpu binding' | by_rank; done; }
export -f look steps
batch() { rest; rm -f o.*; submit -o "$PWD/o.%a" "$@" 2>&1 || return; SECONDS_TO_WAIT=20 wait_gone
  for o in o.*; do echo "output $o"; cat $o; done; }
declare -f look steps by_rank > lib
cat > job.sh <<'S'
#!/bin/bash
export PATH=${PATH:-/usr/bin:/bin}
. $SLURM_SUBMIT_DIR/lib; export -f look
look
steps '' -n1 '-n2 -l' '-N1 -n1 --exact -c1' '-n1 --gpus=1' '-n1 --export=NONE'
S
cat > again.sh <<'S'
#!/bin/bash
. $SLURM_SUBMIT_DIR/lib
echo "== start ${SLURM_RESTART_COUNT:-none}"; look; [ -n "$SLURM_RESTART_COUNT" ] || { touch up; exec sleep 60; }
S
"""


def tries() -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    for words in (*ASKED, *BATCH_ONLY):
        quoted = " ".join(map(shlex.quote, words.split()))
        yield f"sbatch {words}", f"batch {quoted} job.sh"
        if words not in BATCH_ONLY and "--export" not in words and not words.startswith(("--signal", "--open")):
            yield f"salloc {words}", f"rest; salloc -Q {quoted} bash -c {shlex.quote('look; steps -n1')} < /dev/null 2>&1"
    for first, second in (("-n1", "-n2 -c2"), ("-n1 --gres=gpu:1", "-N2 -Jtwo"), ("-n2 --mem=100 -m cyclic", "-n1 --gpus=1")):
        yield f"het sbatch {first} : {second}", f"batch {first} : {second} job.sh"
        inner = shlex.quote("look; steps -n1 --het-group=1 --het-group=0,1")
        yield f"het salloc {first} : {second}", f"rest; salloc -Q {first} : {second} bash -c {inner} 2>&1"
        yield f"het srun {first} : {second}", f"rest; srun -Q {first} bash -c look : {second} true 2>&1"
    yield "requeued", (
        "rm -f up; submit --requeue -o $PWD/r --open-mode=append again.sh; wait_file up 2> /dev/null || waits test -e up; "
        "scontrol requeue $J; SECONDS_TO_WAIT=20 wait_state PENDING; waits scontrol update jobid=$J starttime=now; "
        "waits grep -q 'start 1' r; wait_gone $J 40; cat r"
    )


def main(pattern: str = "") -> int:
    chosen = [(what, line) for what, line in tries() if re.search(pattern, what)]
    from tests.oracle.comparing import LIB

    differ = survey.differing(chosen, f". {LIB}\n{SHELL}")
    print(f"{len(chosen)} tried, {differ} differ. Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
