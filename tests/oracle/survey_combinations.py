"""Options of sbatch together, as people combine them: what is recorded of a held job, and what a running one is given.

`python -m tests.oracle.survey_combinations [SEED [COUNT [SHAPE]]]` draws COUNT sets of two to four options, the same ones for the
same seed, and prints what differs: the job as `scontrol show job` shows it while it is held, and from within its script
`scontrol show job -d` (nodes, CPUs, devices) and every SLURM variable. SHAPE is that of a node, 1:8:2 for one socket of eight
cores of two threads. `... het [SEED [COUNT [SHAPE]]]` joins two sets each to a script of two components (in its header: on the
command line sbatch 22.05 mixes components up). `... only WORDS` tries one set of options.

What differs on purpose, or where Slurm's answer helps nobody, is said in MEANT: such sets are tried, shown with the reason, and
not counted as differing where nothing else differs.
"""

from __future__ import annotations

import random
import shlex
import sys

from tests.oracle import survey

CHOICES = {
    "nodes": "-N1 -N2 -N3 -N4 -N1-2 -N2-3 -N1-4 -N2-4",
    "tasks": "-n1 -n2 -n3 -n4 -n5 -n6 -n8 -n12 -n16 -n20 -n32",
    "cpus": "-c1 -c2 -c3 -c4 -c8",
    "per-node": "--ntasks-per-node=1 --ntasks-per-node=2 --ntasks-per-node=3 --ntasks-per-node=4 --ntasks-per-node=8",
    "gres": "--gres=gpu --gres=gpu:1 --gres=gpu:2 --gres=gpu:4 --gres=gpu:a100:1 --gres=gpu:a100:3",
    "gpus": "-G1 -G2 -G3 -G4 -G6 -G8 --gpus=a100:2",
    "gpus-node": "--gpus-per-node=1 --gpus-per-node=2 --gpus-per-node=a100:4",
    "gpus-task": "--gpus-per-task=1 --gpus-per-task=2",
    "gpus-socket": "--gpus-per-socket=1 --gpus-per-socket=2",
    "tasks-gpu": "--ntasks-per-gpu=1 --ntasks-per-gpu=2",
    "cpus-gpu": "--cpus-per-gpu=1 --cpus-per-gpu=2 --cpus-per-gpu=3",
    "mem": "--mem=500 --mem=2G --mem=0 --mem=15G",
    "mem-cpu": "--mem-per-cpu=50 --mem-per-cpu=300 --mem-per-cpu=2G",
    "mem-gpu": "--mem-per-gpu=100 --mem-per-gpu=2G",
    "exclusive": "--exclusive --exclusive=user -s",
    "nodelist": "-wn1 -wn[1-2] -wn2,n0",
    "exclude": "-xn0 -xn[0-1] -xn1,n3",
    "partition": "-pgpu -pdebug -psmall -pgpu,debug",
    "time": "-t10 -t5:00 -t1-0",
    "time-min": "--time-min=5",
    "threads": "--threads-per-core=1 --hint=nomultithread --hint=multithread --hint=compute_bound",
    "tasks-core": "--ntasks-per-core=1 --ntasks-per-core=2",
    "tasks-socket": "--ntasks-per-socket=1 --ntasks-per-socket=2 --ntasks-per-socket=4",
    "sockets": "--sockets-per-node=1 --cores-per-socket=4 -B1 -B1:4 --mincpus=2 --mincpus=6",
    "spread": "--spread-job --use-min-nodes --contiguous",
    "overcommit": "-O",
    "distribution": "-mblock -mcyclic -mplane=2 -marbitrary -mcyclic:block -mblock,pack",
    "array": "-a1 -a3-5:2%1",
    "reserve": "--licenses=lic:1 --tmp=10 --nice=5 --no-kill --reboot --gpu-bind=closest --gres-flags=enforce-binding",
}
RARE = ("time-min", "time", "partition", "gpus-socket", "array", "reserve", "sockets", "tasks-core", "tasks-socket",
        "threads", "overcommit")  # fmt: skip

