"""Steps within an allocation: who gets which of the job's CPUs and devices, who waits, what became of them.

A step's tasks are started by srun itself, with the launch order made and signed here. The step's resources are free for
the next step when srun says that its tasks have ended (StepDone) or all its nodes have reported (StepResult), whichever is
first; a node counts as free of it only by its own report.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.controller import launching, lifecycle, permissions
from mgpu_slurm.facts.states import COMPLETING, CONFIGURING, TERMINAL
from mgpu_slurm.records import step_asks, usage
from mgpu_slurm.records.step import Step, StepLayout
from mgpu_slurm.wire.messages import CreateStep, Done, StepCreated, StepPart, StepPending, StepSpec, TerminateJob, WholeStep

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
    requests = [message.request, *message.others]
    jobs = [job_for_step(ctx, asked, request.job_id) for request in requests]
    if len({job.het_job_id or job.job_id for job in jobs}) > 1:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    if any(CONFIGURING in job.flags for job in jobs):
        _queue(ctx, asked, message.request, NotYet(errors.ESLURM_PROLOG_RUNNING, "", jobs[0].job_id))
        return
    if not message.request.overlap and any(_competes(one, message) for one in _waiting(ctx, jobs[0])):
        # first come, first served: it may not pass those that already wait, unless it holds nothing
        _queue(ctx, asked, message.request, NotYet(errors.ESLURM_NODES_BUSY, "", jobs[0].job_id))
        return
    found = _layouts(ctx, jobs, requests)
    if not isinstance(found, NotYet):
        _created(ctx, jobs, asked, message, found, now)
    elif message.request.wait:
        _queue(ctx, asked, message.request, found)
    else:
        raise SlurmError(found.code, found.text or None)


class _Refusal(SlurmError):
    """`detail`: a line that explains it, printed before it."""

    def __init__(self, code: int, text: str | None, detail: str) -> None:
        super().__init__(code, text)
        self.detail = detail


def _refusal(found: Any) -> SlurmError:
    """What the layout has refused."""
    return _Refusal(found.code, found.text or None, getattr(found, "detail", ""))


class NotYet:
    """Why there is no room for a step, and in which job."""

    __slots__ = ("code", "job_id", "text")

    def __init__(self, code: int, text: str, job_id: int) -> None:
        self.code = code
        self.text = text
        self.job_id = job_id


def _waiting(ctx: Context, job: Job) -> list[Asked]:
    """The requests for steps that wait in the job, or in any component of it."""
    return [one for part in ctx.state.components(job) for one in ctx.step_queue.get(part.job_id, ())]


def _competes(other: Asked, message: CreateStep) -> bool:
    """Whether a step that waits wants something of the same jobs."""
    waits = other.message
    if not isinstance(waits, CreateStep) or waits.request.overlap:
        return False
    wanted = {message.request.job_id, *(one.job_id for one in message.others)}
    return not wanted.isdisjoint((waits.request.job_id, *(one.job_id for one in waits.others)))


def _queue(ctx: Context, asked: Asked, request: StepRequest, why: NotYet) -> None:
    ctx.step_queue.setdefault(request.job_id, deque()).append(asked)
    text = why.text or errors.strerror(why.code, ctx.settings.compat)
    ctx.push(asked.conn, StepPending(code=why.code, text=text, job_id=why.job_id))


def _layouts(ctx: Context, jobs: list[Job], requests: list[StepRequest]) -> list[StepLayout] | NotYet:
    """A layout for every part. Raises SlurmError for what can never be."""
    found: list[StepLayout] = []
    for at, (job, request) in enumerate(zip(jobs, requests, strict=True)):
        before = [layout for other, layout in zip(jobs, found, strict=False) if other is job]
        if before:
            request = _elsewhere(job, request, before)
        one = _layout(ctx, job, request)
        if isinstance(one, StepLayout):
            found.append(one)
        elif type(one).__name__ == "NotNow":
            return NotYet(one.code, one.text, jobs[at].job_id)
        else:
            raise _refusal(one)
    return found


def _elsewhere(job: Job, request: StepRequest, before: list[StepLayout]) -> StepRequest:
    """The request on nodes that no earlier part of the step has. Raises SlurmError where there are too few."""
    taken = {part.node for layout in before for part in layout.nodes}
    have = job.allocation.nodes if job.allocation else []
    wanted = request.min_nodes or 1
    if wanted > len(have) - len(taken):
        text = f"Allocation failure of {wanted} nodes: job size of {len(have)}"
        text += f", already allocated {len(taken)} nodes to previous components."
        raise SlurmError(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE, text)
    unwanted = {*taken, *(hostlist.expand(request.exclude) if request.exclude else ())}
    return msgspec.structs.replace(request, exclude=hostlist.fold(sorted(unwanted)))


def _layout(ctx: Context, job: Job, request: StepRequest) -> Any:
    in_use = [
        part
        for step in job.steps.values()
        if is_live(step) and not step.overlap
        for part in step.layout.nodes
        if part.node not in step.ended_nodes
    ]
    return ctx.scheduler.layout_step(job, request, in_use, ctx.state.nodes)


def _created(
    ctx: Context, jobs: list[Job], asked: Asked, message: CreateStep, layouts: list[StepLayout], now: float
) -> None:
    """Make the step, of as many parts as there are layouts; their ranks follow each other."""
    requests = [_bound(ctx, job, one) for job, one in zip(jobs, [message.request, *message.others], strict=True)]
    number = _number(ctx, jobs[0], message.request)
    shared = len(jobs) > 1 and len({job.job_id for job in jobs}) < len(jobs)
    parts: list[StepPart] = []
    for at, (job, request) in enumerate(zip(jobs, requests, strict=True)):
        layouts[at] = _ranked(layouts[at], sum(one.ntasks for one in layouts[:at]))
        step_id = f"{number}+{at}" if shared else number
        step = _step(job, request, step_id, layouts[at], asked, message, now)
        job.steps[step_id] = step
        ctx.save(job)
    for at, (job, request) in enumerate(zip(jobs, requests, strict=True)):
        step_id = f"{number}+{at}" if shared else number
        spec = StepSpec(
            job=launching.facts_of(ctx, job, alone=True),
            step_id=step_id,
            layout=layouts[at],
            request=request,
            expires=now + LAUNCH_TIME,
            nonce=f"{ctx.settings.cluster_name}:{job.job_id}.{step_id}.{job.attempt}",
            time_limit_end=now + 60 * request.time_limit if request.time_limit and request.time_limit > 0 else 0.0,
            kill_wait=ctx.settings.kill_wait,
            whole=_whole(jobs, layouts, at) if len(jobs) > 1 else None,
        )
        text = _encode(spec)
        mac = ctx.sign(text)
        parts.append(StepPart(job_id=job.job_id, step_id=step_id, layout=layouts[at], spec=text.decode(), mac=mac))
    first = parts[0]
    nodes = [part.node for layout in layouts for part in layout.nodes]
    created = StepCreated(
        step_id=first.step_id,
        layout=first.layout,
        spec=first.spec,
        mac=first.mac,
        node_addresses=launching.addresses(ctx, nodes),
        others=parts[1:],
    )
    ctx.answer(asked, message.request_id, created, now)


def _bound(ctx: Context, job: Job, request: StepRequest) -> StepRequest:
    """Where it does not say how its tasks are bound: as CpuBind= says of all the job's nodes alike, else of its partition, else
    as TaskPluginParam= says."""
    if request.cpu_bind or job.allocation is None:
        return request
    of_nodes = {ctx.state.nodes[name].cpu_bind for name in job.allocation.nodes if name in ctx.state.nodes}
    kind = of_nodes.pop() if len(of_nodes) == 1 else ""
    partition = ctx.state.partitions.get(job.partition)
    if not kind and partition is not None:
        kind = partition.cpu_bind
    kind = kind or ",".join(word.lower() for word in ctx.config.get("TaskPluginParam", ()) if word.lower() in BINDINGS)
    return msgspec.structs.replace(request, cpu_bind=kind) if kind else request


BINDINGS = ("none", "sockets", "ldoms", "cores", "threads", "verbose")
"""What of TaskPluginParam= says how tasks are bound."""


def _number(ctx: Context, job: Job, request: StepRequest) -> str:
    """The new step's number; components count their steps together. Raises SlurmError where an interactive step lives."""
    if request.kind == "interactive":
        if "interactive" in job.steps and is_live(job.steps["interactive"]):
            raise SlurmError(errors.ESLURM_DUPLICATE_STEP_ID)
        return "interactive"
    counter = ctx.state.components(job)[0]
    counter.next_step += 1
    ctx.save(counter)
    return str(counter.next_step - 1)


