"""What each node of a partition can contribute to one need, kept while jobs come and go.

A pass asks the same question for many equal needs, and between two answers only a few nodes change: a survey is made
once and then told which nodes to look at again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from copy import copy
from operator import attrgetter

from mgpu_slurm.intake.constraint import Term
from mgpu_slurm.sched import features
from mgpu_slurm.sched.fit import MANY, Candidate, Capacity, capacity, eligible, sight
from mgpu_slurm.sched.runs import Grade, Runs, grade
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot

_RANK = attrgetter("rank")


class Survey:
    """`whole` ignores what runs on the nodes, and whether they are usable."""

    def __init__(
        self, nodes: list[NodeSlot], need: Need, uid: int, partition: PartitionSlot | None, *, whole: bool = False
    ) -> None:
        self.need = need
        self.uid = uid
        self.partition = partition
        self.whole = whole
        self.unavailable: list[str] = []
        self._fixed: set[int] = set()  # nodes that cannot come into consideration
        self._missing: dict[int, str] = {}
        self._counts: dict[str, int] = {}  # of the words in _missing
        self._by_index: dict[int, Candidate] = {}
        self._tasks = 0  # of all of them
        self._alike: Counter[tuple[int, ...]] = Counter()  # how many of them give the same
        self._sorted: list[Candidate] | None = None
        self._runs: Runs | None = None
        self._grades: set[Grade] | None = None
        self._named = bool(need.required_nodes) and not need.spread
        self._anchor = next((at for at, slot in enumerate(nodes) if slot.name in need.required_nodes), 0)
        rows = need.gres_per_node + need.gres_per_job + need.gres_per_task + need.gres_per_socket
        self._asks_devices = bool(rows)
        by_user = need.exclusive_user or (partition is not None and partition.exclusive_user)
        self._rooms: dict[tuple[object, ...], Capacity] | None = {}  # of the nodes that look the same, where that is told so
        if by_user or need.kept_cpus or any(kind for _, kind, _ in rows):
            self._rooms = None
        for index in partition.nodes if partition is not None else range(len(nodes)):
            slot = nodes[index]
            why = eligible(slot, need)
            if why:
                self._fixed.add(index)
            elif not slot.usable and not whole:
                self.unavailable.append(slot.name)
                self._fixed.add(index)
            else:
                room = self._room(slot)
                if room.tasks:
                    candidate = self._by_index[index] = self._candidate(index, slot, room)
                    self._tasks += room.tasks
                    self._alike[candidate.gives] += 1
                why = room.missing
            if why:
                self._missing[index] = why
                self._counts[why] = self._counts.get(why, 0) + 1
        self._members = frozenset(self._by_index) | (frozenset(self._missing) - self._fixed)

    def _room(self, slot: NodeSlot) -> Capacity:
        if self._rooms is None:
            return capacity(slot, self.need, self.uid, self.partition, whole=self.whole)
        seen = sight(slot)
        room = self._rooms.get(seen)
        if room is None:
            room = self._rooms[seen] = capacity(slot, self.need, self.uid, self.partition, whole=self.whole)
        return room

    def _look(self, index: int, slot: NodeSlot) -> None:
        room = self._room(slot)
        before, after = self._by_index.pop(index, None), None
        if before is not None:
            self._tasks -= before.room.tasks
            self._alike[before.gives] -= 1
            if self._sorted is not None:
                del self._sorted[bisect_left(self._sorted, before.rank, key=_RANK)]
        if room.tasks:
            after = self._by_index[index] = self._candidate(index, slot, room)
            self._tasks += room.tasks
            self._alike[after.gives] += 1
            if self._sorted is not None:
                insort(self._sorted, after, key=_RANK)
            if self._grades is not None:
                self._grades = self._grades | {grade(after)}
        if self._runs is not None:
            self._runs.replace(before, after)
        self._note(index, room.missing)

    def _note(self, index: int, why: str) -> None:
        before = self._missing.pop(index, "")
        if before:
            self._counts[before] -= 1
        if why:
            self._missing[index] = why
            self._counts[why] = self._counts.get(why, 0) + 1

    def _candidate(self, index: int, slot: NodeSlot, room: Capacity) -> Candidate:
        """Lower weights first. Nodes with devices that the job does not ask for come after those without; then best fit;
        then those that follow the first node that the job names, then those before it, the nearest first."""
        spare = devices = 0
        if self._asks_devices:
            devices = sum([gres.free.bit_count() for gres in slot.gres])
        else:
            spare = sum([gres.total.bit_count() for gres in slot.gres if gres.name == "gpu"])
        cpus = slot.cpus_free.bit_count()
        tasks = room.tasks if room.tasks < MANY else cpus
        behind = self._named and index < self._anchor
        size = (devices << 40) + (tasks << 20) + cpus  # one small number: it is compared and added up often
        rank = slot.weight, spare, size, behind, -index if behind else index
        return Candidate(index, slot, room, rank, (room.tasks, *room.per_job))

    def copy(self) -> Survey:
        """One that can be told of other changes."""
        other = copy(self)
        other._missing = dict(self._missing)
        other._counts = dict(self._counts)
        other._by_index = dict(self._by_index)
        other._alike = Counter(self._alike)
        other._sorted = list(self._sorted) if self._sorted is not None else None
        other._runs = self._runs.copy(other._by_index) if self._runs is not None else None
        return other

    def of(self, term: Term | None) -> Survey:
        """Of the nodes with some features alone."""
        other = self.copy()
        other._by_index = {at: c for at, c in self._by_index.items() if features.satisfied(term, c.slot.features)}
        other._alike = Counter(candidate.gives for candidate in other._by_index.values())
        other._sorted = other._runs = None
        return other

    @property
    def grades(self) -> set[Grade]:
        """Of the nodes that can contribute, or could when the first of them was asked for."""
        if self._grades is None:
            self._grades = {grade(candidate) for candidate in self._by_index.values()}
        return self._grades

    @property
    def count(self) -> int:
        """How many nodes can contribute."""
        return len(self._by_index)

    @property
    def most(self) -> list[int]:
        """Of one node: tasks, and devices for each per-job row; nothing where there is no node."""
        return list(map(max, zip(*[gives for gives, number in self._alike.items() if number], strict=True)))

    @property
    def hopeless(self) -> bool:
        """Told without choosing: too few nodes, or too few tasks in all of them."""
        need = self.need
        if len(self._by_index) < need.min_nodes:
            return True
        return bool(need.ntasks) and self._tasks < need.ntasks

    def update(self, nodes: list[NodeSlot], changed: Iterable[int]) -> None:
        """Look again at the nodes that changed."""
        for index in set(changed):
            if index in self._members:
                self._look(index, nodes[index])

    @property
    def candidates(self) -> list[Candidate]:
        """In order of rank."""
        if self._sorted is None:
            self._sorted = sorted(self._by_index.values(), key=_RANK)
        return self._sorted

    @property
    def runs(self) -> Runs:
        """They follow the changes, and are not to be changed."""
        if self._runs is None:
            self._runs = Runs(self._by_index, counted=bool(self.need.ntasks or self.need.gres_per_job))
        return self._runs

    @property
    def missing(self) -> str:
        """What most of the nodes that cannot contribute lack."""
        counts = self._counts
        return max(counts, key=lambda why: (counts[why], why)) if self._missing else ""