REFUSED = r"status 1|sbatch: error: Batch job submission failed: Requested node configuration is not available"
GPUS = r" +Nodes=.* GRES=.*|SLURM_(JOB_GPUS|GPUS_ON_NODE|STEP_GPUS)=.*"
"""Which devices, and with them which CPUs, of which node."""
SIZES = (
    r" +NumNodes=.*|   TRES=.*| +Nodes=.*|SLURM_(CPUS_ON_NODE|JOB_CPUS_PER_NODE|TASKS_PER_NODE|NTASKS|NPROCS)=.*"
    r"|SLURM_(JOB_)?(NUM_NODES|NNODES|NODELIST)=.*|   (NodeList|BatchHost)=.*"
)
"""How many CPUs, tasks and nodes, and which."""
MEANT = tuple(survey.Meant(*row) for row in (
    (r"--ntasks-per-|-G|--gpus|--gres", r" +Nodes=\S+ CPU_IDs=(8-\d+|4) .*",
     "the first socket comes first (2:4:2, 2:4:1); Slurm may begin with another where it bounds tasks, or has GPUs"),
    (r"-n\d.*--ntasks-per-gpu", f"{SIZES}|{GPUS}|{REFUSED}",
     "-n holds (Slurm raises or lowers it, and puts five tasks beside four GPUs), what it does not divide is refused at once"),
    (r"(-G\d|--gpus=|--gres|--gpus-per-node).*--ntasks-per-gpu", REFUSED,
     "tasks that follow from GPUs run where these are (Slurm refuses -G6 --ntasks-per-gpu=2)"),
    (r"^(?!.*(-G|--gpus|--gres=)).*-n[135] .*--ntasks-per-gpu=2", r".*", "half a GPU is refused, not forgotten"),
    (r"-c\d.*--ntasks-per-gpu", SIZES, "-c is honoured"),
    (r"-G|--gpus=", GPUS,
     "few GPUs of a job lie on its first node, with the batch script; Slurm leaves one for each later node"),
    (r"--cpus-per-gpu.*(--exclusive|--reboot|--ntasks-per-socket)|--ntasks-per-socket.*--cpus-per-gpu", REFUSED,
     "what fits runs"),
    (r"-n\d.*--ntasks-per-node.*-G\d.*--cpus-per-gpu", REFUSED, "what fits runs"),
    (r"(--gres|--gpus-per-node).*--gpus-per-task", REFUSED, "fewer tasks than a node has GPUs for may run"),
    (r"(-G|--gpus=|--gpus-per-task|--ntasks-per-socket|--ntasks-per-node).*--mincpus", f"{SIZES}|{REFUSED}",
     "--mincpus holds beside GPUs of the job or of a task, and beside tasks per socket"),
    (r"-c\d.*(-G|--gpus=).*--gpus-per-task", SIZES, "each of the tasks that follow from GPUs has its CPUs"),
    (r"(-G|--gpus|--gres).*--spread-job", f"{SIZES}|{GPUS}", "--spread-job with GPUs spreads"),
    (r"--ntasks-per-node.*-mplane", SIZES, "--ntasks-per-node holds beside planes"),
    (r"-N\d-\d.*-psmall", r"waits: PD PartitionNodeLimit", "of a range of nodes the partition's part will do"),
    (r"--ntasks-per-core=2", f"{SIZES}|{REFUSED}", "above a core's threads it is no bound"),
    (r"-w.*--contiguous", r" +NumNodes=.*|   TRES=.*",
     "the gap between named nodes is filled when it is placed, and not in the size of what is held"),
    (r"--gpus-per-task.* : | : .*--gpus-per-task", SIZES, "what tasks follow from GPUs is told for components, too"),
    (r" : ", rf"{SIZES}|{GPUS}|{REFUSED}|waits: PD Resources| +ReqNodeList=.*",
     "components are placed in another order, or on the same nodes, where there is no other way (Slurm waits, or refuses)"),
))  # fmt: skip
"""What is meant to differ, by the options and by the lines of Slurm's that it is found in, and why."""

