"""Placements, refusals and step layouts beside those of a real Slurm 22.05.8, recorded in the tables of this folder."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.base import errors
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.request import StepRequest
from mgpu_slurm.records.step import StepLayout
from mgpu_slurm.sched.layout import NotNow, layout_step
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.plan import plan
from mgpu_slurm.sched.snapshot import NodeSlot, Start, Wait
from tests.sched import world

# Where the answer is another on purpose: what it is here.
OTHER_PLACEMENTS = {
    # The device lies with the batch script, on the first node.
    "-n16 --gpus=1": "n0 0-7 800 gpu:0; n1 0-7 800",
    # One task for each GPU on every node; Slurm puts five tasks beside four GPUs.
    "--ntasks-per-gpu=1 --gpus=6": "n0 0-3 400 gpu:0-3; n1 0-1 200 gpu:0-1",
}

# The line that is printed before a refusal, by the explanation that comes with it.
LINES = {
    "": "",
    "no node has that many CPUs": "CPU count per node can not be satisfied",
    "no node has that much memory": "Memory specification can not be satisfied",
    "no node has that much temporary disk space": "Temporary disk specification can not be satisfied",
    "no node has that many sockets, cores or threads": "Socket, core and/or thread specification can not be satisfied",
}

# Refused by names, before the scheduler is asked.
NAMES = {"-C nosuch", "-w nosuch", "-w n1 -x n1"}

# Step words that srun itself refuses.
CLIENT = {"-N3 -n3", "-x n0,n1 -n1", "-m arbitrary -w n0,n0,n1 -n4"}

OTHER_STEPS = {
    # Without --immediate srun hears "Memory required by task is not available" from Slurm as well.
    "--mem=5000 -n1": "Memory required by task is not available",
    # CPUs follow from the GPUs, as the manuals of later versions say.
    "--cpus-per-gpu=2 --gpus=1 -n1": "2 0@n0[0]",
    "--cpus-per-gpu=2 --gpus-per-task=1 -n2": "4 0@n0[0] 1@n1[0]",
    # Slurm starts a task of three CPUs on a node where the job has two.
    "-c3 -n2": "6 0@n0[] 1@n0[]",
}


@pytest.mark.parametrize(("words", "shares"), [pytest.param(*row, id=row[0]) for row in world.rows("placements.tsv")])
def test_placement(words: str, shares: str) -> None:
    found = place(world.nodes(), world.need(words), 0, world.partition())
    assert isinstance(found, Placement)
    assert world.shown(found) == OTHER_PLACEMENTS.get(words, shares)


@pytest.mark.parametrize(
    ("words", "answer"), [pytest.param(*row, id=row[0]) for row in world.rows("refusals.tsv") if row[0] not in NAMES]
)
def test_refusal(words: str, answer: str) -> None:
    request = world.request(words)
    pending = world.job(1, world.need(words), partitions=[request.partition or "gpu"], time_limit=request.time_limit or -1)
    parts = {"gpu": world.partition(), "debug": world.partition(name="debug", nodes=[0], max_time=60)}
    if pending.partitions == ["debug"] and request.time_limit is None:
        pending.time_limit = 60
    [decision] = plan(world.snapshot(world.nodes(), [pending], partitions=parts), 0.0)
    assert isinstance(decision, Wait)
    found = decision.reason
    if found == "BadConstraints":
        found = " | ".join([*filter(None, [LINES[decision.text]]), errors.strerror(2014, world.COMPAT)])
    assert found == answer


def job_of(words: str) -> Job:
    found = place(world.nodes(), world.need(words), 0, world.partition())
    assert isinstance(found, Placement)
    return Job(
        job_id=1, uid=0, gid=0, request=world.request(words), allocation=found.allocation, tasks_per_node=found.tasks_per_node
    )


NODES = {f"n{at}": Node(name=f"n{at}", cpus=8, gres_text="gpu:a100:4") for at in range(4)}


def answer_of(job_words: str, step_words: str) -> str:
    found = layout_step(job_of(job_words), world.step(step_words), [], NODES)
    if not isinstance(found, StepLayout):
        assert not isinstance(found, NotNow)
        return " | ".join([*filter(None, [found.detail]), errors.strerror(found.code, world.COMPAT)])
    tasks = {}
    for part in found.nodes:
        for at, rank in enumerate(part.tasks):
            gpus = part.task_gpus[at] if part.task_gpus else part.share.gres.get("gpu", [])
            tasks[rank] = f"{rank}@{part.node}[{','.join(map(str, gpus))}]"
    cpus = sum(len(part.share.cpus) for part in found.nodes)
    return " ".join([str(cpus), *(tasks[rank] for rank in sorted(tasks))])


@pytest.mark.parametrize(
    ("job_words", "step_words", "answer"),
    [
        pytest.param(*row, id=" / ".join(row[:2]))
        for row in world.rows("steps.tsv")
        # Steps of a job that has its nodes whole see their devices here; Slurm hides those that were not asked for.
        if row[1] not in CLIENT
        and row[0] != "-N2 --exclusive"
        # A step of one node cannot have six GPUs of two; it gets those of its node here.
        and row[:2] != ["--gpus=6 -n6", "-n1"]
    ],
)
def test_step(job_words: str, step_words: str, answer: str) -> None:
    other = OTHER_STEPS.get(step_words) if job_words.startswith(("-N2 -n8", "-n10")) else None
    assert answer_of(job_words, step_words) == (other or answer)


def test_a_step_of_whole_nodes_sees_the_devices_that_somebody_named() -> None:
    assert answer_of("-N2 --exclusive", "-n2") == "16 0@n0[] 1@n1[]"
    assert answer_of("-N2 --exclusive", "-n2 --gpus-per-node=4") == "16 0@n0[0,1,2,3] 1@n1[0,1,2,3]"


def test_what_is_left_after_a_placement_is_used_next() -> None:
    jobs = [world.job(at, world.need("-n3 --gres=gpu:1")) for at in (1, 2)]
    first = plan(world.snapshot(world.nodes(), jobs), 0.0)
    starts = [decision for decision in first if isinstance(decision, Start)]
    assert [world.shown(Placement(start.allocation, [])) for start in starts] == ["n0 0-2 300 gpu:0", "n0 3-5 300 gpu:1"]


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        ("-n4 -N2", "n0 0-1 200; n1 0-1 200"),
        ("-n5 -N2", "n0 0-3 400; n1 0-1 200"),
        ("-n12 -N3", "n0 0-7 800; n1 0-1 200; n2 0-1 200"),
        ("-N2-4 -n12", "n0 0-7 800; n1 0-1 200; n2 0-1 200; n3 0-1 200"),
        ("-c3", "n0 0-3 400"),
        ("-c8 --hint=nomultithread", "n0 0-15 800"),
        ("--threads-per-core=1 -n10", "n0 0-15 800; n1 0-3 200"),
        ("--exclusive --hint=nomultithread", "n0 0-15 800 gpu:0-3"),
        ("-O -n20 -N1 --hint=nomultithread", "n0 0-1 100"),
        ("-n2 --ntasks-per-core=1", "n0 0-3 400"),
        ("-n9 --ntasks-per-core=1", "n0 0-15 1600; n1 0-1 200"),
        ("-n5 --gpus-per-task=2", "n0 0-1 200 gpu:0-3; n1 0-1 200 gpu:0-3; n2 0-1 200 gpu:0-1"),
        ("-N3 -n5 --gpus-per-task=2", "n0 0-1 200 gpu:0-1; n1 0-1 200 gpu:0-3; n2 0-1 200 gpu:0-3"),
        ("-N2-3 -n9 --ntasks-per-core=1", "n0 0-13 1400; n1 0-1 200; n2 0-1 200"),
        ("-G2 --cpus-per-gpu=3 --hint=nomultithread", "n0 0-11 600 gpu:0-1"),
    ],
)
def test_placement_on_cores_of_two_threads(words: str, shares: str) -> None:
    """Four nodes of eight cores, as Slurm 22.05.8 has answered there: memory goes by the threads that are used."""
    found = place(_threaded(), world.need(words), 0, world.partition())
    assert isinstance(found, Placement)
    assert world.shown(found) == shares


@pytest.mark.parametrize(
    ("job_words", "step_words", "held"),
    [
        ("-n20 --ntasks-per-core=1", "-n20", "16/8 16/8 8/4"),
        ("-n20 --ntasks-per-core=1", "-n18", "16/7 16/7 8/4"),
        ("-n20 --ntasks-per-core=1", "-n24", "16/10 16/9 8/5"),
        ("-n20 --ntasks-per-core=1", "-n40", "16/15 16/15 8/10"),
        ("-n20 -N3", "-n18 --ntasks-per-core=1", "16/14 2/2 2/2"),
        ("--exclusive", "-n1 --exact", "2/1"),
        ("--exclusive", "-n3 --exact", "4/3"),
        ("--exclusive", "-n1 -c3", "4/1"),
        ("--exclusive", "-n8 --hint=nomultithread", "16/8"),
        ("--exclusive", "-n9 --hint=nomultithread", ""),
    ],
)
def test_step_on_cores_of_two_threads(job_words: str, step_words: str, held: str) -> None:
    """CPUs held and tasks of each node, "" for a refusal."""
    placed = place(_threaded(), world.need(job_words), 0, world.partition())
    assert isinstance(placed, Placement)
    job = Job(job_id=1, uid=0, gid=0, request=world.request(job_words), allocation=placed.allocation)
    nodes = {f"n{at}": Node(name=f"n{at}", cpus=16, threads_per_core=2, gres_text="gpu:a100:4") for at in range(4)}
    found = layout_step(job, world.step(step_words), [], nodes)
    parts = found.nodes if isinstance(found, StepLayout) else []
    assert " ".join(f"{len(part.share.cpus)}/{len(part.tasks)}" for part in parts) == held


def test_a_step_counts_the_cpus_of_its_gpus_where_they_are_by_task() -> None:
    too_many = answer_of("-c8 --gpus=2", "-n2 --exact --gpus-per-task=1 --cpus-per-gpu=5")
    assert too_many == "More processors requested than permitted"
    assert answer_of("-c8 --gpus=2", "-n1 -c1 --cpus-per-gpu=3 --gpus=2") == "1 0@n0[0,1]"
    assert answer_of("-N1 --exclusive", "-n1 --gpus-per-socket=1") == "8 0@n0[0,1,2,3]"


def _threaded() -> list[NodeSlot]:
    return world.nodes(cpus=16, cores_per_socket=8, threads_per_core=2)


@pytest.mark.parametrize(
    ("step", "cpus", "memory"),
    [
        ({"ntasks": 8}, 16, 800),
        ({"ntasks": 4, "cpus_per_task": 2}, 16, 800),
        ({"ntasks": 2, "cpus_per_task": 2}, 8, 400),
        ({"ntasks": 1, "exclusive": True}, 2, 100),
        ({"ntasks": 9}, 0, errors.ESLURM_TOO_MANY_REQUESTED_CPUS),
    ],
)
def test_a_step_of_a_job_that_leaves_threads_idle(step: dict[str, Any], cpus: int, memory: int) -> None:
    """Its tasks have a core each, whose two threads cost the memory of one CPU; `memory`: the error where it cannot be."""
    found = place(_threaded(), world.need("-n8 --hint=nomultithread"), 0, world.partition())
    assert isinstance(found, Placement)
    job = Job(job_id=1, uid=0, gid=0, request=world.request("-n8"), allocation=found.allocation, tasks_per_node=[8])
    nodes = {"n0": Node(name="n0", cpus=16, gres_text="gpu:a100:4")}
    layout = layout_step(job, StepRequest(job_id=1, mem_per_cpu=100, **step), [], nodes)
    if not isinstance(layout, StepLayout):
        assert not isinstance(layout, NotNow)
        assert (0, layout.code) == (cpus, memory)
        return
    assert [(len(part.share.cpus), part.share.mem) for part in layout.nodes] == [(cpus, memory)]
