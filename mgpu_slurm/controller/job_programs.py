"""What an administrator has run around jobs, and what becomes of a job while it runs or where it fails.

PrologSlurmctld: the job has its nodes and is CONFIGURING; nothing of it starts before the program has ended well. Where it
fails, a batch job goes back into the queue and any other is cancelled, and no node ever hears of the job.
PrologFlags=Alloc: then the Prolog runs on all nodes of the job, with the reason "Prolog"; what runs on a node waits for the
node's own, and an allocation is ready when all are done. Without the flag each node runs it before the first that it starts
of a job, without a word from here. Where it fails, the node is drained, a batch job held in the queue, any other cancelled.
At its end a job stays COMPLETING until its nodes have run their Epilogs and EpilogSlurmctld has ended here. A controller that
starts anew runs again what it did not see end; nodes run theirs once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.controller import launching, lifecycle, nodes, steps, waiting
from mgpu_slurm.controller.events import RunPrograms
from mgpu_slurm.facts import environ_programs
from mgpu_slurm.facts.states import COMPLETING, CONFIGURING
from mgpu_slurm.wire.messages import JobEvent, RunProlog

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import ProgramsEnded
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.wire.messages import PrologDone

PROLOG, EPILOG = "PrologSlurmctld", "EpilogSlurmctld"
REASON = "Prolog"
HELD = "launch failed requeued held"


# --- before ---------------------------------------------------------------------------------------------------------


def begin(ctx: Context, job: Job) -> None:
    """The job has been given its nodes."""
    programs = ctx.settings.programs
    if programs.prolog:
        job.flags = [*job.flags, CONFIGURING]
        _run(ctx, job, PROLOG)
    elif _on_all_nodes(ctx):
        _prologs(ctx, job)


def take_up(ctx: Context, job: Job) -> None:
    """The controller has started anew: the job goes on where it was."""
    if CONFIGURING in job.flags:
        _run(ctx, job, PROLOG)
    elif job.reason == REASON:
        _prologs(ctx, job)
    go_on(ctx, job)


def preparing(ctx: Context, job: Job) -> bool:
    """Whether an allocation is not ready yet, or a script not to be launched."""
    jobs = ctx.state.components(job)
    if any(CONFIGURING in one.flags for one in jobs):
        return True
    if job.request.kind == "batch" and "DeferBatch" not in ctx.settings.programs.flags:
        return False
    return any(one.reason == REASON for one in jobs)


def go_on(ctx: Context, job: Job) -> None:
    """Something of a job, or of a component of it, is prepared: start it where that was the last."""
    job = ctx.state.components(job)[0]
    if job.state != "RUNNING" or COMPLETING in job.flags or preparing(ctx, job):
        return
    if job.request.kind == "batch":
        if "batch" not in job.steps:
            launching.launch(ctx, job)
            ctx.save(job)
        return
    for conn in ctx.listeners(job.job_id):
        ctx.push(conn, JobEvent(job_id=job.job_id, event="ready"))


def _on_all_nodes(ctx: Context) -> bool:
    return ctx.settings.programs.on_nodes and "Alloc" in ctx.settings.programs.flags


def _prologs(ctx: Context, job: Job) -> None:
    facts = launching.facts_of(ctx, job, alone=True)
    ctx.prologs[job.job_id] = set(facts.allocation.nodes)
    if "NoHold" not in ctx.settings.programs.flags:
        job.reason = REASON
    for node in facts.allocation.nodes:
        ctx.to_node(node, RunProlog(job=facts), key=_key(job))


def _key(job: Job) -> str:
    return f"prolog:{job.job_id}:{job.attempt}"


def prolog_done(ctx: Context, name: str, message: PrologDone, now: float) -> None:
    """A node has run its Prolog."""
    ctx.unsend(name, f"prolog:{message.job_id}:{message.attempt}")
    if message.failed:
        nodes.drain(ctx, name, "Prolog error", now)
    job = ctx.state.jobs.get(message.job_id)
    if job is None or job.attempt != message.attempt or job.state != "RUNNING" or COMPLETING in job.flags:
        return
    if message.failed:
        _failed_on(ctx, ctx.state.components(job)[0], name, now)
        return
    left = ctx.prologs.get(job.job_id, set())
    left.discard(name)
    if not left and job.reason == REASON:
        ctx.prologs.pop(job.job_id, None)
        job.reason = "None"
        ctx.save(job)
        go_on(ctx, job)


def _failed_on(ctx: Context, job: Job, node: str, now: float) -> None:
    programs = ctx.settings.programs
    ctx.note("error", f"job {job.job_id}: its prolog has failed on {node}")
    if job.request.kind != "batch":
        _told(ctx, job, f"Prolog failure on node {node}")
        _cancel(ctx, job, now)
    elif lifecycle.may_requeue(ctx, job) or "ForceRequeueOnFail" in programs.flags:
        lifecycle.requeue(ctx, job, now)
        for one in ctx.state.components(job) if not programs.no_hold else ():
            waiting.hold(ctx, one, "user", now)
            one.reason_text = HELD
    else:
        _cancel(ctx, job, now)


def _told(ctx: Context, job: Job, text: str) -> None:
    for conn in ctx.listeners(job.job_id):
        ctx.push(conn, JobEvent(job_id=job.job_id, event="message", text=text))


def _cancel(ctx: Context, job: Job, now: float) -> None:
    lifecycle.end(ctx, job, "CANCELLED", now, "CANCELLED", exit_code=0, reason="None")


# --- after ----------------------------------------------------------------------------------------------------------


def finish(ctx: Context, job: Job) -> bool:
    """The job is being ended. Whether its nodes have to hear of that although nothing of it lives there."""
    programs = ctx.settings.programs
    unknown = CONFIGURING in job.flags
    if unknown:
        job.flags = [flag for flag in job.flags if flag != CONFIGURING]
    if ctx.prologs.pop(job.job_id, None):
        for share in job.allocation.held if job.allocation else ():
            ctx.unsend(share.node, _key(job))
    if programs.epilog:
        ctx.closing.add(job.job_id)
        _run(ctx, job, EPILOG)
    return not unknown and (programs.on_nodes or programs.at_end)


def outcome(job: Job) -> tuple[int, int]:
    """The wait statuses that an epilog is told: of a job that is being ended from outside, none is known yet."""
    return 0 if job.ending in ("CANCELLED", "TIMEOUT") else job.exit_code, job.derived_exit_code


# --- on this machine ------------------------------------------------------------------------------------------------


def _run(ctx: Context, job: Job, name: str) -> None:
    programs = ctx.settings.programs
    before = name == PROLOG
    facts = msgspec.to_builtins(launching.facts_of(ctx, job, alone=bool(job.het_offset)))
    context = environ_programs.CONTROLLER_PROLOG if before else environ_programs.CONTROLLER_EPILOG
    ctx.effects.append(
        RunPrograms(
            job_id=job.job_id,
            attempt=job.attempt,
            name=name,
            patterns=programs.prolog if before else programs.epilog,
            environment=environ_programs.of_controller(facts, context, None if before else outcome(job)),
            seconds=programs.prolog_seconds if before else programs.epilog_seconds,
        )
    )


def ended(ctx: Context, event: ProgramsEnded, now: float) -> None:
    """A program of the controller's own has ended."""
    job = ctx.state.jobs.get(event.job_id)
    if job is None or job.attempt != event.attempt:
        return
    if event.name == EPILOG:
        if job.job_id in ctx.closing:
            ctx.closing.discard(job.job_id)
            if COMPLETING in job.flags and ctx.ending.get(job.job_id) == set():
                lifecycle.gone(ctx, job, now)
    elif CONFIGURING in job.flags and COMPLETING not in job.flags:
        _prolog_ended(ctx, job, event.failed, now)


def _prolog_ended(ctx: Context, job: Job, failed: bool, now: float) -> None:
    if failed:
        first = ctx.state.components(job)[0]
        if first.request.kind != "batch":
            _told(ctx, first, "PrologSlurmctld failed, job killed")
            _cancel(ctx, first, now)
        elif lifecycle.may_requeue(ctx, first):
            lifecycle.requeue(ctx, first, now)
        else:
            _cancel(ctx, first, now)
        return
    job.flags = [flag for flag in job.flags if flag != CONFIGURING]
    ctx.save(job)
    if _on_all_nodes(ctx):
        _prologs(ctx, job)
    go_on(ctx, job)
    for one in ctx.state.components(job):
        steps.try_waiting(ctx, one, now)
