"""What a step asks for of devices, and what of each node of its job it may use for that."""

from __future__ import annotations

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.idset import mask, unmask
from mgpu_slurm.intake import gres as gres_text
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.request import StepRequest
from mgpu_slurm.records.step import NodeTasks


class Room(msgspec.Struct):
    """What of one node's share the step may use."""

    share: NodeShare
    node: Node | None
    cpus: int
    memory: int
    gres: dict[str, int]
    tasks: int = 0
    named: bool = False  # by --nodelist

    @property
    def each(self) -> int:
        """CPUs that go with one that tasks may use: the threads of a core where the job leaves the others idle."""
        return len(self.share.cpus) // self.share.usable if self.share.usable else 1

    @property
    def usable(self) -> int:
        """How many CPUs tasks may have."""
        return self.cpus.bit_count() // self.each


class Asked(msgspec.Struct):
    """Devices asked for: None in `per_node` means all that the job has.

    All numbers limit where the step fits; what each node gives is the number for a node, else for its tasks, else its part
    of the whole step's.
    """

    per_node: list[tuple[str, str | None, int]] | None
    per_job: list[tuple[str, str | None, int]]
    per_socket: list[tuple[str, str | None, int]]
    per_task: list[tuple[str, str | None, int]]


def asked_of(request: StepRequest) -> Asked:
    """--gres outweighs --gpus-per-node. Raises SlurmError."""
    per_job = _last(request.gpus) if request.gpus else []
    per_socket = gres_text.parse(request.gpus_per_socket, "gpu") if request.gpus_per_socket else []
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
    if request.gres == "none":
        # what is counted by GPU cannot do without them
        return Asked(None if request.cpus_per_gpu or request.mem_per_gpu else [], [], [], [])
    return Asked(per_node, per_job, per_socket, per_task)


def _last(gpus: str) -> list[tuple[str, str | None, int]]:
    """--gpus of a step: of several numbers of one type the last, where a job gets their sum."""
    found = {(name, kind): number for word in gpus.split(",") for name, kind, number in gres_text.parse(word, "gpu")}
    return [(name, kind, number) for (name, kind), number in found.items()]


def named_by_job(job: Job, step: StepRequest) -> dict[str, int]:
    """The devices that a step has when it asks for none: what the job asked for, by name, with their number on a node, 0
    where that is open. Those that came with whole nodes are for steps that name them, or count by them."""
    request = job.request
    wanted = gres_text.of_node(request.gres, request.gpus_per_node)
    numbers: dict[str, int] = {}
    for name, _, number in wanted:
        numbers[name] = numbers.get(name, 0) + number
    if request.gpus or request.gpus_per_socket or request.gpus_per_task or request.tres_per_task or request.ntasks_per_gpu:
        numbers.setdefault("gpu", 0)
    if step.cpus_per_gpu or step.mem_per_gpu or step.gpus_per_socket:
        numbers["gpu"] = 0
    return numbers


def types_of_job(job: Job) -> dict[str, set[str | None]]:
    """The types of devices that the job asked for by name, None for any; what came with whole nodes is of all types."""
    request = job.request
    found: dict[str, set[str | None]] = {}
    for text, name in (
        (request.gres, None),
        (request.gpus, "gpu"),
        (request.gpus_per_node, "gpu"),
        (request.gpus_per_socket, "gpu"),
        (request.gpus_per_task, "gpu"),
    ):
        for device, kind, _ in gres_text.parse(text, name) if text else ():
            found.setdefault(device, set()).add(kind.lower() if kind else None)
    return found


def used_by(in_use: list[NodeTasks]) -> dict[str, Room]:
    used: dict[str, Room] = {}
    for part in in_use:
        room = used.setdefault(part.node, Room(part.share, None, 0, 0, {}))
        room.cpus |= mask(part.share.cpus)
        if not part.mem_shared:
            room.memory += part.share.mem
        for name, devices in part.share.gres.items():
            room.gres[name] = room.gres.get(name, 0) | mask(devices)
    return used


def less(room: Room, used: Room | None) -> Room:
    if used is None:
        return room
    gres = {name: devices & ~used.gres.get(name, 0) for name, devices in room.gres.items()}
    return Room(room.share, room.node, room.cpus & ~used.cpus, max(0, room.memory - used.memory), gres)


def tasks_fit(room: Room, request: StepRequest, asked: Asked, cpus_per_task: int) -> int:
    cpus = room.usable
    if request.threads_per_core and request.threads_per_core < threads_of(room) // room.each:
        cpus = cores(room) * request.threads_per_core
    tasks = (1 << 30) if request.overcommit and cpus else cpus // cpus_per_task
    if request.mem_per_node and request.mem_per_node > room.memory:
        return 0
    if request.mem_per_cpu and is_exact(request):
        tasks = min(tasks, room.memory // (request.mem_per_cpu * cpus_per_task))
    elif request.mem_per_cpu and request.mem_per_cpu * cpus > room.memory:
        return 0
    for name, _, number in [*asked.per_socket, *(asked.per_node or ())]:
        if room.gres.get(name, 0).bit_count() < number:
            return 0
    by_node = {name for name, _, _ in asked.per_node or ()} if request.overcommit else ()
    for name, _, number in asked.per_task:
        if name in by_node and room.gres.get(name, 0).bit_count() >= number:
            continue  # tasks share those that the node gives
        tasks = min(tasks, room.gres.get(name, 0).bit_count() // max(1, number))
    if any(not room.gres.get(name, 0) for name, _, _ in asked.per_job):
        return 0
    return tasks


def threads_of(room: Room) -> int:
    """Threads of each core of its node."""
    return room.node.threads_per_core if room.node is not None else 1


def cores(room: Room) -> int:
    return room.cpus.bit_count() // threads_of(room)


def cpus_of_task(request: StepRequest, asked: Asked) -> int:
    """CPUs that each task must find: -c, else those of its GPUs."""
    gpus = next((number for name, _, number in asked.per_task if name == "gpu"), 0)
    return request.cpus_per_task or gpus * (request.cpus_per_gpu or 0) or 1


def is_exact(request: StepRequest) -> bool:
    """Whether the step holds the CPUs of its tasks only."""
    return request.exclusive or bool(request.cpus_per_task and not request.overcommit)


def free_devices(room: Room, name: str, kind: str | None, number: int, taken: int) -> int | None:
    """The lowest free devices of the step's kind, None if the job does not have them here."""
    ids = unmask(room.gres.get(name, 0) & ~taken & of_type(room, name, kind))
    return mask(ids[:number]) if len(ids) >= number else None


def of_type(room: Room, name: str, kind: str | None) -> int:
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
