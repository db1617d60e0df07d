"""Every script in fenced/ does the same on Slurm 22.05 with task/cgroup and on this suite, where steps are kept to their memory
and their GPUs. Skips where the kernel's cgroup controllers are not there for us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm.node import constraints
from tests.oracle import slurm_cluster
from tests.oracle.comparing import HERE, Pair, link_names

pytestmark = pytest.mark.xdist_group("oracle")

CASES = sorted((HERE / "fenced").glob("*.sh"))
CGROUP = "CgroupAutomount=no\nConstrainDevices=yes\nConstrainRAMSpace=yes\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    reason = slurm_cluster.why_not() or why_not()
    if reason:
        pytest.skip(reason)
    made = Pair(link_names(tmp_path_factory.mktemp("names")), cgroup=CGROUP)
    try:
        yield made
    finally:
        made.down()


def why_not() -> str:
    """Why steps cannot be kept to anything here. Slurm 22.05 on this machine goes by controllers of version 1."""
    try:
        constraints.prove(constraints.Constraints(ram=True, devices=True), "test-0.0", {"0": [[195, 250]]})
    except OSError as error:
        return f"steps cannot be kept to their memory and devices here: {error.strerror}"
    return ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case(case: Path, pair: Pair) -> None:
    differences = pair.differences(case)
    assert not differences, f"{case.name} differs\n{differences}"
