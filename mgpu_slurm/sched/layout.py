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
    """`detail`: a line of Slurm's that explains the refusal, printed before it."""

    code: int
    text: str = ""
    detail: str = ""


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
    answer = _lay(job, request, asked, [_less(room, used.get(room.share.node)) for room in whole], overbook=not used)
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
    """What counts of it: a number for each node outweighs those for the step and for a task, --gres --gpus-per-node.
    Raises SlurmError."""
    per_job = gres_text.parse(request.gpus, "gpu") if request.gpus else []
    per_task = gres_text.parse(request.gpus_per_task, "gpu") if request.gpus_per_task else []
    per_node: list[tuple[str, str | None, int]] | None = None
    if request.gres is not None:
        if request.gpus_per_node and request.gres == "none":
            raise errors.SlurmError(errors.ESLURM_INVALID_TRES)
        per_node = gres_text.parse(request.gres)
    if request.gpus_per_node:
        named = {name for name, _, _ in per_node or []}
        per_node = [row for row in gres_text.parse(request.gpus_per_node, "gpu") if row[0] not in named] + (per_node or [])
    if per_node is None and (per_job or per_task):
        per_node = []
    given = {name for name, _, _ in per_node or []}
    if request.gres == "none":
        return _Asked([], [], [])
    return _Asked(
        per_node, [row for row in per_job if row[0] not in given], [row for row in per_task if row[0] not in given]
    )


def _named_by_job(job: Job) -> dict[str, int]:
    """The devices that a step has when it asks for none: what the job asked for, by name, with their number on a node, 0
    where that is open. Those that came with whole nodes are for steps that name them."""
    request = job.request
    wanted = gres_text.of_node(request.gres, request.gpus_per_node)
    numbers: dict[str, int] = {}
    for name, _, number in wanted:
        numbers[name] = numbers.get(name, 0) + number
    if request.gpus or request.gpus_per_socket or request.gpus_per_task or request.tres_per_task:
        numbers.setdefault("gpu", 0)
    return numbers


def _used(in_use: list[NodeTasks]) -> dict[str, _Room]:
    used: dict[str, _Room] = {}
    for part in in_use:
        room = used.setdefault(part.node, _Room(part.share, None, 0, 0, {}))
        room.cpus |= mask(part.share.cpus)
        if not part.mem_shared:
            room.memory += part.share.mem
        for name, devices in part.share.gres.items():
            room.gres[name] = room.gres.get(name, 0) | mask(devices)
    return used


def _less(room: _Room, used: _Room | None) -> _Room:
    if used is None:
        return room
    gres = {name: devices & ~used.gres.get(name, 0) for name, devices in room.gres.items()}
    return _Room(room.share, room.node, room.cpus & ~used.cpus, max(0, room.memory - used.memory), gres)


def _lay(
    job: Job, request: StepRequest, asked: _Asked, rooms: list[_Room], *, overbook: bool = True
) -> StepLayout | Never:
    cpus_per_task = request.cpus_per_task or 1
    chosen = _nodes(request, rooms)
    if isinstance(chosen, Never):
        return chosen
    refused = _devices_missing(asked, rooms)
    if refused is not None:
        return refused
    for room in chosen:
        room.tasks = _tasks_fit(room, request, asked, cpus_per_task)
    required = bool(request.nodelist)
    count = request.min_nodes or (len(chosen) if required else 0)
    ntasks = request.ntasks or _default_tasks(request, chosen, count)
    usable = [room for room in chosen if room.tasks]
    if not count:
        count = max(1, min(len(usable), ntasks))
    elif request.max_nodes:
        count = max(count, min(request.max_nodes, len(chosen), ntasks))
    if count > len(rooms):
        return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    total = sum(number for _, _, number in asked.per_job)
    if asked.per_job and total < count:
        if request.min_nodes or required:
            name = asked.per_job[0][0]
            text = f"Step requested gres={name}:{total} is less than the requested min nodes={count}"
            return Never(errors.ESLURM_INVALID_GRES, detail=text)
        count = max(1, total)
        ntasks = request.ntasks or count
    picked = _pick(usable, count, ntasks, keep_order=required)
    if picked is None and overbook:  # beside other steps it waits instead
        picked = _overbooked(request, asked, chosen, ntasks)
    if picked is None:
        return _why(request, asked, rooms, chosen, ntasks, cpus_per_task)
    kind = request.distribution or ""
    arbitrary = hostlist.expand(request.nodelist) if request.nodelist and kind.startswith("arbitrary") else None
    room_here = [room.cpus.bit_count() // cpus_per_task if request.overcommit else room.tasks for room in picked]
    wanted = Spread(ntasks, room_here, kind, request.plane_size or 0, overcommit=request.overcommit)
    per_node = request.ntasks_per_node or 0
    if sum(min(number, per_node) for number in room_here) >= ntasks:  # a wish, given up where it does not work out
        wanted.per_node = per_node
    placed = spread(wanted, [room.share.node for room in picked], arbitrary)
    if placed is None:
        return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS)
    parts: list[NodeTasks] = []
    own = _named_by_job(job)
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
        return sorted(wanted, key=lambda room: order[room.share.node])
    return chosen


