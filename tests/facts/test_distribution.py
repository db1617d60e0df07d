"""The words are those of Slurm 22.05.8."""

from __future__ import annotations

import pytest

from mgpu_slurm.facts import distribution


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("block", "Block"), ("cyclic", "Cyclic"), ("plane=2", "Plane"), ("plane", "Plane"), ("arbitrary", "arbitrary"),
        ("block:cyclic", "BCyclic"), ("cyclic:block", "CBlock"), ("block:fcyclic", "BFCyclic"), ("*:cyclic", "BCyclic"),
        ("cyclic:cyclic:fcyclic", "CCyclicFCyclic"), ("block,pack", "Block,Pack"), ("block:block,nopack", "BBlock,NoPack"),
        ("*:*:cyclic", "BCyclicCyclic"), ("block:*", "BCyclic"), ("*", "Block"), ("arbitrary,pack", "arbitrary"),
    ],
)  # fmt: skip
def test_forms(text: str, shown: str) -> None:
    assert distribution.shown(text) == shown