def _step(
    job: Job, request: StepRequest, step_id: str, layout: StepLayout, asked: Asked, message: CreateStep, now: float
) -> Step:
    return Step(
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


def _ranked(layout: StepLayout, before: int) -> StepLayout:
    """The layout with its ranks behind those of the parts before it."""
    if not before:
        return layout
    nodes = [msgspec.structs.replace(part, tasks=[rank + before for rank in part.tasks]) for part in layout.nodes]
    return msgspec.structs.replace(layout, nodes=nodes)


def _whole(jobs: list[Job], layouts: list[StepLayout], at: int) -> WholeStep:
    """What the tasks of one part are told of all of them."""
    several = list({job.job_id: job for job in jobs}.values())
    return WholeStep(
        nodes=[part.node for layout in layouts for part in layout.nodes],
        tasks=[len(part.tasks) for layout in layouts for part in layout.nodes],
        ranks=[part.tasks for layout in layouts for part in layout.nodes],
        cpus=[len(share.cpus) for job in several if job.allocation for share in job.allocation.shares],
        before=sum(len(layout.nodes) for layout in layouts[:at]),
        parts=len(layouts),
    )


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
        job_id=job.job_id, attempt=job.attempt, step_id=step.step_id, ending=ending, kill_wait=ctx.settings.kill_wait,
        hurry=ending == "NODE_FAIL",
    )  # fmt: skip
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
    usage.add(step.use, message.use, message.node)
    step.ending = step.ending or message.ending
    ctx.save(job)
    if is_live(step) and all(part.node in step.ended_nodes for part in step.layout.nodes):
        _over(ctx, job, step, now)
    elif step.step_id != "batch":
        # by number: exit codes count for more than signals
        job.derived_exit_code = max(job.derived_exit_code, step.exit_code)


