"""Steps within an allocation: who gets which of the job's CPUs and devices, who waits, what became of them.

A step's tasks are started by srun itself, with the launch order made and signed here. The step's resources are free for
the next step when srun says that its tasks have ended (StepDone) or all its nodes have reported (StepResult), whichever is
first; a node counts as free of it only by its own report.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import launching, lifecycle, permissions
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.records import step_asks
from mgpu_slurm.records.step import Step, StepLayout
from mgpu_slurm.wire.messages import CreateStep, Done, StepCreated, StepPending, StepSpec, TerminateJob

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.request import StepRequest
    from mgpu_slurm.wire.messages import StepDone, StepResult

LAUNCH_TIME = 300.0
"""Seconds in which srun must present a launch order to its nodes."""

_encode = msgspec.json.Encoder().encode


def is_live(step: Step) -> bool:
    """Whether it still holds its part of the job."""
    return step.state in (launching.ALIVE, launching.STARTING)


def job_for_step(ctx: Context, asked: Asked, job_id: int) -> Job:
    """The running job a step is asked for. Raises SlurmError: 2017 unknown, 2002 not the caller's, 2024, 2021."""
    job = ctx.state.jobs.get(job_id)
    if job is None:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    permissions.need_owner(ctx, asked.caller, job)
    if job.state == "PENDING":
        raise SlurmError(errors.ESLURM_JOB_PENDING)
    if job.state in TERMINAL or COMPLETING in job.flags:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if job.state == "SUSPENDED":
        raise SlurmError(errors.ESLURM_JOB_SUSPENDED)
    return job


def create(ctx: Context, asked: Asked, message: CreateStep, now: float) -> None:
    """Answer StepCreated; or StepPending now and StepCreated when a step of the job ends."""
    job = job_for_step(ctx, asked, message.request.job_id)
    waiting = ctx.step_queue.get(job.job_id)
    if waiting and not message.request.overlap and any(_competes(one) for one in waiting):
        # first come, first served: it may not pass those that already wait, unless it holds nothing
        _queue(ctx, asked, message.request, errors.ESLURM_NODES_BUSY, "")
        return
    found = _layout(ctx, job, message.request)
    if isinstance(found, StepLayout):
        _created(ctx, job, asked, message, found, now)
        return
    if type(found).__name__ == "NotNow" and message.request.wait:
        _queue(ctx, asked, message.request, found.code, found.text)
        return
    raise SlurmError(found.code, found.text or None)


def _competes(asked: Asked) -> bool:
    return isinstance(asked.message, CreateStep) and not asked.message.request.overlap


def _queue(ctx: Context, asked: Asked, request: StepRequest, code: int, text: str) -> None:
    ctx.step_queue.setdefault(request.job_id, deque()).append(asked)
    ctx.push(asked.conn, StepPending(code=code, text=text or errors.strerror(code, ctx.settings.compat)))


def _layout(ctx: Context, job: Job, request: StepRequest) -> Any:
    in_use = [
        part
        for step in job.steps.values()
        if is_live(step) and not step.overlap
        for part in step.layout.nodes
        if part.node not in step.ended_nodes
    ]
    return ctx.scheduler.layout_step(job, request, in_use, ctx.state.nodes)


def _created(ctx: Context, job: Job, asked: Asked, message: CreateStep, layout: StepLayout, now: float) -> None:
    request = message.request
    if request.kind == "interactive":
        step_id = "interactive"
        if step_id in job.steps and is_live(job.steps[step_id]):
            raise SlurmError(errors.ESLURM_DUPLICATE_STEP_ID)
    else:
        step_id = str(job.next_step)
        job.next_step += 1
    step = Step(
        job_id=job.job_id,
        step_id=step_id,
        uid=asked.caller.uid,
        name=request.name or (request.argv[0].rpartition("/")[2] if request.argv else ""),
        state=launching.ALIVE,
        start_time=now,
        time_limit=request.time_limit,
        layout=layout,
        overlap=request.overlap or request.kind == "interactive",
        submit_line=request.submit_line,
        asked=step_asks.texts(job, request, layout),
        src_host=message.src_host or asked.caller.host,
        src_pid=message.src_pid,
    )
    job.steps[step_id] = step
    nodes = [part.node for part in layout.nodes]
    spec = StepSpec(
        job=launching.facts_of(ctx, job),
        step_id=step_id,
        layout=layout,
        request=request,
        expires=now + LAUNCH_TIME,
        nonce=f"{ctx.settings.cluster_name}:{job.job_id}.{step_id}.{job.attempt}",
        time_limit_end=now + 60 * request.time_limit if request.time_limit and request.time_limit > 0 else 0.0,
        kill_wait=ctx.settings.kill_wait,
    )
    text = _encode(spec)
    ctx.save(job)
    created = StepCreated(
        step_id=step_id, layout=layout, spec=text.decode(), mac=ctx.sign(text), node_addresses=launching.addresses(ctx, nodes)
    )
    ctx.answer(asked, message.request_id, created, now)


