"""Closeness of GPUs and the groups they form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.node.gpu_topology import NVLINK, SELF, closeness, groups, levels
from mgpu_slurm.records.gpu import Gpu


def test_nvlink_before_pcie_before_numa() -> None:
    gpus = [
        Gpu(index=0, links=[-1, 12, 0, 0], pcie=["X", "SYS", "PIX", ""], numa_node=0),
        Gpu(index=1, links=[12, -1, 0, 0], pcie=["SYS", "X", "", ""], numa_node=0),
        Gpu(index=2, links=[0, 0, -1, 0], pcie=["PIX", "", "X", ""]),
        Gpu(index=3, numa_node=1),
    ]
    table = closeness(gpus)
    assert table[0][1] == NVLINK + 12
    assert table[0][2] == 50
    assert table[1][2] == 15  # nobody knows
    assert table[0][3] == 10  # other NUMA node
    assert table[3][3] == SELF


def test_wiring_that_one_side_tells_holds_for_both() -> None:
    table = closeness([Gpu(index=0, links=[-1, 4]), Gpu(index=1)])
    assert table[0][1] == table[1][0] == NVLINK + 4


def two_boards() -> list[Gpu]:
    """Pairs by NVLink, four below each socket."""
    return [
        Gpu(
            index=i,
            links=[-1 if i == j else 4 if i ^ 1 == j else 0 for j in range(8)],
            pcie=["X" if i == j else "NODE" if i // 4 == j // 4 else "SYS" for j in range(8)],
        )
        for i in range(8)
    ]


def test_levels() -> None:
    assert levels(closeness(two_boards())) == [
        (NVLINK + 4, [[0, 1], [2, 3], [4, 5], [6, 7]]),
        (20, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (10, [list(range(8))]),
    ]
    assert levels(closeness([Gpu(index=0)])) == []
    assert groups([], 1) == []


@given(st.integers(1, 9).flatmap(lambda n: st.lists(st.lists(st.integers(0, 6), min_size=n, max_size=n), min_size=n, max_size=n)))
def test_levels_only_join(links: list[list[int]]) -> None:
    table = closeness([Gpu(index=i, links=row) for i, row in enumerate(links)])
    assert all(table[i][j] == table[j][i] for i in range(len(table)) for j in range(len(table)))
    finer = [[i] for i in range(len(table))]
    for _, found in levels(table):
        assert sorted(i for group in found for i in group) == list(range(len(table)))
        assert all(any(set(group) <= set(coarse) for coarse in found) for group in finer)
        assert len(found) < len(finer)
        finer = found
    assert len(finer) == 1
