"""Job arrays: one submission, many elements."""

from __future__ import annotations

import os
from pathlib import Path

from tests.kit.cluster import Suite, readable


def test_elements_know_themselves(cluster: Suite, here: Path) -> None:
    names = ["JOB_ID", "TASK_ID", "TASK_COUNT", "TASK_MIN", "TASK_MAX", "TASK_STEP"]
    body = "echo " + " ".join(f"$SLURM_ARRAY_{name}" for name in names)
    job = cluster.submit("--wait", "--array=1-7:3", "-o", "a-%A_%a", "--wrap", body, cwd=here)
    assert sorted(os.listdir(here)) == [f"a-{job}_{task}" for task in (1, 4, 7)]
    for task in (1, 4, 7):
        assert readable(here / f"a-{job}_{task}") == f"{job} {task} 3 1 7 3\n"
    assert cluster.states(job) == {f"{job}_{task}": "COMPLETED" for task in (1, 4, 7)}


def test_limit_of_elements_at_once(cluster: Suite, here: Path) -> None:
    body = (
        f"touch {here}/on.$SLURM_ARRAY_TASK_ID; ls {here}/on.* | wc -l >> {here}/seen; "
        f"while [ ! -e {here}/go ]; do sleep 0.05; done; rm {here}/on.$SLURM_ARRAY_TASK_ID"
    )
    job = cluster.submit("--array=0-5%2", "--wrap", body)
    cluster.until(lambda: len(readable(here / "seen").split()) == 2, "two elements run")
    cluster.until(lambda: list(cluster.states(job).values()).count("RUNNING") == 2, "two elements run")
    assert "JobArrayTaskLimit" in cluster.reason(job)
    (here / "go").touch()
    assert set(cluster.wait_ended(job).values()) == {"COMPLETED"}
    counts = [int(word) for word in readable(here / "seen").split()]
    assert len(counts) == 6
    assert max(counts) <= 2


def test_pending_array_is_one_row_until_asked(cluster: Suite) -> None:
    job = cluster.submit("-H", "--array=0-20:5,30%3", "--wrap", "true")
    row = cluster.run("squeue", "-h", "-j", str(job), "-o", "%i %K %F %T").out
    assert row == f"{job}_[0,5,10,15,20,30%3] 0,5,10,15,20,30%3 {job} PENDING\n"
    rows = cluster.run("squeue", "-h", "-r", "-j", str(job), "-o", "%i").lines
    assert sorted(rows) == sorted(f"{job}_{task}" for task in (0, 5, 10, 15, 20, 30))
    cluster.run("scancel", f"{job}_5", f"{job}_[15-20]").ok()
    rows = cluster.run("squeue", "-h", "-r", "-j", str(job), "-o", "%i").lines
    assert sorted(rows) == sorted(f"{job}_{task}" for task in (0, 10, 30))
    cluster.run("scancel", str(job)).ok()
    assert cluster.run("squeue", "-h", "-j", str(job)).out == ""


def test_cancel_one_running_element(cluster: Suite) -> None:
    job = cluster.submit("--array=1-3", "--wrap", "sleep 100")
    cluster.until(lambda: list(cluster.states(job).values()) == ["RUNNING"] * 3, "all run")
    cluster.run("scancel", f"{job}_2").ok()
    cluster.until(lambda: cluster.states(job)[f"{job}_2"] == "CANCELLED", "element 2 is cancelled")
    assert cluster.states(job)[f"{job}_1"] == "RUNNING"
    cluster.run("scancel", str(job)).ok()
    assert set(cluster.wait_ended(job).values()) == {"CANCELLED"}


def test_wait_of_an_array_gives_the_highest_status(cluster: Suite) -> None:
    done = cluster.run("sbatch", "-Q", "--wait", "--array=0-3", "-o", "/dev/null", "--wrap", "exit $SLURM_ARRAY_TASK_ID")
    assert done.status == 3


def test_elements_have_ids_of_their_own(cluster: Suite) -> None:
    job = cluster.submit("--wait", "--array=1-3", "--wrap", "true")
    after = cluster.submit("--wrap", "true")
    ids = cluster.ask("squeue", "-h", "-r", "-t", "all", "-j", str(job), "-o", "%A").split()
    assert len(set(ids)) == 3
    assert str(job) in ids
    assert str(after) not in ids
    cluster.wait_ended(after)


def test_requests_that_cannot_be(cluster: Suite) -> None:
    for text in ("3-1", "x", "0-200000", "-4"):
        done = cluster.run("sbatch", f"--array={text}", "--wrap", "true")
        assert done.status == 1, done
        assert done.err == "sbatch: error: Batch job submission failed: Invalid job array specification\n"
