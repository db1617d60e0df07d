"""The components of a heterogeneous job: places for all of them at one moment, or for none.

Components get nodes of their own, as in Slurm, where the cluster, empty and well, has enough for that. Where it has not (one
workstation, say) they may share nodes, so that the job can run at all; Slurm would let it wait for ever.

They are placed one after the other, each on what the ones before have left. Where one finds no place it is tried again
before the others: the most demanding ones come first that way, and the order in which they were written does not decide.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.sched.place import Placement, Refusal
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot, PendingJob
from mgpu_slurm.sched.timeline import Claim, Pool, first_fit

Places = list[tuple[PartitionSlot, Placement]]
Found = dict[int, tuple[PartitionSlot, Placement]]  # by the component's number


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


def emptied(nodes: list[NodeSlot]) -> list[NodeSlot]:
    """The nodes as if nothing ran on them and nothing were wrong with them."""
    return [
        msgspec.structs.replace(
            slot,
            usable=True,
            down=False,
            cpus_free=slot.cpus_total,
            mem_free=slot.mem_total,
            gres=[msgspec.structs.replace(gres, free=gres.total) for gres in slot.gres],
            jobs=0,
            held_whole=False,
            users=frozenset(),
        )
        for slot in nodes
    ]


def place_together(pool: Pool, parts: list[Part], apart: bool) -> Places | NoPlace:
    """Places for all on what is free, in the order of the components; `apart`: no node for two of them."""
    order = list(range(len(parts)))
    first = None
    for _ in parts:
        found = _in_order(pool, parts, order, apart)
        if not isinstance(found, NoPlace):
            return [found[at] for at in range(len(parts))]
        first = first or found
        if order[0] == found.at:
            break  # not even before all others
        order.remove(found.at)
        order.insert(0, found.at)
    assert first is not None
    return first


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
    """The earliest moment at which all of them fit, if no more jobs come (timeline.first_fit); None when there is none.

    Each is asked for its earliest start not before the latest of the others', until they agree.
    """
    at_least = 0.0
    order = list(range(len(parts)))
    moments = {claim.end for claim in claims}
    for _ in range(len(moments) + len(parts)):
        found: Found = {}
        mine: list[Claim] = []
        start = at_least
        for at in order:
            part = parts[at]
            need = _beside(parts, at, found) if apart else part.job.need
            best: tuple[float, Placement] | None = None
            where = part.partitions[0]
            for partition in part.partitions:
                one = first_fit(pool, claims + mine, need, part.job.uid, partition, now, part.length, start)
                if one is not None and (best is None or one[0] < best[0]):
                    best, where = one, partition
            if best is None:
                if order[0] == at:
                    return None
                order.remove(at)
                order.insert(0, at)
                break
            found[at] = (where, best[1])
            mine.append(Claim(best[0], best[0] + part.length, best[1].allocation.shares, part.job.uid))
            if best[0] > start and found.keys() != {order[0]}:
                at_least = best[0]
                break
            start = max(start, best[0])
        else:
            return start, [found[at] for at in range(len(parts))]
    return None
