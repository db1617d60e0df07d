"""Prolog, Epilog, PrologSlurmctld and EpilogSlurmctld: every script in programs/ does the same on Slurm 22.05 and on ours.

`# slow` in a case's first line leaves it out unless MGPU_SLOW=1. Cases whose names begin with a word of PrologFlags= run on
clusters of their own that have it, and no program of the controller.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle import slurm_cluster
from tests.oracle.comparing import HERE, Pair, link_names

PROGRAMS = HERE / "programs"
KEYS = ("Prolog", "Epilog", "PrologSlurmctld", "EpilogSlurmctld")
FLAGS = {"alloc": "Alloc", "defer": "Alloc,DeferBatch"}
pytestmark = pytest.mark.xdist_group("oracle")


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    reason = slurm_cluster.why_not()
    if reason:
        pytest.skip(reason)
    settings = [f"{key}={PROGRAMS / 'hook'}" for key in (KEYS[:2] if request.param else KEYS)]
    settings += [f"PrologFlags={request.param}"] if request.param else []
    made = Pair(link_names(tmp_path_factory.mktemp("names")), more="\n".join(settings))
    try:
        yield made
    finally:
        made.down()


def _parameters() -> list[object]:
    found: list[object] = []
    for case in sorted(PROGRAMS.glob("*.sh")):
        slow = case.read_text().startswith("# slow")
        flags = FLAGS.get(case.stem.partition("-")[0], "")
        found.append(pytest.param(flags, case, id=case.stem, marks=[pytest.mark.slow] if slow else []))
    return found


@pytest.mark.parametrize(("pair", "case"), _parameters(), indirect=["pair"], scope="module")
def test_case(case: Path, pair: Pair) -> None:
    differences = pair.differences(case)
    assert not differences, f"{case.name} differs\n{differences}"
