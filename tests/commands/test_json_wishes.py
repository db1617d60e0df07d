"""What documents say of a request; the numbers are those of Slurm 22.05.8."""

from __future__ import annotations

import pytest

from mgpu_slurm.commands import json_wishes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, (None, None, None)),
        ("low", (None, 0x80000001, None)),
        ("HighM1", (None, 0x80000004, None)),
        ("OnDemand", (None, None, 2214592512)),
        ("1000", (None, 1000, None)),
        ("1000-2000:performance", (1000, 2000, 2181038080)),
    ],
)
def test_frequencies(text: str | None, shown: tuple[int | None, ...]) -> None:
    assert json_wishes.frequencies(text) == shown


@pytest.mark.parametrize(
    ("text", "words"), [(None, ["NOT_SET"]), ("none", ["NONE"]), ("network,energy", ["ENERGY", "NETWORK"]), ("task", ["TASK"])]
)
def test_profiles(text: str | None, words: list[str]) -> None:
    assert json_wishes.profiles(text) == words
