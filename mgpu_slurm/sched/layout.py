"""A step's layout: which tasks run where in a job's allocation, and what the step holds of it.

Rules (srun(1), checked against Slurm 22.05): a step takes as many nodes as asked for, its tasks spread over them in
blocks of equal size unless CPUs or --ntasks-per-node say otherwise. Without --exact (implied by -c, --exclusive and
--cpus-per-gpu) it holds all CPUs of the job on its nodes; with it only those its tasks need. It holds all the job's
devices on its nodes unless it asks for some. Two steps share nothing unless one of them is --overlap.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.idset import mask, unmask
from mgpu_slurm.intake import gres as gres_text
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.request import StepRequest
from mgpu_slurm.records.step import NodeTasks, StepLayout
from mgpu_slurm.sched.spread import Spread, spread

_BUSY = errors.ESLURM_NODES_BUSY


class NotNow(msgspec.Struct):
    """The allocation could hold the step, but others of its steps are in the way."""

    code: int = _BUSY
    text: str = ""


class Never(msgspec.Struct):
    code: int
    text: str = ""


class _Room(msgspec.Struct):
    """What of one node's share the step may use."""

    share: NodeShare
    node: Node | None
    cpus: int
    memory: int
    gres: dict[str, int]
    tasks: int = 0


def layout_step(
    job: Job, request: StepRequest, in_use: list[NodeTasks], nodes: dict[str, Node]
) -> StepLayout | NotNow | Never:
    """Lay a step out over what its job holds. `in_use`: parts of live steps that do not overlap."""
    allocation = job.allocation
    if allocation is None:
        return Never(errors.ESLURM_ALREADY_DONE)
    try:
        asked = _asked(request)
    except errors.SlurmError as error:
        return Never(error.code)
    whole = [_Room(s, nodes.get(s.node), mask(s.cpus), s.mem, {k: mask(v) for k, v in s.gres.items()}) for s in allocation.shares]
    used = {} if request.overlap else _used(in_use)
    answer = _lay(job, request, asked, [_less(room, used.get(room.share.node)) for room in whole])
    if isinstance(answer, StepLayout) or not used:
        return answer
    if isinstance(_lay(job, request, asked, whole), StepLayout):
        return NotNow()
    return _lay(job, request, asked, whole)


class _Asked(msgspec.Struct):
    """Devices asked for: None in `per_node` means all that the job has."""

    per_node: list[tuple[str, str | None, int]] | None
    per_job: list[tuple[str, str | None, int]]
    per_task: list[tuple[str, str | None, int]]


def _asked(request: StepRequest) -> _Asked:
    per_job = gres_text.parse(request.gpus, "gpu") if request.gpus else []
    per_task = gres_text.parse(request.gpus_per_task, "gpu") if request.gpus_per_task else []
    per_node: list[tuple[str, str | None, int]] | None = None
    if request.gres is not None:
        per_node = gres_text.parse(request.gres)
    if request.gpus_per_node:
        per_node = (per_node or []) + gres_text.parse(request.gpus_per_node, "gpu")
    if per_node is None and (per_job or per_task):
        per_node = []
    return _Asked(per_node, per_job, per_task)


def _used(in_use: list[NodeTasks]) -> dict[str, _Room]:
    used: dict[str, _Room] = {}
    for part in in_use:
        room = used.setdefault(part.node, _Room(part.share, None, 0, 0, {}))
        room.cpus |= mask(part.share.cpus)
        room.memory += part.share.mem
        for name, devices in part.share.gres.items():
            room.gres[name] = room.gres.get(name, 0) | mask(devices)
    return used


def _less(room: _Room, used: _Room | None) -> _Room:
    if used is None:
        return room
    gres = {name: devices & ~used.gres.get(name, 0) for name, devices in room.gres.items()}
    return _Room(room.share, room.node, room.cpus & ~used.cpus, max(0, room.memory - used.memory), gres)


