"""Number sets; the step form against squeue of 22.05.8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base import counts, idset

numbers = st.lists(st.integers(0, 300), max_size=60)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("1-3,7", [1, 2, 3, 7]),
        ("0-15:4", [0, 4, 8, 12]),
        ("8:2,0-3", [0, 1, 2, 3, 8]),
        ("1,1,2", [1, 2]),
        ("[1-5]", [1, 2, 3, 4, 5]),
    ],
)
def test_parse(text: str, ids: list[int]) -> None:
    assert idset.parse(text) == ids


@pytest.mark.parametrize("text", ["5-1", "-1", "1-4:0", "a", "1,", ",", "1--2", "1-2-3", "1.5", "0-9999999999", "²", "[", "+1"])
def test_refused(text: str) -> None:
    with pytest.raises(ValueError):
        idset.parse(text)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("0-20:5,30", "0,5,10,15,20,30"),
        ("1-10", "1-10"),
        ("0,5,10-12", "0,5,10-12"),
        ("0-100:10", "0-100:10"),
        ("0-1000:3", "0-999:3"),
        ("0-10:2", "0,2,4,6,8,10"),
        ("0-12:2", "0-12:2"),
        ("0-12:3", "0,3,6,9,12"),
        ("0-20:5", "0,5,10,15,20"),
        ("0-1000:250", "0,250,500,750,1000"),
        ("0-1000:200", "0-1000:200"),
        ("0-15:4,1", "0-1,4,8,12"),
        ("3", "3"),
    ],
)
def test_array_tasks_as_squeue_lists_them(given_text: str, shown: str) -> None:
    assert idset.fold_steps(idset.parse(given_text)) == shown


@given(numbers)
def test_parse_reads_what_fold_writes(ids: list[int]) -> None:
    assert idset.parse(idset.fold(ids)) == sorted(set(ids))
    assert idset.parse(idset.fold_steps(ids)) == sorted(set(ids))
    assert idset.unmask(idset.mask(ids)) == sorted(set(ids))


@given(st.integers(0, 40), st.integers(1, 40), st.integers(1, 60))
def test_even_spacing(first: int, step: int, length: int) -> None:
    ids = [first + step * at for at in range(length)]
    assert idset.parse(idset.fold_steps(ids)) == ids


@given(st.lists(st.integers(0, 9), max_size=40))
def test_counts(values: list[int]) -> None:
    assert counts.expand(counts.compress(values)) == values


def test_counts_examples() -> None:
    assert counts.compress([2, 2, 1]) == "2(x2),1"
    for bad in ("2(x2", "2(y2)", "a", "1,,2", "2(x)", "-1", "1(x99999999999)"):
        with pytest.raises(ValueError):
            counts.expand(bad)
