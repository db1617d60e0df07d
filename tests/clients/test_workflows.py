"""Workflow engines: snakemake, whose inner steps drop most of SLURM_*, and parsl, whose workers are steps of a two-node job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import RealSlurm, Suite, readable

pytestmark = [pytest.mark.clients, pytest.mark.slow]

SNAKEFILE = """\
rule all:
    input: "sum.txt"
rule part:
    output: "part{n}.txt"
    resources: runtime=2, mem_mb=200, tasks=1
    shell: "echo $SLURM_JOB_ID {wildcards.n} > {output}"
rule sum:
    input: expand("part{n}.txt", n=[1, 2])
    output: "sum.txt"
    resources: runtime=2, mem_mb=200, cpus_per_task=2
    shell: "cat {input} > {output}"
"""


@pytest.mark.parametrize("status_command", ["sacct", "squeue"])
def test_snakemake(cluster: Suite, workflows: Path, here: Path, status_command: str) -> None:
    if isinstance(cluster, RealSlurm) and status_command == "sacct":
        pytest.skip("needs accounting")
    (here / "Snakefile").write_text(SNAKEFILE)
    (here / "home").mkdir()
    world = World(cluster, workflows, here)
    world.environ["XDG_CACHE_HOME"] = str(here / "home")
    words = ["--executor", "slurm", "--jobs", "4", "--slurm-status-command", status_command, "--default-resources"]
    words += ["slurm_partition=gpu", "--slurm-init-seconds-before-status-checks=1", "--seconds-between-status-checks", "1"]
    world.call("snakemake", *words, timeout=120)
    rows = [line.split() for line in readable(here / "sum.txt").splitlines()]
    assert [number for _, number in rows] == ["1", "2"]
    assert rows[0][0] != rows[1][0], "each ran in a job of its own"
    assert set(cluster.states(*[int(job) for job, _ in rows]).values()) == {"COMPLETED"}


PARSL = """\
import json, os
import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SrunLauncher
from parsl.providers import SlurmProvider

if __name__ == "__main__":
    provider = SlurmProvider(partition="gpu", nodes_per_block=2, init_blocks=1, max_blocks=1, cores_per_node=2, mem_per_node=1,
                             walltime="00:05:00", exclusive=False, launcher=SrunLauncher(), worker_init="export WORKERS=mine")
    parsl.load(Config(run_dir="runs", strategy="none",
                      executors=[HighThroughputExecutor(address="127.0.0.1", max_workers_per_node=1, provider=provider)]))

    @parsl.python_app
    def work(x):
        import os, time
        time.sleep(0.3)
        return x * x, os.environ["SLURM_JOB_ID"], os.environ["SLURM_PROCID"], os.environ["WORKERS"]

    results = [future.result() for future in [work(number) for number in range(16)]]
    executor = next(one for label, one in parsl.dfk().executors.items() if label != "_parsl_internal")
    states = [status.state.name for status in executor.status().values()]
    parsl.dfk().cleanup()
    print(json.dumps([results, states]))
"""


def test_parsl(cluster: Suite, workflows: Path, here: Path) -> None:
    results, states = json.loads(World(cluster, workflows, here).run(PARSL, timeout=120).lines[-1])
    assert [row[0] for row in results] == [number * number for number in range(16)]
    assert {row[2] for row in results} == {"0", "1"}, "both nodes worked"
    assert {row[3] for row in results} == {"mine"}
    assert states == ["RUNNING"]
    (job,) = {row[1] for row in results}
    cluster.wait_state(job, "CANCELLED", "COMPLETED")
