"""Prolog, Epilog, PrologSlurmctld and EpilogSlurmctld: every script in programs/ does the same on Slurm 22.05 and on ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle import slurm_cluster
from tests.oracle.comparing import HERE, Pair, link_names

PROGRAMS = HERE / "programs"
KEYS = ("Prolog", "Epilog", "PrologSlurmctld", "EpilogSlurmctld")
pytestmark = pytest.mark.xdist_group("oracle")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    reason = slurm_cluster.why_not()
    if reason:
        pytest.skip(reason)
    names = link_names(tmp_path_factory.mktemp("names"))
    made = Pair(names, more="\n".join(f"{key}={PROGRAMS / 'hook'}" for key in KEYS))
    try:
        yield made
    finally:
        made.down()


def _parameters() -> list[object]:
    """`# slow` in a case's first line: only with MGPU_SLOW=1."""
    found: list[object] = []
    for case in sorted(PROGRAMS.glob("*.sh")):
        slow = case.read_text().startswith("# slow")
        found.append(pytest.param(case, id=case.stem, marks=[pytest.mark.slow] if slow else []))
    return found


@pytest.mark.parametrize("case", _parameters())
def test_case(case: Path, pair: Pair) -> None:
    differences = pair.differences(case)
    assert not differences, f"{case.name} differs\n{differences}"
