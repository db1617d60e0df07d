"""Applies the table of a job's life (facts/states.py) to one job, and carries out what the table asks for.

`apply` is the only place where a job's state changes: it looks the event up, refuses what the table does not know,
changes record and indexes, and asks for the effects. What leads to an event is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.controller import extern
from mgpu_slurm.controller.state import has_ended
from mgpu_slurm.facts.states import COMPLETING, SPECIAL_EXIT, TERMINAL, transition
from mgpu_slurm.wire.messages import JobEnded, JobEvent, TerminateJob

SIGTERM = 15

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job


def apply(ctx: Context, job: Job, event: str, now: float) -> tuple[str, ...]:
    """Change the job by the event. Returns the effects' words. Raises SlurmError 2020 where the table has no such row."""
    row = transition(job.state, event)
    if row is None or (COMPLETING in job.flags and event not in ("GONE", "HELD", "RELEASED", "CHANGED")):
        ctx.note("warning", f"job {job.job_id} is {job.state}{'+COMPLETING' * (COMPLETING in job.flags)}: {event} refused")
        raise SlurmError(errors.ESLURM_TRANSITION_STATE_NO_UPDATE)
    before = job.state
    state, effects = row
    ctx.state.out_of_indexes(job)
    job.state = state
    if COMPLETING in effects:
        job.flags = [*job.flags, COMPLETING]
    if state != "PENDING" and SPECIAL_EXIT in job.flags:
        job.flags = [flag for flag in job.flags if flag != SPECIAL_EXIT]
    if event == "GONE":
        job.flags = [flag for flag in job.flags if flag != COMPLETING]
    ctx.state.into_indexes(job)
    ctx.story.append(f"{now:.3f} job {job.job_id} {before} {event} {job.state}")
    ctx.save(job)
    if "REPLAN" in effects:
        ctx.replan()
    return effects


def end(ctx: Context, job: Job, event: str, now: float, ending: str, exit_code: int | None = None, reason: str = "") -> None:
    """A running or suspended job is over as `event` says: what lives of it is ended on its nodes, `gone` follows.

    `ending` is the word its nodes are told. Nodes on which no step of it can be alive are not asked; where that is all of
    them (a batch job whose script and steps have ended) it is gone at once.
    """
    for other in reversed(following(ctx, job)):
        if job.killed_by is not None:
            other.killed_by = job.killed_by
        if other.state in ("RUNNING", "SUSPENDED") and COMPLETING not in other.flags:
            if event == "TIMED_OUT" and job.request.kind == "batch":
                # not their time is over, but the script is, by a signal
                end(ctx, other, "ENDED_SIGNAL", now, ending, SIGTERM, batch_outcome(ctx, other, SIGTERM, "")[1])
            else:
                end(ctx, other, event, now, ending, exit_code, reason)
        elif exit_code is not None and job.request.kind == "batch":
            other.exit_code = exit_code
            ctx.save(other)
    was = job.state
    apply(ctx, job, event, now)
    if exit_code is not None:
        job.exit_code = exit_code
    if reason:
        job.reason = reason
    if was == "SUSPENDED":
        job.suspended_seconds += now - job.suspend_time
    job.end_time = now
    job.ending = job.state
    release(ctx, job, now, ending)


def following(ctx: Context, job: Job) -> list[Job]:
    """The components that end when this job does: those of the heterogeneous job of which it is the first."""
    return ctx.state.components(job)[1:] if job.het_job_id == job.job_id else []


def requeue(ctx: Context, job: Job, now: float, why: str = "REQUEUED") -> None:
    """A running or suspended job goes back into the queue; it may start again when its last run is gone.

    `why` is the state in which history shows the run: REQUEUED or NODE_FAIL.
    """
    for other in reversed(following(ctx, job)):
        if other.state in TERMINAL:
            again(ctx, other, now)
        else:
            requeue(ctx, other, now, why)
    apply(ctx, job, "REQUEUED", now)
    job.restart_count += 1
    job.ending = why
    job.end_time = now
    release(ctx, job, now, "REQUEUED")


def again(ctx: Context, job: Job, now: float) -> None:
    """A job that has ended goes back into the queue."""
    from mgpu_slurm.controller import waiting

    apply(ctx, job, "REQUEUED", now)
    ctx.timers.cancel("purge", job.job_id)
    job.restart_count += 1
    job.exit_code = job.derived_exit_code = 0
    back_in_queue(ctx, job, now)
    waiting.enter(ctx, job, now)


