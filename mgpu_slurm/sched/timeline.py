"""Free resources over time: taking and giving back shares on node slots, and the first moment a need fits.

The future is asked of the same placement as the present, on a copy of the nodes to which the running jobs give their
shares back in the order of their expected ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from mgpu_slurm.base.idset import mask
from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.sched.place import Placement, Refusal, place_on
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot
from mgpu_slurm.sched.survey import Survey

YEAR = 365 * 86400.0  # what an unlimited job is expected to run


class Pool:
    """Node slots that can be changed without touching those they were made from (copied on first change), and the surveys
    made of them, which follow the changes."""

    def __init__(self, nodes: list[NodeSlot], by_name: dict[str, int] | None = None) -> None:
        self.nodes = list(nodes)
        self.by_name = by_name if by_name is not None else {slot.name: index for index, slot in enumerate(nodes)}
        self._own: set[int] = set()
        self._log: list[int] = []  # indices of nodes, as they changed
        self._surveys: dict[tuple[object, ...], tuple[Survey, int]] = {}  # with how much of the log it has seen
        self._alone: set[tuple[object, ...]] = set()  # surveys that no copy of this pool looks at

    def copy(self) -> Pool:
        """An independent pool; surveys are shared until one of the two has to change them."""
        other = Pool(self.nodes, self.by_name)
        other._log = list(self._log)
        other._surveys = dict(self._surveys)
        self._alone.clear()
        self._own.clear()
        return other

    def place(self, need: Need, uid: int, partition: PartitionSlot) -> Placement | Refusal:
        """As place.place on these nodes."""
        user = uid if need.exclusive_user or partition.exclusive_user else -1
        key = (need, user, partition.name)
        known = self._surveys.get(key)
        if known is None:
            survey = Survey(self.nodes, need, uid, partition)
            self._alone.add(key)
        else:
            survey, seen = known
            if seen < len(self._log):
                if key not in self._alone:
                    survey = survey.copy()
                    self._alone.add(key)
                survey.update(self.nodes, self._log[seen:])
        self._surveys[key] = (survey, len(self._log))
        return place_on(survey)

    def _slot(self, name: str) -> NodeSlot | None:
        index = self.by_name.get(name)
        if index is None:
            return None
        if index not in self._own:
            slot = self.nodes[index]
            gres = [msgspec.structs.replace(g) for g in slot.gres]
            self.nodes[index] = msgspec.structs.replace(slot, gres=gres)
            self._own.add(index)
        self._log.append(index)
        return self.nodes[index]

    def take(self, shares: Iterable[NodeShare], uid: int) -> None:
        """Nothing that is not free is taken twice: masks only lose bits."""
        for share in shares:
            slot = self._slot(share.node)
            if slot is None:
                continue
            slot.cpus_free &= ~mask(share.cpus)
            slot.mem_free = max(0, slot.mem_free - share.mem)
            for gres in slot.gres:
                gres.free &= ~mask(share.gres.get(gres.name, ()))
            slot.jobs += 1
            slot.held_whole = slot.held_whole or share.whole
            slot.users |= {uid}

    def give(self, shares: Iterable[NodeShare]) -> None:
        for share in shares:
            slot = self._slot(share.node)
            if slot is None:
                continue
            slot.cpus_free |= mask(share.cpus) & slot.cpus_total
            slot.mem_free = min(slot.mem_total, slot.mem_free + share.mem)
            for gres in slot.gres:
                gres.free |= mask(share.gres.get(gres.name, ())) & gres.total
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


def collides(placement: Placement, claims: Iterable[Claim]) -> bool:
    """Whether any of the placement's nodes is claimed."""
    nodes = {share.node for share in placement.allocation.shares}
    return any(share.node in nodes for claim in claims for share in claim.shares)


class Moment:
    """An instant at which something becomes free: the resources as they are `at` that time, which must not be changed, and
    the promises that begin while a job started then is still expected to run."""

    def __init__(self, at: float, pool: Pool, claims: list[Claim], length: float) -> None:
        self.at = at
        self.pool = pool
        self._claims = claims
        self._length = length

    def _soon(self) -> Iterator[Claim]:
        return (claim for claim in self._claims if self.at < claim.start < self.at + self._length)

    def disturbs(self, placement: Placement) -> bool:
        """Whether any of the placement's nodes is promised soon."""
        return collides(placement, self._soon())

    def beside(self) -> Pool:
        """What is free then and left alone by those promises."""
        pool = self.pool.copy()
        for claim in self._soon():
            pool.take(claim.shares, claim.uid)
        return pool


def moments(pool: Pool, claims: list[Claim], now: float, length: float) -> Iterator[Moment]:
    """The future in order, if no more jobs come: `pool` is free now, `claims` are the running jobs and the promises made so
    far. A moment is good until the next one is asked for. `length`: how long in seconds what is to start would run."""
    changes: dict[float, tuple[list[Claim], list[Claim]]] = {}
    for claim in claims:
        if claim.end > now:
            changes.setdefault(claim.end, ([], []))[0].append(claim)
        if claim.start > now:
            changes.setdefault(claim.start, ([], []))[1].append(claim)
    future = pool.copy()
    for at in sorted(changes):
        given, taken = changes[at]
        for claim in given:
            future.give(claim.shares)
        for claim in taken:
            future.take(claim.shares, claim.uid)
        if given:
            yield Moment(at, future, claims, length)


def first_fit(
    pool: Pool,
    claims: list[Claim],
    need: Need,
    uid: int,
    partition: PartitionSlot,
    now: float,
    length: float,
    not_before: float = 0.0,
) -> tuple[float, Placement] | None:
    """The earliest moment the need fits for `length` seconds, as `moments` sees the future. Moments before `not_before` are
    known not to do. None when it never fits (nodes down, or not there at all)."""
    for moment in moments(pool, claims, now, length):
        if moment.at < not_before:
            continue
        found = moment.pool.place(need, uid, partition)
        if isinstance(found, Placement) and moment.disturbs(found):
            found = moment.beside().place(need, uid, partition)
        if isinstance(found, Placement):
            return moment.at, found
    return None
