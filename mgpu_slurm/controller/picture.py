"""The scheduler's picture of the cluster (sched/snapshot.py), made from the state.

What a node or a pending job looks like to the scheduler is kept until it changes, so that a picture costs a list of what is
there, not a new object for each.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import idset
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import arrays, licenses, reservations
from mgpu_slurm.controller.state import NodeUse
from mgpu_slurm.facts.states import COMPLETING
from mgpu_slurm.intake import gres as gres_grammar
from mgpu_slurm.sched.need import configured_memory
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.snapshot import GresSlot, NodeSlot, PartitionSlot, PendingJob, RunningJob, Snapshot

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.state import State
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.sched.snapshot import Need

NOT_FOR_WORK = frozenset({"DRAIN", "FAIL", "NOT_RESPONDING", "INVALID_REG", "REBOOT_ISSUED", "POWERED_DOWN"})


def is_usable(node: Node) -> bool:
    """Whether it may be given work."""
    return node.state == "IDLE" and node.responding and NOT_FOR_WORK.isdisjoint(node.flags)


def devices(node: Node) -> dict[str, list[list[str]]]:
    """Resource name -> the type names that each device answers to, in order of the devices' indices."""
    found: dict[str, list[list[str]]] = {}
    try:
        wanted = gres_grammar.parse(node.gres_text) if node.gres_text and node.gres_text != "(null)" else []
    except SlurmError:
        wanted = []
    for name, kind, count in wanted:
        found.setdefault(name, []).extend([[kind] if kind else [] for _ in range(count)])
    if node.gpus and "gpu" in found:
        found["gpu"] = [[name for name in (gpu.type, *gpu.aliases) if name] for gpu in node.gpus[: len(found["gpu"])]]
    return found


def healthy(node: Node) -> dict[str, int]:
    """Resource name -> mask of the devices that may be given out."""
    masks = {name: (1 << len(types)) - 1 for name, types in devices(node).items()}
    if node.gpus and "gpu" in masks:
        masks["gpu"] &= idset.mask(at for at, gpu in enumerate(node.gpus) if gpu.healthy)
    return masks


def _closeness(node: Node, size: int) -> list[list[int]]:
    """Of each pair of GPUs, larger is tighter: NVLinks first, then how near they are on PCIe."""
    near = {"X": 9, "PIX": 5, "PXB": 4, "PHB": 3, "NODE": 2, "SYS": 1, "": 0}
    return [
        [
            (max(gpu.links[other], 0) * 10 if other < len(gpu.links) else 0)
            + (near.get(gpu.pcie[other], 0) if other < len(gpu.pcie) else 0)
            for other in range(size)
        ]
        for gpu in node.gpus[:size]
    ]


def node_slot(state: State, node: Node, empty: bool = False) -> NodeSlot:
    """The node as it is; `empty`: as if nothing ran and nothing were wrong with it."""
    use = NodeUse() if empty else state.use.get(node.name) or NodeUse()
    whole = state.whole_cpus(node)
    memory = state.whole_memory(node)
    masks = healthy(node)
    slots = [
        GresSlot(
            name=name,
            types=types,
            free=masks[name] & ~use.gres.get(name, 0),
            total=masks[name],
            links=_closeness(node, len(types)) if name == "gpu" and node.gpus else [],
            cpus=[idset.mask(gpu.cpu_affinity) & whole for gpu in node.gpus[: len(types)]] if name == "gpu" else [],
        )
        for name, types in devices(node).items()
    ]
    usable = is_usable(node)
    return NodeSlot(
        name=node.name,
        usable=usable or empty,
        down=not usable and not empty,
        weight=node.weight,
        features=frozenset(node.active_features or node.features),
        sockets=node.sockets,
        cores_per_socket=node.cores_per_socket,
        threads_per_core=node.threads_per_core,
        cpus_total=whole,
        cpus_free=0 if use.whole else whole & ~use.cpus,
        mem_total=memory,
        mem_free=max(memory - use.mem, 0),
        tmp_disk=node.tmp_disk,
        gres=slots,
        jobs=len(use.jobs),
        held_whole=bool(use.whole),
        users=frozenset(state.jobs[one].uid for one in use.jobs),
    )


def partition_slot(partition: Partition, places: dict[str, int]) -> PartitionSlot:
    names = places if partition.all_nodes else partition.nodes
    return PartitionSlot(
        name=partition.name,
        state=partition.state,
        nodes=[places[name] for name in names if name in places],
        max_time=partition.max_time,
        min_nodes=partition.min_nodes,
        max_nodes=partition.max_nodes,
        max_cpus_per_node=partition.max_cpus_per_node,
        priority_tier=partition.priority_tier,
        exclusive=partition.oversubscribe.upper().startswith("EXCLUSIVE"),
        exclusive_user=partition.exclusive_user,
    )


