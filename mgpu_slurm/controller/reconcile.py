"""What nodes say, against what is believed: registration, live steps, results, and nodes that say nothing.

A node holds a lease on its jobs and ends them itself when it runs out. The controller acts on a silent node's jobs only
after lease and margin, when nothing of them can live any more; until then the node may come back with all of them.
A report about another attempt than the latest is about something that must not live: it is ended, its result confirmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.controller import launching, lifecycle, nodes, resizing, steps, waiting
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.wire.messages import ForgetStep, JobEvent, LiveStep, Registered, StepResult, TerminateJob

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.wire.messages import BatchStarted, JobGone, LaunchRefused, Register

LOST_STATUS = 9
"""Wait status of a step that vanished with its node: as killed."""
_SRUN_ENDED = (lifecycle.SIGTERM, 128 + lifecycle.SIGTERM)
"""Exit codes of an srun whose tasks were ended by SIGTERM, and of a shell around it."""


def register(ctx: Context, name: str, message: Register, address: str, now: float) -> None:
    """A node's link is up. Its hardware is compared with the configuration, its steps with the jobs."""
    admitted = nodes.admit(ctx, name, message, address, now)
    if admitted is None:
        return
    node, rebooted = admitted
    registered = Registered(
        cluster=ctx.settings.cluster_name, lease=float(nodes.lease(ctx)), heartbeat=float(ctx.settings.heartbeat), now=now
    )
    ctx.to_node(name, registered)
    reported = {(step.job_id, step.step_id, step.attempt): step for step in message.steps}
    for step in message.steps:
        if not _expected(ctx, name, step):
            _unknown(ctx, name, step)
    for job in ctx.state.jobs_on(name):
        if rebooted and job.request.kind == "alloc" and COMPLETING not in job.flags:
            fail(ctx, job, now)
        _compare(ctx, job, node, reported, now)
    ctx.replan()


def _expected(ctx: Context, name: str, step: LiveStep) -> bool:
    job = ctx.state.jobs.get(step.job_id)
    if job is None or job.attempt != step.attempt or not job.holds_resources:
        return False
    known = job.steps.get(step.step_id)
    if known is None or job.allocation is None or job.allocation.share(name) is None:
        return False
    return name not in known.ended_nodes


def _unknown(ctx: Context, name: str, step: LiveStep) -> None:
    if step.ended:
        return  # its result is on the way, and is confirmed then
    ctx.note("warning", f"node {name} has step {step.job_id}.{step.step_id} of attempt {step.attempt}, which should not live")
    ctx.to_node(name, TerminateJob(job_id=step.job_id, attempt=step.attempt, step_id=step.step_id, hurry=True))


def _compare(ctx: Context, job: Job, node: Node, reported: dict[tuple[int, str, int], LiveStep], now: float) -> None:
    """A job that is believed to have something on the node."""
    if COMPLETING in job.flags:
        if node.name in ctx.ending.get(job.job_id, ()):
            lifecycle.terminate(ctx, job, node.name, job.ending or "ENDED")
        return
    for step in list(job.steps.values()):
        if node.name in step.ended_nodes or not any(part.node == node.name for part in step.layout.nodes):
            continue
        if (job.job_id, step.step_id, job.attempt) in reported:
            if step.state == launching.STARTING:
                step.state = launching.ALIVE
                ctx.unsend(node.name, f"launch:{job.job_id}:{job.attempt}")
                ctx.save(job)
            continue
        if step.step_id == "batch":
            if step.state == launching.STARTING:
                launching.send_launch(ctx, job)
            else:
                _lost(ctx, job, node.name, now)
                return
        elif now > step.start_time + steps.LAUNCH_TIME:
            # younger ones may still be on their way from srun to the node
            lost = StepResult(
                node=node.name, job_id=job.job_id, step_id=step.step_id, attempt=job.attempt, exit_code=LOST_STATUS, ending="LOST"
            )
            steps.result(ctx, job, step, lost, now)
            resizing.free(ctx, job)


def _lost(ctx: Context, job: Job, node: str, now: float) -> None:
    """The batch script was there and is no more, and left no result: the machine was restarted."""
    ctx.note("warning", f"job {job.job_id}: node {node} has lost its batch script")
    step = job.steps["batch"]
    if node not in step.ended_nodes:
        step.ended_nodes.append(node)
    fail(ctx, job, now)


def fail(ctx: Context, job: Job, now: float) -> None:
    """A job has lost a node: back into the queue where it may, else NODE_FAIL."""
    job = ctx.state.components(job)[0]  # components start together, and none goes on without what another has lost
    if job.state not in ("RUNNING", "SUSPENDED") or COMPLETING in job.flags:
        return
    if lifecycle.may_requeue(ctx, job):
        lifecycle.requeue(ctx, job, now, "NODE_FAIL")
    else:
        for conn in ctx.listeners(job.job_id):
            ctx.push(conn, JobEvent(job_id=job.job_id, event="node_fail", state="NODE_FAIL"))
        lifecycle.end(ctx, job, "NODE_LOST", now, "NODE_FAIL", reason="NodeDown")


def batch_started(ctx: Context, name: str, message: BatchStarted) -> None:
    ctx.unsend(name, f"launch:{message.job_id}:{message.attempt}")
    job = ctx.state.jobs.get(message.job_id)
    if job is None or job.attempt != message.attempt or not job.holds_resources:
        ctx.to_node(name, TerminateJob(job_id=message.job_id, attempt=message.attempt, hurry=True))
        return
    step = job.steps.get("batch")
    if step is not None and step.state == launching.STARTING:
        step.state = launching.ALIVE
        ctx.save(job)


