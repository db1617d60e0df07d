"""Every script in accounted/ gets the same from sacct on a Slurm 22.05 with slurmdbd and on this suite.

A database, two daemons more and Slurm's own pace make it the longest of the comparisons: it runs with MGPU_SLOW=1. Jobs have
steps "extern" here, unlike in the other comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle import accounting_cluster
from tests.oracle.accounting_cluster import AccountingCluster
from tests.oracle.comparing import HERE, Pair, link_names

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("oracle")]

CASES = sorted((HERE / "accounted").glob("*.sh"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    reason = accounting_cluster.why_not()
    if reason:
        pytest.skip(reason)
    made = Pair(link_names(tmp_path_factory.mktemp("names")), AccountingCluster, more="PrologFlags=Contain")
    try:
        yield made
    finally:
        made.down()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case(case: Path, pair: Pair) -> None:
    differences = pair.differences(case, 120)
    assert not differences, f"{case.name} differs\n{differences}"
