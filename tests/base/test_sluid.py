"""Names of jobs' runs that sort."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base.sluid import DIGITS, sluid

RUNS = st.tuples(st.integers(0, 2**34 - 1), st.integers(0, 2**24 - 1), st.integers(0, 63))


def test_form() -> None:
    assert sluid(0, 0) == "s0000000000000"
    assert sluid(0, 1) == "s0000000000020"
    assert sluid(0, 0, 31) == "s000000000000Z"


@given(RUNS, RUNS)
def test_they_sort_as_runs_do_and_are_different(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert (sluid(*one) < sluid(*other)) == (one < other)
    assert (sluid(*one) == sluid(*other)) == (one == other)
    assert len(sluid(*one)) == 14
    assert set(sluid(*one)[1:]) <= set(DIGITS)