def _tasks_fit(room: _Room, request: StepRequest, asked: _Asked, cpus_per_task: int) -> int:
    cpus = room.cpus.bit_count()
    tasks = (1 << 30) if request.overcommit and cpus else cpus // cpus_per_task
    if request.mem_per_node and request.mem_per_node > room.memory:
        return 0
    if request.mem_per_cpu and _exact(request):
        tasks = min(tasks, room.memory // (request.mem_per_cpu * cpus_per_task))
    elif request.mem_per_cpu and request.mem_per_cpu * cpus > room.memory:
        return 0
    for name, _, number in asked.per_node or []:
        if room.gres.get(name, 0).bit_count() < number:
            return 0
    for name, _, number in asked.per_task:
        tasks = min(tasks, room.gres.get(name, 0).bit_count() // max(1, number))
    if any(not room.gres.get(name, 0) for name, _, _ in asked.per_job):
        return 0
    return tasks


def _exact(request: StepRequest) -> bool:
    return (request.exclusive or bool(request.cpus_per_task)) and not request.whole


def _default_tasks(request: StepRequest, chosen: list[_Room], count: int) -> int:
    """One for each node, as many as there are CPUs for where only -c was said."""
    if request.ntasks_per_node:
        return request.ntasks_per_node * (count or 1)
    if request.cpus_per_task and not count and not request.overcommit:
        return max(1, sum(room.tasks for room in chosen))
    return count or len(chosen)


def _devices_missing(asked: _Asked, rooms: list[_Room]) -> Never | None:
    """What the job does not have on any of its nodes, in Slurm's words."""
    rows = [(name, kind, 0) for name, kind, _ in asked.per_job + asked.per_task] + (asked.per_node or [])
    shares = [room.share.gres for room in rooms]
    for name, kind, number in rows:
        held = max(len(gres.get(name, ())) for gres in shares)
        if not any(gres for gres in shares):
            return Never(errors.ESLURM_INVALID_GRES, detail="Step requested GRES but job doesn't have GRES")
        named = f"{name}:{kind}" if kind else name
        typed = max(mask(room.share.gres.get(name, ())) & _of_type(room, name, kind) for room in rooms)
        if not typed:
            return Never(errors.ESLURM_INVALID_GRES, detail=f"Step requested GRES ({named}) not found in the job")
        if number > held:
            text = f"Step requested gres_per_node={named}:{number} is more than the job's gres_per_node={name}:{held}"
            return Never(errors.ESLURM_INVALID_GRES, detail=text)
    return None


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


def _overbooked(request: StepRequest, asked: _Asked, chosen: list[_Room], ntasks: int) -> list[_Room] | None:
    """Nodes whose CPUs together are enough, though -c does not divide them: each holds at least one task, and what is left
    over goes one by one to the first, so that some tasks share CPUs. None where there are too few CPUs even so."""
    cpus_per_task = request.cpus_per_task or 1
    if cpus_per_task == 1 or request.overcommit:
        return None
    able = [room for room in chosen if _tasks_fit(room, request, asked, 1)]
    count = max(request.min_nodes or 0, request.max_nodes or 0) or min(len(able), ntasks)
    widest = sorted(range(len(able)), key=lambda at: -able[at].cpus.bit_count())[:count]
    picked = [able[at] for at in sorted(widest)]
    if len(picked) < (request.min_nodes or 1) or sum(room.cpus.bit_count() for room in picked) < ntasks * cpus_per_task:
        return None
    for room in picked:
        room.tasks = max(1, room.cpus.bit_count() // cpus_per_task)
    for at in range(ntasks - sum(room.tasks for room in picked)):
        picked[at % len(picked)].tasks += 1
    return picked


def _why(
    request: StepRequest, asked: _Asked, rooms: list[_Room], chosen: list[_Room], ntasks: int, cpus_per_task: int
) -> Never:
    if request.mem_per_node or request.mem_per_cpu:
        fitting = [(1 << 30) if request.overcommit else room.cpus.bit_count() // cpus_per_task for room in chosen]
        few = sum(room.tasks for room in chosen)
        usable = sum(1 for room in chosen if room.tasks)
        if sum(fitting) >= ntasks and (few < ntasks or usable < min(request.min_nodes or 1, len(chosen))):
            return Never(errors.ESLURM_INVALID_TASK_MEMORY)
    if asked.per_node or asked.per_job:
        return Never(errors.ESLURM_INVALID_GRES)
    cpus = sum(room.cpus.bit_count() for room in rooms)
    if (request.nodelist or request.exclude) and (request.overcommit or ntasks * cpus_per_task <= cpus):
        return Never(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
    return Never(errors.ESLURM_TOO_MANY_REQUESTED_CPUS)


def _part(
    room: _Room,
    tasks: list[int],
    request: StepRequest,
    asked: _Asked,
    left: dict[int, int],
    later: int,
    own: Mapping[str, int],
) -> NodeTasks | None:
    cpus_per_task = request.cpus_per_task or 1
    held: dict[str, int] = {}
    if asked.per_node is None:
        held = {
            name: mask(unmask(devices)[: own[name] or None]) for name, devices in room.gres.items() if name in own
        }
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
    cpus = unmask(room.cpus)
    if _exact(request):
        number = 1 if request.overcommit else len(tasks) * cpus_per_task
        cpus = cpus[: max(number, (request.cpus_per_gpu or 0) * held.get("gpu", 0).bit_count())]
    if request.mem_per_node is not None:
        memory = request.mem_per_node or room.memory
    elif request.mem_per_cpu is not None:
        memory = request.mem_per_cpu * len(cpus) or room.memory
    elif request.mem_per_gpu and held.get("gpu"):
        memory = min(request.mem_per_gpu * held["gpu"].bit_count(), room.share.mem)
    else:
        memory = room.share.mem
    share = NodeShare(node=room.share.node, cpus=cpus, mem=memory, gres={k: unmask(v) for k, v in held.items() if v})
    per_task = next((number for name, _, number in asked.per_task if name == "gpu"), 0)
    gpus = share.gres.get("gpu", [])
    task_gpus: list[list[int]] = []
    if per_task and (request.gpu_bind or "") != "none":
        task_gpus = [gpus[place * per_task : (place + 1) * per_task] for place in range(len(tasks))]
    shared = request.mem_per_node is None and request.mem_per_cpu is None
    return NodeTasks(node=room.share.node, tasks=tasks, task_gpus=task_gpus, share=share, mem_shared=shared)


def _devices(room: _Room, name: str, kind: str | None, number: int, taken: int) -> int | None:
    """The lowest free devices of the step's kind, None if the job does not have them here."""
    ids = unmask(room.gres.get(name, 0) & ~taken & _of_type(room, name, kind))
    return mask(ids[:number]) if len(ids) >= number else None


def _of_type(room: _Room, name: str, kind: str | None) -> int:
    """Mask of the node's devices of a type; of all when it is not known which is which."""
    node = room.node
    if not kind or node is None:
        return -1
    if name == "gpu" and node.gpus:
        return mask(at for at, gpu in enumerate(node.gpus) if gpu.is_of_type(kind))
    rows = [row for row in gres_text.parse(node.gres_text) if row[0] == name] if node.gres_text else []
    found = first = 0
    for _, of_kind, number in rows:
        if (of_kind or "").lower() == kind.lower():
            found |= ((1 << number) - 1) << first
        first += number
    return found if rows else -1
