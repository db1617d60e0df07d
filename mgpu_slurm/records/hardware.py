"""What a machine has besides GPUs: processors, memory, scratch disk, system. Names as in Slurm's node records."""

from __future__ import annotations

import msgspec


class CpuPlace(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Where one CPU (hardware thread) sits. Socket, core and thread are counted from 0 over the usable CPUs."""

    cpu: int  # the kernel's number
    socket: int = 0
    core: int = 0  # over the whole machine, not within its socket
    thread: int = 0  # within its core
    numa_node: int | None = None


class Hardware(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A machine as jobs may use it. Memory and disk in MiB, times in UTC seconds.

    `cpus` counts the CPUs this process may run on, and always equals sockets * cores_per_socket * threads_per_core.
    `real_memory` respects a memory limit of this process's cgroups; `memory_total` is the machine's.
    """

    cpus: int
    boards: int = 1
    sockets: int = 1
    cores_per_socket: int = 1
    threads_per_core: int = 1
    places: list[CpuPlace] = []  # every usable CPU, ascending
    cpus_online: list[int] = []  # of the machine, usable or not
    cpu_quota: float | None = None  # CPUs' worth of time that the cgroups allow; None: no limit
    cpu_model: str = ""
    real_memory: int = 1
    memory_total: int = 1
    free_mem: int | None = None  # unused, as Slurm's FreeMem
    available_memory: int | None = None  # unused or reclaimable
    tmp_disk: int = 0
    cpu_load: float = 0.0  # one-minute load average
    boot_time: float = 0.0
    boot_id: str = ""
    arch: str = ""
    os: str = ""  # kernel name, release and version, as Slurm's OS=
    distribution: str = ""  # "Debian GNU/Linux 12 (bookworm)"
    hostname: str = ""
