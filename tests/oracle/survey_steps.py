"""Random sets of sane options of srun, in a job of its own and as steps of several allocations, on Slurm and on ours.

`python -m tests.oracle.survey_steps SEED [COUNT] [own|step]` prints what differs: which task is where, its environment with
its GPUs, what srun says, its exit status. The same seed makes the same sets. Left out: --gpus with
--overlap, where 22.05 counts the GPUs of the first nodes wrongly, --gres=gpu without a number beside --gpus, of which its
controller dies, and --gpus-per-task of a type, whose tasks see none there.
Left on purpose: steps for which 22.05 waits for ever or says that GRES are insufficient or the job over, though they fit or never
will; tasks beyond the CPUs of a node; --ntasks-per-gpu that outweighs -n; what -c of one component tells the tasks of another;
refusals of -w with a node beyond the job's; --cpus-per-gpu with --gpus-per-task where a node of the job has fewer CPUs than
such a task (Slurm gives none, or refuses what would fit); -c with -w of more nodes than -n, where Slurm's task has fewer CPUs
than it asks for.
"""

from __future__ import annotations

import random
import shlex
import sys
from collections.abc import Iterator

from tests.oracle import survey, survey_srun

WORDS = {
    "nodes": "-N1 -N2 -N1-2 -N3 -N2-3",
    "ntasks": "-n1 -n2 -n3 -n4 -n5 -n6 -n8",
    "cpus": "-c1 -c2 -c3 -c4",
    "per-node": "--ntasks-per-node=1 --ntasks-per-node=2 --ntasks-per-node=3",
    "where": "-w@n0 -w@n1 -w@n[0-1] -w@n1,n0 -w@n1,n0,n2",
    "not": "-x@n0 -x@n1",
    "relative": "-r0 -r1",
    "share": "--exact --overlap --exclusive --whole --exact@--overlap",
    "gres": "--gres=gpu:1 --gres=gpu:2 --gres=none --gres=gpu:a100:1 --gres=gpu:a100:2 --gres=gpu",
    "gpus": "--gpus=1 --gpus=2 --gpus=3 --gpus=4 --gpus=a100:2",
    "gpus-per-task": "--gpus-per-task=1 --gpus-per-task=2",
    "gpus-per-node": "--gpus-per-node=1 --gpus-per-node=2 --gpus-per-node=a100:1",
    "gpus-per-socket": "--gpus-per-socket=1 --gpus-per-socket=2",
    "gpu-bind": "--gpu-bind=none --gpu-bind=closest --gpu-bind=single:1 --gpu-bind=single:2 --gpu-bind=map_gpu:0,1 "
    "--gpu-bind=mask_gpu:0x1,0x2 --gpu-bind=per_task:1 --gpu-bind=per_task:2 --gpu-bind=verbose,single:1",
    "per-gpu": "--ntasks-per-gpu=1 --ntasks-per-gpu=2 --cpus-per-gpu=1 --cpus-per-gpu=2 --mem-per-gpu=50",
    "cpu-bind": "--cpu-bind=none --cpu-bind=rank --cpu-bind=verbose,none --cpu-bind=map_cpu:0,1",
    "layout": "-m@block -m@cyclic -m@plane=2 -m@cyclic:block -m@block:cyclic -m@arbitrary -m@block,nopack -m@block,pack",
    "memory": "--mem=100 --mem=0 --mem=300 --mem-per-cpu=50 --mem-per-cpu=100",
    "sockets": "--threads-per-core=1 --ntasks-per-core=1 --ntasks-per-socket=1 --ntasks-per-socket=2 --hint=nomultithread -B1:2 "
    "--cores-per-socket=2 --sockets-per-node=1 --mincpus=2 --hint=compute_bound",
    "over": "-O -s --spread-job --use-min-nodes --contiguous",
    "how": "-l -K -k -u -Q -W5 -I -t5 -Jname -D/ --mpi=pmi2 --network=x -E --acctg-freq=5 --signal=USR1@30 --reboot",
    "export": "--export=NONE --export=A=1 --export=ALL,B=2 --export=HOME",
}  # fmt: skip
OFTEN = ("nodes", "ntasks", "cpus", "per-node", "gres", "gpus", "gpus-per-task", "gpus-per-node", "share", "layout", "where")

ALLOCATIONS = (
    "salloc -Q -N2 -n4 --gpus-per-node=2 -w n[0-1]",
    "salloc -Q -N2 --ntasks-per-node=4 -c2 --gres=gpu:4 -w n[0-1]",
    "salloc -Q -N1 -n8 --gpus=4 -w n0",
    "salloc -Q -N3 -n6 -c2 -w n[0-2]",
    "salloc -Q -N2 --exclusive -w n[0-1]",
    "salloc -Q -N2 -n5 --gpus-per-task=1 -w n[0-1]",
    "salloc -Q -N2 -n4 -c2 --mem-per-cpu=200 --gres=gpu:1 -w n[0-1]",
    "salloc -Q -N2 -n16 --mem=1000 --gpus=4 -w n[0-1]",
    "salloc -Q -n2 --gres=gpu:1 -w n0 : -n3 -w n1",
    "batch -N2 -n4 --gpus-per-node=2 -w n[0-1]",
    "batch -N2 -c2 --gres=gpu:2 -w n[0-1]",
    "batch -n1 -c8 --gpus=2 -w n0",
)

SHELL = survey_srun.SHELL + r"""
many() { rest; printf '0 sh show\n* sh show\n' > m; timeout -k 5 8 "$@" --multi-prog m < /dev/null > out 2> err; s=$?; tell; }
batch() { local line=${*: -1}; sbatch -W -o out.txt "${@:1:$(($# - 3))}" --wrap "bash -c $(printf %q "$line")" > /dev/null
  cat out.txt; rm -f out.txt; }
export -f many
"""


def words(chance: random.Random) -> str:
    """Two to four options, each of another kind."""
    kinds: list[str] = []
    for _ in range(chance.randint(2, 4)):
        kind = chance.choice(OFTEN) if chance.random() < 0.6 else chance.choice(list(WORDS))
        if kind not in kinds:
            kinds.append(kind)
    return " ".join(chance.choice(WORDS[kind].split()).replace("@", " ") for kind in kinds)


def tries(seed: str, count: int, form: str) -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    chance = random.Random(seed)
    for at in range(count):
        chosen = words(chance)
        quoted = " ".join(map(shlex.quote, chosen.split()))
        run = "many" if chance.random() < 0.05 else "try"
        around = chance.choice(ALLOCATIONS)
        group = chance.random()
        if "--overlap" in chosen and "--gpus=" in chosen + around:
            continue
        if "--gres=gpu" in chosen.split() and "--gpus=" in chosen:
            continue
        if form == "own" or (not form and at % 4 == 0):
            yield f"{run} srun {chosen}", f"{run} srun {quoted}"
            continue
        if " : " in around and group < 0.6:
            quoted = f"--het-group={'0' if group < 0.2 else '1' if group < 0.4 else '0-1'} {quoted}"
        yield f"{around} | {run} srun {quoted}", f"{around} bash -c {shlex.quote(f'{run} srun {quoted}')}"


def main(seed: str, count: str = "100", form: str = "") -> int:
    chosen = list(tries(seed, int(count), form))
    differ = survey.differing(chosen, SHELL)
    print(f"{len(chosen)} tried of seed {seed}, {differ} differ")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
