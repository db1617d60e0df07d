"""TRESBillingWeights: what Slurm 22.05 billed for the same weights and resources."""

from __future__ import annotations

import pytest

from mgpu_slurm.base import billing

HELD = {"cpu": 3, "mem": 1500, "node": 1, "gres/gpu": 2}


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", 3), ("CPU=2", 6), ("CPU=1.0,Mem=0.25G", 3), ("Mem=1", 1500), ("Node=10", 10), ("CPU=0.3", 0),
        ("CPU=1.5,node=0.4", 4), ("mem=10G", 14), ("billing=5", 0), ("GRES/gpu=3", 6), ("Mem=2k", 3000), ("CPU=1024k,,", 3),
        ("cpu=-1,Mem=.5mb", 747), (",CPU= +5e0", 15),
    ],
)  # fmt: skip
def test_units(text: str, units: int) -> None:
    assert billing.billed(text, HELD) == units


@pytest.mark.parametrize(
    "text",
    ["x", "CPU=x", "CPU", "gres/gpu=3", "license/lic=4", "CPU=1, Mem=2", "=5", "CPU=", "CPU=1_0", "CPU=1=2", "CPU=1e400",
     "CPU=nan", "CPU=5E"],
)  # fmt: skip
def test_what_cannot_be_weighed(text: str) -> None:
    with pytest.raises(ValueError):
        billing.check(text)


def test_what_the_configuration_adds() -> None:
    billing.check("GRES/gpu=3,CPU=1", ("gres/gpu",))
