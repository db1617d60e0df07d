"""A running job gives nodes back: what stays its own, and when the rest is free.

The job loses the nodes at once: nothing new of it starts there, and its tasks there are ended; a step goes on with those that
are left to it. What it held on them stays taken until no process of it lives there. The node of the batch script, and of an
allocation the first one, stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import lifecycle, steps
from mgpu_slurm.records.allocation import Allocation

if TYPE_CHECKING:
    from collections.abc import Collection

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job


def keep(job: Job, kept: Collection[str], now: float) -> None:
    """Let the job have only these of its nodes. Raises SlurmError 2006 where its first is not among them."""
    before = job.allocation
    if before is None or job.state != "RUNNING":
        raise SlurmError(errors.ESLURM_JOB_NOT_RUNNING)
    if before.nodes[0] not in kept:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    at = [place for place, share in enumerate(before.shares) if share.node in kept]
    job.tasks_per_node = [job.tasks_per_node[place] for place in at if place < len(job.tasks_per_node)]
    job.allocation = Allocation(
        shares=[before.shares[place] for place in at],
        leaving=[*before.leaving, *(share for share in before.shares if share.node not in kept)],
    )
    job.resize_time = now


def end_steps(ctx: Context, job: Job) -> None:
    """End the tasks on nodes that the job has lost, and free those on which nothing lives."""
    lost = {share.node for share in job.allocation.leaving} if job.allocation else set()
    for step in job.steps.values():
        if steps.is_live(step):
            for part in step.layout.nodes:
                if part.node in lost and part.node not in step.ended_nodes:
                    steps.end_on_node(ctx, job, step, part.node, "CANCELLED")
    free(ctx, job)


def free(ctx: Context, job: Job) -> None:
    """Give back what the job has left behind on nodes where no process of it lives any more."""
    allocation = job.allocation
    if allocation is None or not allocation.leaving or not job.holds_resources:
        return
    gone = [share for share in allocation.leaving if not lifecycle.may_live(job, share.node)]
    if gone:
        for share in gone:
            ctx.state.let_go(job, share)
        allocation.leaving = [share for share in allocation.leaving if share not in gone]
        ctx.save(job)
        ctx.replan()
