"""Which cores of a node a share gets: whole ones, the lowest of those near its devices first, dealt over its sockets.

Rule (22.05, measured): cores are taken from the sockets in turn, beginning with the first that has free ones. Tasks of several
CPUs stay within a socket where it holds them: each socket gets as many whole tasks as it can before the next one is looked at.
Where -m asks for blocks within nodes the sockets are filled one after the other.
"""

from __future__ import annotations

from mgpu_slurm.base.idset import mask, unmask
from mgpu_slurm.sched.snapshot import Need, NodeSlot


def choose(slot: NodeSlot, need: Need, free: int, number: int, near: int) -> int | None:
    """Mask of that many of the free CPUs, or a few more where cores have several; None if there are too few."""
    threads = slot.threads_per_core
    if threads == 1 and not near and (slot.sockets == 1 or need.fills_sockets):
        numbers = unmask(free)
        return mask(numbers[:number]) if len(numbers) >= number else None
    cores = _whole(free, threads)
    wanted = -(-number // threads)
    if len(cores) < wanted:
        return None
    first = [core for core in cores if near >> core * threads & (1 << threads) - 1]
    rest = [core for core in cores if core not in first] if first else cores
    chosen = _dealt(slot, need, first, wanted)
    chosen += _dealt(slot, need, rest, wanted - len(chosen))
    return mask(core * threads + at for core in chosen for at in range(threads))


def _whole(free: int, threads: int) -> list[int]:
    """The cores of which all threads are free."""
    if threads == 1:
        return unmask(free)
    counts: dict[int, int] = {}
    for cpu in unmask(free):
        counts[cpu // threads] = counts.get(cpu // threads, 0) + 1
    return [core for core, number in counts.items() if number == threads]


def _dealt(slot: NodeSlot, need: Need, cores: list[int], wanted: int) -> list[int]:
    """The first that many in the order in which they are dealt."""
    if slot.sockets == 1 or need.fills_sockets or wanted >= len(cores):
        return cores[:wanted]
    sockets: dict[int, list[int]] = {}
    for core in cores:
        sockets.setdefault(core // slot.cores_per_socket, []).append(core)
    chosen: list[int] = []
    each = need.cpus_per_task
    if each > 1 and not need.gres_per_task:
        usable = min(need.threads_per_core or slot.threads_per_core, slot.threads_per_core)
        for group in sockets.values():
            number = min(-(-(len(group) * usable // each * each) // usable), wanted - len(chosen))
            chosen += group[:number]
            del group[:number]
    while len(chosen) < wanted:
        for group in sockets.values():
            if group and len(chosen) < wanted:
                chosen.append(group.pop(0))
    return chosen
