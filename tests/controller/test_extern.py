"""The step "extern" of jobs where PrologFlags= has Contain: it is shown, and nothing waits for it or is sent because of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mgpu_slurm.controller.history_columns import HISTORY, ordered_steps
from mgpu_slurm.records.columns import Source
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.saves import SaveAttempt
from mgpu_slurm.records.step import Step
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import Case


def cluster() -> Case:
    return Case(contain=True).node("n0", gpus=4).node("n1", gpus=4)


def row(c: Case, job: Job, *names: str) -> tuple[Any, ...]:
    """Columns of the listing of accounting."""
    source = Source(c.state.jobs, c.state.nodes, c.state.partitions, c.state.use, c.now)
    return tuple(HISTORY[name](job, job.steps["extern"], source) for name in names)


def test_it_is_on_all_nodes_and_holds_nothing_against_others() -> None:
    c = cluster()
    job = c.submit(min_nodes=2, ntasks=4, gpus=1, mem_per_node=300)
    c.plan().started(job)
    record = c.job(job)
    assert list(record.steps) == ["extern", "batch"]
    assert [step.step_id for step in ordered_steps(record)] == ["batch", "extern"]
    shown = row(c, record, "state", "nodes", "tasks", "cpus", "name", "layout", "use", "exit_code", "end")
    assert shown == ("RUNNING", "n[0-1]", 2, 4, "extern", "Unknown", None, 0, 0.0)
    assert row(c, record, "held") == ({"cpu": 4, "mem": 600, "node": 2, "gres/gpu": 2, "billing": 4},)
    assert c.step(job, ntasks=4, cpus_per_task=1).step_id == "0"


def test_none_without_contain() -> None:
    c = Case().node("n0")
    job, shell = c.submit(), c.alloc()
    c.plan()
    assert (list(c.job(job).steps), list(c.job(shell).steps)) == (["batch"], [])


def test_no_node_is_asked_to_end_it() -> None:
    c = cluster()
    job = c.submit(min_nodes=2)
    c.plan().started(job)
    c.sent("n1")
    c.ends(job)
    assert (c.state_of(job), c.sent("n1")) == ("COMPLETED", [])
    assert row(c, c.job(job), "state", "end", "exit_code", "use") == ("COMPLETED", c.now, 0, {})


def failed(c: Case, job: int) -> None:
    c.ends(job, code=3)


def cancelled(c: Case, job: int) -> None:
    assert c.cancel(job) == 0


def timed_out(c: Case, job: int) -> None:
    c.after(3600)


def killed(c: Case, job: int) -> None:
    c.ends(job, signal=9, ending="OUT_OF_MEMORY")


def node_lost(c: Case, _job: int) -> None:
    for name in ("n0", "n1"):
        c.link_lost(name)
    c.after(200)


def restarted_between(c: Case, job: int) -> None:
    c.restart()
    c.register("n0", steps=[wire.LiveStep(job_id=job, step_id="batch", attempt=1)])
    c.register("n1")
    assert (c.state_of(job), c.job(job).steps["extern"].state) == ("RUNNING", "RUNNING")
    c.ends(job)


@pytest.mark.parametrize(
    ("way", "state", "step_state", "status"),
    [
        (failed, "FAILED", "COMPLETED", 0),
        (cancelled, "CANCELLED", "COMPLETED", 0),
        (timed_out, "TIMEOUT", "COMPLETED", 0),
        (killed, "OUT_OF_MEMORY", "COMPLETED", 0),
        (node_lost, "NODE_FAIL", "CANCELLED", None),
        (restarted_between, "COMPLETED", "COMPLETED", 0),
    ],
)
def test_it_ends_with_the_job(way: Callable[[Case, int], None], state: str, step_state: str, status: int | None) -> None:
    c = cluster()
    job = c.submit(time_limit=60, min_nodes=2, requeue=False)
    c.plan().started(job)
    way(c, job)
    record = c.job(job)
    assert record.state == state
    assert row(c, record, "state", "exit_code", "end") == (step_state, status, record.end_time)
    assert record.derived_exit_code == 0


@pytest.mark.parametrize(("lost", "state", "step_state"), [(False, "REQUEUED", "COMPLETED"), (True, "NODE_FAIL", "CANCELLED")])
def test_each_run_has_its_own(lost: bool, state: str, step_state: str) -> None:
    c = cluster()
    job = c.submit()
    c.plan().started(job)
    if lost:
        c.link_lost("n0")
        c.register("n0")
    else:
        assert c.act("requeue", job) == 0
        c.ends(job, signal=15)
        c.gone(job)
    (save,) = [effect for effect in c.effects if isinstance(effect, SaveAttempt)]
    past = msgspec.json.decode(save.record, type=Job)
    assert (past.state, *row(c, past, "state", "end")) == (state, step_state, past.end_time)
    assert not c.job(job).steps
    c.plan()
    assert (c.state_of(job), c.job(job).steps["extern"].start_time) == ("RUNNING", c.now)


def test_components_have_one_each() -> None:
    c = cluster()
    first, second = c.submit_het({}, {})
    c.plan().started(first)
    assert [list(c.job(job).steps) for job in (first, second)] == [["extern", "batch"], ["extern"]]
    c.ends(first)
    assert [row(c, c.job(job), "state")[0] for job in (first, second)] == ["COMPLETED", "COMPLETED"]


def test_of_an_allocation_nothing_is_left_when_its_steps_are_over() -> None:
    c = cluster()
    job = c.alloc(min_nodes=2)
    c.plan()
    c.step(job)
    for node in ("n0", "n1"):
        c.ends(job, step="0", node=node)
    assert c.cancel(job) == 0
    assert c.state_of(job) == "CANCELLED"
    assert row(c, c.job(job), "state") == ("COMPLETED",)


def test_ending_or_signalling_it_touches_no_process() -> None:
    c = cluster()
    job = c.submit()
    c.plan().started(job)
    c.sent("n0")
    assert c.cancel(f"{job}.extern") == 0
    assert c.cancel(f"{job}.extern", signal=10) == 0
    assert (c.sent("n0"), c.state_of(job)) == ([], "RUNNING")


def live_steps(job: Job) -> list[Step]:
    return [step for step in job.steps.values() if not step.end_time]


def test_a_job_that_shrinks_keeps_it_as_it_was() -> None:
    c = cluster()
    job = c.submit(min_nodes=2)
    c.plan().started(job)
    assert c.update("job", job, NumNodes="1") == 0
    assert [step.step_id for step in live_steps(c.job(job))] == ["extern", "batch"]
    assert c.job(job).allocation is not None
    assert not c.job(job).allocation.leaving
    c.ends(job)
    assert c.state_of(job) == "COMPLETED"
