"""scontrol update: keys and texts as typed -> changed records of jobs, nodes, partitions and steps.

A change is checked as a whole before anything of it is done: a request with one wrong key changes nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors, ids
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import (
    arrays,
    cancelling,
    launching,
    lifecycle,
    priorities,
    reservations,
    resizing,
    steps,
    submission,
    terms,
    update_job_keys,
    update_nodes,
    update_partitions,
    update_sums,
    update_wishes,
    waiting,
)
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.wire.messages import ExtendJob, Results

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked, Caller
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.wire.messages import Update


def update(ctx: Context, asked: Asked, message: Update, now: float) -> None:
    """Answer Results. Raises SlurmError where the request as a whole is wrong."""
    if message.what == "job":
        rows = _jobs(ctx, asked.caller, message, now)
    elif message.what == "node":
        rows = update_nodes.update(ctx, asked.caller, message, now)
    elif message.what == "partition":
        rows = update_partitions.update(ctx, asked.caller, message, now)
    elif message.what == "reservation":
        rows = reservations.change(ctx, asked.caller, message, now)
    elif message.what == "step":
        rows = _step(ctx, asked.caller, message, now)
    else:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    ctx.reply(asked.conn, Results(rows=rows))


def unsupported(key: str, text: str) -> SlurmError:
    return SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Update of this parameter is not supported: {key}={text}")


def _jobs(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    for key, text in message.changes:
        if key.lower() not in update_job_keys.KNOWN:
            raise unsupported(key, text)
    rows: list[tuple[str, int, str]] = []
    change = partial(_job, ctx, caller=caller, changes=message.changes, now=now)
    for name in ids.listed(message.name):
        rows += cancelling.carry_out(ctx, caller, name, change, errors.ESLURM_USER_ID_MISSING)
    return rows


def _job(ctx: Context, job: Job, caller: Caller, changes: list[tuple[str, str]], now: float) -> None:
    """Try all changes on a copy, then make the record like it."""
    if job.state in TERMINAL and COMPLETING not in job.flags:
        raise SlurmError(errors.ESLURM_JOB_FINISHED)
    trial = msgspec.structs.replace(job, flags=list(job.flags))
    words = {key.lower() for key, _ in changes}
    for key, text in sorted(changes, key=_turn):
        update_job_keys.change(ctx, trial, caller, key.lower(), text, now)
    if update_job_keys.NAMING.keys() & words:
        reservations.check(ctx, trial.request.reservation, trial.uid, trial.account)
    if trial.state == "PENDING":
        submission.settle(ctx, trial)
        update_sums.carry(ctx, job, trial, words, now)
        priorities.again(ctx, trial)
        if update_sums.SIZING & words:
            update_sums.check_size(ctx, trial)
    if COMPLETING in job.flags and job.state != "PENDING":
        raise SlurmError(errors.ESLURM_TRANSITION_STATE_NO_UPDATE)
    gives = job.allocation is not None and trial.allocation is None
    if gives:
        trial.allocation = job.allocation
    _take_over(ctx, job, trial, now)
    if gives:
        resizing.hand_over(job, now)
        lifecycle.end(ctx, job, "ENDED_OK", now, "COMPLETED", 0)


ANY_TURN = 4
TURNS = {
    "burstbuffer": 0, "partition": 1, "reqnodelist": 2, "nodelist": 2, "reservationname": 3, "cpuspertres": 5, "gres": 5,
    "mempertres": 5, "tresbind": 6, "tresfreq": 6, "tresperjob": 6, "trespernode": 6, "trespersocket": 6, "trespertask": 6,
    "licenses": 7, "excnodelist": 8, "numnodes": 9, "minnodes": 9, "numtasks": 10, "deadline": 11, "corespec": 12,
    "threadspec": 12, "features": 13, "prefer": 13, "dependency": 14,
}  # fmt: skip
"""In which order Slurm takes the keys of one request; those that are not here stand at ANY_TURN."""


def _turn(change: tuple[str, str]) -> tuple[bool, int]:
    """What is taken away makes room for what is asked for instead; else in Slurm's order, which tells the first that is wrong."""
    return bool(change[1]), TURNS.get(change[0].lower(), ANY_TURN)


def _take_over(ctx: Context, job: Job, trial: Job, now: float) -> None:
    shrunk = trial.allocation is not job.allocation
    limit_changed = (trial.time_limit, trial.end_shift) != (job.time_limit, job.end_shift)
    pending = job.state == "PENDING"
    if shrunk and not pending:
        resizing.save_part(ctx, job, now)
    if pending:
        ctx.state.unwatch(job, terms.targets(job))
    ctx.state.out_of_indexes(job)
    for field in msgspec.structs.fields(job):
        if field.name not in ("flags", "steps"):
            setattr(job, field.name, getattr(trial, field.name))
    ctx.state.into_indexes(job)
    ctx.save(job)
    ctx.needs.pop(job.job_id, None)
    if pending:
        ctx.timers.cancel("begin", job.job_id)
        ctx.timers.cancel("deadline", job.job_id)
        if job.request.deadline:
            ctx.timers.set("deadline", job.job_id, submission.latest_start(job))
        waiting.enter(ctx, job, now)
        arrays.room(ctx, job, now)
    elif limit_changed and job.state == "SUSPENDED":
        launching.set_limit(ctx, job, now)
    elif limit_changed and job.state == "RUNNING" and job.allocation is not None:
        launching.set_limit(ctx, job, now)
        for node in job.allocation.nodes:
            ctx.to_node(node, ExtendJob(job_id=job.job_id, deadline=launching.kill_time(ctx, job)))
    if shrunk:
        resizing.end_steps(ctx, job)
    ctx.replan()


def _step(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    """update StepId=12.0 TimeLimit=5."""
    ref: ids.JobRef = cancelling.parse(message.name)
    for job in cancelling.allowed(ctx, caller, ref):
        chosen = [step for name, step in job.steps.items() if ref.step is None or name == str(ref.step)]
        chosen = [step for step in chosen if step.step_id != "batch" and steps.is_live(step)]
        if not chosen and ref.step is not None:
            raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
        for key, text in message.changes:
            if key.lower() != "timelimit":
                raise unsupported(key, text)
            for step in chosen:
                step.time_limit = update_wishes.minutes(text)
        for step in chosen:
            if step.time_limit is not None and step.time_limit >= 0:
                ctx.timers.set("step", (job.job_id, step.step_id), step.start_time + 60 * step.time_limit)
            else:
                ctx.timers.cancel("step", (job.job_id, step.step_id))
        ctx.save(job)
    return [(message.name, 0, "")]
