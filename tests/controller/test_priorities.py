"""Priorities made of factors: at submission, after changes and with age, and what sprio shows of them."""

from __future__ import annotations

from typing import Any

from mgpu_slurm.controller import priority_rows
from mgpu_slurm.sched.priority import Weights
from tests.kit.cases import Case


def cluster(**weights: Any) -> Case:
    c = Case(weights=Weights(**weights), priority_period=300)
    for at in range(4):
        c.node(f"n{at}")
    return c


def shown(c: Case, *names: str) -> list[tuple[object, ...]]:
    """Those columns of sprio's rows."""
    getters = [priority_rows.COLUMNS[name] for name in names]
    return list(zip(*priority_rows.table(c.core.ctx, getters, {}, c.now).columns, strict=True))


def test_size_and_partition_make_it() -> None:
    c = cluster(jobsize=1000, partition=200)
    c.partition("fast", ["n0", "n1"], priority_job_factor=4)
    small = c.submit(partition="gpu,fast")
    assert c.job(small).priority == 340  # as in the better one
    assert shown(c, "partition", "priority", "partition_factor") == [("gpu", 190, 0.25), ("fast", 340, 1.0)]
    assert c.job(c.submit(min_nodes=4, ntasks=32)).priority == 1050
    assert c.job(c.submit(nice=40)).priority == 150
    assert c.job(c.submit(hold=True)).priority == 0
    assert c.update("job", small, Partition="gpu") == 0
    assert c.job(small).priority == 190
    assert c.update("job", small, Nice="90") == 0
    assert c.job(small).priority == 100
    assert c.update("job", small, Priority="7") == 0
    assert c.update("job", small, NumNodes="2") == 0
    assert c.job(small).priority == 7


def test_age_is_looked_at_again_and_decides() -> None:
    c = cluster(age=1000, jobsize=100, max_age=600.0)
    first = c.submit(min_nodes=4, exclusive="exclusive", time_limit=10)
    c.plan()
    old = c.submit(min_nodes=3, exclusive="exclusive")
    c.after(400)
    young = c.submit(min_nodes=4, exclusive="exclusive")
    assert (c.job(old).priority, c.job(young).priority) == (500 + 42, 56)
    assert shown(c, "job_id", "age") == [(old, 0.5), (young, 0.0)]
    c.started(first)
    c.ends(first)
    c.gone(first)
    c.plan()
    assert c.running() == [old]


def test_what_waits_for_its_array_or_reservation_has_no_row() -> None:
    c = cluster()
    c.submit(array="0-3%1", cpus_per_task=8)
    c.plan()
    assert shown(c, "job_id") == []