SHOWN = (
    "grep -vE 'Time=|Secs|LastSched|AllocNode|StdErr|StdOut|StdIn|WorkDir|Command|Features=|^ *Power|UserId|^ *$' |"
    " sed -E 's/JobId=[0-9]+/JobId=J/; s/[jJ]ob.?Id.?.?.?.?=7[0-9]{4}[-0-9]*/JobId=J/g'"
)
PRELUDE = f"""
shown() {{ scontrol show job "$@" | {SHOWN}; }}
cat > j.sh <<'J'
#!/bin/bash
scontrol show job -d $SLURM_JOB_ID | {SHOWN}
env | grep ^SLURM | grep -vE 'SLURM_CONF=|PORT=|PID=|TOPOLOGY|PRIO_PROC|SUBMIT_HOST|SUBMIT_DIR|WORKING_CLUSTER|CLUSTER_NAME' |
  sed -E 's/JOB_?ID=[0-9]+/JOBID=J/; s/7[0-9]{{4}}/J/' | sort
J
cp j.sh job
gone() {{ for turn in $(seq 200); do
    state=$(squeue -h -o '%t %r' | sort -u)
    [ -n "$state" ] || return
    case $state in PD*TaskLimit) ;; PD*) [ $turn -lt 30 ] || break ;; esac
    sleep 0.05
  done
  echo "waits: $state"; scancel $(squeue -h -o %A | sort -u) 2> /dev/null
  while [ -n "$(squeue -h -o %A)" ]; do sleep 0.05; done; }}
combined() {{ rm -f o-*
  sbatch -H -o /dev/null "$@" j.sh > out 2> err; echo "held $?"; cat err
  j=$(grep -oE '[0-9]{{5}}' out | tail -n 1)
  [ -z "$j" ] || {{ shown $j; scancel $j; }}
  sbatch -o o-%a "$@" j.sh > out 2> err; echo "status $?"; cat err; gone; cat o-* 2> /dev/null; }}
"""


def draw(seed: int, count: int) -> list[list[str]]:
    """The sets of options of a seed, none twice."""
    chance = random.Random(seed)
    found: dict[tuple[str, ...], None] = {}
    weights = [1 if kind in RARE else 4 for kind in CHOICES]
    while len(found) < count:
        size = chance.choice((2, 3, 3, 4))
        kinds: dict[str, None] = {}
        while len(kinds) < size:
            kinds[chance.choices(list(CHOICES), weights)[0]] = None
        words = [chance.choice(CHOICES[kind].split()) for kind in sorted(kinds, key=list(CHOICES).index)]
        found[tuple(words)] = None
    return [list(words) for words in found]


def pairs(seed: int, count: int) -> list[list[str]]:
    """Jobs of two components."""
    sets = [words for words in draw(seed, 3 * count) if not any(word.startswith("-a") for word in words)]
    return [[*one, ":", *other] for one, other in zip(sets[:count], sets[count:], strict=False)]


def _line(words: list[str]) -> str:
    if ":" not in words:
        return "combined " + shlex.join(words)
    at = words.index(":")
    head = "\n".join(["#!/bin/bash", *(f"#SBATCH {word}" for word in words[:at]), "#SBATCH hetjob",
                      *(f"#SBATCH {word}" for word in words[at + 1 :])])  # fmt: skip
    return f"(echo {shlex.quote(head)}; tail -n +2 job) > j.sh; combined"


def main(*words: str) -> int:
    shape = (1, 8, 1)
    if words[:1] == ("only",):
        sets = [list(words[1:])]
    else:
        numbers = words[1:] if words[:1] == ("het",) else words
        seed, count = int(numbers[0]) if numbers else 1, int(numbers[1]) if len(numbers) > 1 else 60
        sets = pairs(seed, count) if words[:1] == ("het",) else draw(seed, count)
        if len(numbers) > 2:
            sockets, cores, threads = numbers[2].split(":")
            shape = (int(sockets), int(cores), int(threads))
    tries = [(" ".join(words), _line(words)) for words in sets]
    differ = survey.differing(tries, PRELUDE, shape, meant=MEANT)
    print(f"{len(tries)} tried, {differ} differ and are not meant to")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
