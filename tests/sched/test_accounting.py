"""What is given out is exact: no CPU, device or MiB twice, and all of it comes back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgpu_slurm.base.idset import mask
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.plan import plan
from mgpu_slurm.sched.snapshot import (
    GresSlot,
    Need,
    NodeSlot,
    PartitionSlot,
    PendingJob,
    RunningJob,
    Snapshot,
    Start,
    Wait,
)
from mgpu_slurm.sched.timeline import Pool


def node(name: str, cpus: int = 8, mem: int = 16000, gpus: int = 4) -> NodeSlot:
    every = (1 << gpus) - 1
    return NodeSlot(
        name=name,
        usable=True,
        cores_per_socket=cpus,
        cpus_total=(1 << cpus) - 1,
        cpus_free=(1 << cpus) - 1,
        mem_total=mem,
        mem_free=mem,
        gres=[GresSlot(name="gpu", types=[["a100"]] * gpus, free=every, total=every)],
    )


def partition(count: int) -> PartitionSlot:
    return PartitionSlot(name="gpu", state="UP", nodes=list(range(count)))


NEEDS = st.builds(
    Need,
    min_nodes=st.integers(1, 2),
    ntasks=st.integers(0, 6),
    cpus_per_task=st.integers(1, 3),
    mem_per_cpu=st.sampled_from([100, 900, 3000]),
    gres_per_node=st.sampled_from([(), (("gpu", "", 1),), (("gpu", "a100", 3),)]),
    exclusive=st.booleans(),
    overcommit=st.booleans(),
)


def state(pool: Pool) -> list[tuple[int, int, int]]:
    return [(slot.cpus_free, slot.mem_free, slot.gres[0].free) for slot in pool.nodes]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NEEDS, st.booleans()), max_size=30), st.integers(0, 1 << 30))
def test_allocate_and_release(requests: list[tuple[Need, bool]], seed: int) -> None:
    pool = Pool([node(f"n{number}") for number in range(4)])
    empty = state(pool)
    held: list[list[NodeShare]] = []
    choose = random.Random(seed)
    for need, release in requests:
        if release and held:
            pool.give(held.pop(choose.randrange(len(held))))
        found = place(pool.nodes, need, 0, partition(4))
        if isinstance(found, Placement):
            for share in found.allocation.shares:
                slot = pool.nodes[pool.by_name[share.node]]
                assert mask(share.cpus) & ~slot.cpus_free == 0, "a CPU that is not free"
                assert mask(share.gres.get("gpu", [])) & ~slot.gres[0].free == 0, "a GPU that is not free"
                assert share.mem <= slot.mem_free
                assert not slot.held_whole
            pool.take(found.allocation.shares, 0)
            held.append(found.allocation.shares)
        for number, slot in enumerate(pool.nodes):
            shares = [share for job in held for share in job if share.node == slot.name]
            cpus = [cpu for share in shares for cpu in share.cpus]
            assert len(cpus) == len(set(cpus))
            assert slot.cpus_free | mask(cpus) == empty[number][0]
            assert slot.mem_free + sum(share.mem for share in shares) == empty[number][1]
    for shares in held:
        pool.give(shares)
    assert state(pool) == empty


@pytest.mark.parametrize(
    ("need", "cpus", "tasks", "gpus"),
    [
        (Need(ntasks=10, mem_per_cpu=100), [8, 2], [8, 2], [0, 0]),
        (Need(ntasks=3, min_nodes=2, max_nodes=2, mem_per_cpu=100), [2, 1], [2, 1], [0, 0]),
        (Need(ntasks=10, min_nodes=3, max_nodes=3, mem_per_cpu=100), [8, 1, 1], [8, 1, 1], [0, 0, 0]),
        (Need(ntasks=4, cpus_per_task=3, mem_per_cpu=100), [6, 6], [2, 2], [0, 0]),
        (Need(gres_per_job=(("gpu", "", 6),), mem_per_cpu=100), [1, 1], [1, 1], [4, 2]),
        (Need(ntasks=3, gres_per_task=(("gpu", "", 2),), mem_per_cpu=100), [2, 1], [2, 1], [4, 2]),
        (Need(ntasks=6, mem_per_cpu=3000), [5, 1], [5, 1], [0, 0]),
        (Need(ntasks=33, overcommit=True, mem_per_cpu=100), [1], [33], [0]),
        (Need(ntasks=2, cpus_per_gpu=3, gres_per_job=(("gpu", "", 2),), mem_per_cpu=100), [6], [2], [2]),
    ],
)
def test_as_slurm_places_on_an_empty_cluster(need: Need, cpus: list[int], tasks: list[int], gpus: list[int]) -> None:
    found = place([node(f"n{number}") for number in range(4)], need, 0, partition(4))
    assert isinstance(found, Placement)
    assert [len(share.cpus) for share in found.allocation.shares] == cpus
    assert found.tasks_per_node == tasks
    assert [len(share.gres.get("gpu", [])) for share in found.allocation.shares] == gpus


def snapshot(pending: list[PendingJob], running: list[RunningJob], count: int = 1) -> Snapshot:
    pool = Pool([node(f"n{number}") for number in range(count)])
    for job in running:
        pool.take(job.shares, job.uid)
    return Snapshot(nodes=pool.nodes, partitions={"gpu": partition(count)}, pending=pending, running=running)


def waiting(job_id: int, cpus: int, minutes: int, priority: int = 1) -> PendingJob:
    need = Need(ntasks=cpus, max_nodes=1, mem_per_cpu=100)
    return PendingJob(
        job_id=job_id, uid=0, need=need, priority=priority, submit_time=job_id, partitions=["gpu"], time_limit=minutes
    )


def test_backfill_passes_only_what_ends_in_time() -> None:
    running = RunningJob(job_id=1, uid=0, shares=[NodeShare(node="n0", cpus=[0, 1, 2, 3], mem=400)], end=600.0)
    made = plan(snapshot([waiting(2, 8, 60), waiting(3, 2, 5), waiting(4, 2, 60)], [running]), 0.0)
    assert {one.job_id for one in made if isinstance(one, Start)} == {3}
    reasons = {one.job_id: (one.reason, one.planned) for one in made if isinstance(one, Wait)}
    assert reasons[2] == ("Resources", 600.0)
    assert reasons[4][0] == "Priority"


def test_same_snapshot_same_decisions() -> None:
    seen = snapshot([waiting(number, number % 5 + 1, 10) for number in range(2, 12)], [])
    assert plan(seen, 0.0) == plan(seen, 0.0)