def launch_refused(ctx: Context, name: str, message: LaunchRefused, now: float) -> None:
    """The node could not start the script. The node is drained where that is its fault, the job requeued and held."""
    ctx.unsend(name, f"launch:{message.job_id}:{message.attempt}")
    job = ctx.state.jobs.get(message.job_id)
    if job is None or job.attempt != message.attempt or job.state != "RUNNING":
        return
    ctx.note("error", f"job {job.job_id}: {name} could not launch it: {message.text}")
    job.steps["batch"].ended_nodes.append(name)
    lifecycle.end(ctx, job, "LAUNCH_FAILED", now, "ENDED", exit_code=1 << 8, reason="JobLaunchFailure")
    job.reason_text = message.text


def step_result(ctx: Context, name: str, message: StepResult, now: float) -> None:
    """A step is over on a node. Always confirmed, after what it says is on disk."""
    confirmation = ForgetStep(job_id=message.job_id, step_id=message.step_id, attempt=message.attempt)
    job = ctx.state.jobs.get(message.job_id)
    known = job.steps.get(message.step_id) if job is not None else None
    if job is None or known is None or job.attempt != message.attempt:
        ctx.to_node(name, confirmation)
        return
    if message.node != name:
        message.node = name
    fresh = name not in known.ended_nodes
    if message.step_id == "batch" and fresh:
        message.exit_code = _script_status(job, message)
    steps.result(ctx, job, known, message, now)
    resizing.free(ctx, job)
    if message.step_id == "batch" and fresh:
        _batch_ended(ctx, job, message, now)
    ctx.to_node(name, confirmation)


def _script_status(job: Job, message: StepResult) -> int:
    """The script's status, or that of the signal which its job was ended with.

    The script's sruns hear of the end as it does. Where one of them is quicker, and the script fails with what srun says of tasks
    that were ended, it is the end of the job that is seen there; so it is where the script failed before it heard of the end.
    """
    status = message.exit_code
    if job.state not in ("CANCELLED", "TIMEOUT") or not status or status & 0x7F:
        return status
    unheard = not message.ending
    of_srun = status >> 8 in _SRUN_ENDED and any(
        is_numbered(step.step_id) and (not step.end_time or step.end_time >= job.end_time) for step in job.steps.values()
    )
    return lifecycle.SIGTERM if unheard or of_srun else status


def _batch_ended(ctx: Context, job: Job, message: StepResult, now: float) -> None:
    ctx.unsend(message.node, f"launch:{job.job_id}:{job.attempt}")
    if job.state in TERMINAL:
        # cancelled or timed out: the script's own status is what is shown, as in Slurm
        if job.state in ("CANCELLED", "TIMEOUT"):
            job.exit_code = message.exit_code
            ctx.save(job)
        return
    if job.state == "PENDING" or COMPLETING in job.flags:
        return
    event, reason = lifecycle.batch_outcome(ctx, job, message.exit_code, message.ending)
    if event == "NODE_LOST" and lifecycle.may_requeue(ctx, job):
        lifecycle.requeue(ctx, job, now, "NODE_FAIL")
        return
    code = message.exit_code >> 8 if event == "ENDED_FAILED" else 0
    if code in ctx.settings.requeue_exit or code in ctx.settings.requeue_exit_hold:
        # whatever the job says about being requeued, as in Slurm
        for one in ctx.state.components(job):
            one.exit_code = message.exit_code
        lifecycle.requeue(ctx, job, now)
        if code in ctx.settings.requeue_exit_hold:
            for one in ctx.state.components(job):
                waiting.hold(ctx, one, "user", now, special=True)
        return
    ending = "TIMEOUT" if event == "TIMED_OUT" else "ENDED"
    lifecycle.end(ctx, job, event, now, ending, exit_code=message.exit_code, reason=reason)
    if message.text:
        job.reason_text = message.text


def job_gone(ctx: Context, name: str, message: JobGone, now: float) -> None:
    ctx.unsend(name, f"end:{message.job_id}:{message.attempt}")
    if message.failed:
        nodes.drain(ctx, name, "Epilog error", now)
    job = ctx.state.jobs.get(message.job_id)
    if job is None or job.attempt != message.attempt:
        return
    if (job.job_id, name) in ctx.left:
        resizing.left(ctx, job, name)
    if COMPLETING not in job.flags:
        return
    for step in job.steps.values():
        if name not in step.ended_nodes and any(part.node == name for part in step.layout.nodes):
            step.ended_nodes.append(name)
    lifecycle.node_done(ctx, job, name, now)


def link_lost(ctx: Context, name: str, now: float) -> None:
    """No new work for the node from here on; what it has goes on, it may come back."""
    node = ctx.state.nodes.get(name)
    if node is None or not node.responding:
        return
    nodes.silent(ctx, node, now)


def lease_over(ctx: Context, name: str, now: float) -> None:
    """Nothing that ran on the node can live any more."""
    node = ctx.state.nodes.get(name)
    if node is None or node.responding:
        return
    for job in ctx.state.jobs_on(name):
        for step in job.steps.values():
            if name not in step.ended_nodes and any(part.node == name for part in step.layout.nodes):
                step.ended_nodes.append(name)
        if (job.job_id, name) in ctx.left:
            resizing.left(ctx, job, name)
            continue
        if COMPLETING not in job.flags:
            if resizing.do_without(ctx, job, name, now):
                continue
            fail(ctx, job, now)
        if COMPLETING in job.flags:
            lifecycle.node_done(ctx, job, name, now)
