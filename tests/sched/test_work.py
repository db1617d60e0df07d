"""How much a pass looks at: counted, not timed, so that a slow machine does not matter."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.sched import fit, survey
from mgpu_slurm.sched.plan import plan
from mgpu_slurm.sched.snapshot import Need
from tests.sched import world


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The nodes that were looked at, one entry for each look."""
    seen: list[str] = []

    def capacity(slot: Any, *args: Any, **more: Any) -> fit.Capacity:
        seen.append(slot.name)
        return fit.capacity(slot, *args, **more)

    monkeypatch.setattr(survey, "capacity", capacity)
    return seen


def test_equal_requests_are_looked_at_once(looks: list[str]) -> None:
    jobs = [world.job(number, Need(ntasks=8, max_nodes=1), time_limit=-1) for number in range(1, 1001)]
    found = plan(world.snapshot(world.nodes(4), jobs), 0.0)
    assert len(found) == 1000
    assert len(looks) < 200


def test_a_start_makes_only_its_own_nodes_looked_at_again(looks: list[str]) -> None:
    jobs = [world.job(number, Need(ntasks=8, max_nodes=1)) for number in range(1, 51)]
    plan(world.snapshot(world.nodes(200), jobs), 0.0)
    assert len(looks) <= 200 + 50


def test_a_long_array_costs_no_more_than_what_starts(looks: list[str]) -> None:
    found = plan(world.snapshot(world.nodes(4), [world.job(1, count=5000, startable=5000)]), 0.0)
    assert len(found) == 33
    assert len(looks) < 100
