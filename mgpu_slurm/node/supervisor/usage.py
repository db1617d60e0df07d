"""What the tasks of a step use: looked at while they run, and once more at their end.

A look sums up the processes of each task, as Slurm does every JobAcctGatherFrequency seconds. The first look comes soon after
the start and the next ones at doubling distances, so that a step of seconds is known as well as one of days. What the kernel
itself adds up (time, page faults, what was read and written, by a process and those it has waited for) is taken at the end of
each task, when it is exact, however short the task was.

Looks are cheap: a process that has neither run nor got memory since the last one is not looked at any closer, and its tree is
known. What is there may be asked of another thread of time, sstat's, at any moment.
"""

from __future__ import annotations

import os

from mgpu_slurm.facts.measures import MEASURES
from mgpu_slurm.node.supervisor import clocks, descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource

    from mgpu_slurm.node.supervisor.cgroup import Cgroup
    from mgpu_slurm.node.supervisor.peaks import Peaks
    from mgpu_slurm.node.supervisor.tasks import Task

FIRST = 0.1
"""Seconds from the start to the first look: most steps that are over by then are known by their end alone."""

RSS, PSS, UNSHARED = "rss", "pss", "unshared"
"""What of a process' memory counts: all that is resident; of what others have as well only its part; or nothing of that. As
JobAcctGatherParams says."""

_TICK = 1000 // os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A process at its last look. Times in ms, sizes in bytes; figures of what it has waited for are in it, but for sizes."""

    __slots__ = ("cpu", "mark", "pages", "parent", "place", "read", "rss", "vsize", "written")

    def __init__(self) -> None:
        self.mark: tuple[bytes, ...] = ()
        self.parent = self.cpu = self.pages = self.rss = self.vsize = self.read = self.written = self.place = 0