def _lay(job: Job, request: StepRequest, asked: _Asked, rooms: list[_Room]) -> StepLayout | Never:
    cpus_per_task = request.cpus_per_task or 1
    chosen = _nodes(request, rooms)
    if isinstance(chosen, Never):
        return chosen
    for room in chosen:
        room.tasks = _tasks_fit(room, request, asked, cpus_per_task)
    required = bool(request.nodelist)
    count = request.min_nodes or (len(chosen) if required else 0)
    ntasks = request.ntasks or _default_tasks(job, request, chosen, count)
    if request.ntasks is not None and not request.min_nodes and not required:
        count = min(len(chosen), request.ntasks)
    count = count or min(len(chosen), ntasks)
    if count > len(rooms):
        return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    total = sum(number for _, _, number in asked.per_job)
    if asked.per_job and total < count:
        if request.min_nodes or required:
            return Never(errors.ESLURM_INVALID_GRES)
        count = max(1, total)
    usable = [room for room in chosen if room.tasks]
    picked = _pick(usable, count, ntasks, keep_order=required)
    if picked is None:
        return _why(request, rooms, ntasks, cpus_per_task)
    kind = request.distribution or ""
    arbitrary = hostlist.expand(request.nodelist) if request.nodelist and kind.startswith("arbitrary") else None
    wanted = Spread(
        ntasks,
        [room.tasks for room in picked],
        kind,
        request.plane_size or 0,
        request.ntasks_per_node or 0,
        request.overcommit,
    )
    placed = spread(wanted, [room.share.node for room in picked], arbitrary)
    if placed is None:
        return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS)
    parts: list[NodeTasks] = []
    left = {row: number for row, (_, _, number) in enumerate(asked.per_job)}
    for position, (room, tasks) in enumerate(zip(picked, placed, strict=True)):
        part = _part(room, tasks, request, asked, left, len(picked) - position - 1)
        if part is None:
            return Never(errors.ESLURM_INSUFFICIENT_GRES if job.request.gres or job.request.gpus else errors.ESLURM_INVALID_GRES)
        parts.append(part)
    return StepLayout(
        nodes=parts,
        ntasks=ntasks,
        cpus_per_task=request.cpus_per_task,
        distribution=request.distribution or "block",
    )


def _nodes(request: StepRequest, rooms: list[_Room]) -> list[_Room] | Never:
    by_name = {room.share.node: room for room in rooms}
    chosen = rooms
    if request.exclude:
        unwanted = set(hostlist.expand(request.exclude))
        chosen = [room for room in chosen if room.share.node not in unwanted]
    if request.relative is not None:
        if request.relative >= len(rooms):
            return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
        chosen = chosen[request.relative :]
    if request.nodelist:
        names = list(dict.fromkeys(hostlist.expand(request.nodelist)))
        if any(name not in by_name for name in names):
            return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
        wanted = [by_name[name] for name in names]
        if request.min_nodes and request.min_nodes > len(wanted):
            wanted += [room for room in chosen if room not in wanted]
        order = {room.share.node: position for position, room in enumerate(rooms)}
        arbitrary = (request.distribution or "").startswith("arbitrary")
        return wanted if arbitrary else sorted(wanted, key=lambda room: order[room.share.node])
    return chosen