def release(ctx: Context, job: Job, now: float, ending: str) -> None:
    """Have the job's nodes end what lives of it, or, where nothing can, see it gone at once."""
    from mgpu_slurm.controller import job_programs

    for what in ("limit", "warn", "start"):
        ctx.timers.cancel(what, job.job_id)
    extern.finish(job, now)
    held = [share.node for share in job.allocation.held] if job.allocation else []
    told = job_programs.finish(ctx, job)
    nodes = {node for node in held if told or may_live(job, node)}
    ctx.ending[job.job_id] = set(nodes)
    if job.batch_host:
        ctx.unsend(job.batch_host, f"launch:{job.job_id}:{job.attempt}")
    if not nodes:
        gone(ctx, job, now)
        return
    # the script's node last: its sruns die with it, and steps elsewhere are to hear of the end before
    for node in sorted(held, key=lambda node: node == job.batch_host):
        if node in nodes:
            terminate(ctx, job, node, ending)


def may_live(job: Job, node: str) -> bool:
    """Whether a step of the job may still have processes on the node."""
    return any(
        node not in step.ended_nodes and any(part.node == node for part in step.layout.nodes) for step in job.steps.values()
    )


def terminate(ctx: Context, job: Job, node: str, ending: str, hurry: bool = False) -> None:
    order = TerminateJob(
        job_id=job.job_id, attempt=job.attempt, ending=ending, kill_wait=ctx.settings.kill_wait, hurry=hurry
    )
    if ctx.settings.programs.at_end:
        from mgpu_slurm.controller import job_programs, launching

        order.epilog = launching.facts_of(ctx, job, alone=True)
        order.exit_code, order.derived_exit_code = job_programs.outcome(job)
    ctx.to_node(node, order, key=f"end:{job.job_id}:{job.attempt}")


def node_done(ctx: Context, job: Job, node: str, now: float) -> None:
    """Nothing of the job lives on the node any more (it says so, or its lease has run out)."""
    ctx.unsend(node, f"end:{job.job_id}:{job.attempt}")
    left = ctx.ending.get(job.job_id)
    if left is None:
        return
    left.discard(node)
    if not left:
        gone(ctx, job, now)


def _give_back(ctx: Context, job: Job, now: float) -> None:
    """What it held is free, or the other one's to which it was given."""
    from mgpu_slurm.controller import resizing

    if job.holds_resources:
        ctx.state.give_back(job)
        resizing.receive(ctx, job, now)


def gone(ctx: Context, job: Job, now: float) -> None:
    """No process of the job lives: its resources are free, and it has ended for everybody else."""
    from mgpu_slurm.controller import arrays, steps, waiting

    others = following(ctx, job)
    if any(COMPLETING in other.flags for other in others):
        ctx.ending[job.job_id] = set()  # who waits for its end waits for all of it
        return
    if job.job_id in ctx.closing:
        ctx.ending[job.job_id] = set()  # its nodes are free, while the controller's own epilog still runs
        _give_back(ctx, job, now)
        ctx.replan()
        return
    ctx.ending.pop(job.job_id, None)
    steps.close_all(ctx, job, now)
    _give_back(ctx, job, now)
    apply(ctx, job, "GONE", now)
    if job.state == "PENDING":
        cancelled_by = job.killed_by if job.ending == "CANCELLED" else None
        _keep_attempt(ctx, job)
        back_in_queue(ctx, job, now)
        if cancelled_by is not None:
            job.killed_by = cancelled_by
            cancel_pending(ctx, job, now)
        else:
            waiting.enter(ctx, job, now)
    else:
        ended(ctx, job, now)
    arrays.room(ctx, job, now)
    first = ctx.state.jobs.get(job.het_job_id)
    if first is not None and first is not job and COMPLETING in first.flags and ctx.ending.get(first.job_id) == set():
        gone(ctx, first, now)


def _keep_attempt(ctx: Context, job: Job) -> None:
    """What history shows of the run that is over: it counts from 0, while the record counts the next one already."""
    past = "REQUEUED" if job.ending in ("", "CANCELLED") else job.ending
    number = job.restart_count - 1
    ctx.save_attempt(msgspec.structs.replace(job, state=past, flags=[], restart_count=number), number)


def back_in_queue(ctx: Context, job: Job, now: float) -> None:
    """A record that is to start again carries nothing of its last run but its attempt and restart count.

    It counts as submitted now and does not start at once, as in Slurm, where credentials of its last run must have expired.
    """
    job.first_submit = job.first_submit or job.submit_time
    job.submit_time = now
    wait = ctx.settings.requeue_delay
    if wait:
        job.request = msgspec.structs.replace(job.request, begin=max(job.request.begin or 0.0, now + wait))
    job.allocation = None
    job.batch_host = ""
    job.tasks_per_node = []
    job.start_time = job.end_time = job.end_shift = job.suspend_time = job.suspended_seconds = job.resize_time = 0.0
    job.steps, job.steps_apart = {}, 0
    job.next_step = 0
    job.killed_by = None
    job.ending = ""
    if job.request.partition:
        job.partition = job.request.partition
    ctx.save(job)


