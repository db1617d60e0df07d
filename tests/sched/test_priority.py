"""Multifactor priorities beside those of a real Slurm 22.05.8: 4 nodes of 8 CPUs and 16000 MiB."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.sched.priority import Factors, Weights, age, job_size, resources, total

WEIGHTS = Weights(jobsize=1000, partition=2000, tres={"cpu": 1000.0, "mem": 2000.0})


@pytest.mark.parametrize(
    ("nodes", "cpus", "mem", "factor", "number"),
    [
        (1, 1, 100, 1, 195),
        (1, 8, 800, 1, 545),
        (2, 4, 400, 1, 470),
        (4, 32, 3200, 1, 2120),
        (1, 1, 100, 100, 2175),
        (1, 1, 8000, 1, 441),
        (2, 2, 32000, 1, 1363),
    ],
)
def test_sum(nodes: int, cpus: int, mem: int, factor: int, number: int) -> None:
    tres = resources(WEIGHTS.tres, {"cpu": cpus, "mem": mem}, {"cpu": 32, "mem": 64000}, whole=False)
    size = job_size(nodes, cpus, 4, 32, favor_small=False)
    assert int(total(WEIGHTS, Factors(jobsize=size, partition=factor / 100, tres=tres))) == number


def test_age_grows_to_its_end() -> None:
    assert [age(waited, 600.0) for waited in (-5.0, 0.0, 300.0, 600.0, 6000.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


@given(st.integers(0, 10), st.integers(0, 100), st.booleans())
def test_a_share_is_no_more_than_all(nodes: int, cpus: int, favor_small: bool) -> None:
    found = job_size(nodes, cpus, 5, 50, favor_small=favor_small)
    assert 0.0 <= found <= 1.0
    assert found == pytest.approx(1.0 - job_size(nodes, cpus, 5, 50, favor_small=not favor_small))
