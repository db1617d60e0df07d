"""The pass: order, backfill, promises, arrays, reasons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgpu_slurm.base.idset import mask
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.plan import NODES_AWAY, PROMISES, plan
from mgpu_slurm.sched.snapshot import Decision, Need, NodeSlot, PendingJob, RunningJob, Start, Wait
from mgpu_slurm.sched.timeline import Pool
from tests.sched import world


def started(decisions: list[Decision]) -> list[int]:
    return [decision.job_id for decision in decisions if isinstance(decision, Start)]


def waits(decisions: list[Decision]) -> dict[int, Wait]:
    return {decision.job_id: decision for decision in decisions if isinstance(decision, Wait)}


def running(job_id: int, end: float, *places: str) -> RunningJob:
    """`places`: n0:0-3 and the like."""
    shares = []
    for text in places:
        name, _, cpus = text.partition(":")
        first, _, last = cpus.partition("-")
        shares.append(NodeShare(node=name, cpus=list(range(int(first), int(last or first) + 1)), mem=100))
    return RunningJob(job_id=job_id, uid=1, shares=shares, end=end)


def busy(slots: list[NodeSlot], jobs: list[RunningJob]) -> list[NodeSlot]:
    pool = Pool(slots)
    for one in jobs:
        pool.take(one.shares, one.uid)
    return pool.nodes


def whole(count: int = 1) -> Need:
    return Need(min_nodes=count, said_nodes=count, max_nodes=count, ntasks=8 * count)


def test_priority_then_age_then_id() -> None:
    jobs = [
        world.job(1, whole(), priority=5),
        world.job(2, whole(), priority=9),
        world.job(3, whole(), priority=5, submit_time=0.5),
        world.job(4, whole(), priority=9),
    ]
    found = plan(world.snapshot(world.nodes(4), jobs), 0.0)
    assert started(found) == [2, 4, 3, 1]


def test_a_higher_tier_comes_first() -> None:
    parts = {"gpu": world.partition(1), "top": world.partition(1, name="top", priority_tier=5)}
    jobs = [world.job(1, whole(), priority=99), world.job(2, whole(), partitions=["top"])]
    found = plan(world.snapshot(world.nodes(1), jobs, partitions=parts), 0.0)
    assert started(found) == [2]
    assert waits(found)[1].reason == "Resources"


def test_reasons_of_the_first_and_of_the_later() -> None:
    held = [running(90, 600.0, "n0:0-3")]
    jobs = [world.job(1, whole()), world.job(2, whole()), world.job(3, whole())]
    found = waits(plan(world.snapshot(busy(world.nodes(1), held), jobs, held), 0.0))
    assert [found[number].reason for number in (1, 2, 3)] == ["Resources", "Priority", "Priority"]
    assert [found[number].planned for number in (1, 2, 3)] == [600.0, 1200.0, 1800.0]
    assert found[1].nodes == ["n0"]


@pytest.mark.parametrize(
    ("minutes", "cpus", "starts"),
    [(9, 2, True), (11, 2, False), (-1, 2, False), (10, 4, True), (9, 5, False)],
)
def test_backfill_before_a_promise(minutes: int, cpus: int, starts: bool) -> None:
    held = [running(90, 600.0, "n0:0-3")]
    jobs = [world.job(1, whole()), world.job(2, Need(ntasks=cpus, max_nodes=1), time_limit=minutes)]
    found = plan(world.snapshot(busy(world.nodes(1), held), jobs, held), 0.0)
    assert (started(found) == [2]) == starts


def test_backfill_beside_a_promise() -> None:
    """A long job may take what the promised start does not need, on the same node too."""
    held = [running(90, 600.0, "n0:0-3")]
    jobs = [world.job(1, Need(ntasks=6, max_nodes=1)), world.job(2, Need(ntasks=2, max_nodes=1), time_limit=-1)]
    found = plan(world.snapshot(busy(world.nodes(1), held), jobs, held), 0.0)
    [start] = [decision for decision in found if isinstance(decision, Start)]
    assert start.job_id == 2
    assert start.allocation.shares[0].cpus == [6, 7]
    assert waits(found)[1].planned == 600.0


def test_no_backfill_when_it_is_switched_off() -> None:
    held = [running(90, 600.0, "n0:0-3")]
    jobs = [world.job(1, whole()), world.job(2, Need(ntasks=1), time_limit=1)]
    found = plan(world.snapshot(busy(world.nodes(1), held), jobs, held, backfill=False), 0.0)
    assert started(found) == []
    assert waits(found)[2].reason == "Priority"


def test_a_promise_looks_past_the_promises_after_it() -> None:
    """Job 2 would fit at 100, but not until the start that job 1 was promised at 200."""
    held = [running(90, 100.0, "n0:0-3"), running(91, 200.0, "n0:4-7")]
    jobs = [world.job(1, whole()), world.job(2, Need(ntasks=4, max_nodes=1), time_limit=10)]
    found = waits(plan(world.snapshot(busy(world.nodes(1), held), jobs, held), 0.0))
    assert found[1].planned == 200.0
    assert found[2].planned == 800.0


def test_a_shorter_job_may_pass_where_an_equal_longer_one_may_not() -> None:
    held = [running(90, 600.0, "n0:0-3")]
    two = Need(ntasks=2, max_nodes=1)
    jobs = [world.job(1, whole()), world.job(2, two, time_limit=60), world.job(3, two, time_limit=5)]
    assert started(plan(world.snapshot(busy(world.nodes(1), held), jobs, held), 0.0)) == [3]


def test_promises_made_after_a_start_beside_others_are_kept_too() -> None:
    held = [running(90, 600.0, "n0:0-3"), running(91, 700.0, "n1:0-3")]
    two = Need(ntasks=2, max_nodes=1)
    jobs = [
        world.job(1, whole()),
        world.job(2, two, time_limit=-1),
        world.job(3, Need(ntasks=6, max_nodes=1)),
        world.job(4, two, time_limit=-1),
    ]
    found = plan(world.snapshot(busy(world.nodes(2), held), jobs, held), 0.0)
    assert started(found) == [2]
    assert [(waits(found)[number].planned, waits(found)[number].nodes) for number in (1, 3)] == [(600.0, ["n0"]), (700.0, ["n1"])]


def test_an_array_starts_as_often_as_it_may() -> None:
    jobs = [world.job(1, Need(ntasks=2), count=5, startable=3)]
    found = plan(world.snapshot(world.nodes(1), jobs), 0.0)
    assert started(found) == [1, 1, 1]
    assert waits(found)[1].reason == "JobArrayTaskLimit"
    cpus = [cpu for one in found if isinstance(one, Start) for share in one.allocation.shares for cpu in share.cpus]
    assert cpus == [0, 1, 2, 3, 4, 5]


def test_an_array_that_fills_the_cluster() -> None:
    found = plan(world.snapshot(world.nodes(1), [world.job(1, Need(ntasks=2), count=9, startable=9)]), 0.0)
    assert started(found) == [1] * 4
    assert waits(found)[1].reason == "Resources"


def test_an_array_that_starts_whole_does_not_wait() -> None:
    assert not waits(plan(world.snapshot(world.nodes(1), [world.job(1, Need(ntasks=2), count=4, startable=4)]), 0.0))


def test_blocked_jobs_keep_their_reason_and_hold_nobody_up() -> None:
    found = plan(world.snapshot(world.nodes(1), [world.job(1, blocked="Dependency", priority=9), world.job(2)]), 0.0)
    assert waits(found)[1].reason == "Dependency"
    assert started(found) == [2]


@pytest.mark.parametrize(
    ("part", "fields", "reason"),
    [
        ({"state": "DOWN"}, {}, "PartitionDown"),
        ({"state": "INACTIVE"}, {}, "PartitionInactive"),
        ({"state": "DRAIN"}, {}, None),
        ({"max_time": 5}, {}, "PartitionTimeLimit"),
        ({"max_time": 60}, {"time_limit": -1}, "PartitionTimeLimit"),
        ({"max_nodes": 1}, {"need": Need(min_nodes=2, said_nodes=2)}, "PartitionNodeLimit"),
        ({"min_nodes": 2}, {"need": Need(max_nodes=1)}, "PartitionNodeLimit"),
        ({"min_nodes": 2}, {"need": Need()}, None),
        ({}, {"partitions": ["none"]}, "PartitionConfig"),
        ({}, {"need": Need(ntasks=33)}, "PartitionConfig"),
        ({}, {"need": Need(min_nodes=5, said_nodes=5, max_nodes=5)}, "PartitionNodeLimit"),
        ({}, {"need": Need(min_nodes=2, max_nodes=2, ntasks=20)}, "BadConstraints"),
        ({}, {"need": Need(gres_per_node=(("gpu", "", 99),))}, "BadConstraints"),
        ({}, {"need": Need(required_nodes=("elsewhere",))}, "BadConstraints"),
    ],
)
def test_what_a_partition_forbids(part: dict[str, Any], fields: dict[str, Any], reason: str | None) -> None:
    jobs = [world.job(1, **fields), world.job(2, partitions=["open"])]
    parts = {"gpu": world.partition(4, **part), "open": world.partition(4, name="open")}
    found = plan(world.snapshot(world.nodes(4), jobs, partitions=parts), 0.0)
    assert (waits(found)[1].reason if 1 in waits(found) else None) == reason
    assert 2 in started(found)


def test_the_partition_that_is_free_is_taken() -> None:
    held = [running(90, 600.0, "n0:0-7")]
    parts = {"a": world.partition(name="a", nodes=[0]), "b": world.partition(name="b", nodes=[1])}
    found = plan(world.snapshot(busy(world.nodes(2), held), [world.job(1, partitions=["a", "b"])], held, partitions=parts), 0.0)
    [start] = [decision for decision in found if isinstance(decision, Start)]
    assert (start.partition, start.allocation.nodes) == ("b", ["n1"])


@pytest.mark.parametrize(
    ("down", "need", "held", "reason", "text"),
    [
        ([1], Need(required_nodes=("n1",)), False, "ReqNodeNotAvail", "ReqNodeNotAvail, UnavailableNodes:n1"),
        ([1, 2], Need(required_nodes=("n1",)), False, "ReqNodeNotAvail", "ReqNodeNotAvail, UnavailableNodes:n1"),
        ([1], Need(ntasks=28), False, "ReqNodeNotAvail", "ReqNodeNotAvail, UnavailableNodes:n1"),
        ([1], whole(4), False, "ReqNodeNotAvail", NODES_AWAY),
        ([1], whole(4), True, "ReqNodeNotAvail", NODES_AWAY),
        ([0, 1, 2, 3], Need(ntasks=1), False, "ReqNodeNotAvail", NODES_AWAY),
        ([1], whole(3), True, "Resources", ""),
    ],
)
def test_nodes_that_are_down(down: list[int], need: Need, held: bool, reason: str, text: str) -> None:
    slots = world.nodes(4)
    for at in down:
        slots[at].usable, slots[at].down = False, True
    jobs = [running(90, 600.0, "n0:0-3")] if held else []
    found = waits(plan(world.snapshot(busy(slots, jobs), [world.job(1, need)], jobs), 0.0))[1]
    assert (found.reason, found.text) == (reason, text)


def test_a_job_for_nodes_that_are_down_holds_nobody_up() -> None:
    slots = world.nodes(2)
    slots[1].usable = False
    found = plan(world.snapshot(slots, [world.job(1, Need(required_nodes=("n1",)), priority=9), world.job(2, whole())]), 0.0)
    assert started(found) == [2]


def test_starts_of_a_pass_are_bounded() -> None:
    jobs = [world.job(number) for number in range(1, 9)]
    assert len(started(plan(world.snapshot(world.nodes(1), jobs, max_starts=3), 0.0))) == 3


def test_a_job_past_its_end_makes_no_promise_in_the_past() -> None:
    held = [running(90, 5.0, "n0:0-7")]
    found = waits(plan(world.snapshot(busy(world.nodes(1), held), [world.job(1)], held), 1000.0))
    assert found[1].planned == 1001.0


def test_the_snapshot_is_left_alone() -> None:
    held = [running(90, 600.0, "n0:0-3")]
    slots = busy(world.nodes(2), held)
    before = [(slot.cpus_free, slot.mem_free, slot.gres[0].free, slot.jobs, slot.users) for slot in slots]
    jobs = [world.job(number, world.need("-n3 --gres=gpu:1")) for number in range(1, 9)]
    plan(world.snapshot(slots, jobs, held), 0.0)
    assert [(slot.cpus_free, slot.mem_free, slot.gres[0].free, slot.jobs, slot.users) for slot in slots] == before


# Properties

NEEDS = st.builds(
    lambda nodes, tasks, cpus, gpus, exclusive: Need(
        min_nodes=nodes,
        max_nodes=nodes,
        ntasks=max(tasks, nodes),
        cpus_per_task=cpus,
        mem_per_cpu=500,
        gres_per_node=(("gpu", "", gpus),) if gpus else (),
        exclusive=exclusive,
    ),
    st.integers(1, 3),
    st.integers(1, 8),
    st.integers(1, 4),
    st.integers(0, 2),
    st.sampled_from([False, False, False, True]),
)
JOBS = st.lists(st.tuples(NEEDS, st.integers(1, 12), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=25)


def queue(made: list[tuple[Need, int, int, int]]) -> list[PendingJob]:
    return [
        world.job(number, need, time_limit=minutes, priority=priority, count=count, startable=count)
        for number, (need, minutes, priority, count) in enumerate(made, 1)
    ]


def small() -> list[NodeSlot]:
    return world.nodes(3, cpus=4, gpus=2, mem=4000)


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_run_to_the_end(made: list[tuple[Need, int, int, int]]) -> None:
    """With run times as long as their limits: nothing is given out twice, the highest waiting job starts when it was
    promised or before, whoever passes it, and everything that can run does."""
    jobs = {job.job_id: job for job in queue(made)}
    possible = {number for number, job in jobs.items() if isinstance(place(small(), job.need, 1, None, whole=True), Placement)}
    live: list[RunningJob] = []
    promised: dict[int, float] = {}
    now, begun, serial = 0.0, dict.fromkeys(jobs, 0), 1000
    for _ in range(1000):
        live = [job for job in live if job.end > now]
        decisions = plan(world.snapshot(busy(small(), live), list(jobs.values()), live), now)
        for decision in decisions:
            if isinstance(decision, Start):
                job = jobs[decision.job_id]
                begun[job.job_id] += 1
                job.count -= 1
                job.startable -= 1
                serial += 1
                live.append(RunningJob(job_id=serial, uid=1, shares=decision.allocation.shares, end=now + 60 * job.time_limit))
                assert now <= promised.pop(job.job_id, now), "later than promised"
        disjoint(live)
        jobs = {number: job for number, job in jobs.items() if job.count}
        first = next((d for d in decisions if isinstance(d, Wait) and d.planned), None)
        if first is not None:
            earlier = promised.get(first.job_id)
            assert earlier is None or first.planned <= earlier
            promised = {first.job_id: first.planned}
        if not live:
            break
        now = min(job.end for job in live)
    assert all(begun[number] == made[number - 1][3] for number in possible)
    assert all(begun[number] == 0 for number in begun if number not in possible)


def disjoint(live: list[RunningJob]) -> None:
    used: dict[str, tuple[int, int, int]] = {}
    for job in live:
        for share in job.shares:
            cpus, gpus, mem = used.get(share.node, (0, 0, 0))
            assert not cpus & mask(share.cpus)
            assert not gpus & mask(share.gres.get("gpu", []))
            mem += share.mem
            assert mem <= 4000
            used[share.node] = (cpus | mask(share.cpus), gpus | mask(share.gres.get("gpu", [])), mem)


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_starts_keep_clear_of_promises(made: list[tuple[Need, int, int, int]]) -> None:
    """In one pass: whoever starts after a promise was made ends before it, or leaves its shares alone."""
    jobs = {job.job_id: job for job in queue(made)}
    decisions = plan(world.snapshot(small(), list(jobs.values())), 0.0)
    promises: list[Wait] = []
    for decision in decisions:
        if isinstance(decision, Wait):
            promises += [decision] if decision.planned else []
            continue
        end = 60.0 * jobs[decision.job_id].time_limit
        for promise in promises:
            both = set(promise.nodes) & set(decision.allocation.nodes)
            if both and end > promise.planned:
                assert not jobs[promise.job_id].need.exclusive
    assert len(promises) <= PROMISES


@settings(max_examples=40, deadline=None)
@given(JOBS, st.randoms(use_true_random=False))
def test_decisions_do_not_hang_on_the_order_of_the_list(made: list[tuple[Need, int, int, int]], random: Any) -> None:
    jobs = queue(made)
    first = plan(world.snapshot(small(), list(jobs)), 0.0)
    random.shuffle(jobs)
    assert plan(world.snapshot(small(), jobs), 0.0) == first


@settings(max_examples=100, deadline=None)
@given(NEEDS, st.lists(st.integers(0, 15), min_size=3, max_size=3))
def test_what_the_empty_cluster_refuses_the_busy_one_refuses(need: Need, free: list[int]) -> None:
    slots = small()
    for slot, cpus in zip(slots, free, strict=True):
        slot.cpus_free = cpus
        slot.jobs = int(cpus != 15)
    if not isinstance(place(slots, need, 1, None, whole=True), Placement):
        assert not isinstance(place(slots, need, 1, None), Placement)


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_a_pool_answers_as_a_fresh_look_would(made: list[tuple[Need, int, int, int]]) -> None:
    """Surveys that follow the changes, in a pool and in its copies, agree with one made anew."""
    pool = Pool(small())
    part = world.partition(3)
    copies: list[Pool] = []
    for at, (need, _, _, _) in enumerate(made):
        found = pool.place(need, 1, part)
        assert found == place(pool.nodes, need, 1, part)
        if isinstance(found, Placement):
            if at % 3 == 0:
                copies.append(pool.copy())
            pool.take(found.allocation.shares, 1)
            if at % 4 == 3:
                pool.give(found.allocation.shares)
        for other in copies:
            assert other.place(need, 1, part) == place(other.nodes, need, 1, part)
