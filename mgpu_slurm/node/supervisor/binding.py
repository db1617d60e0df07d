"""Which CPUs each task of a step may run on: --cpu-bind, --hint, --threads-per-core and -m's level of sockets. Pure.

Rules (srun(1); masks, variables and reports recorded from Slurm 22.05.8 with task/affinity): a step's tasks stay on the
step's CPUs. Where the number of tasks times CPUs per task equals that of the step's whole sockets, cores or threads, each
task is bound to its own of these; otherwise all tasks may use all of the step's CPUs. --cpu-bind says more exactly what.
Tasks go round the sockets one after the other unless -m asks for blocks.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

QUIET, VERBOSE = "quiet", "verbose"
_ENTITIES = ("sockets", "cores", "threads", "ldoms")
_TITLES = {
    "none": "NONE", "map_cpu": "MAP ", "mask_cpu": "MASK", "rank": "RANK", "rank_ldom": "LDRANK", "map_ldom": "LDMAP ",
    "mask_ldom": "LDMASK",
}  # fmt: skip


class OutsideAllocation(Exception):
    """The user's own map names CPUs that the step does not have. `allowed` is the mask of those it has."""

    def __init__(self, allowed: int) -> None:
        super().__init__(f"CPU binding outside of job step allocation, allocated CPUs are: 0x{allowed:X}.")


class Cpu:
    """One CPU of the machine. A step's CPU n is the n-th of the node's list, ordered by socket, core and thread."""

    __slots__ = ("core", "domain", "number", "socket", "thread")

    def __init__(self, number: int, socket: int, core: int, thread: int, domain: int) -> None:
        self.number = number
        self.socket = socket
        self.core = core
        self.thread = thread
        self.domain = domain


class Binding:
    """`masks`: kernel CPU mask of each task on this node, 0 = not bound. `variables`: SLURM_CPU_BIND*."""

    __slots__ = ("_kind", "_loud", "masks", "variables")

    def __init__(self, kind: str, masks: list[int], loud: bool, values: str) -> None:
        self.masks = masks
        self._kind = kind
        self._loud = loud
        word = VERBOSE if loud else QUIET
        name = kind + ":" if kind.startswith(("map", "mask")) else kind
        self.variables = {
            "SLURM_CPU_BIND": f"{word},{name}{values}",
            "SLURM_CPU_BIND_VERBOSE": word,
            "SLURM_CPU_BIND_TYPE": name,
            "SLURM_CPU_BIND_LIST": values,
        }

    def report(self, node: str, rank: int, local: int, pid: int) -> str:
        """The line of --cpu-bind=verbose for one task; "" when it was not asked for."""
        if not self._loud:
            return ""
        mask = self.masks[local]
        end = " set" if mask else ""
        return f"cpu-bind={_TITLES[self._kind]} - {node}, task {rank:2d} {local:2d} [{pid}]: mask 0x{mask:x}{end}"


def cpus_of(rows: Sequence[Sequence[int]]) -> list[Cpu]:
    """The node's CPUs from (number, socket, core, thread, NUMA node) rows, in the order that allocations count them."""
    return sorted((Cpu(*row) for row in rows), key=lambda cpu: (cpu.socket, cpu.core, cpu.thread))


def numbers(mask: int) -> list[int]:
    """The CPUs of a mask."""
    return [at for at in range(mask.bit_length()) if mask >> at & 1]


def of_share(machine: Sequence[Cpu], share: Sequence[int]) -> int:
    """The kernel mask of an allocation's CPUs."""
    return sum(1 << machine[at].number for at in share if at < len(machine))