def _tasks_fit(room: _Room, request: StepRequest, asked: _Asked, cpus_per_task: int) -> int:
    cpus = room.cpus.bit_count()
    tasks = (1 << 30) if request.overcommit and cpus else cpus // cpus_per_task
    if request.ntasks_per_node:
        tasks = min(tasks, request.ntasks_per_node)
    if request.mem_per_node and request.mem_per_node > room.memory:
        return 0
    if request.mem_per_cpu:
        tasks = min(tasks, room.memory // (request.mem_per_cpu * cpus_per_task))
    for name, _, number in asked.per_node or []:
        if room.gres.get(name, 0).bit_count() < number:
            return 0
    for name, _, number in asked.per_task:
        tasks = min(tasks, room.gres.get(name, 0).bit_count() // max(1, number))
    if any(not room.gres.get(name, 0) for name, _, _ in asked.per_job):
        return 0
    return tasks


def _default_tasks(job: Job, request: StepRequest, chosen: list[_Room], count: int) -> int:
    if request.ntasks_per_node:
        return request.ntasks_per_node * (count or len(chosen))
    if request.cpus_per_task and not count and not job.request.ntasks:
        return max(1, sum(room.tasks for room in chosen))
    return count or 1


def _pick(usable: list[_Room], count: int, ntasks: int, *, keep_order: bool) -> list[_Room] | None:
    """The first nodes in allocation order that can hold the tasks, exchanging small ones for large ones where needed."""
    if len(usable) < count:
        return None
    picked = usable[:count]
    if keep_order and len(usable) == count:
        return picked if sum(room.tasks for room in picked) >= ntasks else None
    spare = sorted(usable[count:], key=lambda room: -room.tasks)
    while sum(room.tasks for room in picked) < ntasks and spare:
        smallest = min(picked, key=lambda room: room.tasks)
        larger = spare.pop(0)
        if larger.tasks <= smallest.tasks:
            break
        picked[picked.index(smallest)] = larger
    if sum(room.tasks for room in picked) < ntasks:
        return None
    order = {id(room): position for position, room in enumerate(usable)}
    return sorted(picked, key=lambda room: order[id(room)])


def _why(request: StepRequest, rooms: list[_Room], ntasks: int, cpus_per_task: int) -> Never:
    if request.mem_per_node and all(request.mem_per_node > room.memory for room in rooms):
        return Never(errors.ESLURM_INVALID_TASK_MEMORY)
    if not request.overcommit and ntasks * cpus_per_task > sum(room.cpus.bit_count() for room in rooms):
        return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS)
    if request.min_nodes and not request.gres and not request.gpus_per_task:
        return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS)
    return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)


def _part(
    room: _Room, tasks: list[int], request: StepRequest, asked: _Asked, left: dict[int, int], later: int
) -> NodeTasks | None:
    cpus_per_task = request.cpus_per_task or 1
    exact = request.exclusive or bool(request.cpus_per_task) or bool(request.cpus_per_gpu)
    free = unmask(room.cpus)
    cpus = free
    if exact and not request.whole:
        cpus = free[: 1 if request.overcommit else len(tasks) * cpus_per_task]
    held: dict[str, int] = {}
    if asked.per_node is None:
        held = dict(room.gres)
    else:
        rows = [(name, kind, number) for name, kind, number in asked.per_node]
        rows += [(name, kind, number * len(tasks)) for name, kind, number in asked.per_task]
        for row, (name, kind, _) in enumerate(asked.per_job):
            number = min(room.gres.get(name, 0).bit_count(), max(0, left[row] - later))
            left[row] -= number
            rows.append((name, kind, number))
        for name, kind, number in rows:
            devices = _devices(room, name, kind, number, held.get(name, 0))
            if devices is None:
                return None
            held[name] = held.get(name, 0) | devices
    if request.mem_per_node is not None:
        memory = request.mem_per_node or room.memory
    elif request.mem_per_cpu is not None:
        memory = request.mem_per_cpu * len(cpus) or room.memory
    elif exact and room.share.cpus:
        memory = min(room.memory, room.share.mem * len(cpus) // len(room.share.cpus))
    else:
        memory = room.memory
    share = NodeShare(node=room.share.node, cpus=cpus, mem=memory, gres={k: unmask(v) for k, v in held.items() if v})
    per_task = next((number for name, _, number in asked.per_task if name == "gpu"), 0)
    gpus = share.gres.get("gpu", [])
    task_gpus: list[list[int]] = []
    if per_task and (request.gpu_bind or "") != "none":
        task_gpus = [gpus[place * per_task : (place + 1) * per_task] for place in range(len(tasks))]
    return NodeTasks(node=room.share.node, tasks=tasks, task_gpus=task_gpus, share=share)


def _devices(room: _Room, name: str, kind: str | None, number: int, taken: int) -> int | None:
    """The lowest free devices of the step's kind, None if the job does not have them here."""
    devices = room.gres.get(name, 0) & ~taken
    if kind and room.node is not None:
        wanted = kind.lower()
        typed = {gpu.index for gpu in room.node.gpus if wanted in (gpu.type.lower(), *(alias.lower() for alias in gpu.aliases))}
        if room.node.gpus:
            devices &= mask(typed)
    ids = unmask(devices)
    return mask(ids[:number]) if len(ids) >= number else None
