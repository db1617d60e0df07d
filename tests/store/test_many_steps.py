"""A job of very many steps: its record stays short, and everything is there again."""

from __future__ import annotations

import pathlib

import msgspec

from mgpu_slurm.controller import step_rows
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.saves import SaveJob
from mgpu_slurm.records.step import Step
from mgpu_slurm.store import history
from mgpu_slurm.store.database import Store, open_store

STEPS = 300
LIVING = 3


def keep(store: Store, job: Job, gone: bool = False) -> int:
    """Save it as the controller does; the bytes that were written."""
    rows, record = step_rows.record(job)
    store.commit([*rows, SaveJob(job_id=job.job_id, record=record, state=job.state, uid=job.uid, gone=gone)])
    return len(record) + sum(len(row.record) for row in rows)


def run_steps(store: Store, job: Job) -> list[int]:
    """Start and end them one after the other, with a few that live to the end; bytes written for each."""
    written = []
    for number in range(STEPS):
        step = Step(job_id=job.job_id, step_id=str(number), name=f"step {number}", start_time=1000.0 + number)
        job.steps[step.step_id] = step
        at_start = keep(store, job)
        if number >= LIVING:
            step.state, step.end_time, step.exit_code = "COMPLETED", 1000.5 + number, number
        written.append(at_start + keep(store, job))
    return written


def shown(job: Job) -> list[tuple[str, str, int]]:
    return [(key, step.state, step.exit_code) for key, step in job.steps.items()]


def test_all_are_there_again_and_late_ones_cost_no_more_than_early_ones(tmp_path: pathlib.Path) -> None:
    store = open_store(str(tmp_path / "state.db"))
    job = Job(job_id=5, uid=7, gid=7, state="RUNNING", attempt=2, request=JobRequest(name="x"))
    written = run_steps(store, job)
    assert max(written[150:]) < 1.3 * max(written[:150])
    store.close()

    store = open_store(str(tmp_path / "state.db"))
    (again,) = store.load().jobs
    assert shown(again) == shown(job)
    assert [key for key, step in again.steps.items() if step.state == "RUNNING"] == ["0", "1", "2"]
    again.steps["0"].state, again.steps["0"].end_time = "FAILED", 3000.0
    again.state = "FAILED"
    keep(store, again, gone=True)
    (past,) = history.find(store, history.Selection(ids=[5]), (), lambda found: "100" in found.steps)
    assert shown(past) == shown(again)
    store.close()


def test_a_run_after_a_requeue_has_none_of_the_steps_before(tmp_path: pathlib.Path) -> None:
    store = open_store(str(tmp_path / "state.db"))
    job = Job(job_id=5, uid=7, gid=7, state="RUNNING", attempt=1, request=JobRequest(name="x"))
    run_steps(store, job)
    job = msgspec.structs.replace(job, state="PENDING", steps={}, steps_apart=0)
    keep(store, job)
    assert store.load().jobs[0].steps == {}
    job.attempt = 2
    run_steps(store, job)
    assert shown(store.load().jobs[0]) == shown(job)
    store.close()
