"""Column name -> raw value of a step, with the job it belongs to; see columns.py for the rules. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.records.tres import held_devices, named_tres, tracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.step import Step


def step_run_seconds(step: Step, job: Job, source: Source) -> int:
    if not step.start_time:
        return 0
    until = step.end_time or (job.suspend_time if job.state == "SUSPENDED" else source.now)
    return max(int(until) - int(step.start_time) - int(job.suspended_seconds), 0)


def nodes_of(step: Step, job: Job) -> list[str]:
    """Those of its tasks; a batch script's is the one it runs on."""
    names = [part.node for part in step.layout.nodes]
    return names or ([job.batch_host] if job.batch_host else (job.allocation.nodes[:1] if job.allocation else []))


def step_nodes(step: Step, job: Job, _source: Source) -> str:
    return hostlist.fold(nodes_of(step, job))


def step_cpus(step: Step, _job: Job, _source: Source) -> int:
    return sum(len(part.share.cpus) for part in step.layout.nodes)


def step_tres(step: Step, job: Job, source: Source) -> str:
    """Of numbered steps alone. What AccountingStorageTRES= adds brings another order."""
    parts = step.layout.nodes
    if not parts or not is_numbered(step.step_id):
        return ""
    shares = [part.share for part in parts]
    more = tracked(held_devices(shares, source), source) if source.tracked else {}
    text = named_tres(step_cpus(step, job, source), sum(share.mem for share in shares), len(parts), 0, more)
    return ",".join(sorted(text.split(","))) if more else text


def step_distribution(step: Step, job: Job, _source: Source) -> str:
    """Slurm's default is cyclic for as many tasks as nodes or fewer, where it makes no difference, but for the step of an srun
    that has made its job, and for one that asks for all memory."""
    layout = step.layout
    if layout.distribution in ("pack", "nopack"):
        return f"block,{layout.distribution}"
    if layout.distribution:
        return layout.distribution
    if job.request.kind == "alloc" and step.submit_line and step.submit_line == job.request.submit_line:
        return "block"
    return "cyclic" if layout.ntasks <= len(layout.nodes) and "all_memory" not in step.asked else "block"


def step_limit(step: Step, _job: Job, _source: Source) -> int:
    return UNLIMITED if step.time_limit is None else step.time_limit


def steps_use(job: Job, _source: Source) -> list[list[object]]:
    """What its live steps hold of it, by node: [node, CPUs, MiB]. A step that shares with others (--overlap) holds nothing."""
    held: dict[str, list[int]] = {}
    for step in job.steps.values():
        if not is_numbered(step.step_id) or step.overlap or step.state != "RUNNING":
            continue
        for part in step.layout.nodes:
            counts = held.setdefault(part.node, [0, 0])
            counts[0] += len(part.share.cpus)
            counts[1] += 0 if part.mem_shared else part.share.mem
    return [[name, *counts] for name, counts in held.items()]


_STEP_OWN = "step_id uid name state start_time end_time src_host src_pid exit_code submit_line"
_STEP_ASKED = (
    "cpu_freq cpus_per_tres mem_per_tres tres_bind tres_freq tres_per_step tres_per_node tres_per_socket tres_per_task"
)
_STEP_JOB = "job_id gid array_job_id array_task_id het_job_id het_offset partition user_name account qos"

STEP: dict[str, Callable[[Step, Job, Source], object]] = {
    **{
        name: (lambda key: lambda step, _job, _source: getattr(step, key))(name)
        for name in _STEP_OWN.split()
    },
    **{
        name: (lambda key: lambda _step, job, _source: getattr(job, key))(name)
        for name in _STEP_JOB.split()
    },
    **{
        name: (lambda key: lambda step, _job, _source: step.asked.get(key, ""))(name)
        for name in _STEP_ASKED.split()
    },
    "distribution": step_distribution,
    "nodes": step_nodes,
    "ntasks": lambda step, _job, _source: step.layout.ntasks,
    "num_cpus": step_cpus,
    "num_nodes": lambda step, _job, _source: max(len(step.layout.nodes), 1),
    "run_seconds": step_run_seconds,
    "time_limit": step_limit,
    "tres": step_tres,
}
