"""Distribution of task ranks over nodes: block, cyclic, plane and arbitrary (srun(1), --distribution)."""

from __future__ import annotations

import msgspec


class Spread(msgspec.Struct):
    """`room[i]`: tasks node i can hold. `per_node` of 0: not limited. `overcommit`: room does not count."""

    ntasks: int
    room: list[int]
    distribution: str = ""
    plane: int = 0
    per_node: int = 0
    overcommit: bool = False


def spread(want: Spread, names: list[str], arbitrary: list[str] | None = None) -> list[list[int]] | None:
    """Ranks of each node, ascending; None when they do not fit."""
    kind = want.distribution.split(",")[0].split(":")[0].split("=")[0]
    if arbitrary is not None:
        return _arbitrary(want.ntasks, names, arbitrary)
    if not want.overcommit and sum(want.room) < want.ntasks:
        return None
    room = list(want.room)
    if want.overcommit:
        room = _with_more(want.ntasks, want.room)
    if want.per_node:
        room = [min(number, want.per_node) for number in room]
        if sum(room) < want.ntasks:
            return None
    if kind == "cyclic":
        return _round_robin(want.ntasks, room, 1)
    if kind == "plane":
        size = want.plane or _number(want.distribution)
        return _round_robin(want.ntasks, room, max(1, size))
    return _block(_filled(want.ntasks, room) if packs(want.distribution) else counts(want.ntasks, room))


def packs(distribution: str) -> bool:
    """Whether nodes are to be filled one after the other."""
    words = distribution.lower().split(",")
    return "pack" in words and "nopack" not in words


def _with_more(ntasks: int, room: list[int]) -> list[int]:
    """Room for tasks that have no CPU of their own: as many more on every node."""
    share, more = divmod(max(0, ntasks - sum(room)), len(room))
    return [number + share + (1 if place < more else 0) for place, number in enumerate(room)]


def counts(ntasks: int, room: list[int]) -> list[int]:
    """Tasks per node in block distribution: as even as the room allows, the first nodes getting one more."""
    numbers = [0] * len(room)
    left = ntasks
    while left:
        open_nodes = [place for place, number in enumerate(numbers) if number < room[place]]
        if not open_nodes:
            break
        share = min(left // len(open_nodes), *(room[place] - numbers[place] for place in open_nodes))
        for place in open_nodes if share else open_nodes[:left]:
            numbers[place] += share or 1
            left -= share or 1
    return numbers


def _filled(ntasks: int, room: list[int]) -> list[int]:
    numbers, left = [], ntasks
    for place, most in enumerate(room):
        number = max(min(most, left - (len(room) - place - 1)), 0)
        numbers.append(number)
        left -= number
    return numbers


def _block(numbers: list[int]) -> list[list[int]]:
    ranks, first = [], 0
    for number in numbers:
        ranks.append(list(range(first, first + number)))
        first += number
    return ranks


def _round_robin(ntasks: int, room: list[int], size: int) -> list[list[int]]:
    ranks: list[list[int]] = [[] for _ in room]
    rank = 0
    while rank < ntasks:
        before = rank
        for place, most in enumerate(room):
            # the first round leaves a task for every later node
            share = size if before else min(size, ntasks - rank - (len(room) - place - 1))
            for _ in range(share):
                if rank < ntasks and len(ranks[place]) < most:
                    ranks[place].append(rank)
                    rank += 1
        if rank == before:
            break
    return ranks


def _arbitrary(ntasks: int, names: list[str], order: list[str]) -> list[list[int]] | None:
    if len(order) < ntasks:
        return None
    ranks: list[list[int]] = [[] for _ in names]
    for rank, name in enumerate(order[:ntasks]):
        ranks[names.index(name)].append(rank)
    return ranks


def _number(text: str) -> int:
    digits = text.partition("=")[2].split(",")[0]
    return int(digits) if digits.isdigit() else 1
