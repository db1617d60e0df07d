"""Starts jobs: checks the scheduler's proposal against the newest state, gives out the resources, has the job launched.

A proposal whose resources are no longer free is dropped and planned again. The start is saved before the launch order
leaves; the order carries the attempt number and is sent until confirmed, and a node acts on an attempt once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import idset
from mgpu_slurm.controller import arrays, extern, licenses, lifecycle, picture, reservations, waiting
from mgpu_slurm.records import sharing
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.records.step import NodeTasks, Step, StepLayout
from mgpu_slurm.sched.snapshot import Start, Wait
from mgpu_slurm.wire.messages import JobEvent, JobFacts, LaunchBatch, NodeAddress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.sched.snapshot import Decision

ALIVE = "RUNNING"
STARTING = "STARTING"  # of the step "batch": launched, not yet confirmed


def planned(ctx: Context, decisions: list[Decision], now: float) -> None:
    """Carry out what still holds of a plan."""
    together: dict[int, list[tuple[Job, Start]]] = {}
    for decision in decisions:
        job = ctx.state.jobs.get(decision.job_id)
        if job is None or job.job_id not in ctx.eligible:
            continue
        if isinstance(decision, Start) and job.het_job_id:
            pairs = together.setdefault(job.het_job_id, [])
            pairs.append((job, decision))
            if len(pairs) == job.het_size:
                _start_together(ctx, pairs, now)
        elif isinstance(decision, Start):
            if still_possible(ctx, job, decision, now):
                start(ctx, job, decision, now)
            else:
                ctx.replan()
        elif isinstance(decision, Wait):
            _wait(ctx, job, decision, now)


def _start_together(ctx: Context, pairs: list[tuple[Job, Start]], now: float) -> None:
    """Start all components of a heterogeneous job, the first one last, so that it knows where the others are; or none."""
    free = all(still_possible(ctx, job, decision, now) for job, decision in pairs)
    if free and _fit_together(ctx, pairs, now):
        for job, decision in sorted(pairs, key=lambda pair: -pair[0].het_offset):
            start(ctx, job, decision, now)
    else:
        ctx.replan()


def _fit_together(ctx: Context, pairs: list[tuple[Job, Start]], now: float) -> bool:
    """Whether what is free for each is free for all: nodes that several of them use, and licences."""
    held = licenses.used(ctx.state)
    memory: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    for job, decision in pairs:
        chosen = licenses.choose(ctx, job, licenses.taken(ctx.state, job, now, held))
        if chosen is None:
            return False
        licenses.add(held, chosen)
        for share in decision.allocation.shares:
            if share.node in memory and share.whole:
                return False
            memory[share.node] = memory.get(share.node, 0) + share.mem
            for name, mask in [("cpu", idset.mask(share.cpus)), *((name, idset.mask(of)) for name, of in share.gres.items())]:
                if taken.get((share.node, name), 0) & mask:
                    return False
                taken[share.node, name] = taken.get((share.node, name), 0) | mask
    return all(ctx.state.has_memory(node, amount) for node, amount in memory.items())


def _wait(ctx: Context, job: Job, decision: Wait, now: float) -> None:
    reason = decision.reason
    text = decision.text
    if ctx.state.reservations and not text and (reason == "BadConstraints" or (reason == "ReqNodeNotAvail")):
        reason, text = "ReqNodeNotAvail", reservations.RESERVED
    job.planned_nodes = decision.nodes
    if (job.reason, job.reason_text, job.planned_start) != (reason, text, decision.planned):
        job.reason = reason
        job.reason_text = text
        job.planned_start = decision.planned
        if not job.accrue_time:
            job.accrue_time = now
        ctx.touch(job)
    job.last_sched = now


def still_possible(ctx: Context, job: Job, decision: Start, now: float) -> bool:
    """Whether everything the proposal gives is still free and may be given."""
    partition = ctx.state.partitions.get(decision.partition)
    shares = decision.allocation.shares
    if partition is None or partition.state not in ("UP", "DRAIN") or not shares:
        return False
    if decision.partition not in job.partition.split(","):
        return False
    if job.array_tasks and not arrays.startable(ctx, job):
        return False
    if licenses.choose(ctx, job, licenses.taken(ctx.state, job, now)) is None:
        return False
    if len({share.node for share in shares}) != len(shares):
        return False
    for share in shares:
        node = ctx.state.nodes.get(share.node)
        if node is None or not picture.is_usable(node) or not ctx.state.fits(share, picture.healthy(node)):
            return False
    deadline = job.request.deadline
    return not (deadline and now >= deadline)


def start(ctx: Context, record: Job, decision: Start, now: float) -> Job:
    """Start the job, or the next task of the array. `still_possible` has been asked."""
    from mgpu_slurm.controller import job_programs

    job = arrays.first(ctx, record)
    ctx.needs.pop(job.job_id, None)
    partition = ctx.state.partitions[decision.partition]
    lifecycle.apply(ctx, job, "STARTED", now)
    waiting.forget(ctx, job)
    if job.request.licenses:
        job.licenses = licenses.choose(ctx, job, licenses.taken(ctx.state, job, now)) or {}
    if ctx.state.reservations and (drawn := reservations.joined(ctx, job, decision.allocation.shares, now)):
        job.request = msgspec.structs.replace(job.request, reservation=drawn)
    job.allocation = decision.allocation
    ctx.state.take(job)
    job.partition = partition.name
    job.tasks_per_node = decision.tasks_per_node
    job.attempt += 1
    job.start_time = now
    job.exit_code = 0
    job.end_time = 0.0
    job.eligible_time = job.eligible_time or now
    job.last_sched = now
    job.reason = "None"
    job.reason_text = ""
    job.planned_start, job.planned_nodes = 0.0, []
    if job.request.time_limit is None or job.time_limit is None:
        job.time_limit = default_limit(partition.default_time, partition.max_time)
    _meet_deadline(job, now)
    set_limit(ctx, job, now)
    for what in ("deadline", "immediate"):
        ctx.timers.cancel(what, job.job_id)
    if ctx.settings.contain:
        extern.begin(job, ALIVE)
    job_programs.begin(ctx, job)
    waits = job_programs.preparing(ctx, job)
    if job.request.kind == "batch" and not job.het_offset and not waits:
        launch(ctx, job)
    elif job.request.kind == "batch":
        job.batch_host = job.allocation.nodes[0]  # shown; the script of components is the first one's
    else:
        job.batch_host = ""
        facts = facts_of(ctx, job)
        event = JobEvent(
            job_id=job.job_id,
            event="started",
            state="RUNNING",
            preparing=waits,
            facts=facts,
            node_addresses=addresses(ctx, all_nodes(ctx, job)),
        )
        for conn in ctx.listeners(job.job_id):
            ctx.push(conn, event)
    arrays.full(ctx, job)
    waiting.wake(ctx, job, now)
    for share in job.allocation.shares:
        ctx.state.nodes[share.node].last_busy = now
    return job


def _meet_deadline(job: Job, now: float) -> None:
    """A job that does not say how long it needs, or how short a time would do, gets what is left until its deadline."""
    request = job.request
    if not request.deadline or (request.time_limit is not None and request.time_min is None):
        return
    left = max(1, (int(request.deadline) - int(now)) // 60)
    if job.time_limit is None or job.time_limit < 0 or job.time_limit > left:
        job.time_limit = left


def default_limit(default: int | None, most: int) -> int:
    return most if default is None else default


def set_limit(ctx: Context, job: Job, now: float) -> None:
    """Set the expected end from the start and the limit, and the timers for the warning signal and the end."""
    for what in ("limit", "warn"):
        ctx.timers.cancel(what, job.job_id)
    limit = -1 if job.time_limit is None else job.time_limit
    if limit < 0:
        job.end_time = 0.0
        return
    job.end_time = job.start_time + 60 * limit + job.suspended_seconds + job.end_shift
    if job.state != "RUNNING":
        return
    over = over_limit(ctx, job)
    if over >= 0:
        ctx.timers.set("limit", job.job_id, job.end_time + 60 * over)
    if job.request.signal:
        at = job.end_time - job.request.signal_time
        if at > now or job.start_time == now:
            ctx.timers.set("warn", job.job_id, max(at, now))


def over_limit(ctx: Context, job: Job) -> int:
    """Minutes a job may run on after its limit; -1: for ever."""
    partition = ctx.state.partitions.get(job.partition)
    if partition is not None and partition.over_time_limit is not None:
        return partition.over_time_limit
    return ctx.settings.over_time_limit


def kill_time(ctx: Context, job: Job) -> float:
    """When the job is ended for its limit, 0 for never; nodes keep to it also without their controller."""
    over = over_limit(ctx, job)
    return job.end_time + 60 * over if job.end_time and over >= 0 else 0.0


def launch(ctx: Context, job: Job) -> None:
    """Have the batch script started on the first node."""
    assert job.allocation is not None
    first = job.allocation.shares[0]
    job.batch_host = first.node
    part = NodeTasks(node=first.node, tasks=[0], share=first)
    job.steps["batch"] = Step(
        job_id=job.job_id,
        step_id="batch",
        uid=job.uid,
        name="batch",
        state=STARTING,
        start_time=job.start_time,
        layout=StepLayout(nodes=[part], ntasks=1),
        overlap=True,
    )
    send_launch(ctx, job)


def send_launch(ctx: Context, job: Job) -> None:
    order = LaunchBatch(
        job=facts_of(ctx, job),
        script="",
        environment={},
        argv=job.request.argv,
        deadline=kill_time(ctx, job),
        kill_wait=ctx.settings.kill_wait,
    )
    ctx.to_node(
        job.batch_host, order, key=f"launch:{job.job_id}:{job.attempt}", needs_script=job.array_job_id or job.job_id
    )


def all_nodes(ctx: Context, job: Job) -> list[str]:
    """The nodes of a job, with those of the components that follow it."""
    found = {node: None for one in (job, *lifecycle.following(ctx, job)) if one.allocation for node in one.allocation.nodes}
    return list(found)


def facts_of(ctx: Context, job: Job, alone: bool = False) -> JobFacts:
    """What every launch of the job carries. The job has an allocation. `alone`: nothing of its other components."""
    allocation = job.allocation or Allocation()
    request = job.request
    return JobFacts(
        job_id=job.job_id,
        uid=job.uid,
        gid=job.gid,
        user_name=job.user_name,
        group_name=job.group_name,
        name=job.name,
        partition=job.partition,
        account=job.account,
        qos=job.qos,
        reservation=request.reservation or "",
        cluster=ctx.settings.cluster_name,
        conf_path=ctx.settings.conf_path,
        compat=ctx.settings.compat,
        allocation=allocation,
        tasks_per_node=job.tasks_per_node,
        attempt=job.attempt,
        restart_count=job.restart_count,
        submit_time=job.submit_time,
        start_time=job.start_time,
        end_time=job.end_time,
        array_job_id=job.array_job_id,
        array_task_id=job.array_task_id,
        array_count=job.array_count,
        array_min=job.array_min,
        array_max=job.array_max,
        array_step=job.array_step,
        het_job_id=job.het_job_id,
        het_offset=job.het_offset,
        het_size=job.het_size,
        components=[facts_of(ctx, one, alone=True) for one in ctx.state.components(job)] if job.het_size and not alone else [],
        node_cpus={name: ctx.state.nodes[name].cpus for name in allocation.nodes if name in ctx.state.nodes},
        over_subscribe=sharing.over_subscribe(job, ctx.state.partitions),
        exclusive=sharing.exclusive(job, ctx.state.partitions),
        request=msgspec.structs.replace(request, script=None, environment={}),
    )


def addresses(ctx: Context, names: Iterable[str]) -> dict[str, NodeAddress]:
    """How to reach the daemons of nodes."""
    found = {}
    for name in names:
        node = ctx.state.nodes.get(name)
        if node is not None:
            found[name] = NodeAddress(
                address=node.address, port=node.port, unix_socket=node.unix_socket, boot_id=node.boot_id
            )
    return found


def shares_by_node(job: Job) -> dict[str, NodeShare]:
    return {share.node: share for share in job.allocation.shares} if job.allocation else {}
