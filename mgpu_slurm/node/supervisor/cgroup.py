"""A cgroup for the processes of a step, where this daemon may make one: it finds even what left no other trace.

Version 2 alone or beside version 1; where neither can be used there is none, and the tree of processes must do.
"""

from __future__ import annotations

import os

from mgpu_slurm.node.supervisor import descendants, kernel

_MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


def _base() -> str | None:
    """The directory of this process's own version 2 cgroup."""
    try:
        with open("/proc/self/cgroup") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return None
    for mount in _MOUNTS:
        path = mount + own.rstrip("/")
        if os.path.exists(path + "/cgroup.procs") and os.path.exists(path + "/cgroup.controllers"):
            return path
    return None


def path_for(tag: str) -> str | None:
    """Where the cgroup of a step is, if it can exist."""
    base = _base()
    return None if base is None else f"{base}/mgpu-{tag.replace('/', '_')}"


class Cgroup:
    """One step's cgroup."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def make(cls, tag: str) -> Cgroup | None:
        """None where this process may not."""
        path = path_for(tag) if os.geteuid() == 0 else None
        if path is None:
            return None
        try:
            os.mkdir(path, 0o755)
        except OSError:
            return None
        return cls(path)

    def fork(self) -> tuple[int, bool]:
        """What os.fork returns, and whether the child is inside already; if not it is to join. OSError."""
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return kernel.fork_into(directory), True
        except OSError:
            return os.fork(), False
        finally:
            os.close(directory)

    def join(self) -> None:
        """Move the calling process in. OSError."""
        with open(self.path + "/cgroup.procs", "w") as file:
            file.write("0")

    def pids(self) -> list[int]:
        """Processes in it that are not zombies."""
        try:
            with open(self.path + "/cgroup.procs") as file:
                return [int(line) for line in file]
        except OSError:
            return []

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
        try:
            with open(self.path + "/memory.events") as file:
                return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
        except OSError:
            return 0

    def remove(self) -> None:
        """Remove it once it is empty; one that is not stays for the daemon to find."""
        try:
            os.rmdir(self.path)
        except OSError:
            pass
