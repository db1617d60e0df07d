"""The components of a heterogeneous job: places for all of them at one moment, or for none.

Components get nodes of their own, as in Slurm, where their partitions have as many nodes as they ask for. Where they have not
(one workstation, say) components may share nodes, so that the job can run at all; Slurm would let it wait for ever.

They are placed one after the other, each on what the ones before have left. Where one finds no place other orders are tried:
that in which they were written does not decide. Nodes that components share are not searched to the last: as with any packing
there may be a way that is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import msgspec

from mgpu_slurm.sched.place import Placement, Refusal
from mgpu_slurm.sched.snapshot import Need, PartitionSlot, PendingJob
from mgpu_slurm.sched.timeline import Claim, Pool, moments

Places = list[tuple[PartitionSlot, Placement]]
Found = dict[int, tuple[PartitionSlot, Placement]]  # by the component's number


FEW = 3
"""Components whose orders are all tried."""


class Part(msgspec.Struct):
    """A component, the partitions that may take it now, and how long it is expected to run, in seconds."""

    job: PendingJob
    partitions: list[PartitionSlot]
    length: float


class NoPlace(msgspec.Struct):
    """Which component finds none, in which partition it was looked for last, and why there is none."""

    at: int
    partition: PartitionSlot
    refusal: Refusal


def may_be_apart(parts: list[Part]) -> bool:
    """Whether there are nodes of their own for all components."""
    nodes = {index for part in parts for partition in part.partitions for index in partition.nodes}
    return sum(part.job.need.min_nodes for part in parts) <= len(nodes)


def place_together(pool: Pool, parts: list[Part], apart: bool) -> Places | NoPlace:
    """Places for all on what is free, in the order of the components; `apart`: no node for two of them."""
    first = None
    for order in _orders(len(parts)):
        found = _in_order(pool, parts, list(order), apart)
        if not isinstance(found, NoPlace):
            return [found[at] for at in range(len(parts))]
        first = first or found
        if order[0] == found.at:
            break  # not even before all others
    assert first is not None
    return first


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """In which components are tried: every order of a few, of many each of them once before all others."""
    if count <= FEW:
        yield from permutations(range(count))
        return
    yield tuple(range(count))
    for at in range(1, count):
        yield (at, *(other for other in range(count) if other != at))


def _in_order(pool: Pool, parts: list[Part], order: list[int], apart: bool) -> Found | NoPlace:
    left = pool.copy()
    found: Found = {}
    for at in order:
        job = parts[at].job
        need = _beside(parts, at, found) if apart else job.need
        refused = None
        for partition in parts[at].partitions:
            placed = left.place(need, job.uid, partition)
            if isinstance(placed, Placement):
                found[at] = (partition, placed)
                left.take(placed.allocation.shares, job.uid)
                break
            refused = refused or NoPlace(at, partition, placed)
        else:
            assert refused is not None
            return refused
    return found


def _beside(parts: list[Part], at: int, found: Found) -> Need:
    """A component's need without the nodes that others have, or have asked for by name."""
    need = parts[at].job.need
    theirs = {node for _, placed in found.values() for node in placed.allocation.nodes}
    theirs.update(node for other, part in enumerate(parts) if other != at for node in part.job.need.required_nodes)
    theirs.difference_update(() if not need.required_nodes else need.required_nodes)
    return msgspec.structs.replace(need, excluded_nodes=tuple(sorted({*need.excluded_nodes, *theirs}))) if theirs else need


def first_fit_together(
    pool: Pool, claims: list[Claim], parts: list[Part], apart: bool, now: float
) -> tuple[float, Places] | None:
    """The earliest moment at which all of them fit, if no more jobs come, by the rules of timeline.first_fit: what begins
    before the longest of them ends is left alone. None when there is none."""
    for moment in moments(pool, claims, now, max(part.length for part in parts)):
        found = place_together(moment.pool, parts, apart)
        if not isinstance(found, NoPlace) and any(moment.disturbs(placed) for _, placed in found):
            found = place_together(moment.beside(), parts, apart)
        if not isinstance(found, NoPlace):
            return moment.at, found
    return None
