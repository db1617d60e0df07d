"""What the cgroups of this process allow in CPU time and memory, versions 1 and 2.

A limit may sit on any ancestor, and the strictest holds. In a container the path in /proc/self/cgroup can be the
host's while the mount begins at the container's own group; levels that are not there are passed over, and the mount's
root is always looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from mgpu_slurm.node.sysfiles import read_text

# Version 1 has no word for "no limit": it shows the largest multiple of a page.
_NO_LIMIT = 1 << 60


def memory_limit(root: str = "/sys/fs/cgroup", proc: str = "/proc") -> int | None:
    """Bytes, or None for no limit."""
    found = [
        int(text)
        for directory in _groups(root, proc, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := read_text(f"{directory}/{name}")).isdigit() and int(text) < _NO_LIMIT
    ]
    return min(found, default=None)


def cpu_quota(root: str = "/sys/fs/cgroup", proc: str = "/proc") -> float | None:
    """CPUs' worth of time that may be used, e.g. 1.5; None for no limit."""
    found: list[float] = []
    for directory in _groups(root, proc, "cpu"):
        quota, _, period = read_text(f"{directory}/cpu.max").partition(" ")
        if not quota:
            quota = read_text(f"{directory}/cpu.cfs_quota_us")
            period = read_text(f"{directory}/cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period) > 0:  # "max" and "-1" are no limit
            found.append(int(quota) / int(period))
    return min(found, default=None)


def _groups(root: str, proc: str, controller: str) -> Iterator[str]:
    """Directories of this process's group for `controller` and of all its ancestors."""
    for line in read_text(f"{proc}/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            mounts = (root, f"{root}/unified")
        elif controller in controllers.split(","):
            mounts = (f"{root}/{controller}", f"{root}/{controllers}")
        else:
            continue
        for mount in mounts:
            parts = [part for part in path.split("/") if part and part != ".."]
            for depth in range(len(parts), -1, -1):
                yield "/".join([mount, *parts[:depth]])
