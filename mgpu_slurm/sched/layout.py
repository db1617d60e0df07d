"""A step's layout: which tasks run where in a job's allocation, and what the step holds of it.

Rules (srun(1), checked against Slurm 22.05): a step takes as many nodes as asked for, its tasks spread over them in
blocks of equal size unless CPUs or --ntasks-per-node say otherwise. Without --exact (implied by -c and --exclusive) it
holds all CPUs of the job on its nodes; with it only those its tasks need. It holds all the job's devices on its nodes
unless it asks for some. Memory it holds only if it asks for it. Two steps share nothing unless one of them is --overlap.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.idset import mask, unmask
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.request import StepRequest
from mgpu_slurm.records.step import NodeTasks, StepLayout
from mgpu_slurm.sched import features
from mgpu_slurm.sched.spread import Spread, packs, spread
from mgpu_slurm.sched.step_refusals import Never, devices_missing, too_many_devices, why
from mgpu_slurm.sched.step_room import (
    Asked,
    Room,
    asked_of,
    cores,
    cpus_of_task,
    free_devices,
    is_exact,
    less,
    named_by_job,
    tasks_fit,
    threads_of,
    used_by,
)

_BUSY = errors.ESLURM_NODES_BUSY
_UNSPECIFIED = -1


class NotNow(msgspec.Struct):
    """The allocation could hold the step, but others of its steps are in the way."""

    code: int = _BUSY
    text: str = ""


def layout_step(
    job: Job, request: StepRequest, in_use: list[NodeTasks], nodes: dict[str, Node]
) -> StepLayout | NotNow | Never:
    """Lay a step out over what its job holds. `in_use`: parts of live steps that do not overlap."""
    allocation = job.allocation
    if allocation is None:
        return Never(errors.ESLURM_ALREADY_DONE)
    try:
        asked = asked_of(request)
    except errors.SlurmError as error:
        return Never(error.code)
    if request.overcommit and request.exclusive:
        # exactly what its tasks need is a CPU for each of them
        request = msgspec.structs.replace(request, overcommit=False, cpus_per_task=None)
    whole = [Room(s, nodes.get(s.node), mask(s.cpus), s.mem, {k: mask(v) for k, v in s.gres.items()}) for s in allocation.shares]
    used = {} if request.overlap else used_by(in_use)
    try:
        features.alternatives(request.constraint or "")
    except errors.SlurmError as error:
        return Never(error.code)
    answer = _lay(job, request, asked, [less(room, used.get(room.share.node)) for room in whole], nodes, overbook=not used)
    if isinstance(answer, StepLayout) or not used:
        return answer
    if isinstance(_lay(job, request, asked, whole, nodes), StepLayout):
        return NotNow()
    return _lay(job, request, asked, whole, nodes)


def _lay(
    job: Job, request: StepRequest, asked: Asked, rooms: list[Room], nodes: Mapping[str, Node], *, overbook: bool = True
) -> StepLayout | NotNow | Never:
    cpus_per_task = cpus_of_task(request, asked)
    refused = devices_missing(job, request, asked, rooms)
    if refused is not None:
        return refused
    chosen = _nodes(request, rooms, nodes)
    if not isinstance(chosen, list):
        cpus = 0 if request.overcommit else (request.ntasks or 1) * cpus_per_task
        never = cpus > sum(len(room.share.cpus) for room in rooms)
        return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS) if never and isinstance(chosen, NotNow) else chosen
    for room in chosen:
        room.tasks = tasks_fit(room, request, asked, cpus_per_task)
    named = sum(room.named for room in chosen)
    count = max(request.min_nodes or 0, named)
    ntasks = request.ntasks or _default_tasks(request, rooms, chosen, count)
    usable = [room for room in chosen if room.tasks]
    if not count:
        # nodes of unequal parts are all used, filled or not
        alike = len({len(room.share.cpus) for room in rooms}) == 1
        packed = alike and packs(request.distribution or "")
        count = _fewest(usable, ntasks) if packed else max(1, min(len(usable), ntasks))
        count = min(count, request.max_nodes or count)
    elif packs(request.distribution or ""):
        count = max(count, _fewest(usable, ntasks)) if request.max_nodes or named else count
    elif request.max_nodes and not named:
        count = max(count, min(request.max_nodes, len(chosen), ntasks))
    if count > len(rooms):
        return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    total = sum(number for _, _, number in asked.per_job)
    least = max(request.min_nodes or 0, named)
    if asked.per_job and total < least:
        text = f"Step requested gres={asked.per_job[0][0]}:{total} is less than the requested min nodes={least}"
        return Never(errors.ESLURM_INVALID_GRES, detail=text)
    refused = too_many_devices(job, asked, rooms)
    if refused is not None:
        return refused
    if asked.per_job and total < count and not asked.per_node and not request.max_nodes:
        count = max(1, total)
        ntasks = request.ntasks or count
    picked = _pick(chosen, usable, count, ntasks)
    more = range(count + 1, (request.max_nodes or 0) + 1 if named else 0)
    picked = picked or next(filter(None, (_pick(chosen, usable, at, ntasks) for at in more)), None)
    if picked is None and overbook:  # beside other steps it waits instead
        picked = _overbooked(request, asked, chosen, ntasks)
    if picked is None:
        return why(request, asked, rooms, chosen, count, ntasks)
    kind = request.distribution or ""
    arbitrary = hostlist.expand(request.nodelist) if request.nodelist and kind.startswith("arbitrary") else None
    room_here = [room.tasks for room in picked]
    if request.overcommit:
        # devices of tasks bound them, and where they are given by node stand for room as CPUs do
        by_node = any(name == "gpu" for name, _, _ in asked.per_node or ())
        width = cpus_per_task if request.cpus_per_task or not by_node else 1
        shares = [room.usable // width for room in picked]
        each = next((number for name, _, number in asked.per_task if name == "gpu"), 0)
        if each and by_node:
            given = [room.gres.get("gpu", 0).bit_count() // each for room in picked]
            room_here = list(map(min, shares, given))
        elif not each:
            room_here = shares
    if not any(room_here):
        room_here = [room.usable for room in picked]
    per_core = job.request.ntasks_per_core or 0
    bounded = [min(number, cores(room) * per_core) for number, room in zip(room_here, picked, strict=True)]
    beyond = request.overcommit
    if any(bounded):  # the job's tasks fill its cores, and more of them come on top
        room_here, beyond = bounded, beyond or sum(bounded) < ntasks
    wanted = Spread(ntasks, room_here, kind, request.plane_size or 0, overcommit=beyond)
    per_node = request.ntasks_per_node or 0
    if sum(min(number, per_node) for number in room_here) >= ntasks:  # a wish, given up where it does not work out
        wanted.per_node = per_node
    placed = spread(wanted, [room.share.node for room in picked], arbitrary)
    if placed is None:
        return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS if arbitrary is None else _UNSPECIFIED)
    parts: list[NodeTasks] = []
    own = named_by_job(job, request)
    left = {row: number for row, (_, _, number) in enumerate(asked.per_job)}
    for position, (room, tasks) in enumerate(zip(picked, placed, strict=True)):
        part = _part(room, tasks, request, asked, left, len(picked) - position - 1, own)
        if part is None:
            return Never(errors.ESLURM_INVALID_GRES)
        parts.append(part)
    if any(left.values()):
        return Never(errors.ESLURM_INVALID_GRES)
    return StepLayout(
        nodes=parts,
        ntasks=ntasks,
        cpus_per_task=request.cpus_per_task,
        distribution=request.distribution or "",
    )


def _nodes(request: StepRequest, rooms: list[Room], nodes: Mapping[str, Node]) -> list[Room] | Never | NotNow:
    by_name = {room.share.node: room for room in rooms}
    chosen = rooms
    if request.exclude:
        try:
            unwanted = set(hostlist.expand(request.exclude))
        except hostlist.HostlistError:
            return Never(errors.ESLURM_INVALID_NODE_NAME)
        if any(name not in nodes for name in unwanted):
            return Never(errors.ESLURM_INVALID_NODE_NAME)
        chosen = [room for room in chosen if room.share.node not in unwanted]
    if request.constraint:
        terms = features.alternatives(request.constraint)
        having = {name: frozenset(node.active_features or node.features) for name, node in nodes.items()}
        chosen = [
            room
            for room in chosen
            if any(features.satisfied(term, having.get(room.share.node, frozenset())) for term in terms)
        ]
        if not chosen:
            return NotNow()  # a node may get the feature yet
    if request.relative is not None:
        if request.relative >= len(rooms):
            return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
        chosen = chosen[request.relative :]
    if request.nodelist:
        try:
            names = list(dict.fromkeys(hostlist.expand(request.nodelist)))
        except hostlist.HostlistError:
            return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
        if any(name not in by_name for name in names):
            return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
        wanted = [by_name[name] for name in names]
        for room in wanted:
            room.named = True
        if max(request.min_nodes or 0, request.max_nodes or 0) > len(wanted) or packs(request.distribution or ""):
            wanted += [room for room in chosen if room not in wanted]
        order = {room.share.node: position for position, room in enumerate(rooms)}
        return sorted(wanted, key=lambda room: order[room.share.node])
    return chosen


def _default_tasks(request: StepRequest, rooms: list[Room], chosen: list[Room], count: int) -> int:
    """One for each node, as many as the whole job has CPUs for where only -c was said."""
    if request.ntasks_per_node:
        return request.ntasks_per_node * (count or 1)
    if request.cpus_per_task:
        return max(1, sum(room.share.usable // request.cpus_per_task for room in rooms))
    return max(count, min(request.max_nodes or 0, len(chosen))) or len(chosen)


def _fewest(usable: list[Room], ntasks: int) -> int:
    """The number of nodes that hold the tasks when each is filled in turn."""
    held = 0
    for count, room in enumerate(usable, 1):
        held += room.tasks
        if held >= ntasks:
            return count
    return max(1, len(usable))


def _pick(chosen: list[Room], usable: list[Room], count: int, ntasks: int) -> list[Room] | None:
    """The nodes that were named and the first others in allocation order that can hold the tasks, exchanging small ones for
    large ones where needed."""
    named = [room for room in usable if room.named]
    others = [room for room in usable if not room.named]
    if len(usable) < count or len(named) < sum(room.named for room in chosen):
        return None
    free = max(0, count - len(named))
    picked, spare = others[:free], sorted(others[free:], key=lambda room: -room.tasks)
    while sum(room.tasks for room in named + picked) < ntasks and picked and spare:
        smallest = min(picked, key=lambda room: room.tasks)
        larger = spare.pop(0)
        if larger.tasks <= smallest.tasks:
            break
        picked[picked.index(smallest)] = larger
    if sum(room.tasks for room in named + picked) < ntasks:
        return None
    order = {id(room): position for position, room in enumerate(usable)}
    return sorted(named + picked, key=lambda room: order[id(room)])


def _overbooked(request: StepRequest, asked: Asked, chosen: list[Room], ntasks: int) -> list[Room] | None:
    """Nodes whose CPUs together are enough, though -c does not divide them: each holds at least one task, and what is left
    over goes one by one to the first, so that some tasks share CPUs. None where there are too few CPUs even so."""
    cpus_per_task = request.cpus_per_task or 1
    if cpus_per_task == 1 or request.overcommit or asked.per_task:
        return None
    able = [room for room in chosen if tasks_fit(room, request, asked, 1)]
    count = max(request.min_nodes or 0, request.max_nodes or 0) or min(len(able), ntasks)
    widest = sorted(range(len(able)), key=lambda at: -able[at].usable)[:count]
    picked = [able[at] for at in sorted(widest)]
    if len(picked) < (request.min_nodes or 1) or sum(room.usable for room in picked) < ntasks * cpus_per_task:
        return None
    for room in picked:
        room.tasks = max(1, room.usable // cpus_per_task)
    for at in range(ntasks - sum(room.tasks for room in picked)):
        picked[at % len(picked)].tasks += 1
    return picked


def _part(
    room: Room,
    tasks: list[int],
    request: StepRequest,
    asked: Asked,
    left: dict[int, int],
    later: int,
    own: Mapping[str, int],
) -> NodeTasks | None:
    cpus_per_task = cpus_of_task(request, asked)
    held: dict[str, int] = {}
    if asked.per_node is None:
        held = {
            name: mask(unmask(devices)[: own[name] or None]) for name, devices in room.gres.items() if name in own
        }
    else:
        rows = list(asked.per_node)
        given = {name for name, _, _ in rows}
        rows += [(name, kind, number * len(tasks)) for name, kind, number in asked.per_task if name not in given]
        given |= {name for name, _, _ in asked.per_task}
        for row, (name, kind, _) in enumerate(asked.per_job):
            number = min(room.gres.get(name, 0).bit_count(), max(min(1, left[row]), left[row] - later))
            left[row] -= number
            if name not in given:
                rows.append((name, kind, number))
        for name, kind, number in rows:
            devices = free_devices(room, name, kind, number, held.get(name, 0))
            if devices is None:
                return None
            held[name] = held.get(name, 0) | devices
    cpus = unmask(room.cpus)
    if is_exact(request):
        number = len(tasks) * cpus_per_task
        if not request.cpus_per_task:  # -c outweighs what the job asked for by GPU
            number = max(number, request.cpus_of_gpus * held.get("gpu", 0).bit_count())
        threads = threads_of(room)
        cpus = cpus[: -(-room.each * number // threads) * threads]  # whole cores
    if request.mem_per_node is not None:
        memory = request.mem_per_node or room.memory
    elif request.mem_per_cpu is not None:
        memory = request.mem_per_cpu * (len(cpus) // room.each) or room.memory
    elif request.mem_per_gpu and held.get("gpu"):
        memory = min(request.mem_per_gpu * held["gpu"].bit_count(), room.share.mem)
    else:
        memory = room.share.mem
    share = NodeShare(node=room.share.node, cpus=cpus, mem=memory, gres={k: unmask(v) for k, v in held.items() if v})
    by_node = any(name == "gpu" for name, _, _ in asked.per_node or ())
    per_task = 0 if by_node else next((number for name, _, number in asked.per_task if name == "gpu"), 0)
    gpus = share.gres.get("gpu", [])
    task_gpus: list[list[int]] = []
    if per_task and (request.gpu_bind or "") != "none":
        task_gpus = [gpus[place * per_task : (place + 1) * per_task] for place in range(len(tasks))]
    shared = request.mem_per_node is None and request.mem_per_cpu is None
    return NodeTasks(node=room.share.node, tasks=tasks, task_gpus=task_gpus, share=share, mem_shared=shared)


