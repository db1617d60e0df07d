"""Sockets, cores and threads of the usable CPUs, from /sys/devices/system/cpu.

Machines differ in what they tell: virtual ones lack parts of `topology/`, Arm gives package -1, containers show the
whole host while only some CPUs may be used. Rules: a CPU that tells nothing is a core of its own on socket 0; a core is
the set of its thread siblings, since core ids repeat on every die; and Slurm's figures must multiply to the number of
CPUs, so an uneven machine (performance and efficiency cores, half a core left by a cpuset) is described flatter than it
is, with `places` keeping the truth.

Source: the kernel's Documentation/admin-guide/cputopology.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from mgpu_slurm.node.sysfiles import cpu_list, read_text
from mgpu_slurm.records.hardware import CpuPlace


def places(cpus: Iterable[int], sysfs: str = "/sys") -> list[CpuPlace]:
    """Where each of `cpus` sits, ascending by CPU; sockets, cores and threads counted from 0 over these CPUs alone."""
    sockets: dict[str, int] = {}
    cores: dict[tuple[str, ...], int] = {}
    threads: Counter[int] = Counter()
    nodes = _numa_nodes(sysfs)
    result: list[CpuPlace] = []
    for cpu in sorted(set(cpus)):
        package, core_key = _told(f"{sysfs}/devices/system/cpu/cpu{cpu}/topology", cpu)
        socket = sockets.setdefault(package, len(sockets))
        core = cores.setdefault(core_key, len(cores))
        result.append(CpuPlace(cpu=cpu, socket=socket, core=core, thread=threads[core], numa_node=nodes.get(cpu)))
        threads[core] += 1
    return result


def _told(topology: str, cpu: int) -> tuple[str, tuple[str, ...]]:
    """(package, key of the core) of a CPU."""
    package = read_text(f"{topology}/physical_package_id")
    if not package.isdigit():  # "-1", or not there
        package = "0"
    siblings = cpu_list(read_text(f"{topology}/core_cpus_list") or read_text(f"{topology}/thread_siblings_list"))
    if cpu in siblings:
        return package, (package, "siblings", *map(str, siblings))
    core_id = read_text(f"{topology}/core_id")
    if core_id.isdigit():
        return package, (package, read_text(f"{topology}/die_id"), core_id)
    return package, (package, "cpu", str(cpu))


def _numa_nodes(sysfs: str) -> dict[int, int]:
    root = f"{sysfs}/devices/system/node"
    try:
        names = os.listdir(root)
    except OSError:
        return {}
    numbers = sorted(int(name[4:]) for name in names if name.startswith("node") and name[4:].isdigit())
    return {cpu: number for number in numbers for cpu in cpu_list(read_text(f"{root}/node{number}/cpulist"))}


def figures(places: list[CpuPlace]) -> tuple[int, int, int]:
    """(sockets, cores per socket, threads per core), whose product is the number of CPUs, at least 1."""
    cpus = len(places)
    if not cpus:
        return 1, 1, 1
    socket_of = {place.core: place.socket for place in places}
    cores_on = set(Counter(socket_of.values()).values())
    threads_of = set(Counter(place.core for place in places).values())
    sockets = len(set(socket_of.values()))
    if len(cores_on) == 1 and len(threads_of) == 1:
        return sockets, cores_on.pop(), threads_of.pop()
    if len(set(Counter(place.socket for place in places).values())) == 1:
        return sockets, cpus // sockets, 1
    return 1, cpus, 1
