"""Free resources over time: taking and giving back shares on node slots, and the first moment a need fits.

The future is asked of the same `place` as the present, on a copy of the nodes from which the running jobs are taken away
in the order of their expected ends.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.base.idset import mask
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot

YEAR = 365 * 86400.0  # what an unlimited job is expected to run


class Pool:
    """Node slots that can be changed without touching those they were made from (copied on first change)."""

    def __init__(self, nodes: list[NodeSlot], by_name: dict[str, int] | None = None) -> None:
        self.nodes = list(nodes)
        self.by_name = by_name if by_name is not None else {slot.name: index for index, slot in enumerate(nodes)}
        self._own: set[int] = set()

    def copy(self) -> Pool:
        return Pool(self.nodes, self.by_name)

    def _slot(self, name: str) -> NodeSlot | None:
        index = self.by_name.get(name)
        if index is None:
            return None
        if index not in self._own:
            slot = self.nodes[index]
            gres = [msgspec.structs.replace(g) for g in slot.gres]
            self.nodes[index] = msgspec.structs.replace(slot, gres=gres)
            self._own.add(index)
        return self.nodes[index]

    def take(self, shares: list[NodeShare], uid: int) -> None:
        """Nothing that is not free is taken twice: masks only lose bits."""
        for share in shares:
            slot = self._slot(share.node)
            if slot is None:
                continue
            slot.cpus_free &= ~mask(share.cpus)
            slot.mem_free = max(0, slot.mem_free - share.mem)
            for gres in slot.gres:
                gres.free &= ~mask(share.gres.get(gres.name, []))
            slot.jobs += 1
            slot.held_whole = slot.held_whole or share.whole
            slot.users |= {uid}

    def give(self, shares: list[NodeShare]) -> None:
        for share in shares:
            slot = self._slot(share.node)
            if slot is None:
                continue
            slot.cpus_free |= mask(share.cpus) & slot.cpus_total
            slot.mem_free = min(slot.mem_total, slot.mem_free + share.mem)
            for gres in slot.gres:
                gres.free |= mask(share.gres.get(gres.name, [])) & gres.total
            slot.jobs = max(0, slot.jobs - 1)
            slot.held_whole = slot.held_whole and not share.whole
            if slot.jobs == 0:
                slot.users = frozenset()


class Claim(msgspec.Struct):
    """Resources in use, or promised, from `start` to `end`."""

    start: float
    end: float
    shares: list[NodeShare]
    uid: int


def first_fit(
    pool: Pool, claims: list[Claim], need: Need, uid: int, partition: PartitionSlot, now: float
) -> tuple[float, Placement] | None:
    """The earliest moment the need fits, if no more jobs come: `pool` is free now, `claims` are the running jobs and the
    promises made so far. None when it never does (nodes down, or it does not fit at all)."""
    changes: dict[float, tuple[list[Claim], list[Claim]]] = {}
    for claim in claims:
        if claim.end > now:
            changes.setdefault(claim.end, ([], []))[0].append(claim)
        if claim.start > now:
            changes.setdefault(claim.start, ([], []))[1].append(claim)
    future = pool.copy()
    for moment in sorted(changes):
        given, taken = changes[moment]
        for claim in given:
            future.give(claim.shares)
        for claim in taken:
            future.take(claim.shares, claim.uid)
        if given:
            found = place(future.nodes, need, uid, partition)
            if isinstance(found, Placement):
                return moment, found
    return None
