"""What the scheduler says of a job that is not yet, or not to be, in the queue: could it ever start, and when would it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import picture, reservations
from mgpu_slurm.sched.snapshot import PendingJob, Start, Wait
from mgpu_slurm.wire.messages import JobTest

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.sched.snapshot import Need, Snapshot


def judge(ctx: Context, job: Job, now: float) -> tuple[str, str]:
    """Whether the job could start on an empty, healthy cluster, and on the nodes of its reservation if that lasts: "", or
    BadConstraints or PartitionConfig and a sentence."""
    seen = _picture_of(ctx, job)
    found = _judge(ctx, job, seen)
    inside = reservations.confines(ctx, job.request.reservation, now)
    if found[0] or inside is None:
        return found
    if not inside.issuperset(seen.need.required_nodes):
        return "BadConstraints", "Problem using reservation"
    return _judge(ctx, job, reservations.without(seen, set(ctx.state.nodes) - inside, {}))


def _judge(ctx: Context, job: Job, seen: PendingJob) -> tuple[str, str]:
    key = (seen.need, job.partition, seen.time_limit)
    known = ctx.possible.get(key)
    if known is not None:
        return known
    found = ("", "")
    for decision in ctx.scheduler.plan(picture.alone(ctx, seen), 0.0):
        if isinstance(decision, Wait):
            if decision.reason in ("PartitionNodeLimit", "PartitionTimeLimit", "PartitionConfig"):
                found = ("PartitionConfig", "")
            elif decision.reason == "BadConstraints":
                found = (decision.reason, _why(ctx, seen.need, decision.text))
    if len(ctx.possible) > 10_000:
        ctx.possible.clear()
    ctx.possible[key] = found
    return found


def _why(ctx: Context, need: Need, text: str) -> str:
    """The line Slurm prints before its refusal, where it prints one."""
    if "memory" in text:
        return "Memory specification can not be satisfied"
    if "disk" in text:
        return "Temporary disk specification can not be satisfied"
    if "sockets" in text or "threads" in text:
        return "Socket, core and/or thread specification can not be satisfied"
    per_node = max(need.min_cpus_per_node, need.cpus_per_task)
    if all(per_node > node.cpus for node in ctx.state.nodes.values()):
        return "CPU count per node can not be satisfied"
    return ""


def _picture_of(ctx: Context, job: Job) -> PendingJob:
    return PendingJob(
        job_id=job.job_id,
        uid=job.uid,
        need=picture.need_of(ctx, job),
        priority=1,
        submit_time=0.0,
        partitions=job.partition.split(","),
        time_limit=-1 if job.time_limit is None else job.time_limit,
    )


def test(ctx: Context, asked: Asked, jobs: list[Job], now: float) -> None:
    """--test-only: ask the scheduler when and where it would start; nothing is kept. Raises SlurmError where no node can be
    named: it never starts, or not before nodes that are down, drained or reserved are back."""
    if len(jobs) > 1:
        _test_components(ctx, asked, jobs, now)
        return
    job = jobs[0]
    picture_now = picture.snapshot(ctx, now)
    seen = _as_asked(ctx, job, ctx.state.next_job_id, now)
    seen.time_limit = _bounded(ctx, seen)
    # nor does it matter that a partition is down
    picture_now.partitions = {
        name: msgspec.structs.replace(slot, state="UP") if name in seen.partitions and slot.state == "DOWN" else slot
        for name, slot in picture_now.partitions.items()
    }
    others = picture_now.pending
    picture_now.pending = [*others, seen]
    parts = _parts(ctx, picture_now, [job], now)
    if seen.job_id not in parts and others:
        # behind so many that no start of its own is foreseen: what it would be without them
        picture_now.pending = [seen]
        parts = _parts(ctx, picture_now, [job], now)
    if seen.job_id not in parts:
        raise SlurmError(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    ctx.reply(asked.conn, parts[seen.job_id])


def _as_asked(ctx: Context, job: Job, job_id: int, now: float) -> PendingJob:
    """What the scheduler is to see of it, on the nodes that reservations leave it. Of a reservation to come it is asked as if
    that had begun."""
    seen = _picture_of(ctx, job)
    seen.job_id, seen.submit_time, seen.priority = job_id, now, max(1, job.priority)
    return reservations.limited(ctx, job, seen, _earliest(ctx, job, now)) if ctx.state.reservations else seen


def _earliest(ctx: Context, job: Job, now: float) -> float:
    """Before which it is not to start: --begin, or the start of its reservation."""
    reserved = ctx.state.reservations.get(job.request.reservation or "")
    return max(now, job.request.begin or 0.0, reserved.start if reserved is not None else 0.0)


def _parts(ctx: Context, seen: Snapshot, jobs: list[Job], now: float) -> dict[int, JobTest]:
    """When and where those of the jobs start that ever do, by the ids they are to have."""
    first = ctx.state.next_job_id
    parts: dict[int, JobTest] = {}
    for decision in ctx.scheduler.plan(seen, now):
        if decision.job_id < first:
            continue
        job = jobs[decision.job_id - first]
        if isinstance(decision, Start):
            start, nodes, cpus = now, decision.allocation.nodes, decision.allocation.cpus
            partition = decision.partition
        elif not decision.planned:
            continue
        else:
            start, nodes, cpus = decision.planned, decision.nodes, job.min_cpus
            partition = job.partition.split(",")[0]
        parts[decision.job_id] = JobTest(
            job_id=decision.job_id, start_time=max(start, _earliest(ctx, job, now)), cpus=cpus, nodes=hostlist.fold(nodes),
            partition=partition,
        )  # fmt: skip
    return parts


def _bounded(ctx: Context, seen: PendingJob) -> int:
    """The job's limit, which nobody minds here where it is above what the partitions allow."""
    longest = [ctx.state.partitions[name].max_time for name in seen.partitions]
    if any(most < 0 or 0 <= seen.time_limit <= most for most in longest):
        return seen.time_limit
    return max(longest)


def _test_components(ctx: Context, asked: Asked, jobs: list[Job], now: float) -> None:
    """As `test`, for all of them together: the latest start, and what all of them have then."""
    leader = ctx.state.next_job_id
    picture_now = picture.snapshot(ctx, now)
    for offset, job in enumerate(jobs):
        seen = _as_asked(ctx, job, leader + offset, now)
        seen.het_job_id, seen.het_size = leader, len(jobs)
        picture_now.pending = [*picture_now.pending, seen]
    parts = _parts(ctx, picture_now, jobs, now)
    if len(parts) < len(jobs):
        raise SlurmError(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    found = [parts[job_id] for job_id in sorted(parts)]
    answer = JobTest(
        job_id=leader,
        start_time=max(part.start_time for part in found),
        cpus=sum(part.cpus for part in found),
        nodes=hostlist.fold_sorted({node for part in found for node in hostlist.expand(part.nodes)}),
        partition=found[0].partition,
        components=found,
    )
    ctx.reply(asked.conn, answer)
