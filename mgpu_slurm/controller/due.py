"""What happens when a timer of the core is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.controller import (
    cancelling,
    health_checks,
    launching,
    lifecycle,
    nodes,
    owners,
    priorities,
    reconcile,
    reservation_life,
    steps,
    update_nodes,
    waiting,
)
from mgpu_slurm.facts.reasons import QUEUED_CODES
from mgpu_slurm.facts.states import COMPLETING
from mgpu_slurm.wire.messages import JobEvent

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job


def handle(ctx: Context, now: float) -> None:
    """Everything that is due."""
    while (key := ctx.timers.due(now)) is not None:
        what, name = key
        if isinstance(name, str):
            if what == "node":
                nodes.timed_out(ctx, name, now)
            elif what == "lease":
                reconcile.lease_over(ctx, name, now)
            elif what == "resume":
                update_nodes.resume(ctx, name, now)
            elif what == "reserved":
                reservation_life.begun(ctx, name)
            elif what == health_checks.TIMER:
                health_checks.due(ctx, now)
            elif what == "priorities":
                priorities.look_again(ctx, now)
            elif what == "unreserved":
                reservation_life.over(ctx, name, now)
            elif what == "idle":
                reservation_life.idle(ctx, name, now)
        elif isinstance(name, tuple):
            _step_limit(ctx, *name)
        elif isinstance(name, int):
            if what == "purge":
                lifecycle.forget_if_old(ctx, name, now)
                _forget_requests(ctx, now)
                continue
            job = ctx.state.jobs.get(name)
            if job is not None:
                _job(ctx, what, job, now)


def _job(ctx: Context, what: str, job: Job, now: float) -> None:
    waits = job.state == "PENDING" and COMPLETING not in job.flags
    if what in ("begin", "delay"):
        waiting.refresh(ctx, job, now)
    elif what == "limit":
        _time_limit(ctx, job, now)
    elif what == "overrun" and job.state in ("RUNNING", "SUSPENDED") and COMPLETING not in job.flags:
        _timed_out(ctx, job, now)
    elif what == "warn":
        cancelling.warn(ctx, job)
    elif what == "owner":
        owners.abandoned(ctx, job, now)
    elif what == "deadline" and waits:
        job.reason = "DeadLine"
        lifecycle.cancel_pending(ctx, job, now, "DEADLINE_PASSED")
    elif what == "immediate" and waits:
        code = errors.ESLURM_NODES_BUSY
        if (job.request.immediate or 0) <= 1:
            code = QUEUED_CODES.get(job.reason, code)
        if job.het_job_id:
            code = errors.ESLURM_CAN_NOT_START_IMMEDIATELY
        text = errors.strerror(code, ctx.settings.compat)
        for conn in ctx.listeners(job.job_id):
            ctx.push(conn, JobEvent(job_id=job.job_id, event="ended", state="CANCELLED", text=text))
        ctx.disown(job.job_id)
        lifecycle.cancel_pending(ctx, job, now)


def _step_limit(ctx: Context, job_id: int, step_id: str) -> None:
    """A step's own limit, where it was changed after the step's start (the node keeps to the one it was started with)."""
    job = ctx.state.jobs.get(job_id)
    step = job.steps.get(step_id) if job is not None else None
    if job is None or step is None or not steps.is_live(step) or job.state != "RUNNING":
        return
    for part in step.layout.nodes:
        if part.node not in step.ended_nodes:
            steps.end_on_node(ctx, job, step, part.node, "TIMEOUT")


def _time_limit(ctx: Context, job: Job, now: float) -> None:
    if job.state != "RUNNING" or COMPLETING in job.flags:
        return
    at = launching.kill_time(ctx, job)
    if not at:
        return
    if at > now:
        ctx.timers.set("limit", job.job_id, at)
        return
    _timed_out(ctx, job, now)


def _timed_out(ctx: Context, job: Job, now: float) -> None:
    for conn in ctx.listeners(job.job_id):
        ctx.push(conn, JobEvent(job_id=job.job_id, event="timeout", state="TIMEOUT"))
    lifecycle.end(ctx, job, "TIMED_OUT", now, "TIMEOUT", exit_code=0, reason="TimeLimit")


def _forget_requests(ctx: Context, now: float) -> None:
    """Answers nobody will ask for again; oldest first, so that the look stops at the first young one."""
    old = []
    for key, known in ctx.state.requests.items():
        if now - known.time < ctx.settings.request_memory:
            break
        old.append(key)
    for key in old:
        del ctx.state.requests[key]
