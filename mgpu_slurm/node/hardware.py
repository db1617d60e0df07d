"""What this machine has besides GPUs, as its jobs may use it.

CPUs are those this process may run on (its affinity mask, which a cpuset or `taskset` narrows), memory is the machine's
or its cgroups' limit, whichever is less. A CPU quota is only noted: it bounds time, not which CPUs there are, and Slurm
counts CPUs.
"""

from __future__ import annotations

import os

import psutil

from mgpu_slurm.node import cgroup_limits, cpu_topology
from mgpu_slurm.node.sysfiles import cpu_list, read_text
from mgpu_slurm.records.hardware import Hardware

_MIB = 1 << 20


def detect(tmp_fs: str = "/tmp", sysfs: str = "/sys", proc: str = "/proc") -> Hardware:
    """A full look, a few milliseconds. `tmp_fs` is slurm.conf's TmpFS; `sysfs`, `proc` are for tests."""
    usable = usable_cpus()
    places = cpu_topology.places(usable, sysfs)
    sockets, cores, threads = cpu_topology.figures(places)
    system = os.uname()
    total = psutil.virtual_memory().total
    groups = f"{sysfs}/fs/cgroup"
    limit = cgroup_limits.memory_limit(groups, proc)
    load, free = activity()
    return Hardware(
        cpus=len(places),
        sockets=sockets,
        cores_per_socket=cores,
        threads_per_core=threads,
        places=places,
        cpus_online=cpu_list(read_text(f"{sysfs}/devices/system/cpu/online")) or usable,
        cpu_quota=cgroup_limits.cpu_quota(groups, proc),
        cpu_model=_cpu_model(proc),
        real_memory=max(1, (total if limit is None else min(total, limit)) // _MIB),
        memory_total=total // _MIB,
        free_mem=free,
        available_memory=psutil.virtual_memory().available // _MIB,
        tmp_disk=_tmp_disk(tmp_fs),
        cpu_load=load,
        boot_time=psutil.boot_time(),
        boot_id=read_text(f"{proc}/sys/kernel/random/boot_id"),
        arch=system.machine,
        os=f"{system.sysname} {system.release} {system.version}",
        distribution=_distribution(),
        hostname=system.nodename.partition(".")[0],
    )


def activity() -> tuple[float, int]:
    """(one-minute load average, unused memory in MiB): what changes, for heartbeats."""
    return psutil.getloadavg()[0], psutil.virtual_memory().free // _MIB


def usable_cpus() -> list[int]:
    """The CPUs this process may run on, ascending, never empty."""
    return sorted(os.sched_getaffinity(0))


def _tmp_disk(path: str) -> int:
    """Size in MiB of the file system at `path`; 0 when it cannot be looked at."""
    try:
        facts = os.statvfs(path)
    except OSError:
        return 0
    return facts.f_blocks * facts.f_frsize // _MIB


def _cpu_model(proc: str) -> str:
    for line in read_text(f"{proc}/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "cpu model"):  # x86, some Arm boards, MIPS
            return value.strip()
    return ""


def _distribution() -> str:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in read_text(path).splitlines():
            name, _, value = line.partition("=")
            if name == "PRETTY_NAME":
                return value.strip().strip("\"'")
    return ""
