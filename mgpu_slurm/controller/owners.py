"""Connections of clients that own allocations, follow jobs, or wait for their end.

An allocation lives as long as its owner's connection, and OwnerGrace seconds longer: a client whose connection, or whose
controller, was lost attaches again within that time, and nothing happens to the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import job_programs, launching, lifecycle, permissions, steps
from mgpu_slurm.controller.state import has_ended
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.wire.messages import AllocationState, Done, FileOrder, JobEnded

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.wire.messages import Attach, GetJobSetup, ReleaseJob, WaitJob

TRANSFER_TIME = 60.0
"""Seconds in which a copy must begin on every node."""


def find(ctx: Context, asked: Asked, job_id: int) -> Job:
    """The job of an id, which must be the caller's. Raises SlurmError 2017, 2002."""
    job = ctx.state.jobs.get(job_id)
    if job is None:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    permissions.need_owner(ctx, asked.caller, job)
    return job


def allocation_state(ctx: Context, job: Job) -> AllocationState:
    running = job.state in ("RUNNING", "SUSPENDED") and job.allocation is not None
    return AllocationState(
        job_id=job.job_id,
        state=job.state,
        reason=job.reason,
        preparing=running and job_programs.preparing(ctx, job),
        facts=launching.facts_of(ctx, job) if running else None,
        node_addresses=launching.addresses(ctx, launching.all_nodes(ctx, job)) if running and job.allocation else {},
    )


def attach(ctx: Context, asked: Asked, message: Attach, now: float) -> None:
    job = find(ctx, asked, message.job_id)
    if job.state in TERMINAL and not message.watch:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if message.watch or job.request.kind == "batch" or "KEEP" in job.flags:
        ctx.watchers.setdefault(job.job_id, set()).add(asked.conn)
        ctx.following.setdefault(asked.conn, set()).add(job.job_id)
    else:
        ctx.own(asked.conn, job.job_id)
    ctx.reply(asked.conn, allocation_state(ctx, job), close=False)


def setup(ctx: Context, asked: Asked, message: GetJobSetup, now: float) -> None:
    """What srun, sattach and sbcast need of a job that runs. SlurmError, 2017 also for a step that does not run."""
    job = steps.job_for_step(ctx, asked, message.job_id)
    if job.het_offset and not message.step_id and not message.transfer:
        raise SlurmError(errors.ESLURM_NOT_HET_JOB_LEADER)
    answer = allocation_state(ctx, job)
    nodes = list(job.allocation.nodes) if job.allocation else []
    if message.step_id:
        step = job.steps.get(message.step_id)
        if step is None or not steps.is_live(step):
            raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
        answer.layout = step.layout
        nodes = [part.node for part in step.layout.nodes] or nodes
    if message.transfer:
        order = FileOrder(
            job_id=job.job_id,
            uid=job.uid,
            gid=job.gid,
            nodes=nodes,
            expires=now + TRANSFER_TIME,
            nonce=f"file:{ctx.settings.cluster_name}:{job.job_id}:{asked.conn}:{now!r}",
        )
        text = msgspec.json.encode(order)
        answer.transfer, answer.mac = text.decode(), ctx.sign(text)
    ctx.reply(asked.conn, answer)


def release(ctx: Context, asked: Asked, message: ReleaseJob, now: float) -> None:
    """The owner is done with its allocation. One that waits is cancelled; one that has ended is no error."""
    job = find(ctx, asked, message.job_id)
    if job.state == "PENDING" and COMPLETING not in job.flags:
        job.killed_by = asked.caller.uid
        lifecycle.cancel_pending(ctx, job, now)
    elif job.state in ("RUNNING", "SUSPENDED"):
        event, reason = lifecycle.batch_outcome(ctx, job, message.exit_code, "")
        lifecycle.end(ctx, job, event, now, "ENDED", exit_code=message.exit_code, reason=reason)
    ctx.reply(asked.conn, Done())


def wait(ctx: Context, asked: Asked, message: WaitJob) -> None:
    """Answer JobEnded now where it is over already, else when it is."""
    records = ctx.state.records_of(message.job_id)
    if not records:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    permissions.need_owner(ctx, asked.caller, records[0])
    if all(has_ended(job) for job in records):
        answer = lifecycle.outcome(ctx, message.job_id)
        ctx.reply(asked.conn, JobEnded(job_id=message.job_id, state=answer.state, exit_code=answer.exit_code))
        return
    ctx.waiters.setdefault(message.job_id, []).append((asked.conn, message.job_id))
    ctx.following.setdefault(asked.conn, set()).add(message.job_id)


def closed(ctx: Context, conn: int, now: float) -> None:
    """A client's connection is gone: its allocations have the grace time from now."""
    for job_id in sorted(ctx.owned.pop(conn, ())):
        ctx.owners.pop(job_id, None)
        ctx.timers.set("owner", job_id, now + ctx.settings.owner_grace)
    for job_id in ctx.following.pop(conn, ()):
        ctx.watchers.get(job_id, set()).discard(conn)
        if job_id in ctx.waiters:
            ctx.waiters[job_id] = [one for one in ctx.waiters[job_id] if one[0] != conn]
            if not ctx.waiters[job_id]:
                del ctx.waiters[job_id]
    steps.drop_connection(ctx, conn)


def abandoned(ctx: Context, job: Job, now: float) -> None:
    """Nobody has come back for an allocation within the grace time."""
    ctx.note("info", f"job {job.job_id}: its owner is gone, the allocation is released")
    if job.state == "PENDING" and COMPLETING not in job.flags:
        lifecycle.cancel_pending(ctx, job, now)
    elif job.state in ("RUNNING", "SUSPENDED"):
        lifecycle.end(ctx, job, "ENDED_OK", now, "ENDED")
