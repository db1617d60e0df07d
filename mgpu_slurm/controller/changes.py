"""scontrol's verbs: hold, uhold, release, requeue, requeuehold, suspend, resume, top; `update` goes to updates.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import cancelling, launching, lifecycle, permissions, priorities, updates, waiting
from mgpu_slurm.facts.states import COMPLETING, RESV_DEL_HOLD, SPECIAL_EXIT, TERMINAL
from mgpu_slurm.wire.messages import Done, ExtendJob, JobEvent, Results, SayToJob, SuspendJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked, Caller
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.wire.messages import JobAction, NotifyJob, Update

_OF_WHOLE = ("suspend", "resume")
"""Verbs that are not done to a single component of a heterogeneous job."""

REQUEUED_HELD = "job requeued in held state"


def action(ctx: Context, asked: Asked, message: JobAction, now: float) -> None:
    """One row of Results per id."""
    what = _ACTIONS.get(message.action)
    if what is None:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    # Slurm takes these as updates, and refuses a stranger's update otherwise than a stranger's cancel
    update_like = message.action in ("hold", "uhold", "release")
    code = errors.ESLURM_USER_ID_MISSING if update_like else errors.ESLURM_ACCESS_DENIED
    rows: list[tuple[str, int, str]] = []
    for text in message.ids:
        if (message.action == "top" and "_" in text) or (message.action.startswith("requeue") and "+" in text):
            # the verbs that know no parts of arrays, and of heterogeneous jobs
            rows.append((text, errors.ESLURM_INVALID_JOB_ID, errors.strerror(errors.ESLURM_INVALID_JOB_ID)))
            continue
        if message.action in ("suspend", "resume") and ctx.settings.compat < (23, 2) and _is_unknown(ctx, text):
            # 22.05 asks by number, and takes the answer for another message's
            error = SlurmError(errors.SLURM_UNEXPECTED_MSG_ERROR)
            rows.append((text, error.code, error.text))
            continue
        whole = message.action in _OF_WHOLE
        done = cancelling.carry_out(ctx, asked.caller, text, lambda job: what(ctx, job, asked.caller, now), code, whole)
        if message.action == "top":
            done = [(text, number, why) for _, number, why in done if number][-1:] or [(text, 0, "")]
        rows += done
    ctx.reply(asked.conn, Results(rows=rows))


def _is_unknown(ctx: Context, text: str) -> bool:
    return text.isdecimal() and not ctx.state.records_of(int(text))


def update(ctx: Context, asked: Asked, message: Update, now: float) -> None:
    updates.update(ctx, asked, message, now)


def notify(ctx: Context, asked: Asked, message: NotifyJob) -> None:
    """A line for the job's user. Raises SlurmError 2017 unknown, 2010 a stranger's, 2037 waits, 2021 is over."""
    job = ctx.state.jobs.get(message.job_id)
    if job is None:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    permissions.need_owner(ctx, asked.caller, job, errors.ESLURM_USER_ID_MISSING)
    if job.state == "PENDING":
        raise SlurmError(errors.ESLURM_DISABLED)
    if job.state in TERMINAL:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if job.request.kind == "batch":
        ctx.to_node(job.batch_host, SayToJob(job_id=job.job_id, text=message.text))
    for conn in ctx.listeners(job.job_id):
        ctx.push(conn, JobEvent(job_id=job.job_id, event="message", text=message.text))
    ctx.reply(asked.conn, Done())


def hold(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    waiting.hold(ctx, job, "admin" if permissions.is_operator(ctx, caller) and not ctx.settings.embedded else "user", now)


def uhold(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    waiting.hold(ctx, job, "user", now)


def release(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    """End a hold; only an operator ends one that an operator has set."""
    if job.state in TERMINAL:
        raise SlurmError(errors.ESLURM_JOB_FINISHED)
    if job.held_by == "admin" and not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    if job.priority == 0:
        job.priority = priorities.of_job(ctx, job)
        job.priority_fixed = False
    job.held_by = ""
    if job.reason in waiting.HELD.values():
        job.reason = "None"
        job.reason_text = ""
    job.flags = [flag for flag in job.flags if flag not in ("REQUEUE_HOLD", RESV_DEL_HOLD, SPECIAL_EXIT)]
    ctx.save(job)
    waiting.refresh(ctx, job, now)


def requeue(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    """Back into the queue under the same id. Raises SlurmError 2039 no batch job, 2037 not requeueable, 2024 waits already."""
    if job.het_offset:
        raise SlurmError(errors.ESLURM_NOT_HET_JOB_LEADER)
    if job.request.kind != "batch":
        raise SlurmError(errors.ESLURM_BATCH_ONLY)
    if not lifecycle.may_requeue(ctx, job):
        raise SlurmError(errors.ESLURM_DISABLED)
    if job.state == "PENDING":
        raise SlurmError(errors.ESLURM_JOB_PENDING)
    if job.state not in TERMINAL:
        lifecycle.requeue(ctx, job, now)
        return
    if COMPLETING in job.flags:
        raise SlurmError(errors.ESLURM_TRANSITION_STATE_NO_UPDATE)
    if job.array_tasks:
        raise SlurmError(errors.ESLURM_JOB_PENDING)
    for one in ctx.state.components(job):
        if one.state in TERMINAL:
            ctx.save_attempt(one, one.restart_count)
            lifecycle.again(ctx, one, now)


def requeuehold(ctx: Context, job: Job, caller: Caller, now: float, special: bool = False) -> None:
    requeue(ctx, job, caller, now)
    for one in ctx.state.components(job):
        waiting.hold(ctx, one, "user", now, special)
        one.reason_text = REQUEUED_HELD


def special_exit(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    """requeuehold State=SpecialExit."""
    requeuehold(ctx, job, caller, now, special=True)


def suspend(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    """Stop the processes; the resources stay the job's. Operators only."""
    _need_operator(ctx, caller)
    if job.state == "PENDING":
        raise SlurmError(errors.ESLURM_JOB_PENDING)
    if job.state in TERMINAL or job.allocation is None:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if job.state == "SUSPENDED":
        return
    lifecycle.apply(ctx, job, "SUSPENDED", now)
    job.suspend_time = now
    for what in ("limit", "warn"):
        ctx.timers.cancel(what, job.job_id)
    for node in job.allocation.nodes:
        ctx.to_node(node, SuspendJob(job_id=job.job_id))
    for conn in ctx.listeners(job.job_id):
        ctx.push(conn, JobEvent(job_id=job.job_id, event="suspended", state="SUSPENDED"))


