"""How large a job is said to be: what it asks for while it waits, what it has from its start on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import units

if TYPE_CHECKING:
    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job


def tasks_per_node(job: Job, _source: Source | None = None) -> int:
    """As asked for, else as many as have their GPUs on a node; 0: any number."""
    return job.request.ntasks_per_node or job.node_tasks


def cpus_per_task(job: Job) -> int | None:
    """As asked for, else those of a task's GPUs."""
    return job.request.cpus_per_task or job.request.cpus_of_task_gpus or None


def num_nodes(job: Job, source: Source) -> int:
    if job.allocation is not None and job.allocation.shares and job.state != "PENDING":
        return len(job.allocation.shares)
    return node_estimate(job, source)


def node_estimate(job: Job, source: Source) -> int:
    """How many nodes Slurm says that a waiting job will need: a guess from the largest node, with the oddities of 22.05."""
    request, cpus = job.request, source.most_cpus
    tasks, per_task, per_node = request.ntasks or 0, cpus_per_task(job) or 1, tasks_per_node(job)
    if per_node and not tasks:
        return job.min_nodes
    if tasks and per_node:
        found = tasks // per_node
    elif tasks and 1 < per_task <= cpus:
        full, rest = divmod(tasks, cpus // per_task)
        # what would fit on one node counts as one, but for a job that was held before anyone has looked
        looked_at = job.priority or job.last_sched or job.eligible_time
        found = max(full, job.min_nodes) + (1 if rest and (full or not looked_at) else 0)
    else:
        # a task that no node has the CPUs for counts as a node
        found = min(-(-tasks // cpus) if per_task <= cpus else job.ntasks, job.ntasks)
    return max(found, job.min_nodes)


def min_nodes(job: Job, source: Source) -> int:
    """The lower bound shown of a waiting job, never above the upper one."""
    least = node_estimate(job, source)
    return min(least, job.max_nodes) if job.max_nodes else least


def num_tasks(job: Job, _source: Source | None = None) -> int:
    """With the nodes it got, at least one for each, or as many as were asked for on each, however many it has later."""
    if job.allocation is None or job.state == "PENDING" or job.resize_time:
        return job.ntasks
    return max(job.ntasks, (tasks_per_node(job) or 1) * len(job.allocation.shares))


def num_cpus(job: Job, _source: Source) -> int:
    if job.allocation is not None and job.allocation.shares and job.state != "PENDING":
        return job.allocation.cpus
    return job.min_cpus


def max_cpus(job: Job, _source: Source) -> int:
    """The upper bound that was set for a waiting job, never below the lower one; 0 for none."""
    most = job.request.max_cpus if job.state == "PENDING" else None
    return max(most, job.min_cpus) if most else 0


def memory_shown(job: Job, _source: Source) -> int:
    request = job.request
    if request.mem_per_gpu:
        return job.default_memory[1] if job.state == "PENDING" else 0
    return request.mem_per_node or request.mem_per_cpu or 0


def memory_kind(job: Job, _source: Source) -> str:
    if job.request.mem_per_gpu:
        return job.default_memory[0] if job.state == "PENDING" else "Node"
    return "CPU" if job.request.mem_per_cpu is not None and job.request.mem_per_node is None else "Node"


def delay_boot(job: Job, _source: Source) -> int:
    """Seconds; UNLIMITED as it is."""
    text = job.request.other.get("delay-boot")
    return units.parse_seconds(text) if text else 0


def min_cpus_node(job: Job, _source: Source) -> int:
    if job.sums is not None:
        return job.sums.node_cpus
    request = job.request
    per_task = cpus_per_task(job) or 1
    tasks = 1 if request.overcommit or request.ntasks == 1 else tasks_per_node(job) or 1
    return max(request.min_cpus_per_node or 1, per_task * tasks)
