"""Components of heterogeneous jobs: all of them start at one moment, or none, and nobody pushes them back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgpu_slurm.base.idset import mask
from mgpu_slurm.sched.plan import plan
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PendingJob, RunningJob, Start, Wait
from tests.sched import world


def het(first: int, *needs: Need, **more: Any) -> list[PendingJob]:
    """The components of one job; `minutes` are their limits."""
    minutes = more.pop("minutes", [10] * len(needs))
    fields = {"submit_time": float(first), **more}
    return [
        world.job(first + at, need, het_job_id=first, het_size=len(needs), time_limit=minutes[at], **fields)
        for at, need in enumerate(needs)
    ]


def running(job_id: int, slots: list[NodeSlot], cpus: dict[str, int], minutes: int) -> RunningJob:
    """A job that holds CPUs of nodes, entered in the slots, too."""
    done = plan(world.snapshot(slots, [
        world.job(job_id + at, Need(ntasks=count, required_nodes=(name,))) for at, (name, count) in enumerate(cpus.items())
    ]), 0.0)  # fmt: skip
    shares = [share for one in done if isinstance(one, Start) for share in one.allocation.shares]
    for share in shares:
        slot = next(one for one in slots if one.name == share.node)
        slot.cpus_free &= ~mask(share.cpus)
        slot.jobs += 1
    return RunningJob(job_id=job_id, uid=1, shares=shares, end=60.0 * minutes)


def where(decisions: list[Any]) -> dict[int, list[str]]:
    return {one.job_id: one.allocation.nodes for one in decisions if isinstance(one, Start)}


def test_components_get_nodes_of_their_own() -> None:
    found = where(plan(world.snapshot(world.nodes(4), het(1, Need(ntasks=1), Need(min_nodes=2, ntasks=2), Need(ntasks=1))), 0.0))
    assert found == {1: ["n0"], 2: ["n1", "n2"], 3: ["n3"]}


def test_components_share_where_the_cluster_has_too_few_nodes() -> None:
    decisions = plan(world.snapshot(world.nodes(1), het(1, Need(ntasks=3), Need(ntasks=4))), 0.0)
    shares = [share for one in decisions if isinstance(one, Start) for share in one.allocation.shares]
    assert [share.cpus for share in shares] == [[0, 1, 2], [3, 4, 5, 6]]


def test_what_never_fits_together_waits_and_holds_nobody_up() -> None:
    decisions = plan(world.snapshot(world.nodes(1), [*het(1, Need(ntasks=5), Need(ntasks=5)), world.job(7)]), 0.0)
    assert where(decisions) == {7: ["n0"]}
    assert [(one.job_id, one.reason, one.planned) for one in decisions if isinstance(one, Wait)] == [
        (1, "Resources", 0.0), (2, "Resources", 0.0),
    ]  # fmt: skip


def test_the_most_demanding_component_finds_its_node() -> None:
    slots = [world.node("n0", features=frozenset({"big"})), world.node("n1")]
    assert where(plan(world.snapshot(slots, het(1, Need(ntasks=1), Need(ntasks=1, constraint="big"))), 0.0)) == {
        1: ["n1"], 2: ["n0"],
    }  # fmt: skip
    named = het(1, Need(ntasks=1), Need(ntasks=1, required_nodes=("n0",)))
    assert where(plan(world.snapshot(slots, named), 0.0)) == {1: ["n1"], 2: ["n0"]}


def test_one_without_room_keeps_all_waiting_for_one_moment() -> None:
    slots = world.nodes(2)
    busy = running(100, slots, {"n1": 8}, 30)
    decisions = plan(world.snapshot(slots, het(1, Need(ntasks=1), Need(ntasks=8)), [busy]), 0.0)
    assert [(one.job_id, one.reason, one.planned) for one in decisions if isinstance(one, Wait)] == [
        (1, "Resources", 1800.0), (2, "Resources", 1800.0),
    ]  # fmt: skip
    assert not where(decisions)


@pytest.mark.parametrize(("minutes", "starts"), [(30, True), (31, False)])
def test_nobody_delays_a_component(minutes: int, starts: bool) -> None:
    """A later job may use the nodes that wait for the other component, but not past the promised moment."""
    slots = world.nodes(2)
    busy = running(100, slots, {"n1": 8}, 30)
    jobs = [*het(1, Need(ntasks=8), Need(ntasks=8)), world.job(9, Need(ntasks=8), time_limit=minutes)]
    assert where(plan(world.snapshot(slots, jobs, [busy]), 0.0)) == ({9: ["n0"]} if starts else {})


def test_the_moment_is_that_of_the_last_component() -> None:
    slots = world.nodes(3)
    soon, late = running(100, slots, {"n0": 8}, 10), running(110, slots, {"n1": 8, "n2": 8}, 50)
    decisions = plan(world.snapshot(slots, het(1, Need(ntasks=8), Need(ntasks=8)), [soon, late]), 0.0)
    assert {one.planned for one in decisions if isinstance(one, Wait)} == {3000.0}


def test_a_job_with_a_component_missing_is_no_job_yet() -> None:
    first, _ = het(1, Need(ntasks=1), Need(ntasks=1))
    assert plan(world.snapshot(world.nodes(2), [first]), 0.0) == []


def test_a_blocked_component_blocks_all() -> None:
    jobs = het(1, Need(ntasks=1), Need(ntasks=1))
    jobs[1].blocked = "Licenses"
    decisions = plan(world.snapshot(world.nodes(2), jobs), 0.0)
    assert [one.reason for one in decisions if isinstance(one, Wait)] == ["Resources", "Licenses"]


def test_its_turn_is_that_of_its_last_component() -> None:
    jobs = [*het(1, Need(ntasks=8), Need(ntasks=8)), world.job(9, Need(ntasks=8), priority=5)]
    jobs[0].priority = 9
    assert where(plan(world.snapshot(world.nodes(2), jobs), 0.0)) == {9: ["n0"]}


def test_without_backfill_it_waits_its_turn() -> None:
    slots = world.nodes(2)
    busy = running(100, slots, {"n0": 8}, 30)
    jobs = [world.job(1, Need(ntasks=16)), *het(3, Need(ntasks=1), Need(ntasks=1))]
    assert where(plan(world.snapshot(slots, jobs, [busy], backfill=False), 0.0)) == {}


NEEDS = st.builds(lambda nodes, tasks: Need(min_nodes=nodes, max_nodes=nodes, ntasks=max(tasks, nodes), mem_per_cpu=100),
                  st.sampled_from([1, 1, 1, 2]), st.integers(1, 5))  # fmt: skip
MADE = st.lists(
    st.tuples(st.lists(NEEDS, min_size=1, max_size=3), st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=12
)


@settings(max_examples=80, deadline=None)
@given(MADE)
def test_together_or_not_at_all_to_the_end(made: list[tuple[list[Need], int, int]]) -> None:
    """Jobs of one to three components until nothing runs: all of a job's components start in one pass, nothing is given out
    twice, the first waiting job starts no later than promised, and everything that ever can runs once."""
    jobs: dict[int, list[PendingJob]] = {}
    for number, (needs, minutes, priority) in enumerate(made, 1):
        first = 10 * number
        more = {"priority": priority, "minutes": [minutes + at for at in range(len(needs))]}
        jobs[first] = het(first, *needs, **more) if len(needs) > 1 else [
            world.job(first, needs[0], priority=priority, time_limit=minutes)
        ]  # fmt: skip
    packed = any(sum(part.need.min_nodes for part in parts) > 3 for parts in jobs.values())  # how to share is only guessed
    never = {
        first for first, parts in jobs.items() if not where(plan(world.snapshot(world.nodes(3, cpus=4, gpus=0), parts), 0.0))
    }
    live: list[RunningJob] = []
    promised: dict[int, float] = {}
    started: list[int] = []
    now = 0.0
    for _ in range(500):
        live = [one for one in live if one.end > now]
        slots = world.nodes(3, cpus=4, gpus=0)
        for one in live:
            for share in one.shares:
                slot = slots[int(share.node[1])]
                assert slot.cpus_free & mask(share.cpus) == mask(share.cpus), "held twice"
                slot.cpus_free &= ~mask(share.cpus)
                slot.mem_free -= share.mem
                slot.jobs += 1
        decisions = plan(world.snapshot(slots, [part for parts in jobs.values() for part in parts], live), now)
        begun: dict[int, set[int]] = {}
        for one in decisions:
            if isinstance(one, Start):
                first = one.job_id // 10 * 10
                begun.setdefault(first, set()).add(one.job_id)
                part = jobs[first][one.job_id - first]
                end = now + 60.0 * part.time_limit
                live.append(RunningJob(job_id=one.job_id, uid=1, shares=one.allocation.shares, end=end))
        for first, ids in begun.items():
            assert ids == {part.job_id for part in jobs.pop(first)}, "started in part"
            assert packed or now <= promised.get(first, now), "later than promised"
            started.append(first)
        head = next((one for one in decisions if isinstance(one, Wait) and one.planned), None)
        if head is not None:
            first = head.job_id // 10 * 10
            assert packed or head.planned <= promised.get(first, head.planned)
            promised = {first: head.planned}
        if not live:
            break
        now = min(one.end for one in live)
    assert sorted(started) == sorted(set(started))
    assert set(jobs) == never
