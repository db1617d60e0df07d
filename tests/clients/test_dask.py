"""dask-jobqueue: a SLURMCluster whose workers are jobs computes, and closing it cancels them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import Suite

pytestmark = pytest.mark.clients

COMPUTE = """\
import json, os
from dask.distributed import Client
from dask_jobqueue import SLURMCluster

def job():
    return os.environ["SLURM_JOB_ID"], os.environ["SLURM_CPUS_PER_TASK"]

if __name__ == "__main__":
    cluster = SLURMCluster(
        cores=2, processes=1, memory="400MB", walltime="00:10:00", queue="gpu", account="any", interface="lo",
        scheduler_options={"dashboard_address": ":0"}, log_directory="logs", job_extra_directives=["--comment='of dask'"],
    )
    cluster.scale(jobs=2)
    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=40)
        squares = client.gather(client.map(lambda x: x * x, range(20)))
        print(json.dumps([sum(squares), sorted(client.run(job).values())]), flush=True)
        cluster.scale(jobs=1)
    cluster.close()
"""


def test_cluster_computes_and_is_gone_when_closed(cluster: Suite, light: Path, here: Path) -> None:
    world = World(cluster, light, here)
    total, workers = json.loads(world.run(COMPUTE).lines[-1])
    assert total == 2470
    assert len(workers) == 2
    assert [cpus for _, cpus in workers] == ["2", "2"]
    for job, _ in workers:
        cluster.wait_state(job, "CANCELLED")
        assert (here / "logs" / f"dask-worker-{job}.err").exists(), "%J in a file name"
