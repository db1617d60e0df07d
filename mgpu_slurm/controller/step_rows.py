"""Keeping a job's record short: of a job of many steps, those that ended long ago have rows of their own in the store.

A record is written whole at every change of its job. With all steps in it, a job of thousands of steps would write each
of them again at the start and end of every other.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.job import Job
from mgpu_slurm.records.saves import SaveStep

KEPT = 64
"""How many of the steps that ended last stay in the record; twice as many may before any leaves it."""

_encode = msgspec.json.Encoder().encode


def record(job: Job) -> tuple[list[SaveStep], bytes]:
    """The rows that have become due, and the job's record without what has a row. To be committed together."""
    if len(job.steps) <= KEPT:
        return [], _encode(job)
    rows: list[SaveStep] = []
    if len(job.steps) - job.steps_apart > 2 * KEPT:
        over = [step for step in job.steps.values() if step.end_time and not step.apart]
        over.sort(key=lambda step: step.end_time)
        for step in over[:-KEPT]:
            step.apart = True
            rows.append(SaveStep(job_id=job.job_id, attempt=job.attempt, step_id=step.step_id, record=_encode(step)))
        job.steps_apart += len(rows)
    if not job.steps_apart:
        return [], _encode(job)
    kept = {key: step for key, step in job.steps.items() if not step.apart}
    return rows, _encode(msgspec.structs.replace(job, steps=kept))
