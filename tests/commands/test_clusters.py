"""--clusters: the own cluster by its name or "all", others refused in Slurm's words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.cluster import Cluster

UNKNOWN = "{0}: error: No cluster 'other' known by database.\n"
NONE = UNKNOWN + (
    "{0}: error: 'other' can't be reached now, or it is an invalid entry for {1}.  "
    "Use 'sacctmgr list clusters' to see available clusters.\n"
)
COMMANDS = (
    ["squeue"], ["sinfo"], ["scancel", "7"], ["scontrol", "ping"], ["sprio"], ["sdiag"], ["sbatch", "--wrap", "true"],
    ["salloc", "true"],
)  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Iterator[Cluster]:
    with Cluster.up(1, 0) as cluster:
        yield cluster


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_another_cluster(small: Cluster, words: list[str]) -> None:
    done = small.run(words[0], "-M", "other", *words[1:])
    assert (done.status, done.out, done.err) == (1, "", NONE.format(words[0], "--cluster"))


def test_its_own_name(small: Cluster) -> None:
    assert small.run("squeue", "-M", "test").lines[0] == "CLUSTER: test"
    assert small.run("sinfo", "-M", "all").lines[0] == "CLUSTER: test"
    assert small.run("sinfo", "-h", "-M", "test", "-o", "%N").lines == ["n0"]
    both = small.run("squeue", "-M", "test,other")
    assert (both.status, both.lines[0], both.err) == (0, "CLUSTER: test", UNKNOWN.format("squeue"))
    assert small.run("sbatch", "-H", "--parsable", "-M", "all", "--wrap", "true").out.endswith(";test\n")
    assert small.run("scancel", "--me", "--clusters=all").status == 0


def test_from_the_environment(small: Cluster) -> None:
    done = small.run("squeue", env={"SLURM_CLUSTERS": "other"})
    assert (done.status, done.err) == (1, NONE.format("squeue", "SLURM_CLUSTERS"))
    assert small.run("squeue", "-M", "test", env={"SLURM_CLUSTERS": "other"}).status == 0
