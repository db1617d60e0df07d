"""What one node can contribute to one need: how many tasks, or what is missing.

`capacity(..., whole=True)` asks the same question of the empty node; a need that the empty cluster cannot satisfy is
refused at submission, one that only the busy cluster cannot satisfy waits.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.sched import devices, features
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot

MANY = 1 << 30  # tasks of an overcommitted node


class Capacity(msgspec.Struct):
    """`tasks` a node could run, 0 with what is `missing`; `per_job` devices it could give to each per-job row."""

    tasks: int
    per_job: tuple[int, ...] = ()
    missing: str = ""


def eligible(slot: NodeSlot, need: Need, uid: int, partition: PartitionSlot | None) -> str:
    """"" if the node may ever be considered, else the reason: what no amount of waiting for jobs changes."""
    if slot.name in need.excluded_nodes:
        return "excluded"
    if need.constraint and not features.satisfied(features.tree(need.constraint), slot.features):
        return "feature"
    if need.sockets_per_node > slot.sockets or need.cores_per_socket > slot.cores_per_socket:
        return "sockets"
    if need.threads_per_core > slot.threads_per_core:
        return "threads"
    if need.tmp_disk > slot.tmp_disk:
        return "disk"
    return ""


def capacity(slot: NodeSlot, need: Need, uid: int, partition: PartitionSlot | None, *, whole: bool = False) -> Capacity:
    """How many tasks of the need fit on the node now, or with `whole` when nothing else runs there."""
    exclusive = need.exclusive or (partition is not None and partition.exclusive)
    if not whole:
        if slot.held_whole:
            return Capacity(0, missing="node")
        if exclusive and slot.jobs:
            return Capacity(0, missing="node")
        by_user = need.exclusive_user or (partition is not None and partition.exclusive_user)
        if by_user and slot.users - {uid}:
            return Capacity(0, missing="node")
    cpus = (slot.cpus_total if whole else slot.cpus_free).bit_count()
    if need.core_spec:
        cpus = min(cpus, slot.cpus_total.bit_count() - need.core_spec * slot.threads_per_core)
    if partition is not None and partition.max_cpus_per_node >= 0:
        cpus = min(cpus, partition.max_cpus_per_node)
    memory = slot.mem_total if whole else slot.mem_free
    cpus_per_task = need.cpus_per_task
    if cpus < 1 or cpus < need.min_cpus_per_node:
        return Capacity(0, missing="cpu")
    tasks = MANY if need.overcommit else cpus // cpus_per_task
    if need.threads_per_core and not need.overcommit:
        usable = cpus // slot.threads_per_core * min(need.threads_per_core, slot.threads_per_core)
        tasks = min(tasks, usable // cpus_per_task)
    if need.ntasks_per_node:
        tasks = min(tasks, need.ntasks_per_node)
    if need.ntasks_per_socket:
        tasks = min(tasks, need.ntasks_per_socket * slot.sockets)
    if need.ntasks_per_core:
        tasks = min(tasks, need.ntasks_per_core * (cpus // slot.threads_per_core))
    if tasks < 1:
        return Capacity(0, missing="cpu")

    for name, kind, number in need.gres_per_node:
        if devices.available(slot.gres, name, kind, total=whole) < number:
            return Capacity(0, missing=f"gres/{name}")
    for name, kind, number in need.gres_per_socket:
        if devices.available(slot.gres, name, kind, total=whole) < number * max(1, need.sockets_per_node):
            return Capacity(0, missing=f"gres/{name}")
    for name, kind, number in need.gres_per_task:
        if number:
            tasks = min(tasks, devices.available(slot.gres, name, kind, total=whole) // number)
            if tasks < 1:
                return Capacity(0, missing=f"gres/{name}")
    per_job = tuple(devices.available(slot.gres, name, kind, total=whole) for name, kind, _ in need.gres_per_job)
    if per_job and not any(per_job):
        return Capacity(0, missing=f"gres/{need.gres_per_job[0][0]}")
    if need.cpus_per_gpu:
        gpus = sum(number for name, _, number in need.gres_per_node if name == "gpu")
        if cpus < need.cpus_per_gpu * max(gpus, 1):
            return Capacity(0, missing="cpu")
        per_job = tuple(min(number, cpus // need.cpus_per_gpu) for number in per_job)

    if need.whole_memory:
        if memory < slot.mem_total:
            return Capacity(0, missing="memory")
    elif need.mem_per_node > memory:
        return Capacity(0, missing="memory")
    elif need.mem_per_cpu:
        per_task = need.mem_per_cpu * (1 if need.overcommit else cpus_per_task)
        if exclusive and whole:
            tasks = min(tasks, memory // per_task)
        elif need.overcommit:
            tasks = tasks if memory >= need.mem_per_cpu else 0
        else:
            tasks = min(tasks, memory // per_task)
        if tasks < 1:
            return Capacity(0, missing="memory")
    elif need.mem_per_gpu:
        gpus = sum(number for name, _, number in need.gres_per_node if name == "gpu")
        if need.mem_per_gpu * gpus > memory:
            return Capacity(0, missing="memory")
        per_job = tuple(min(number, memory // need.mem_per_gpu) for number in per_job)
    return Capacity(tasks, per_job)
