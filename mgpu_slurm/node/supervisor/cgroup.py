"""A cgroup for the processes of a step, where this daemon may make one: it finds even what left no other trace, and keeps the
step to its memory, CPUs and devices where it has a fence (fence.py).

It is one of version 2; a controller that this machine has in version 1 has a group there beside it. Where there is no version 2
there is none, and the tree of processes must do.
"""

from __future__ import annotations

import errno
import glob
import os
import time

from mgpu_slurm.node.supervisor import descendants, device_filter, hierarchy, kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mgpu_slurm.node.supervisor.fence import Fence


_WAITS = (0.001, 0.002, 0.004, 0.008, 0.016)
"""Seconds between tries to remove a group."""


def _name(tag: str) -> str:
    return f"mgpu-{tag.replace('/', '_')}"


def path_for(tag: str) -> str | None:
    """Where the cgroup of a step without limits is, if it can exist."""
    base = hierarchy.own()
    return None if base is None else f"{base}/{_name(tag)}"


class Cgroup:
    """One step's cgroup; `others`: its groups of version 1. `fence`: what it is kept to."""

    def __init__(self, path: str, others: Sequence[str] = (), fence: Fence | None = None) -> None:
        self.path = path
        self.others = list(others)
        self.fence = fence

    @classmethod
    def make(cls, tag: str, fence: Fence | None = None, held: Collection[int] = (), cpus: Collection[int] = ()) -> Cgroup | None:
        """`held`: the GPUs and `cpus` the kernel's CPUs that the step has. None where this process may make none; OSError where
        what the fence wants cannot be."""
        if fence is not None:
            return cls._fenced(tag, fence, held, cpus)
        path = path_for(tag) if os.geteuid() == 0 else None
        if path is None:
            return None
        try:
            os.mkdir(path, 0o755)
        except OSError:
            return None
        return cls(path)

    @classmethod
    def _fenced(cls, tag: str, fence: Fence, held: Collection[int], cpus: Collection[int]) -> Cgroup:
        place = hierarchy.place_of_steps()
        if place is None:
            raise OSError(errno.ENOTSUP, "this machine has no cgroup hierarchy of version 2")
        name, wanted = _name(tag), fence.controllers
        unified = [each for each in wanted if hierarchy.offers(place, each)]
        made = cls(hierarchy.make_unified(place, fence.group, name, unified), (), fence)
        try:
            where = dict.fromkeys(unified, made.path)
            for controller in wanted:
                if controller not in where:
                    where[controller] = hierarchy.make_first(controller, fence.group, name)
                    made.others.append(where[controller])
            if "memory" in where:
                for group, (ram, swap) in ((os.path.dirname(where["memory"]), fence.job), (where["memory"], fence.step)):
                    _limit_memory(group, ram, swap)
            if "cpuset" in where and cpus:
                hierarchy.write(f"{where['cpuset']}/cpuset.cpus", ",".join(map(str, sorted(cpus))))
            if denied := fence.denied(held):
                device_filter.attach(made.path, denied)
        except OSError:
            made.remove()
            raise
        return made

    @classmethod
    def found(cls, tag: str) -> Cgroup | None:
        """The group that a step has left, if it had one."""
        name, flat = _name(tag), path_for(tag)
        place = hierarchy.place_of_steps()
        paths = [flat] if flat is not None and os.path.isdir(flat) else []
        if place is not None:
            paths += glob.glob(f"{glob.escape(place)}/*/{glob.escape(name)}")
        first = [own for controller in ("memory", "cpuset") if (own := hierarchy.own(controller))]
        others = [found for own in first for found in glob.glob(f"{glob.escape(own)}/{hierarchy.STEPS}/*/{glob.escape(name)}")]
        return cls(paths[0], others) if paths else None

    def fork(self) -> tuple[int, bool]:
        """What os.fork returns, and whether the child is inside already; if not it is to join. OSError."""
        if self.others:
            return os.fork(), False
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return kernel.fork_into(directory), True
        except OSError:
            return os.fork(), False
        finally:
            os.close(directory)

    def join(self) -> None:
        """Move the calling process in. OSError."""
        for path in (self.path, *self.others):
            hierarchy.write(path + "/cgroup.procs", "0")

    def part(self, rank: int, held: Collection[int]) -> None:
        """Move the calling process, a task that sees only some of the step's GPUs, into a group that can open no others.
        OSError."""
        if self.fence is None or not self.fence.devices:
            return
        path = f"{self.path}/task_{rank}"
        os.makedirs(path, 0o755, exist_ok=True)
        device_filter.attach(path, self.fence.denied(held))
        hierarchy.write(path + "/cgroup.procs", "0")

    def pids(self) -> list[int]:
        """Processes in it that are not zombies."""
        found: list[int] = []
        for path in (self.path, *self._parts()):
            try:
                with open(path + "/cgroup.procs") as file:
                    found += [int(line) for line in file]
            except OSError:
                pass
        return found

    def _parts(self) -> list[str]:
        fenced = self.fence is None or bool(self.fence.devices)  # None: of a group that was found nothing is known
        return glob.glob(f"{glob.escape(self.path)}/task_*") if fenced else []

    def kill(self) -> None:
        """KILL to all in it."""
        try:
            with open(self.path + "/cgroup.kill", "w") as file:
                file.write("1")
        except OSError:
            # Kernels before 5.14 have no such file.
            descendants.send_each(self.pids(), 9)

    def oom_kills(self) -> int:
        """Processes that the kernel killed for memory; 0 where memory is not counted."""
        files = ("memory.events", "memory.oom_control")  # of version 2 and 1
        return sum(_count(f"{path}/{name}") for path in (self.path, *self.others) for name in files)

    def remove(self) -> None:
        """Remove it once it is empty; one that is not stays for the daemon to find."""
        for path in self._parts():
            _remove(path)
        for path in (self.path, *self.others):
            job = os.path.dirname(path)
            if not _remove(path) or os.path.basename(os.path.dirname(job)) != hierarchy.STEPS:
                continue
            if not glob.glob(f"{glob.escape(job)}/*/"):  # no other step is in it
                _remove(job)


def _limit_memory(group: str, ram: int, swap: int) -> None:
    if not ram:
        return
    if os.path.exists(f"{group}/memory.max"):
        hierarchy.write(f"{group}/memory.max", str(ram))
        if swap >= 0 and os.path.exists(f"{group}/memory.swap.max"):
            hierarchy.write(f"{group}/memory.swap.max", str(swap))
        return
    hierarchy.write(f"{group}/memory.limit_in_bytes", str(ram))
    if swap >= 0 and os.path.exists(f"{group}/memory.memsw.limit_in_bytes"):
        hierarchy.write(f"{group}/memory.memsw.limit_in_bytes", str(ram + swap))


def _count(path: str) -> int:
    try:
        with open(path) as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0


def _remove(path: str) -> bool:
    """Whether it is gone. A process that has been waited for may be in it for a moment more, in the kernel's eyes."""
    for wait in _WAITS:
        try:
            os.rmdir(path)
            return True
        except OSError as error:
            if error.errno != errno.EBUSY:
                return False
            time.sleep(wait)
    return False