def resume(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    """Let the processes go on; the time stopped does not count against the limit."""
    _need_operator(ctx, caller)
    if job.state == "PENDING":
        raise SlurmError(errors.ESLURM_JOB_PENDING)
    if job.state in TERMINAL:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if job.state != "SUSPENDED" or job.allocation is None:
        raise SlurmError(errors.ESLURM_JOB_NOT_SUSPENDED)
    lifecycle.apply(ctx, job, "RESUMED", now)
    job.suspended_seconds += now - job.suspend_time
    job.suspend_time = now
    launching.set_limit(ctx, job, now)
    for node in job.allocation.nodes:
        ctx.to_node(node, SuspendJob(job_id=job.job_id, resume=True))
        ctx.to_node(node, ExtendJob(job_id=job.job_id, deadline=launching.kill_time(ctx, job)))


def _need_operator(ctx: Context, caller: Caller) -> None:
    if not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)


def top(ctx: Context, job: Job, caller: Caller, now: float) -> None:
    """First among the user's own waiting jobs."""
    if job.state != "PENDING":
        raise SlurmError(errors.ESLURM_JOB_NOT_PENDING)
    if job.priority == 0:
        raise SlurmError(errors.ESLURM_JOB_HELD)
    highest = max(ctx.state.jobs[one].priority for one in ctx.state.pending if ctx.state.jobs[one].uid == job.uid)
    if job.priority <= highest:
        _need_operator(ctx, caller)
        job.priority = highest + 1
        ctx.save(job)
        ctx.replan()


_ACTIONS: dict[str, Callable[[Context, Job, Caller, float], None]] = {
    "hold": hold,
    "uhold": uhold,
    "release": release,
    "requeue": requeue,
    "requeuehold": requeuehold,
    "requeuehold_special": special_exit,
    "suspend": suspend,
    "resume": resume,
    "top": top,
}
