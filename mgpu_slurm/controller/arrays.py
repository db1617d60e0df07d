"""Arrays: one record until tasks start, then a record each for those that have.

A split-off task gets an id of its own; the record that is left keeps the array's id, and with its last task becomes that
task's record, so that the last task's raw id is the array's (as Slurm has it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base.errors import ESLURM_MAX_JOB_COUNT, SlurmError
from mgpu_slurm.controller import terms

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job


def new_id(ctx: Context) -> int:
    """The next job id, never given out before. Raises SlurmError where there are none left."""
    job_id = ctx.state.next_job_id
    if job_id > ctx.settings.max_job_id:
        raise SlurmError(ESLURM_MAX_JOB_COUNT)
    ctx.state.next_job_id = job_id + 1
    return job_id


def need_ids(ctx: Context, count: int) -> None:
    """Raises SlurmError where there are fewer ids left: then none is given out."""
    if ctx.state.next_job_id + count - 1 > ctx.settings.max_job_id:
        raise SlurmError(ESLURM_MAX_JOB_COUNT)


def split(ctx: Context, record: Job, tasks: list[int]) -> Job:
    """Part some tasks (ascending) from a record that stands for several; the record itself where those are all it has."""
    count = len(tasks)
    if record.array_tasks[:count] == tasks:
        rest = record.array_tasks[count:]
    else:
        taken = set(tasks)
        rest = [task for task in record.array_tasks if task not in taken]
    ctx.save(record)
    if not rest:
        if len(tasks) == 1:
            _alone(ctx, record, tasks[0])
        return record
    ctx.state.out_of_indexes(record)
    record.array_tasks = rest
    ctx.state.into_indexes(record)
    part = msgspec.structs.replace(
        record,
        job_id=new_id(ctx),
        array_tasks=[] if len(tasks) == 1 else list(tasks),
        array_task_id=tasks[0] if len(tasks) == 1 else None,
        flags=list(record.flags),
        steps={},
        steps_apart=0,
        dependency=[list(term) for term in record.dependency],
    )
    ctx.state.add(part)
    _wait_alike(ctx, record, part)
    ctx.save(part)
    return part


def _wait_alike(ctx: Context, record: Job, part: Job) -> None:
    """A part waits for the same as the record it was split from."""
    ctx.state.watch(part, terms.targets(part), terms.alone(part))
    if record.job_id in ctx.eligible:
        ctx.eligible[part.job_id] = None
    for what in ("begin", "deadline", "delay"):
        at = ctx.timers.at(what, record.job_id)
        if at is not None:
            ctx.timers.set(what, part.job_id, at)


def first(ctx: Context, record: Job) -> Job:
    """The record that starts when the scheduler starts `record`: itself, or its first task's."""
    if not record.array_tasks:
        return record
    return split(ctx, record, record.array_tasks[:1])


def _alone(ctx: Context, record: Job, task: int) -> None:
    ctx.state.out_of_indexes(record)
    record.array_tasks = []
    record.array_task_id = task
    ctx.state.into_indexes(record)
    ctx.state.elements[(record.array_job_id, task)] = record.job_id


def startable(ctx: Context, record: Job) -> int:
    """How many tasks of a pending record may run besides those that do (%limit)."""
    left = len(record.array_tasks) or 1
    if not record.array_limit or not record.array_job_id:
        return left
    tally = ctx.state.tallies[record.array_job_id]
    return max(0, min(left, record.array_limit - tally.running))


def room(ctx: Context, job: Job, now: float) -> None:
    """A task is gone, or the limit has changed: records that waited for the limit may start."""
    if not job.array_job_id or not job.array_limit:
        return
    for job_id in ctx.state.array_pending.get(job.array_job_id, ()):
        other = ctx.state.jobs[job_id]
        ctx.cache.pop(job_id, None)
        if other.reason == "JobArrayTaskLimit" and startable(ctx, other):
            other.reason = "None"
            other.eligible_time = now  # not before, as in Slurm
            ctx.save(other)


def full(ctx: Context, job: Job) -> None:
    """After a start: say of the rest of the array that it waits for the limit, where it does."""
    if not job.array_job_id or not job.array_limit:
        return
    for job_id in ctx.state.array_pending.get(job.array_job_id, ()):
        other = ctx.state.jobs[job_id]
        ctx.cache.pop(job_id, None)
        if job_id in ctx.eligible and not startable(ctx, other) and other.reason != "JobArrayTaskLimit":
            other.reason = other.waited_for = "JobArrayTaskLimit"
            ctx.save(other)
