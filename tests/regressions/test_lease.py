"""A node daemon killed in its first half second left no lease: its jobs lived on while they ran elsewhere again."""

from __future__ import annotations

import pytest

from tests.kit.cluster import Cluster, Suite


@pytest.mark.ours
def test_the_lease_is_noted_before_the_first_job_starts(cluster: Suite) -> None:
    assert isinstance(cluster, Cluster)
    for name in cluster.nodes:
        _, seconds = (cluster.directory / "spool" / name / "lease").read_text().split()
        assert float(seconds) >= 30  # and no shorter than what the node's supervisors count with
