"""sacct and sstat on a real cluster: what is measured, and what outlives memory and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.cluster import Cluster, Suite

BURN = "import time; block = bytearray(60_000_000); end = time.process_time() + {}\nwhile time.process_time() < end: pass"


def rows(cluster: Suite, job: int, fields: str, *more: str) -> list[list[str]]:
    text = cluster.run("sacct", "-n", "-P", "-j", str(job), "-o", fields, *more).out
    return [line.split("|") for line in text.splitlines()]


@pytest.mark.ours
def test_use_is_measured(cluster: Suite, here: Path) -> None:
    (here / "burn.py").write_text(BURN.format(0.4))
    job = cluster.submit("-n2", "--wrap", f"srun -J burn python3 {here}/burn.py", cwd=here)
    cluster.wait_ended(job)
    (whole, _, task) = rows(cluster, job, "jobid,state,totalcpu,maxrss,ntasks,alloctres")
    assert [whole[0], task[0], task[1], task[4]] == [str(job), f"{job}.0", "COMPLETED", "2"]
    assert float(task[2].rpartition(":")[2]) >= 0.8
    assert float(whole[2].rpartition(":")[2]) >= float(task[2].rpartition(":")[2])
    assert 60_000_000 // 1024 < int(task[3].removesuffix("K")) < 200_000
    assert task[5] == "cpu=2,mem=200M,node=1"


@pytest.mark.ours
def test_use_of_a_running_step(cluster: Suite, here: Path) -> None:
    (here / "burn.py").write_text(BURN.format(60))
    job = cluster.submit("-n2", "--wrap", f"srun python3 {here}/burn.py", cwd=here)

    def used() -> list[str]:
        text = cluster.ask("sstat", "-nPj", str(job), "-o", "jobid,ntasks,maxrss,mincpu")
        found = text.strip().split("|")
        return found if len(found) == 4 and found[3] > "00:00:00" and int(found[2][:-1]) > 60_000_000 // 1024 else []

    assert cluster.until(used, "the step's tasks burn")[:2] == [f"{job}.0", "2"]
    shown = [line.split("|") for line in cluster.ask("sstat", "-anPij", str(job)).splitlines()]
    assert [line[:2] for line in shown] == [[f"{job}.batch", shown[0][1]], [f"{job}.0", shown[0][1]]]
    assert len(shown[1][2].split(",")) == 2
    cluster.run("scancel", str(job))
    cluster.wait_ended(job)
    assert cluster.run("sstat", "-nj", str(job)).err == f"sstat: error: No steps running for job {job}\n"


def test_cancelled(cluster: Suite) -> None:
    job = cluster.submit("--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    cluster.run("scancel", str(job))
    cluster.wait_ended(job)
    assert rows(cluster, job, "jobid,state,exitcode") == [
        [str(job), "CANCELLED by 0", "0:0"], [f"{job}.batch", "CANCELLED", "0:15"],
    ]  # fmt: skip


@pytest.fixture
def forgetful() -> Iterator[Cluster]:
    with Cluster.up(1, 0, settings="MinJobAge=2") as suite:
        yield suite


def test_history_outlives_memory_and_restarts(forgetful: Cluster) -> None:
    cluster = forgetful
    job = cluster.submit("-J", "kept", "--wrap", "exit 3")
    array = cluster.submit("-J", "many", "--array=1-3", "--wrap", "true")
    cluster.until(lambda: not cluster.ask("squeue", "-h", "-t", "all", "-o", "%i"), "the controller forgets")
    assert rows(cluster, job, "jobname,state,exitcode", "-X") == [["kept", "FAILED", "3:0"]]
    cluster.kill9("controller")
    cluster.restart("controller")
    assert rows(cluster, job, "jobid,state") == [[str(job), "FAILED"], [f"{job}.batch", "FAILED"]]
    assert [row[0] for row in rows(cluster, array, "jobid", "-X")] == [f"{array}_{task}" for task in (1, 2, 3)]
