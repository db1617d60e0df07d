"""Neighbours among the nodes that can contribute to a need, kept while nodes come and go.

A run is nodes that follow one another without a gap and are of one grade. Several nodes of a job are taken by Slurm's rule for
clusters without a topology: of the runs that suffice alone the one that gives the least, so that longer ones stay whole for
larger jobs, and its first nodes that do (of single ones the tightest); where none suffices the one that gives the most, and
then the same for what is left.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from operator import add, attrgetter, lt, sub
from typing import NamedTuple

from mgpu_slurm.sched.fit import Candidate

Grade = tuple[int, bool]
"""The weight of a node, and whether it has GPUs that the job does not ask for: what is lower is taken first."""

Amounts = tuple[int, ...]


def grade(node: Candidate) -> Grade:
    return node.rank[0], node.rank[1] > 0


class Run(NamedTuple):
    """Ordered as they are taken."""

    grade: Grade
    size: int  # what its nodes have free of what matters: devices, then tasks, then CPUs, as one number
    first: int
    last: int
    length: int
    gives: Amounts  # tasks, and devices for each per-job row; () where it does not matter how many


class Runs:
    """The runs of some nodes, which are given by their index. `members` is the caller's, who tells of each change of it;
    `counted`: it matters how many tasks or devices of the job there are."""

    def __init__(self, members: dict[int, Candidate], *, counted: bool) -> None:
        self.members = members
        self.counted = counted
        self._starts: list[int] = []
        self._runs: dict[int, Run] = {}
        group: list[Candidate] = []
        for index in sorted(members):
            node = members[index]
            if group and (group[-1].index != index - 1 or grade(group[-1]) != grade(node)):
                self._append(group)
                group = []
            group.append(node)
        if group:
            self._append(group)

    def copy(self, members: dict[int, Candidate]) -> Runs:
        """One that follows another dictionary, of the same nodes now."""
        other = Runs({}, counted=self.counted)
        other.members, other._starts, other._runs = members, list(self._starts), dict(self._runs)
        return other

    def _gives(self, node: Candidate) -> Amounts:
        return node.gives if self.counted else ()

    def _alone(self, node: Candidate) -> Run:
        return Run(grade(node), _size(node), node.index, node.index, 1, self._gives(node))

    def _append(self, group: list[Candidate]) -> None:
        size, gives = self._sum(group)
        first = group[0].index
        self._starts.append(first)
        self._runs[first] = Run(grade(group[0]), size, first, group[-1].index, len(group), gives)

    def _sum(self, group: list[Candidate]) -> tuple[int, Amounts]:
        gives = tuple(map(sum, zip(*map(self._gives, group), strict=True))) if self.counted and group else ()
        return sum(map(_size, group)), gives

    # Changes

    def _put(self, run: Run) -> None:
        if run.first not in self._runs:
            insort(self._starts, run.first)
        self._runs[run.first] = run

    def _drop(self, run: Run) -> None:
        del self._runs[run.first]
        self._starts.pop(bisect_right(self._starts, run.first) - 1)

    def _around(self, index: int) -> Run | None:
        at = bisect_right(self._starts, index) - 1
        run = self._runs[self._starts[at]] if at >= 0 else None
        return run if run is not None and run.last >= index else None

    def replace(self, before: Candidate | None, after: Candidate | None) -> None:
        """A node is another one now, or has come (no `before`) or gone (no `after`)."""
        if before is not None and after is not None and before.rank[:2] == after.rank[:2]:
            size = after.rank[2] - before.rank[2]
            if size or self.counted:
                first = self._starts[bisect_right(self._starts, after.index) - 1]
                run = self._runs[first]
                gives = run.gives
                if gives:
                    gives = tuple(map(add, map(sub, gives, self._gives(before)), self._gives(after)))
                self._runs[first] = Run(run.grade, run.size + size, first, run.last, run.length, gives)
            return
        if before is not None:
            self._remove(before)
        if after is not None:
            self._add(after)

    def _add(self, node: Candidate) -> None:
        run = self._alone(node)
        left, right = self._around(node.index - 1), self._runs.get(node.index + 1)
        if right is not None and right.grade == run.grade:
            self._drop(right)
            run = _joined(run, right)
        if left is not None and left.grade == run.grade:
            run = _joined(left, run)
        self._put(run)

    def _remove(self, node: Candidate) -> None:
        """The shorter of the two that it leaves is counted, the other is what remains."""
        run, at = self._around(node.index), node.index
        assert run is not None
        before, after = at - run.first, run.last - at
        size, gives = run.size - _size(node), tuple(map(sub, run.gives, self._gives(node))) if self.counted else ()
        shorter = range(run.first, at) if before <= after else range(at + 1, run.last + 1)
        part = self._sum([self.members[index] for index in shorter]) if before and after else (0, ())
        rest = size - part[0], tuple(map(sub, gives, part[1])) if part[1] else gives
        left, right = (part, rest) if before <= after else (rest, part)
        if before:
            self._put(Run(run.grade, left[0], run.first, at - 1, before, left[1]))
        else:
            self._drop(run)
        if after:
            self._put(Run(run.grade, right[0], at + 1, run.last, after, right[1]))

    # Choice

    def choose(self, count: int, least: int, wanted: list[int], grades: set[Grade] | None) -> list[Candidate] | None:
        """`count` nodes of these grades (None: there is one alone) that together give what is wanted: tasks and devices for each
        per-job row. A run of `least` nodes would do. None where this way there are none."""
        chosen: list[Candidate] = []
        lacking = [*wanted]
        rows = [row for row, number in enumerate(wanted) if number > 0]
        left = [*self._runs.values()]
        if grades is not None:
            left = [run for run in left if run.grade in grades]
        while len(chosen) < count:
            if not left:
                return None
            fewest = max(1, least - len(chosen))
            lightest = min(left).grade if grades is not None else None
            among = [run for run in left if run.grade == lightest] if lightest is not None else left
            enough = [run for run in among if run.length >= fewest]
            for row in rows:
                enough = [run for run in enough if run.gives[row] >= lacking[row]]
            run = min(enough) if enough else max(among, key=_most)
            group = self._window(run, count - len(chosen), lacking if rows else [])
            if group is None:
                return None
            left.remove(run)
            chosen += group
            for row in rows:
                lacking[row] -= sum(self._gives(node)[row] for node in group)
        return chosen if all(lacking[row] <= 0 for row in rows) else None

    def _window(self, run: Run, count: int, wanted: list[int]) -> list[Candidate] | None:
        """The whole run, if it is no longer than that; else its first neighbours that suffice, of single nodes the tightest."""
        if count == 1:
            alone = (self.members[index] for index in range(run.first, run.last + 1))
            fitting = [node for node in alone if not wanted or not any(map(lt, self._gives(node), wanted))]
            return [min(fitting, key=attrgetter("rank"))] if fitting else None
        nodes = list(map(self.members.__getitem__, range(run.first, min(run.first + count, run.last + 1))))
        if run.length <= count or not wanted:
            return nodes
        sums = [sum(column) for column in zip(*map(self._gives, nodes), strict=True)]
        at = run.first
        while any(map(lt, sums, wanted)):
            if at + count > run.last:
                return None
            sums = list(map(add, map(sub, sums, self._gives(self.members[at])), self._gives(self.members[at + count])))
            at += 1
        return [self.members[index] for index in range(at, at + count)]


def _size(node: Candidate) -> int:
    return node.rank[2]


def _most(run: Run) -> tuple[int, int]:
    return run.size, -run.first


def _joined(left: Run, right: Run) -> Run:
    gives = tuple(map(add, left.gives, right.gives))
    return Run(left.grade, left.size + right.size, left.first, right.last, left.length + right.length, gives)