def ended(ctx: Context, job: Job, now: float) -> None:
    """The job has ended for everybody: tell who waits, wake dependants, and forget it after MinJobAge."""
    from mgpu_slurm.controller import waiting

    for what in ("begin", "deadline", "delay", "immediate"):
        ctx.timers.cancel(what, job.job_id)
    ctx.eligible.pop(job.job_id, None)
    if job.state == "PENDING" or job.state not in TERMINAL:
        raise AssertionError(f"job {job.job_id} has not ended")
    waiting.forget(ctx, job)
    event = JobEvent(job_id=job.job_id, event="ended", state=job.state, exit_code=job.exit_code, text=job.reason)
    for conn in ctx.listeners(job.job_id):
        ctx.push(conn, event)
    ctx.disown(job.job_id)
    ctx.watchers.pop(job.job_id, None)
    tell_waiters(ctx, job)
    waiting.wake(ctx, job, now)
    ctx.timers.set("purge", job.job_id, now + ctx.settings.min_job_age)


def tell_waiters(ctx: Context, job: Job) -> None:
    """Answer WaitJob where the job, or the last element of its array, has ended."""
    for target in {job.job_id, job.array_job_id} - {0}:
        if target not in ctx.waiters:
            continue
        tally = ctx.state.tallies.get(target)
        if tally is not None and tally.live:
            continue
        answer = outcome(ctx, target)
        for conn, asked in ctx.waiters.pop(target):
            ctx.following.get(conn, set()).discard(target)
            ctx.reply(conn, JobEnded(job_id=asked, state=answer.state, exit_code=answer.exit_code))


def outcome(ctx: Context, job_id: int) -> JobEnded:
    """How a job, or an array as a whole, has ended: the highest exit code, a signal above every code."""
    records = ctx.state.records_of(job_id)
    worst = max(records, key=lambda one: (one.state != "COMPLETED", severity(one.exit_code)))
    return JobEnded(job_id=job_id, state=worst.state, exit_code=max((one.exit_code for one in records), key=severity))


def severity(status: int) -> tuple[int, int]:
    """Orders wait statuses: by signal, then by exit code."""
    return (status & 0x7F, status >> 8)


def cancel_pending(ctx: Context, job: Job, now: float, event: str = "CANCELLED") -> None:
    """A job that waits ends at once, without ever having started, and all of it where it has components."""
    for one in ctx.state.components(job):
        if one.state != "PENDING":
            continue
        one.killed_by = job.killed_by
        if COMPLETING in one.flags:
            never_again(ctx, one, now)
            continue
        apply(ctx, one, event, now)
        one.start_time = one.end_time = now
        ctx.save(one)
        ended(ctx, one, now)


def never_again(ctx: Context, job: Job, now: float) -> None:
    """A requeued job whose last run is still being ended does not come back."""
    apply(ctx, job, "HELD", now)
    job.ending = "CANCELLED"
    job.priority = 0
    ctx.save(job)


def batch_outcome(ctx: Context, job: Job, status: int, ending: str) -> tuple[str, str]:
    """The event and the reason word for the end of a batch script or of an allocation's command.

    22.05.8 has no RaisedSignal, it says JobLaunchFailure.
    """
    if ending == "OUT_OF_MEMORY" or status & 0x7F == OUT_OF_MEMORY:
        return "OUT_OF_MEMORY", "OutOfMemory"
    if ending == "LAUNCH_FAILED":
        return "LAUNCH_FAILED", "JobLaunchFailure"
    if ending == "LOST":
        return "NODE_LOST", "NodeDown"
    if ending == "TIMEOUT":
        return "TIMED_OUT", "TimeLimit"
    if status & 0x7F:
        return "ENDED_SIGNAL", "RaisedSignal" if ctx.settings.compat >= (23, 2) else "JobLaunchFailure"
    if status >> 8:
        return "ENDED_FAILED", "NonZeroExitCode"
    return "ENDED_OK", ""


def forget_if_old(ctx: Context, job_id: int, now: float) -> None:
    """Drop an ended job from memory. An array's tasks go together, with the last: its dependants look at all of them; so do
    components."""
    job = ctx.state.jobs.get(job_id)
    if job is None or not has_ended(job):
        return
    tally = ctx.state.tallies.get(job.array_job_id) if job.array_job_id else None
    if tally is not None and tally.live:
        return
    records = ctx.state.components(job) if job.het_job_id else ctx.state.records_of(job.array_job_id or job.job_id)
    if not all(has_ended(record) for record in records):
        return
    for record in records:
        ctx.state.remove(record)
        ctx.forget(record)
        ctx.timers.cancel("purge", record.job_id)


def may_requeue(ctx: Context, job: Job) -> bool:
    """Whether the job may be started again when its node fails or somebody asks for it."""
    asked = job.request.requeue
    if any(other.state in TERMINAL and COMPLETING in other.flags for other in following(ctx, job)):
        return False
    return job.request.kind == "batch" and (ctx.settings.job_requeue if asked is None else asked)


