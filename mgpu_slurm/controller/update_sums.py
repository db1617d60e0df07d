"""The sums that a waiting job shows after `scontrol update`: CPUs, memory, tasks, and CPUs of a node.

Slurm adds them up at submission, and an update changes only the sum that its key speaks of: after NumTasks=3 a job of one CPU
still shows NumCPUs=1 (22.05, measured). What the job needs, and gets at its start, follows from its request as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import asked
from mgpu_slurm.records import job_sizes, tres
from mgpu_slurm.records.job import Sums

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job

_NODES = frozenset(("numnodes", "minnodes"))
_MEMORY = frozenset(("minmemorycpu", "minmemorynode"))
_KEYS = _NODES | frozenset(
    ("cpuspertask", "mincpusnode", "nodelist", "ntaskspernode", "numcpus", "numtasks", "reqnodelist", "taskspernode")
)

SIZING = frozenset(("numcpus", "numnodes", "minnodes", "mincpusnode"))
"""Keys after which Slurm looks whether the partition has that many CPUs."""


def carry(ctx: Context, job: Job, trial: Job, words: set[str], now: float) -> None:
    """Give the changed copy of a waiting job the sums it shows; `words`: the keys that were changed, in lower case.

    Slurm looks at CPUs of a node first, then at those in all, then at nodes: these bring what they need at least, and only
    then is memory counted again. Raises SlurmError where that is more than the job may have.
    """
    if not _KEYS & words and job.sums is None:
        return
    source = asked.source(ctx.state, now)
    before = job.sums or Sums(
        cpus=job.min_cpus, mem=tres.asked_amounts(job, source)["mem"], ntasks=job.ntasks,
        min_nodes=job.min_nodes, max_nodes=job.max_nodes, node_cpus=job_sizes.min_cpus_node(job, source),
    )  # fmt: skip
    request = trial.request
    cpus, mem, ntasks, node_cpus = before.cpus, before.mem, before.ntasks, before.node_cpus
    min_nodes, max_nodes = before.min_nodes, before.max_nodes
    if "mincpusnode" in words and request.min_cpus_per_node:
        node_cpus = request.min_cpus_per_node
        cpus = node_cpus * job.min_nodes
    if "numcpus" in words:
        cpus = request.min_cpus or 1
    if "numtasks" in words:
        ntasks = trial.ntasks
    recount = bool(_MEMORY & words)
    if _NODES & words:
        min_nodes, max_nodes = request.min_nodes or 1, request.max_nodes or 0
        ntasks = max(ntasks, min_nodes) if request.ntasks or request.ntasks_per_node else min_nodes
        least = max(node_cpus * min_nodes, ntasks * (job_sizes.cpus_per_task(trial) or 1))
        if cpus < least and min_nodes != job.min_nodes:
            cpus, recount = least, True
    if request.max_cpus and cpus > request.max_cpus:
        raise SlurmError(errors.ESLURM_INVALID_CPU_COUNT)
    trial.min_cpus, trial.ntasks, trial.min_nodes, trial.max_nodes, trial.sums = cpus, ntasks, min_nodes, max_nodes, None
    if recount:
        mem = tres.asked_amounts(trial, source)["mem"]
    trial.sums = Sums(cpus=cpus, mem=mem, ntasks=ntasks, min_nodes=min_nodes, max_nodes=max_nodes, node_cpus=node_cpus)


def check_size(ctx: Context, job: Job) -> None:
    """More CPUs than its partitions have can never be given. Raises SlurmError 2015."""
    names = {
        name
        for one in job.partition.split(",") if one in ctx.state.partitions
        for name in (ctx.state.nodes if ctx.state.partitions[one].all_nodes else ctx.state.partitions[one].nodes)
    }
    least = max(job.min_cpus, (job.request.min_cpus_per_node or 0) * job.min_nodes)
    if least > sum(ctx.state.nodes[name].cpus for name in names if name in ctx.state.nodes):
        raise SlurmError(errors.ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE)
