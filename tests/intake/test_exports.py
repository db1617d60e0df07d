"""--export, as real srun 22.05.8 carried it out."""

from __future__ import annotations

import pytest

from mgpu_slurm.intake import exports

ENVIRON = {"FOO": "foo", "BAR": "b r", "SLURM_X": "1", "PATH": "/bin"}
ALL = ENVIRON
BASE = {"SLURM_X": "1"}

CASES = {
    "ALL": ALL,
    "all": ALL,
    "NONE": BASE,
    "none": BASE,
    "NIL": BASE,
    "FOO": BASE | {"FOO": "foo"},
    "FOO,A=1": BASE | {"FOO": "foo", "A": "1"},
    "ALL,A=1": ALL | {"A": "1"},
    "A=1,ALL": ALL | {"A": "1"},
    "ALL,BAR=z": ALL | {"BAR": "z"},
    "A='x,y',B=2": BASE | {"A": "'x,y'", "B": "2"},
    "NOSUCH": BASE,
    "A=": BASE | {"A": ""},
    "A=1,NONE": BASE | {"A": "1"},
    "NONE,A=1": BASE,
    "FOO,,BAR": BASE | {"FOO": "foo", "BAR": "b r"},
    "A=b=c": BASE | {"A": "b=c"},
}


@pytest.mark.parametrize("export", CASES)
def test_export(export: str) -> None:
    assert exports.apply(export, ENVIRON) == (CASES[export], [])


def test_export_of_everything_is_the_default() -> None:
    assert exports.apply(None, ENVIRON) == (ALL, [])
    assert exports.apply("", ENVIRON)[0].keys() == {name for name in ALL if name.startswith(("SLURM_", "SPANK_"))}


def test_open_quote() -> None:
    assert exports.apply("A='x", {}) == ({"A": "'x"}, ["Improperly formed environment variable (A='x)"])


@pytest.mark.parametrize(
    ("export", "older", "newer"),
    [
        (None, False, False), ("ALL", False, False), ("all", False, False), ("ALL,A=1", True, False), ("NIL", True, False),
        ("NONE", True, True), ("A=1", True, True),
    ],
)  # fmt: skip
def test_login_environment(export: str | None, older: bool, newer: bool) -> None:
    assert exports.loads_login(export, (22, 5)) is older
    assert exports.loads_login(export, (26, 5)) is newer