def done(ctx: Context, asked: Asked, message: StepDone, now: float) -> None:
    """srun has seen its tasks end, or could not start them: then what may have started is ended."""
    job = ctx.state.jobs.get(message.job_id)
    step = job.steps.get(message.step_id) if job is not None else None
    if job is None or step is None:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    permissions.need_owner(ctx, asked.caller, job)
    if message.step_id == "batch":
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    if is_live(step):
        step.exit_code = max(step.exit_code, message.exit_code, key=lifecycle.severity)
        _over(ctx, job, step, now)
        if message.failed:
            for part in step.layout.nodes:
                if part.node not in step.ended_nodes:
                    end_on_node(ctx, job, step, part.node, "CANCELLED")
    ctx.reply(asked.conn, Done())


def end_on_node(ctx: Context, job: Job, step: Step, node: str, ending: str) -> None:
    order = TerminateJob(
        job_id=job.job_id, attempt=job.attempt, step_id=step.step_id, ending=ending, kill_wait=ctx.settings.kill_wait
    )
    ctx.to_node(node, order)


def result(ctx: Context, job: Job, step: Step, message: StepResult, now: float) -> None:
    """A node reports that no process of the step lives there."""
    if message.node in step.ended_nodes:
        return
    step.ended_nodes.append(message.node)
    step.exit_code = max(step.exit_code, message.exit_code, key=lifecycle.severity)
    step.user_seconds += message.user_seconds
    step.system_seconds += message.system_seconds
    step.cpu_seconds += message.user_seconds + message.system_seconds
    step.max_rss = max(step.max_rss, message.max_rss)
    step.ending = step.ending or message.ending
    ctx.save(job)
    if is_live(step) and all(part.node in step.ended_nodes for part in step.layout.nodes):
        _over(ctx, job, step, now)
    elif step.step_id != "batch":
        job.derived_exit_code = max(job.derived_exit_code, step.exit_code, key=lifecycle.severity)


def _over(ctx: Context, job: Job, step: Step, now: float) -> None:
    step.end_time = now
    if step.killed_by is not None or step.ending == "CANCELLED":
        step.state = "CANCELLED"
    elif step.ending in ("TIMEOUT", "OUT_OF_MEMORY"):
        step.state = step.ending
    elif step.ending == "LOST":
        step.state = "NODE_FAIL"
    else:
        step.state = "FAILED" if step.exit_code else "COMPLETED"
    if step.step_id != "batch":
        job.derived_exit_code = max(job.derived_exit_code, step.exit_code, key=lifecycle.severity)
    ctx.save(job)
    try_waiting(ctx, job, now)


def try_waiting(ctx: Context, job: Job, now: float) -> None:
    """Resources of the job have come free: give them to the steps that wait, in order."""
    queue = ctx.step_queue.pop(job.job_id, None)
    if not queue or job.state != "RUNNING" or COMPLETING in job.flags:
        if queue:
            ctx.step_queue[job.job_id] = queue
        return
    left: deque[Asked] = deque()
    for asked in queue:
        message = asked.message
        assert isinstance(message, CreateStep)
        if any(_competes(one) for one in left) and _competes(asked):
            left.append(asked)
            continue
        try:
            found = _layout(ctx, job, message.request)
            if isinstance(found, StepLayout):
                _created(ctx, job, asked, message, found, now)
            elif type(found).__name__ == "NotNow":
                left.append(asked)
            else:
                raise SlurmError(found.code, found.text or None)
        except SlurmError as error:
            ctx.refuse(asked.conn, error)
    if left:
        ctx.step_queue[job.job_id] = left


def close_all(ctx: Context, job: Job, now: float) -> None:
    """The job is gone: steps nobody reported are over too, and requests that wait for it are refused."""
    for step in job.steps.values():
        if is_live(step):
            step.end_time = now
            step.state = "CANCELLED"
    for asked in ctx.step_queue.pop(job.job_id, ()):
        ctx.refuse(asked.conn, SlurmError(errors.ESLURM_ALREADY_DONE))


def drop_connection(ctx: Context, conn: int) -> None:
    """A client that waits for a step has gone away."""
    for job_id, queue in list(ctx.step_queue.items()):
        left = deque(asked for asked in queue if asked.conn != conn)
        if left:
            ctx.step_queue[job_id] = left
        else:
            del ctx.step_queue[job_id]
