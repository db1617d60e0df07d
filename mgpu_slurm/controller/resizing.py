"""A running job gives nodes back, or gets those of another: what is its own then, and when the rest is free.

The job loses the nodes at once: nothing new of it starts there, and its tasks there are ended; a step goes on with those that
are left to it. What it held on them stays taken until no process of it lives there. The node of the batch script, and of an
allocation the first one, stays.

Where SchedulerParameters=permit_job_expansion allows it, a job with --dependency=expand:ID gives all it has to job ID by
`scontrol update NumNodes=0`, and is over. As in Slurm, no step of it may run, and neither of the two may have devices or a
whole node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import lifecycle, steps
from mgpu_slurm.controller.history_columns import RESIZING
from mgpu_slurm.intake.dependency import EXPAND
from mgpu_slurm.records import job_sizes
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.records.step import EXTERN

if TYPE_CHECKING:
    from collections.abc import Collection

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job


def change(ctx: Context, job: Job, nodes: int, several: bool, now: float) -> None:
    """NumNodes= of a running job, which is a copy. Raises SlurmError. `several`: a range was given, which only waiting jobs have.

    A job that is to give away all it has is left without an allocation; `hand_over` does the rest.
    """
    may_grow, held = ctx.settings.job_expansion, job.allocation
    if held is None:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    grows = nodes > len(held.nodes)
    # more nodes than tasks are more tasks, and those are counted while a job waits
    if (several and (may_grow or not grows)) or (may_grow and grows and nodes > job_sizes.num_tasks(job)):
        raise SlurmError(errors.ESLURM_JOB_NOT_PENDING)
    expands = may_grow and _expanded_id(job)
    if not nodes and expands:
        _check_gift(ctx, job)
        job.allocation = None
    elif not nodes or expands or (may_grow and grows):
        raise SlurmError(errors.ESLURM_INVALID_NODE_COUNT)
    elif grows:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    elif nodes < len(held.nodes):
        keep(job, held.nodes[:nodes], now)


def _expanded_id(job: Job) -> int:
    """The job that this one was started for; 0 for none."""
    return next((int(target) for kind, target, _, _ in reversed(job.dependency) if kind == EXPAND), 0)


def _check_gift(ctx: Context, job: Job) -> None:
    """Whether what the job has can be another's. Raises SlurmError: 4026 where a step of it runs, -1 where the kind of either
    job's resources does not allow it."""
    if job.state != "RUNNING":
        raise SlurmError(errors.ESLURM_JOB_NOT_RUNNING)
    if any(steps.is_live(step) for step in job.steps.values() if step.step_id != EXTERN) or any(
        lifecycle.may_live(job, share.node) for share in (job.allocation or Allocation()).held
    ):
        raise SlurmError(errors.ESLURMD_STEP_EXISTS)
    other = ctx.state.jobs.get(_expanded_id(job))
    if other is None or other.state != "RUNNING":
        return
    shares = [share for one in (job, other) if one.allocation is not None for share in one.allocation.held]
    if any(share.whole or any(share.gres.values()) for share in shares):
        raise SlurmError(-1)


def hand_over(job: Job, now: float) -> None:
    """Mark that what the job holds goes to the job that it was started for, which `receive` sees to when it is gone."""
    job.resize_time = now


def receive(ctx: Context, job: Job, now: float) -> None:
    """The job has just given back what it held: where it has ended by giving that away, it now belongs to the job that it was
    started for, if that one still runs."""
    other = ctx.state.jobs.get(_expanded_id(job)) if job.state == "COMPLETED" and job.resize_time == job.end_time else None
    if other is None or other.state != "RUNNING" or other.allocation is None or job.allocation is None:
        return
    other.batch_host = other.batch_host or other.allocation.nodes[0]
    given = {share.node: share for share in job.allocation.shares}
    own = {share.node: share for share in other.allocation.shares}
    order = [node for node in ctx.state.nodes if node in given or node in own]
    save_part(ctx, other, now)
    counts = [dict(zip(one.allocation.nodes, one.tasks_per_node, strict=False)) for one in (job, other) if one.allocation]
    other.ntasks = job_sizes.num_tasks(other)
    other.tasks_per_node = [sum(count.get(node, 0) for count in counts) for node in order]
    shares = [_joined([one[node] for one in (own, given) if node in one]) for node in order]
    ctx.state.reshape(other, Allocation(shares=shares, leaving=other.allocation.leaving))
    other.resize_time = now
    ctx.save(other)


