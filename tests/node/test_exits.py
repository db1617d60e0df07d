"""How the exits of a node's tasks are told to srun."""

from __future__ import annotations

import resource

from mgpu_slurm.node.supervisor.exits import Exits
from mgpu_slurm.node.supervisor.tasks import Task


def exits(**statuses: int) -> Exits:
    """Tasks t0, t1, ... that have ended so."""
    tasks = [Task(rank=int(name[1:]), pid=100 + int(name[1:])) for name in statuses]
    found = Exits(tasks)
    for task, status in zip(tasks, statuses.values(), strict=True):
        found.reaped(task.pid, status, resource.getrusage(resource.RUSAGE_SELF))
    return found


def test_tasks_that_end_alike_share_a_line() -> None:
    assert exits(t0=0, t1=256, t2=0).report() == [(0, [0, 2], False), (256, [1], False)]


def test_want_of_memory_is_laid_to_the_killed_task() -> None:
    assert exits(t0=0, t1=9).report(True) == [(0, [0], False), (9, [1], True)]


def test_want_of_memory_is_laid_to_a_task_that_ended_well_where_none_was_killed() -> None:
    assert exits(t0=0).report(True) == [(0, [0], True)]
    assert exits().report(True) == []
