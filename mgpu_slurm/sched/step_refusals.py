"""Why an allocation cannot hold a step: what it lacks, in Slurm's order and words."""

from __future__ import annotations

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.idset import mask
from mgpu_slurm.intake import gres
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.request import StepRequest
from mgpu_slurm.sched.step_room import Asked, Room, of_type, tasks_fit, types_of_job


class Never(msgspec.Struct):
    """`detail`: a line of Slurm's that explains the refusal, printed before it."""

    code: int
    text: str = ""
    detail: str = ""


def devices_missing(job: Job, request: StepRequest, asked: Asked, rooms: list[Room]) -> Never | None:
    """Names and types of devices that the job does not have on any of its nodes, in Slurm's words."""
    rows = [(name, kind) for name, kind, _ in asked.per_job + asked.per_socket + asked.per_task + (asked.per_node or [])]
    by_gpu = request.cpus_per_gpu or request.mem_per_gpu or request.ntasks_per_gpu
    if (rows or by_gpu) and not any(room.share.gres for room in rooms):
        if job.request.cpus_per_gpu or job.request.mem_per_gpu:
            return Never(errors.ESLURM_INVALID_GRES)
        return Never(errors.ESLURM_INVALID_GRES, detail="Step requested GRES but job doesn't have GRES")
    types = types_of_job(job)
    for name, kind in rows:
        typed = max(mask(room.share.gres.get(name, ())) & of_type(room, name, kind) for room in rooms)
        # a job that asked for devices of any type has none of a certain one
        if not typed or (kind and kind.lower() not in types.get(name, {kind.lower()})):
            named = f"{name}:{kind}" if kind else name
            return Never(errors.ESLURM_INVALID_GRES, detail=f"Step requested GRES ({named}) not found in the job")
    return None


def too_many_devices(job: Job, asked: Asked, rooms: list[Room]) -> Never | None:
    """Numbers of devices beyond those that the job has on a node, asked for by task, or has in all."""
    shares = [room.share.gres for room in rooms]
    for name, kind, number in asked.per_node or ():
        held = max(len(share.get(name, ())) for share in shares)
        if number > held:
            named = f"{name}:{kind}" if kind else name
            text = f"Step requested gres_per_node={named}:{number} is more than the job's gres_per_node={name}:{held}"
            return Never(errors.ESLURM_INVALID_GRES, detail=text)
    for name, _, number in asked.per_task:
        most = gres.total(job.request.gpus_per_task, "gpu") if job.request.gpus_per_task and name == "gpu" else number
        if number > most:
            text = f"Step requested gres_per_task={name}:{number} is more than the job's gres_per_task={name}:{most}"
            return Never(errors.ESLURM_INVALID_GRES, detail=text)
    for name, _, number in asked.per_job:
        held = sum(len(share.get(name, ())) for share in shares)
        if number > held:
            counted = job.request.gpus or job.request.gpus_per_task
            text = f"Step requested gres={name}:{number} is more than the job's gres={name}:{held}" if counted else ""
            return Never(errors.ESLURM_INVALID_GRES, detail=text)
    return None


def why(
    request: StepRequest, asked: Asked, rooms: list[Room], chosen: list[Room], count: int, ntasks: int
) -> Never:
    """Devices of each of `count` nodes, memory, CPUs, devices of the whole: the first of which there are too few."""
    cpus_per_task = request.cpus_per_task or 1
    of_node = [(name, number) for name, _, number in [*asked.per_task, *asked.per_socket, *(asked.per_node or ())]]
    of_node += [(name, 1) for name, _, _ in asked.per_job]
    able = [room for room in chosen if all(room.gres.get(name, 0).bit_count() >= number for name, number in of_node)]
    if of_node and len(able) < count:
        return Never(errors.ESLURM_INVALID_GRES)
    for name, _, number in asked.per_job:
        held = sorted((room.gres.get(name, 0).bit_count() for room in chosen), reverse=True)
        if number > sum(held[: request.max_nodes or None]):
            return Never(errors.ESLURM_INVALID_GRES)
    cpus = sum(room.usable for room in rooms)
    if request.mem_per_node or request.mem_per_cpu:
        fitting = [(1 << 30) if request.overcommit else room.usable // cpus_per_task for room in chosen]
        by_memory = [tasks_fit(room, request, Asked(None, [], [], []), cpus_per_task) for room in chosen]
        usable = sum(1 for number in by_memory if number)
        if sum(fitting) >= ntasks and (sum(by_memory) < ntasks or usable < min(request.min_nodes or 1, len(chosen))):
            return Never(errors.ESLURM_INVALID_TASK_MEMORY)
    named = sum(room.named for room in chosen)
    bounded = named and request.max_nodes is not None and request.max_nodes <= named
    if (request.nodelist or request.exclude) and not bounded and (request.overcommit or ntasks * cpus_per_task <= cpus):
        return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS)
