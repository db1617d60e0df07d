"""Which devices of a node: counting what is free per type, and choosing a tight group.

Devices are chosen so that those of one job are as close to one another as the node's wiring allows, and, among equally
close groups, so that what is left over stays close too (the fragments of a broken NVLink group are used up first).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, islice

from mgpu_slurm.base.idset import unmask
from mgpu_slurm.sched.snapshot import GresSlot

_EXHAUSTIVE = 20000  # groups looked at before a greedy choice: all of C(16, 8)


def of_type(slot: GresSlot, kind: str) -> int:
    """Mask of the devices that answer to a type; all for the empty one."""
    if not kind:
        return slot.total
    wanted = kind.lower()
    mask = 0
    for index, names in enumerate(slot.types):
        if any(name.lower() == wanted for name in names):
            mask |= 1 << index
    return mask & slot.total


def available(slots: Iterable[GresSlot], name: str, kind: str, *, total: bool = False) -> int:
    """How many devices of a name and type are free (or there at all)."""
    for slot in slots:
        if slot.name == name:
            there = slot.total if total else slot.free
            return (there & of_type(slot, kind) if kind else there).bit_count()
    return 0


def choose(slot: GresSlot, kind: str, count: int, *, near: int = 0, taken: int = 0) -> int | None:
    """A mask of `count` free devices, None when there are too few. `near`: CPUs the job prefers; `taken`: devices to stay
    close to and not to give out again."""
    free = unmask(slot.free & of_type(slot, kind) & ~taken)
    if len(free) < count:
        return None
    if count == 0:
        return 0
    if not slot.links or count == len(free):
        return _mask(free[:count])
    fixed = unmask(taken)
    best: tuple[int, int, int] | None = None
    best_group: tuple[int, ...] = ()
    for group in islice(combinations(free, count), _EXHAUSTIVE):
        tight = sum(slot.links[a][b] for a, b in combinations(group, 2))
        tight += sum(slot.links[a][b] for a in fixed for b in group)
        rest = [device for device in free if device not in group]
        left = sum(slot.links[a][b] for a, b in combinations(rest, 2))
        local = sum(1 for device in group if slot.cpus and slot.cpus[device] & near) if near else 0
        score = (tight, left, local)
        if best is None or score > best:
            best, best_group = score, group
    return _mask(best_group)


def cpus_near(slot: GresSlot, mask: int) -> int:
    """Mask of the CPUs near any of these devices, 0 when unknown."""
    near = 0
    for device in unmask(mask):
        if device < len(slot.cpus):
            near |= slot.cpus[device]
    return near


def _mask(devices: Iterable[int]) -> int:
    mask = 0
    for device in devices:
        mask |= 1 << device
    return mask