def need_of(ctx: Context, job: Job) -> Need:
    """The job's need; the first partition it asks for gives the defaults."""
    partition = ctx.state.partitions[job.partition.split(",")[0]]
    return ctx.scheduler.derive(job.request, partition, ctx.config)


def default_memory(ctx: Context, job: Job) -> tuple[str, int]:
    """What a job gets that asks for no memory: ("CPU" or "Node", MiB)."""
    found = configured_memory(ctx.state.partitions[job.partition.split(",")[0]], ctx.config)
    return ("CPU", found["mem_per_cpu"]) if "mem_per_cpu" in found else ("Node", found.get("mem_per_node", 0))


def pending_job(ctx: Context, job: Job) -> PendingJob:
    known = ctx.cache.get(job.job_id)
    if isinstance(known, PendingJob):
        return known
    limit = job.time_limit if job.time_limit is not None else -1
    deadline = job.request.deadline or 0.0
    shortest = job.request.time_min or limit
    need = ctx.needs.get(job.job_id)
    if need is None:
        need = ctx.needs[job.job_id] = need_of(ctx, job)
    made = PendingJob(
        job_id=job.job_id,
        uid=job.uid,
        need=need,
        priority=job.priority,
        submit_time=job.submit_time,
        partitions=job.partition.split(","),
        time_limit=limit,
        count=len(job.array_tasks) or 1,
        startable=arrays.startable(ctx, job),
        max_start=deadline - 60 * max(shortest, 0) if deadline else 0.0,
        het_job_id=job.het_job_id,
        het_size=job.het_size,
    )
    ctx.cache[job.job_id] = made
    return made


def running_job(ctx: Context, job: Job, now: float) -> RunningJob:
    assert job.allocation is not None
    completing = COMPLETING in job.flags
    end = inf
    if completing:
        end = now + ctx.settings.kill_wait
    elif job.state == "RUNNING" and job.end_time:
        end = max(job.end_time, now)
    return RunningJob(job_id=job.job_id, uid=job.uid, shares=job.allocation.shares, end=end, completing=completing)


def snapshot(ctx: Context, now: float) -> Snapshot:
    """Everything that may start and everything that runs. Jobs that may not start are left out: they have their reason."""
    state = ctx.state
    places = {name: at for at, name in enumerate(state.nodes)}
    slots = [node_slot(state, node) for node in state.nodes.values()]
    partitions = {name: partition_slot(one, places) for name, one in state.partitions.items()}
    pending = []
    held = licenses.used(state) if ctx.settings.licenses else {}
    for job_id in ctx.eligible:
        job = state.jobs[job_id]
        if job.het_job_id and any(one.job_id not in ctx.eligible for one in state.components(job)):
            continue
        if any(name in state.partitions for name in job.partition.split(",")):
            seen = pending_job(ctx, job)
            if job.request.licenses and licenses.choose(ctx, job, licenses.taken(state, job, now, held)) is None:
                seen = msgspec.structs.replace(seen, blocked=licenses.REASON)
            if state.reservations:
                seen = _drawn(ctx, job, seen, slots, partitions, now) or reservations.limited(ctx, job, seen, now)
            if seen.startable:
                pending.append(seen)
    return Snapshot(
        nodes=slots,
        partitions=partitions,
        pending=pending,
        running=[running_job(ctx, state.jobs[job_id], now) for job_id in state.holding],
        generation=state.generation,
        seed=state.generation,
        backfill=ctx.settings.backfill,
    )


def _drawn(
    ctx: Context, job: Job, seen: PendingJob, slots: list[NodeSlot], partitions: dict[str, PartitionSlot], now: float
) -> PendingJob | None:
    """The job in the first magnetic reservation of its user where it could start now; None where there is no such."""
    for one in reservations.drawing(ctx, job, now):
        confined = reservations.inside(ctx, one, seen)
        for name in confined.partitions:
            if name in partitions and isinstance(place(slots, confined.need, job.uid, partitions[name]), Placement):
                return confined
    return None


def alone(ctx: Context, job: PendingJob) -> Snapshot:
    """The cluster empty and well, with one job: what cannot start there can never start."""
    places = {name: at for at, name in enumerate(ctx.state.nodes)}
    if ctx.empty_nodes is None:
        ctx.empty_nodes = [node_slot(ctx.state, node, empty=True) for node in ctx.state.nodes.values()]
    partitions = {name: partition_slot(one, places) for name, one in ctx.state.partitions.items()}
    for slot in partitions.values():
        slot.state = "UP"
    return Snapshot(nodes=ctx.empty_nodes, partitions=partitions, pending=[job], running=[], backfill=False)
