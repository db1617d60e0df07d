"""Which GPUs of a machine belong together. Pure; GPUs are meant by their place in the list.

Closeness is one number for a pair, larger is nearer. NVLinks outweigh everything else, since they carry several times
what PCIe does; more links are nearer than fewer. Without NVLink the common ancestor in the PCIe tree decides, and where
that is not known whether both sit at the same NUMA node.
"""

from __future__ import annotations

from collections.abc import Sequence

from mgpu_slurm.records.gpu import Gpu

SELF = 1_000_000
NVLINK = 1000  # plus the number of links
_PCIE = {"PSB": 60, "PIX": 50, "PXB": 40, "PHB": 30, "NODE": 20, "SYS": 10}
_SAME_NUMA_NODE = 20
_OTHER_NUMA_NODE = 10
_UNKNOWN = 15


def closeness(gpus: Sequence[Gpu]) -> list[list[int]]:
    """A symmetric matrix of closeness; SELF on the diagonal.

    Wiring that only one of two GPUs tells of (a half-broken one) holds for both.
    """
    n = len(gpus)
    table = [[SELF] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1, n):
            table[i][j] = table[j][i] = max(_pair(gpus, i, j), _pair(gpus, j, i)) or _by_node(gpus[i], gpus[j])
    return table


def _pair(gpus: Sequence[Gpu], i: int, j: int) -> int:
    """Closeness as GPU i tells it, 0 when it does not."""
    one = gpus[i]
    if j < len(one.links) and one.links[j] > 0:
        return NVLINK + one.links[j]
    return _PCIE.get(one.pcie[j], 0) if j < len(one.pcie) else 0


def _by_node(one: Gpu, other: Gpu) -> int:
    if one.numa_node is None or other.numa_node is None:
        return _UNKNOWN
    return _SAME_NUMA_NODE if one.numa_node == other.numa_node else _OTHER_NUMA_NODE


def groups(table: Sequence[Sequence[int]], at_least: int) -> list[list[int]]:
    """The GPUs in groups joined by pairs of closeness `at_least` or more, directly or over others of the group.

    Every GPU is in exactly one group; groups and their members ascend.
    """
    left = set(range(len(table)))
    result: list[list[int]] = []
    while left:
        group = {min(left)}
        edge = list(group)
        left -= group
        while edge:
            row = table[edge.pop()]
            near = {j for j in left if row[j] >= at_least}
            left -= near
            group |= near
            edge += near
        result.append(sorted(group))
    return result


def levels(table: Sequence[Sequence[int]]) -> list[tuple[int, list[list[int]]]]:
    """(closeness, groups) from the tightest grouping to the loosest, each a coarsening of the one before.

    Thresholds that change nothing are left out; a single GPU has no levels.
    """
    n = len(table)
    result: list[tuple[int, list[list[int]]]] = []
    before = n
    for threshold in sorted({table[i][j] for i in range(n) for j in range(i + 1, n)}, reverse=True):
        found = groups(table, threshold)
        if len(found) < before:
            result.append((threshold, found))
            before = len(found)
    return result
