"""The name of a job's run is the same wherever it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.cluster import Cluster, readable


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One node of the newest version."""
    with Cluster.up(1, 0, compat="") as made:
        yield made


def test_one_name_everywhere(cluster: Cluster) -> None:
    here = cluster.directory / "work"
    body = "echo $SLURM_JOB_SLUID $SLURM_JOB_OVERSUBSCRIBE $SLURM_JOB_EXCLUSIVE; srun printenv SLURM_JOB_SLUID; touch up"
    body += "; sleep 600"
    job = cluster.submit("-D", str(here), "-o", "out-%S", "--exclusive", "--requeue", "--wrap", body)
    cluster.until((here / "up").exists, "it runs")
    first = cluster.ask("squeue", "-h", "-j", str(job), "-O", "SLUID").strip()
    assert len(first) == 14
    assert readable(here / f"out-{first}") == f"{first} NO NODE\n{first}\n"
    assert cluster.job(job)["SLUID"] == first
    assert cluster.ask("squeue", "-h", "-j", str(job), "-o", "%s").strip() == first
    assert cluster.ask("sstat", "-nP", "-j", f"{job}.batch", "-o", "SLUID").strip() == first
    assert cluster.ask("sacct", "-nP", "-j", str(job), "-o", "SLUID,OriginalSLUID").split() == [f"{first}|{first}"] * 3
    (here / "up").unlink()
    cluster.run("scontrol", "requeue", str(job)).ok()
    cluster.until((here / "up").exists, "it runs again", 30)
    second = cluster.job(job)["SLUID"]
    assert second > first
    assert readable(here / f"out-{second}") == f"{second} NO NODE\n{second}\n"
    rows = cluster.ask("sacct", "-nPXD", "-j", str(job), "-o", "SLUID,OriginalSLUID").split()
    assert rows == [f"{first}|{first}", f"{second}|{first}"]