class Sampler:
    """Looks at the tasks of one step on this node. `every`: seconds between two looks, 0 for the end alone; times are UTC
    seconds; `peaks`: what the tasks had in memory before they became their programs; `memory`: RSS, PSS or UNSHARED."""

    def __init__(
        self, tasks: list[Task], group: Cgroup | None, peaks: Peaks | None, every: int, now: float, memory: str = RSS
    ) -> None:
        self._tasks = tasks
        self._memory = memory
        self._group = group
        self._peaks = peaks
        self._every = every
        self._wait = min(FIRST, every)
        self.next_at = now + self._wait if every else 0.0
        self._known: dict[int, Process] = {}
        self._used: dict[int, dict[str, int]] = {task.rank: {} for task in tasks}
        self._ran: dict[int, int] = {}  # rank -> ms of CPU when its clock was last looked at

    # --- while they run ---------------------------------------------------------------------------------------------

    def due(self, now: float) -> None:
        if self.next_at and now >= self.next_at:
            self.look()
            self._wait = min(self._wait * 2, self._every)
            self.next_at = now + self._wait

    def look(self, closely: bool = False) -> None:
        """`closely`: also at what seems to have done nothing."""
        living = [task for task in self._tasks if task.status is None]
        if not living:
            return
        known = self._processes(closely)
        below: dict[int, list[int]] = {}
        for pid, process in known.items():
            below.setdefault(process.parent, []).append(pid)
        for task in living:
            if self._peaks is not None and not self._peaks.noted(task.rank):
                continue  # not its program yet
            # what outlived its parent belongs to us; where there is one task it can only be that one's
            top = [task.pid] if len(self._tasks) > 1 else below.get(os.getpid(), [])
            self._sum_up(task, [known[pid] for pid in _tree(top, below) if pid in known])

    def _sum_up(self, task: Task, processes: list[Process]) -> None:
        used = self._used[task.rank]
        for key in ("cpu", "rss", "vsize", "pages", "read", "written"):
            used[key] = max(used.get(key, 0), sum(getattr(process, key) for process in processes))
        ran = self._ran.get(task.rank)
        if processes and (ran is None or used["cpu"] > ran):
            clock = clocks.of_cpu(processes[0].place)
            if clock:
                before = 0 if ran is None else ran
                mean = (used.get("clock", 0) * before + clock * (used["cpu"] - before)) // used["cpu"] if used["cpu"] else clock
                used["clock"] = mean
            self._ran[task.rank] = used["cpu"]

    def _processes(self, closely: bool) -> dict[int, Process]:
        """Those of the step. Without a cgroup they are searched for among all of the machine, unless none known has done
        anything: who starts another process touches memory."""
        changed = {pid for pid, process in self._known.items() if _read(pid, process)}
        if self._group is not None:
            pids = self._group.pids()
        elif changed or not self._known:
            pids = descendants.below(os.getpid())
        else:
            pids = list(self._known)
        found: dict[int, Process] = {}
        for pid in pids:
            process = self._known.get(pid)
            if process is None:
                process = Process()
                changed.add(pid)
                _read(pid, process)
            if process.mark:
                found[pid] = process
                if closely or pid in changed:
                    _read_io(pid, process)
                    if self._memory != RSS:
                        process.rss = _own_memory(pid, self._memory, process.rss)
        self._known = found
        return found

    # --- at the end -------------------------------------------------------------------------------------------------

    def ending(self, pid: int, task: Task | None) -> None:
        """A process has ended and is not yet waited for: its last figures can be read."""
        owner = self._owner(task)
        if owner is not None:
            process = Process()
            _read_io(pid, process)
            self._add(owner, task is None, read=process.read, written=process.written)

    def ended(self, task: Task | None, usage: resource.struct_rusage) -> None:
        owner = self._owner(task)
        if owner is None:
            return
        used = self._used[owner.rank]
        cpu = round((usage.ru_utime + usage.ru_stime) * 1000)
        self._add(owner, task is None, cpu=cpu, pages=usage.ru_majflt)
        # The kernel's peak includes the moment before the program was there, when all of us was in memory.
        if self._memory != RSS:
            return
        if task is None or self._peaks is None or self._peaks.exceeded(task.rank, usage.ru_maxrss):
            used["rss"] = max(used.get("rss", 0), usage.ru_maxrss * 1024)

    def _owner(self, task: Task | None) -> Task | None:
        """Whose use it is: that of an orphan counts where it can only be one task's."""
        return task if task is not None else self._tasks[0] if len(self._tasks) == 1 else None

    def _add(self, owner: Task, orphan: bool, **figures: int) -> None:
        used = self._used[owner.rank]
        for key, number in figures.items():
            used[key] = used.get(key, 0) + number if orphan else max(used.get(key, 0), number)

    # --- what is known ----------------------------------------------------------------------------------------------

    def gpus(self, rows: dict[int, tuple[int, int]]) -> None:
        """What the node's GPUs say of processes: pid -> bytes, percent."""
        self.look()
        below: dict[int, list[int]] = {}
        for pid, process in self._known.items():
            below.setdefault(process.parent, []).append(pid)
        for task in self._tasks:
            if task.status is not None:
                continue
            found = [rows[pid] for pid in _tree([task.pid], below) if pid in rows]
            if found:
                used = self._used[task.rank]
                for at, key in enumerate(("gpu_memory", "gpu_load")):
                    used[key] = max(used.get(key, 0), sum(row[at] for row in found))

    def pids(self) -> list[int]:
        """Living processes at the last look, each task before those below it."""
        below: dict[int, list[int]] = {}
        for pid, process in self._known.items():
            below.setdefault(process.parent, []).append(pid)
        top = [task.pid for task in self._tasks if task.status is None]
        return [pid for pid in _tree(top, below) if pid in self._known]

    def summary(self) -> dict[str, list[int]]:
        """As records.usage.Use, for each measure that is known of a task."""
        made: dict[str, list[int]] = {}
        for measure in MEASURES:
            values = [(used[measure.key], rank) for rank, used in self._used.items() if measure.key in used]
            if values:
                most = max(values, key=lambda one: (one[0], -one[1]))
                least = min(values)
                made[measure.key] = [*most, *least, sum(value for value, _ in values), len(values)]
        return made


def _tree(top: list[int], below: dict[int, list[int]]) -> list[int]:
    found = list(top)
    for pid in found:
        found += below.get(pid, ())
    return found


def _read(pid: int, process: Process) -> bool:
    """Take what /proc says of it; whether it has done anything since the last time. One that is gone has no mark."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read(1024)
    except OSError:
        process.mark = ()
        return True
    # fields from the third on; the second is a name that may hold anything
    fields = text[text.rindex(b")") + 2 :].split()
    if fields[0] == b"Z":
        process.mark = ()
        return True
    # parent; faults and time, its own and of those it has waited for; sizes
    mark = (fields[1], *fields[7:15], *fields[20:22])
    if mark == process.mark:
        return False
    process.mark = mark
    process.parent = int(fields[1])
    process.pages = int(fields[9]) + int(fields[10])
    process.cpu = sum(map(int, fields[11:15])) * _TICK
    process.vsize = int(fields[20])
    process.rss = int(fields[21]) * _PAGE
    process.place = int(fields[36])
    return True


def _read_io(pid: int, process: Process) -> None:
    try:
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            lines = dict(line.split(b": ") for line in file.read(1024).splitlines())
        process.read, process.written = int(lines[b"rchar"]), int(lines[b"wchar"])
    except (OSError, KeyError, ValueError):
        pass  # not ours to look at: a program that changed its user


def _own_memory(pid: int, kind: str, otherwise: int) -> int:
    """Bytes of it that are not, or not all, others' as well; `otherwise` where that may not be asked."""
    try:
        if kind == PSS:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:"))
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            _, resident, shared = map(int, file.read(256).split()[:3])
        return (resident - shared) * _PAGE
    except (OSError, ValueError, StopIteration):
        return otherwise
