"""The priorities of waiting jobs, when PriorityWeight*= make them of factors: at submission, after changes, and again every
PriorityCalcPeriod, since their age grows. A job that may run in several partitions counts as in the one where it has the most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import billing
from mgpu_slurm.controller import asked
from mgpu_slurm.records import node_columns
from mgpu_slurm.records.tres import asked_amounts
from mgpu_slurm.sched import priority
from mgpu_slurm.sched.priority import Factors, Weights

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.partition import Partition

TOP_PRIORITY = 4294901760
"""Where priority/basic begins to count down, so that no job ever gets a higher one by itself."""


def configured(config: Any) -> Weights:
    """The weights of a configuration."""
    flags = {str(flag).upper() for flag in config.get("PriorityFlags") or ()}
    return Weights(
        age=config.get("PriorityWeightAge", 0),
        jobsize=config.get("PriorityWeightJobSize", 0),
        partition=config.get("PriorityWeightPartition", 0),
        tres=billing.weights(str(config.get("PriorityWeightTRES") or "")),
        max_age=float(config.get("PriorityMaxAge", 604800)),
        favor_small=bool(config.get("PriorityFavorSmall", False)),
        whole_partition="NO_NORMAL_PART" in flags,
        whole_tres="NO_NORMAL_TRES" in flags,
    )


def of_job(ctx: Context, job: Job) -> int:
    """What it has by itself, when it is neither held nor given a number; at least 1."""
    if ctx.settings.fifo_priority:
        return max(1, TOP_PRIORITY - (job.het_job_id or job.job_id) + job.site_factor - job.request.nice)
    names = [name for name in job.partition.split(",") if name in ctx.state.partitions]
    return int(max([in_partition(ctx, job, ctx.state.partitions[name]) for name in names], default=1))


def in_partition(ctx: Context, job: Job, partition: Partition) -> float:
    """The same for one of its partitions, with its fraction."""
    weights = ctx.settings.weights
    found = priority.total(weights, factors(ctx, job, partition)) if weights.count else 0.0
    return max(1.0, found + job.site_factor - job.request.nice)


def factors(ctx: Context, job: Job, partition: Partition) -> Factors:
    """What its priority in a partition is made of, as old as they were when they were last looked at."""
    weights, state = ctx.settings.weights, ctx.state
    if not weights.count or job.priority_fixed:
        return Factors()
    most = max((one.priority_job_factor for one in state.partitions.values()), default=0)
    share = float(partition.priority_job_factor)
    tres: dict[str, float] = {}
    if weights.tres:
        source = asked.source(state, ctx.priorities_at)
        there = _totals(ctx, partition, source)
        tres = priority.resources(weights.tres, asked_amounts(job, source), there, whole=weights.whole_tres)
    return Factors(
        age=priority.age(ctx.priorities_at - job.eligible_time, weights.max_age) if job.eligible_time else 0.0,
        jobsize=priority.job_size(
            job.min_nodes, job.min_cpus, len(state.nodes), _all_cpus(ctx), favor_small=weights.favor_small
        ),
        partition=share if weights.whole_partition else share / most if most else 0.0,
        tres=tres,
    )  # fmt: skip


def _all_cpus(ctx: Context) -> int:
    """Of the cluster."""
    known = ctx.partition_totals.get("")
    if known is None:
        known = ctx.partition_totals[""] = {"cpu": sum(node.cpus for node in ctx.state.nodes.values())}
    return known["cpu"]


def _totals(ctx: Context, partition: Partition, source: Source) -> dict[str, int]:
    """Resource -> how much the partition has of it."""
    known = ctx.partition_totals.get(partition.name)
    if known is None:
        known = ctx.partition_totals[partition.name] = node_columns.partition_amounts(partition, source)
    return known


def again(ctx: Context, job: Job) -> None:
    """After a change of what its priority is made of."""
    if ctx.settings.weights.count and job.priority and not job.priority_fixed and job.state == "PENDING":
        job.priority = of_job(ctx, job)


def later(ctx: Context, now: float) -> None:
    """Look again after a while, if factors count."""
    if ctx.settings.weights.count and ctx.timers.at("priorities", "") is None:
        ctx.timers.set("priorities", "", now + ctx.settings.priority_period)


def look_again(ctx: Context, now: float) -> None:
    """All that wait are older."""
    ctx.priorities_at = now
    ctx.partition_totals.clear()
    waiting = [job for job in ctx.state.jobs.values() if job.state == "PENDING"]
    for job in waiting:
        again(ctx, job)
        ctx.cache.pop(job.job_id, None)
    if waiting:
        later(ctx, now)
        ctx.replan()