def _over(ctx: Context, job: Job, step: Step, now: float) -> None:
    step.end_time = now
    if step.killed_by is not None or step.ending == "CANCELLED":
        step.state = "CANCELLED"
    elif step.ending in ("TIMEOUT", "OUT_OF_MEMORY"):
        step.state = step.ending
    elif step.exit_code & 0x7F == OUT_OF_MEMORY:
        step.state = "OUT_OF_MEMORY"  # so srun has seen it
    elif step.ending == "LOST":
        step.state = "NODE_FAIL"
    else:
        step.state = "FAILED" if step.exit_code else "COMPLETED"
    if step.step_id != "batch":
        # by number: exit codes count for more than signals
        job.derived_exit_code = max(job.derived_exit_code, step.exit_code)
    ctx.save(job)
    try_waiting(ctx, job, now)


def try_waiting(ctx: Context, job: Job, now: float) -> None:
    """Resources of the job have come free: give them to the steps that wait, in order."""
    for one in ctx.state.components(job):
        if one.job_id in ctx.step_queue:
            _try(ctx, one, now)


def _try(ctx: Context, job: Job, now: float) -> None:
    if job.state != "RUNNING" or COMPLETING in job.flags or CONFIGURING in job.flags:
        return
    queue = ctx.step_queue.pop(job.job_id)
    left: deque[Asked] = deque()
    for asked in queue:
        message = asked.message
        assert isinstance(message, CreateStep)
        if not message.request.overlap and any(_competes(one, message) for one in left):
            left.append(asked)
            continue
        try:
            requests = [message.request, *message.others]
            jobs = [job_for_step(ctx, asked, request.job_id) for request in requests]
            found = _layouts(ctx, jobs, requests)
            if isinstance(found, NotYet):
                left.append(asked)
            else:
                _created(ctx, jobs, asked, message, found, now)
        except SlurmError as error:
            ctx.refuse(asked.conn, error, getattr(error, "detail", ""))
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