def _joined(shares: list[NodeShare]) -> NodeShare:
    """Those of one node as one."""
    cpus = sorted(cpu for share in shares for cpu in share.cpus)
    usable = sum(share.usable for share in shares)
    counted = 0 if usable == len(cpus) else usable
    return NodeShare(node=shares[0].node, cpus=cpus, mem=sum(share.mem for share in shares), counted=counted)


def keep(job: Job, kept: Collection[str], now: float) -> None:
    """Let the job have only these of its nodes. Raises SlurmError 2006 where its first is not among them."""
    before = job.allocation
    if before is None or job.state != "RUNNING":
        raise SlurmError(errors.ESLURM_JOB_NOT_RUNNING)
    if (job.batch_host or before.nodes[0]) not in kept:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    job.ntasks = job_sizes.num_tasks(job)
    at = [place for place, share in enumerate(before.shares) if share.node in kept]
    job.tasks_per_node = [job.tasks_per_node[place] for place in at if place < len(job.tasks_per_node)]
    job.allocation = Allocation(
        shares=[before.shares[place] for place in at],
        leaving=[*before.leaving, *(share for share in before.shares if share.node not in kept)],
    )
    job.resize_time = now


def save_part(ctx: Context, job: Job, now: float) -> None:
    """Keep for history what the job has had before its nodes change. Its steps stay with the job."""
    part = msgspec.structs.replace(job, state=RESIZING, steps={}, steps_apart=0, end_time=now)
    ctx.save_attempt(part, -int(now * 1000))


def do_without(ctx: Context, job: Job, node: str, now: float) -> bool:
    """Let a running job go on without a node that it has lost, as --no-kill asks; whether it does. Its first node it needs, and a
    component of a heterogeneous job needs all."""
    held = job.allocation
    if not job.request.no_kill or held is None or job.het_size or job.state != "RUNNING":
        return False
    if node not in held.nodes or node == (job.batch_host or held.nodes[0]):
        return False
    ctx.note("warning", f"job {job.job_id} goes on without node {node}")
    save_part(ctx, job, now)
    ctx.state.out_of_indexes(job)
    keep(job, [name for name in held.nodes if name != node], now)
    ctx.state.into_indexes(job)
    ctx.save(job)
    end_steps(ctx, job, "NODE_FAIL")
    ctx.replan()
    return True


def end_steps(ctx: Context, job: Job, word: str = "CANCELLED") -> None:
    """End the tasks on nodes that the job has lost, and free those on which nothing lives."""
    lost = {share.node for share in job.allocation.leaving} if job.allocation else set()
    for step in job.steps.values():
        if steps.is_live(step):
            for part in step.layout.nodes:
                if part.node in lost and part.node not in step.ended_nodes:
                    steps.end_on_node(ctx, job, step, part.node, word)
    free(ctx, job)


def free(ctx: Context, job: Job) -> None:
    """Give back what the job has left behind on nodes where no process of it lives any more, when those have run their Epilog."""
    allocation = job.allocation
    if allocation is None or not allocation.leaving or not job.holds_resources:
        return
    gone = [share for share in allocation.leaving if not lifecycle.may_live(job, share.node)]
    if ctx.settings.programs.on_nodes or ctx.settings.programs.at_end:
        for share in gone:
            if (job.job_id, share.node) not in ctx.left:
                ctx.left.add((job.job_id, share.node))
                lifecycle.terminate(ctx, job, share.node, "ENDED")
    elif gone:
        _let_go(ctx, job, gone)


def left(ctx: Context, job: Job, node: str) -> None:
    """A node that a running job has given back has nothing to do with it any more."""
    ctx.left.discard((job.job_id, node))
    _let_go(ctx, job, [share for share in job.allocation.leaving if share.node == node] if job.allocation else [])


def _let_go(ctx: Context, job: Job, gone: list[NodeShare]) -> None:
    assert job.allocation is not None
    for share in gone:
        ctx.state.let_go(job, share)
    job.allocation.leaving = [share for share in job.allocation.leaving if share not in gone]
    ctx.save(job)
    ctx.replan()
