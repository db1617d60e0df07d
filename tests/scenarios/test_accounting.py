"""sacct and sstat on a real cluster: what is measured, and what outlives memory and restarts."""

from __future__ import annotations

import os
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
    shown = cluster.run("scontrol", "show", "step", str(job))
    assert (shown.status, shown.out) == (1, f"Job step {job}. not found\n")


def test_cancelled(cluster: Suite) -> None:
    job = cluster.submit("--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    cluster.run("scancel", str(job))
    cluster.wait_ended(job)
    assert rows(cluster, job, "jobid,state,exitcode") == [
        [str(job), f"CANCELLED by {os.getuid()}", "0:0"], [f"{job}.batch", "CANCELLED", "0:15"],
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


def test_earlier_runs_of_a_requeued_job(forgetful: Cluster, tmp_path: Path) -> None:
    cluster = forgetful
    script = tmp_path / "job.sh"
    script.write_text('#!/bin/sh\n[ "$SLURM_RESTART_COUNT" = 1 ] && exec srun -J second true\nsrun -J first sleep 100\n')
    job = cluster.submit("--requeue", "-J", "again", str(script))
    cluster.until(lambda: "first" in cluster.ask("squeue", "-hs", "-j", str(job), "-o", "%j").split(), "the step runs")
    cluster.run("scontrol", "requeue", str(job)).ok()
    cluster.until(lambda: rows(cluster, job, "state", "-X") == [["COMPLETED"]], "the second run has ended")
    last = [[str(job), "COMPLETED"], [f"{job}.batch", "COMPLETED"], [f"{job}.0", "COMPLETED"]]
    first = [str(job), "REQUEUED"]
    assert rows(cluster, job, "jobid,state") == last
    shown = rows(cluster, job, "jobid,state,restarts,jobname", "-D")
    assert shown[0][:2] == first
    assert [row[:2] for row in shown][3:] == last
    assert [row[3] for row in shown if row[0] == f"{job}.0"] == ["first", "second"]
    assert [row[2] for row in shown if row[2]] == ["0", "1"]
    assert rows(cluster, job, "state", "-X", "-D", "-s", "REQUEUED", "-S", "now-1hour", "-E", "now") == [["REQUEUED"]]
    cluster.kill9("controller")
    cluster.restart("controller")
    assert rows(cluster, job, "jobid,state", "-D")[0] == first


def test_exit_codes_of_allocations(cluster: Suite) -> None:
    """The job of salloc ends as its command does; a shell's 128 before a signal is left away, as Slurm leaves it away."""
    cluster.run("salloc", "-Q", "-J", "two", "sh", "-c", "exit 2")
    cluster.run("salloc", "-Q", "-J", "nine", "sh", "-c", "kill -9 $$")
    (two,) = cluster.ask("squeue", "-h", "-t", "all", "-n", "two", "-o", "%A").split()
    (nine,) = cluster.ask("squeue", "-h", "-t", "all", "-n", "nine", "-o", "%A").split()
    assert rows(cluster, int(two), "state,exitcode") == [["FAILED", "2:0"]]
    assert rows(cluster, int(nine), "state,exitcode") == [["FAILED", "0:9"]]
    code = cluster.submit("--wrap", "exit 200")
    cluster.wait_ended(code)
    assert rows(cluster, code, "state,exitcode", "-X") == [["FAILED", "72:0"]]
