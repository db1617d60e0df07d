"""Nodes that follow one another: chosen as a real Slurm chose them, and kept right while they come and go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base import hostlist
from mgpu_slurm.sched.fit import Candidate, Capacity
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.runs import Run, Runs
from mgpu_slurm.sched.snapshot import Need
from tests.sched import world

OTHERS = {
    # neighbours; Slurm lets the second one be any of the run
    "42318761 -N2 -n6": "n[6-7]",
    # a run that suffices; in Slurm a larger one that comes later wins although it is too short
    "55280188 -N3": "n[0-2]",
    "55280188 -N3 -n9": "n[0-2]",
    # the tightest run
    "55280188 -n4 --ntasks-per-node=2": "n[4-5]",
}
"""Where the answer is another on purpose: what it is here."""


@pytest.mark.parametrize(("used", "words", "nodes"), [*world.rows("neighbours.tsv")])
def test_choice(used: str, words: str, nodes: str) -> None:
    slots = world.nodes(8)
    for slot, digit in zip(slots, used, strict=True):
        slot.cpus_free &= ~((1 << int(digit)) - 1)
    found = place(slots, world.need(words), 0, world.partition(8))
    assert isinstance(found, Placement)
    assert hostlist.fold(found.allocation.nodes) == OTHERS.get(f"{used} {words}", nodes)


def candidate(index: int, tasks: int, weight: int) -> Candidate:
    rank = weight, 0, 0, tasks, tasks, False, index
    return Candidate(index, world.node(f"n{index}"), Capacity(tasks, (tasks,)), rank, (tasks, tasks))


def runs(members: dict[int, Candidate]) -> list[Run]:
    return sorted(Runs(members, counted=True)._runs.values())


changes = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(1, 2)), max_size=40)


@given(changes)
def test_changes_leave_what_would_be_made_anew(steps: list[tuple[int, int, int]]) -> None:
    members: dict[int, Candidate] = {}
    kept = Runs(members, counted=True)
    for index, tasks, weight in steps:
        before = members.pop(index, None)
        after = None
        if tasks:
            after = members[index] = candidate(index, tasks, weight)
        kept.replace(before, after)
        assert sorted(kept._runs.values()) == runs(members)
        assert kept._starts == sorted(kept._runs)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=10), st.integers(2, 4), st.integers(1, 24))
def test_what_fits_is_found(free: list[int], count: int, tasks: int) -> None:
    """As many nodes as are asked for have room for the tasks exactly if the emptiest of them have."""
    slots = world.nodes(len(free))
    for slot, number in zip(slots, free, strict=True):
        slot.cpus_free = (1 << number) - 1
    tasks = max(tasks, count)
    found = place(slots, Need(min_nodes=count, max_nodes=count, ntasks=tasks), 0, None)
    best = sorted(free, reverse=True)[:count]
    fits = len(best) == count and all(best) and sum(best) >= tasks
    assert isinstance(found, Placement) == fits
