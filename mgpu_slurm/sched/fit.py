"""What one node can contribute to one need: how many tasks, or what is missing.

`capacity(..., whole=True)` asks the same question of the empty node; a need that the empty cluster cannot satisfy is
refused at submission, one that only the busy cluster cannot satisfy waits.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mgpu_slurm.sched import devices, features
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot

MANY = 1 << 30  # tasks of an overcommitted node


class Capacity(msgspec.Struct, gc=False):
    """`tasks` a node could run, 0 with what is `missing`; `per_job` devices it could give to each per-job row."""

    tasks: int
    per_job: tuple[int, ...] = ()
    missing: str = ""


class Candidate(msgspec.Struct, gc=False):
    """A node that can contribute. `rank`: ascending, the tightest fit first (survey.py says of what)."""

    index: int
    slot: NodeSlot
    room: Capacity
    rank: tuple[int, ...]
    gives: tuple[int, ...]  # tasks, and devices for each per-job row


def eligible(slot: NodeSlot, need: Need) -> str:
    """"" if the node may ever be considered, else the reason: what no amount of waiting for jobs changes."""
    if slot.name in need.excluded_nodes:
        return "excluded"
    if need.constraint and not any(features.satisfied(term, slot.features) for term in features.alternatives(need.constraint)):
        return "feature"
    if need.sockets_per_node > slot.sockets or need.cores_per_socket > slot.cores_per_socket:
        return "sockets"
    if need.threads_per_core > slot.threads_per_core:
        return "threads"
    if need.ntasks_per_socket * need.cpus_per_task > slot.cores_per_socket * slot.threads_per_core:
        return "tasks"
    if need.ntasks_per_node * need.cpus_per_task > slot.cpus_total.bit_count():
        return "tasks"
    if need.tmp_disk > slot.tmp_disk:
        return "disk"
    return ""


def complaint(slots: Iterable[NodeSlot], need: Need) -> str:
    """What no node has of that which the request says of one node, looked at in Slurm's order: CPUs, memory, disk, sockets
    (Slurm prints a line of its own for each before it refuses). "" when some node has it all."""
    cpus = memory = disk = False
    least = max(need.min_cpus_per_node, need.cpus_per_task)
    for slot in slots:
        if slot.cpus_total.bit_count() < least:
            continue
        cpus = True
        if slot.mem_total < max(need.mem_per_node, need.mem_per_cpu):
            continue
        memory = True
        if slot.tmp_disk < need.tmp_disk:
            continue
        disk = True
        if eligible(slot, need) not in ("sockets", "threads"):
            return ""
    if not cpus:
        return "no node has that many CPUs"
    if not memory:
        return "no node has that much memory"
    if not disk:
        return "no node has that much temporary disk space"
    return "no node has that many sockets, cores or threads"


def cpus_of(slot: NodeSlot, need: Need, tasks: int, gpus: int) -> int:
    """CPUs that a share of so many tasks and GPUs takes on the node, in whole cores."""
    threads = slot.threads_per_core
    number = need.cpus_per_task if need.overcommit else max(tasks * need.cpus_per_task, need.min_cpus_per_node)
    if not need.overcommit or need.gres_per_task:
        number = max(number, need.cpus_per_gpu * gpus)
    if need.threads_per_core and need.threads_per_core < threads:
        number = -(-number // need.threads_per_core) * threads
    if need.ntasks_per_core and not need.overcommit:
        number = max(number, -(-tasks // need.ntasks_per_core) * threads)
    return -(-number // threads) * threads


def counted(slot: NodeSlot, need: Need, cpus: int) -> int:
    """How many of so many CPUs of the node tasks may use, and memory is given for: no more threads of a core than wanted."""
    threads = slot.threads_per_core
    return cpus // threads * min(need.threads_per_core or threads, threads)


def sight(slot: NodeSlot) -> tuple[object, ...]:
    """All that `capacity` sees of a node for a need without types of devices, where users and kept CPUs do not matter."""
    seen: list[object] = [
        slot.cpus_free, slot.mem_free, slot.jobs > 0, slot.held_whole,
        slot.cpus_total, slot.mem_total, slot.sockets, slot.threads_per_core,
    ]  # fmt: skip
    for gres in slot.gres:
        seen += gres.name, gres.free, gres.total
    return tuple(seen)


def capacity(slot: NodeSlot, need: Need, uid: int, partition: PartitionSlot | None, *, whole: bool = False) -> Capacity:
    """How many tasks of the need fit on the node now, or with `whole` when nothing else runs there."""
    exclusive = need.exclusive or (partition is not None and partition.exclusive)
    if not whole:
        if slot.held_whole or (exclusive and slot.jobs):
            return Capacity(0, missing="node")
        by_user = need.exclusive_user or (partition is not None and partition.exclusive_user)
        if by_user and slot.users - {uid}:
            return Capacity(0, missing="node")
    free = slot.cpus_total if whole else slot.cpus_free
    if need.kept_cpus and not whole:
        kept = need.kept_on(slot.name)
        if kept and exclusive:
            return Capacity(0, missing="node")
        free &= ~kept
    cpus = free.bit_count()
    if need.core_spec:
        cpus = min(cpus, slot.cpus_total.bit_count() - need.core_spec * slot.threads_per_core)
    if partition is not None and partition.max_cpus_per_node >= 0:
        cpus = min(cpus, partition.max_cpus_per_node)
    least = need.least_tasks
    tasks = _by_cpus(slot, need, cpus)
    if tasks < least:
        return Capacity(0, missing="cpu")
    tasks, per_job, missing = _by_devices(slot, need, cpus, tasks, whole=whole)
    if missing or tasks < least:
        return Capacity(0, missing=missing or "cpu")
    memory = slot.mem_total if whole else slot.mem_free
    tasks, per_job = _by_memory(slot, need, memory, tasks, per_job, exclusive=exclusive)
    if tasks < least:
        return Capacity(0, missing="memory")
    return Capacity(tasks, per_job)


def _by_cpus(slot: NodeSlot, need: Need, cpus: int) -> int:
    if cpus < need.min_cpus_per_node or cpus < need.cpus_per_task:
        return 0
    cores = cpus // slot.threads_per_core
    tasks = MANY if need.overcommit else cpus // need.cpus_per_task
    if need.threads_per_core and not need.overcommit:
        tasks = min(tasks, cores * min(need.threads_per_core, slot.threads_per_core) // need.cpus_per_task)
    if need.ntasks_per_node:
        tasks = min(tasks, need.ntasks_per_node)
    if need.ntasks_per_socket and not need.overcommit:
        tasks = min(tasks, need.ntasks_per_socket * slot.sockets)
    if need.ntasks_per_core and not need.overcommit:
        tasks = min(tasks, need.ntasks_per_core * cores)
    return tasks


def _by_devices(
    slot: NodeSlot, need: Need, cpus: int, tasks: int, *, whole: bool
) -> tuple[int, tuple[int, ...], str]:
    """Tasks, devices for each per-job row, and what is missing."""
    for name, kind, number in need.gres_per_node:
        if devices.available(slot.gres, name, kind, total=whole) < number:
            return 0, (), f"gres/{name}"
    for name, kind, number in need.gres_per_socket:
        if devices.available(slot.gres, name, kind, total=whole) < number * max(1, need.sockets_per_node):
            return 0, (), f"gres/{name}"
    for name, kind, number in need.gres_per_task:
        if number:
            there = need.fixed_per_node(name) or devices.available(slot.gres, name, kind, total=whole)
            tasks = min(tasks, there // number)
            if need.cpus_per_gpu and name == "gpu":
                tasks = min(tasks, cpus // (need.cpus_per_gpu * number))
            if tasks < 1:
                return 0, (), f"gres/{name}"
    per_job: tuple[int, ...] = ()
    if need.gres_per_job:
        per_job = tuple([devices.available(slot.gres, name, kind, total=whole) for name, kind, _ in need.gres_per_job])
    if need.cpus_per_gpu:
        if cpus < need.cpus_per_gpu * max(need.fixed_per_node("gpu"), 1):
            return 0, (), "cpu"
        per_job = tuple(min(number, cpus // need.cpus_per_gpu) for number in per_job)
    if per_job and not any(per_job):
        return 0, (), f"gres/{need.gres_per_job[0][0]}"
    if need.ntasks_per_gpu and per_job:
        tasks = min(tasks, need.ntasks_per_gpu * sum(per_job))
    elif need.ntasks_per_gpu and need.fixed_per_node("gpu"):
        tasks = min(tasks, need.ntasks_per_gpu * need.fixed_per_node("gpu"))
    return tasks, per_job, ""


def _by_memory(
    slot: NodeSlot, need: Need, memory: int, tasks: int, per_job: tuple[int, ...], *, exclusive: bool
) -> tuple[int, tuple[int, ...]]:
    """Tasks and devices for which the memory suffices; 0 tasks when it does for none."""
    if need.whole_memory:
        return (tasks if memory >= slot.mem_total else 0), per_job
    if need.mem_per_cpu:
        if exclusive:  # holds every CPU
            return (tasks if need.mem_per_cpu * counted(slot, need, slot.cpus_total.bit_count()) <= memory else 0), per_job
        if need.overcommit:
            return (tasks if counted(slot, need, cpus_of(slot, need, 1, 0)) * need.mem_per_cpu <= memory else 0), per_job
        tasks = min(tasks, memory // (need.mem_per_cpu * need.cpus_per_task))
        each = sum(number for name, _, number in need.gres_per_task if name == "gpu") if need.gres_per_task else 0
        gpus = need.fixed_per_node("gpu")
        while tasks and counted(slot, need, cpus_of(slot, need, tasks, gpus or each * tasks)) * need.mem_per_cpu > memory:
            tasks -= 1
        if need.cpus_per_gpu:
            per_job = tuple([min(number, memory // (need.mem_per_cpu * need.cpus_per_gpu)) for number in per_job])
        return tasks, per_job
    if need.mem_per_gpu and exclusive:  # and every GPU
        held = need.mem_per_gpu * devices.available(slot.gres, "gpu", "", total=True)
        return (tasks if held <= memory else 0), per_job
    if need.mem_per_gpu:
        if need.mem_per_gpu * need.fixed_per_node("gpu") > memory:
            return 0, per_job
        for name, _, number in need.gres_per_task:
            if name == "gpu" and number and not need.fixed_per_node("gpu"):
                tasks = min(tasks, memory // (need.mem_per_gpu * number))
        return tasks, tuple(min(number, memory // need.mem_per_gpu) for number in per_job)
    return (tasks if need.mem_per_node <= memory else 0), per_job