def bind(
    request: Mapping[str, Any], job: Mapping[str, Any], part: Mapping[str, Any], machine: Sequence[Cpu]
) -> Binding:
    """The binding of a step's tasks on one node: `request` a StepRequest, `job` the JobRequest, `part` a NodeTasks, all as
    plain data. OutsideAllocation: a map or mask of the user's own goes beyond the step."""
    share = [machine[at] for at in (part.get("share") or {}).get("cpus") or () if at < len(machine)]
    tasks = len(part.get("tasks") or ())
    per_task = int(request.get("cpus_per_task") or 1)
    single = request.get("threads_per_core") == 1 or "nomultithread" in str(job.get("hint") or "")
    usable = [cpu for cpu in share if not single or cpu.thread == 0] or share
    loud, kind, values = _words(str(request.get("cpu_bind") or ""))
    if kind in ("none", "off"):
        return Binding("none", [0] * tasks, loud, "")
    allowed = _mask(share)
    width = (max((cpu.number for cpu in machine), default=0) // 4) + 1
    if kind in ("map_cpu", "mask_cpu"):
        return _own(kind, values, tasks, allowed, loud)
    if kind == "rank":
        masks = [1 << usable[local % len(usable)].number for local in range(tasks)]
        return Binding("rank", masks, loud, "")
    if kind in ("rank_ldom", "map_ldom", "mask_ldom"):
        return _domains(kind, values, tasks, usable, loud)
    given = list(part.get("task_cpus") or ())
    if not kind and given:
        masks = [of_share(machine, own) or allowed for own in given]
    else:
        entity = kind or ("threads" if request.get("threads_per_core") else _fitting(usable, machine, tasks * per_task))
        cyclic = not _level(str(request.get("distribution") or ""), 1).startswith("block")
        masks = _spread(usable, tasks, per_task, entity, cyclic)
    return Binding("mask_cpu", masks, loud, ",".join(f"0x{mask:0{width}X}" for mask in masks))


def _words(text: str) -> tuple[bool, str, str]:
    """(verbose, type, list) of --cpu-bind's text."""
    loud, kind, values = False, "", ""
    words = text.split(",") if text else []
    for place, word in enumerate(words):
        name, colon, first = word.partition(":")
        if name in ("v", VERBOSE):
            loud = True
        elif name in ("q", QUIET):
            loud = False
        elif colon:
            rest = words[place + 1 :]
            ends = next((at for at, each in enumerate(rest) if not each[:1].isdigit()), len(rest))
            kind, values = name, ",".join([first, *rest[:ends]])
        elif not name[:1].isdigit():
            kind = {"thread": "threads", "core": "cores", "socket": "sockets", "ldom": "ldoms"}.get(name, name)
    return loud, "threads" if kind == "one_thread" else kind, values


def _level(distribution: str, level: int) -> str:
    parts = distribution.partition(",")[0].split(":")
    return parts[level] if len(parts) > level else ""


def _mask(cpus: Sequence[Cpu]) -> int:
    return sum(1 << cpu.number for cpu in cpus)


def _own(kind: str, values: str, tasks: int, allowed: int, loud: bool) -> Binding:
    items: list[str] = []
    for item in values.split(","):
        value, _, times = item.partition("*")
        items += [value] * (int(times) if times.isdecimal() else 1)
    as_masks = kind == "mask_cpu"
    masks = [int(item, 16) if as_masks else 1 << int(item, 0) for item in (items[local % len(items)] for local in range(tasks))]
    if any(mask & ~allowed for mask in masks):
        raise OutsideAllocation(allowed)
    if as_masks:
        values = ",".join(item.lower().removeprefix("0x") for item in values.split(","))
    return Binding(kind, masks, loud, values)


def _domains(kind: str, values: str, tasks: int, usable: Sequence[Cpu], loud: bool) -> Binding:
    known = sorted({cpu.domain for cpu in usable})
    items = [item for item in values.split(",") if item]
    masks = []
    for local in range(tasks):
        if kind == "rank_ldom":
            asked = {known[local % len(known)]}
        elif kind == "map_ldom":
            asked = {int(items[local % len(items)], 0)}
        else:
            asked = set(numbers(int(items[local % len(items)], 16)))
        masks.append(_mask([cpu for cpu in usable if cpu.domain in asked]) or _mask(usable))
    return Binding(kind, masks, loud, values)


def _fitting(usable: Sequence[Cpu], machine: Sequence[Cpu], wanted: int) -> str:
    """What there is exactly as much of as is wanted: whole sockets, whole cores, threads; "" for nothing."""
    have = {cpu.number for cpu in usable}
    sockets = {cpu.socket for cpu in usable}
    cores = {cpu.core for cpu in usable}
    whole_sockets = all(cpu.number in have for cpu in machine if cpu.socket in sockets)
    whole_cores = all(cpu.number in have for cpu in machine if cpu.core in cores)
    if whole_sockets and len(sockets) == wanted:
        return "sockets"
    if whole_cores and len(cores) == wanted:
        return "cores"
    return "threads" if len(usable) == wanted else ""


def _spread(usable: Sequence[Cpu], tasks: int, per_task: int, entity: str, cyclic: bool) -> list[int]:
    """Give each task its CPUs, then widen them to the whole entity. With too few CPUs all tasks share all of them."""
    everything = _mask(usable)
    if entity not in _ENTITIES or not usable:
        return [everything] * tasks
    keys = {"sockets": "socket", "cores": "core", "threads": "number", "ldoms": "domain"}
    key = keys[entity]
    units: dict[int, list[Cpu]] = {}
    for cpu in usable:
        units.setdefault(getattr(cpu, key), []).append(cpu)
    by_socket: dict[int, list[Cpu]] = {}
    for cpu in usable:
        by_socket.setdefault(cpu.socket, []).append(cpu)
    if tasks * per_task > len(usable):
        # Shared: tasks go round the entities.
        groups = list(units.values())
        return [_mask(groups[local % len(groups)]) if per_task == 1 else everything for local in range(tasks)]
    masks: list[int] = []
    turn = 0
    queues = [list(cpus) for cpus in by_socket.values()]
    for _ in range(tasks):
        own: list[Cpu] = []
        while len(own) < per_task:
            queue = queues[turn % len(queues)]
            if not queue:
                turn += 1
                continue
            take = min(per_task - len(own), len(queue))
            own += queue[:take]
            del queue[:take]
        if cyclic:
            turn += 1
        masks.append(_mask([cpu for cpu in usable if getattr(cpu, key) in {getattr(each, key) for each in own}]))
    return masks
