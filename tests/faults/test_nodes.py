"""Node daemons and supervisors that are killed, frozen or lost."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import processes
from tests.kit.cluster import Cluster, readable
from tests.kit.commands import finish

HOLD = "touch {here}/up; while [ ! -e {here}/go ]; do sleep 0.05; done; touch {here}/over"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two nodes of this test's own."""
    with Cluster.up(2, 0) as made:
        yield made


@pytest.fixture
def here(cluster: Cluster) -> Path:
    return cluster.directory / "work"


def test_steps_go_on_without_their_daemon(cluster: Cluster, here: Path) -> None:
    job = cluster.submit("-w", "n0", "--wrap", HOLD.format(here=here) + "; exit 4")
    body = f"echo begin; touch {here}/s; while [ ! -e {here}/go ]; do sleep 0.05; done; echo end"
    step = cluster.start("srun", "-w", "n0", "-n2", "sh", "-c", body)
    cluster.until(lambda: (here / "up").exists() and (here / "s").exists(), "both run")
    cluster.kill9("n0")
    (here / "go").touch()
    cluster.until((here / "over").exists, "the script goes on")
    cluster.restart("n0")
    cluster.wait_state(job, "FAILED")
    assert cluster.job(job)["ExitCode"] == "4:0"
    assert sorted(finish(step).ok().lines) == ["begin", "begin", "end", "end"]
    cluster.until(lambda: cluster.node("n0")["CPUAlloc"] == "0", "all is free")


def test_killed_again_and_again(cluster: Cluster, here: Path) -> None:
    jobs = [cluster.submit("--wrap", f"echo $SLURM_JOB_ID >> {here}/ran; sleep 0.2") for _ in range(20)]
    for name in ("n0", "n1", "n0", "controller", "n1"):
        cluster.kill9(name)
        cluster.restart(name)
    assert set(cluster.wait_ended(*jobs, seconds=60).values()) == {"COMPLETED"}
    assert sorted(map(int, readable(here / "ran").split())) == jobs


def test_a_restart_of_the_daemon_by_sigterm_keeps_jobs(cluster: Cluster, here: Path) -> None:
    job = cluster.submit("-w", "n0", "--wrap", HOLD.format(here=here))
    cluster.until((here / "up").exists, "it runs")
    assert cluster.stop("n0") == 0
    cluster.restart("n0")
    assert cluster.state(job) == "RUNNING"
    cluster.run("scancel", str(job)).ok()
    cluster.wait_state(job, "CANCELLED")
    assert not (here / "over").exists()


def test_a_killed_supervisor_fails_its_job_and_leaves_nothing(cluster: Cluster, here: Path) -> None:
    job = cluster.submit("-w", "n0", "--no-requeue", "--wrap", f"setsid sleep 1000 & {HOLD.format(here=here)}")
    cluster.until((here / "up").exists, "it runs")
    supervisors = cluster.supervisors(job)
    assert supervisors
    tasks = [process for process in processes.mentioning(f"SLURM_JOB_ID={job}") if cluster.is_ours(process)]
    assert len(tasks) >= 2
    for pid in supervisors:
        os.kill(pid, signal.SIGKILL)
    cluster.wait_state(job, "FAILED", "NODE_FAIL")
    cluster.until(lambda: not any(processes.alive(task.pid) for task in tasks), "its processes are ended")
    cluster.until(lambda: cluster.node("n0")["CPUAlloc"] == "0", "all is free")


def test_a_killed_supervisor_of_a_step(cluster: Cluster, here: Path) -> None:
    step = cluster.start("srun", "-w", "n0", "sh", "-c", f"echo $SLURM_JOB_ID > {here}/id; sleep 1000")
    cluster.until(lambda: readable(here / "id"), "it runs")
    job = int(readable(here / "id"))
    for pid in cluster.supervisors(job):
        os.kill(pid, signal.SIGKILL)
    assert finish(step).status != 0
    cluster.until(lambda: not cluster.supervisors(job), "its processes are ended")
    cluster.wait_ended(job)


def test_a_step_that_goes_on_without_a_node(cluster: Cluster, here: Path) -> None:
    """--no-kill: srun says it and ends as the tasks that are left."""
    hold = f"while [ ! -e {here}/go ]; do sleep 0.05; done"
    body = f"echo $PPID > {here}/$SLURM_PROCID; [ $SLURM_PROCID = 1 ] && sleep 1000; {hold}"
    step = cluster.start("srun", "--no-kill", "-N2", "-n2", "bash", "-c", body, stderr=subprocess.PIPE)
    cluster.until(lambda: readable(here / "0") and readable(here / "1"), "it runs")
    os.kill(int(readable(here / "1")), signal.SIGKILL)
    assert step.stderr is not None
    assert step.stderr.readline() == "srun: error: Node failure on n1\n"
    (here / "go").touch()
    done = finish(step)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("kind", ["own", "batch"])
def test_a_job_that_goes_on_without_a_node_that_is_set_down(cluster: Cluster, here: Path, kind: str) -> None:
    """As Slurm: the job has the node no more, its tasks there are killed, those elsewhere go on."""
    body = f"touch {here}/$SLURM_PROCID; while [ ! -e {here}/go ]; do sleep 0.05; done; echo survived $SLURMD_NODENAME"
    if kind == "own":
        step = cluster.start("srun", "--no-kill", "-N2", "-n2", "bash", "-c", body, stderr=subprocess.PIPE)
    else:
        script = f"#!/bin/sh\nsrun --no-kill -N2 -n2 bash -c '{body}'\n"
        step = cluster.start("sbatch", "-W", "-N2", "-n2", "--no-kill", "-o", f"{here}/out", stdin=subprocess.PIPE)
        assert step.stdin is not None
        step.stdin.write(script)
        step.stdin.close()
    cluster.until(lambda: (here / "0").exists() and (here / "1").exists(), "it runs")
    cluster.run("scontrol", "update", "nodename=n1", "state=down", "reason=test").ok()
    cluster.until(lambda: cluster.ask("squeue", "-h", "-o", "%T %N").strip() == "RUNNING n0", "it has lost the node")
    cluster.until(lambda: cluster.node("n1")["CPUAlloc"] == "0", "the node is free")
    (here / "go").touch()
    done = finish(step) if kind == "own" else step.wait(20)
    said = f"{done.out}{done.err}" if kind == "own" else readable(here / "out")  # type: ignore[union-attr]
    assert "survived n0\n" in said
    assert "srun: error: Node failure on n1\n" in said
    assert "srun: error: n1: task 1: Killed\n" in said
    assert "survived n1" not in said


def test_a_frozen_daemon_that_comes_back(cluster: Cluster, here: Path) -> None:
    job = cluster.submit("-w", "n0", "--wrap", HOLD.format(here=here))
    cluster.until((here / "up").exists, "it runs")
    cluster.send("n0", signal.SIGSTOP)
    (here / "go").touch()
    cluster.until((here / "over").exists, "it goes on")
    other = cluster.submit("--wait", "-w", "n1", "--wrap", "true")
    assert cluster.state(other) == "COMPLETED"
    cluster.send("n0", signal.SIGCONT)
    cluster.wait_state(job, "COMPLETED")


def test_a_lost_link_is_shown_and_heals(cluster: Cluster) -> None:
    cluster.kill9("n1")
    cluster.until(lambda: "NOT_RESPONDING" in cluster.node("n1")["State"], "it is shown")
    assert cluster.run("sinfo", "-h", "-n", "n1", "-p", "gpu", "-o", "%t").out == "idle*\n"
    job = cluster.submit("-w", "n1", "--wrap", "true")
    assert cluster.state(job) == "PENDING"
    cluster.restart("n1")
    cluster.wait_state(job, "COMPLETED")


def test_everything_is_killed_at_once(cluster: Cluster, here: Path) -> None:
    """As when the machine loses power: what ran did not complete, what waited runs."""
    job = cluster.submit("--no-requeue", "--wrap", HOLD.format(here=here))
    waits = cluster.submit("-H", "--wrap", "true")
    cluster.until((here / "up").exists, "it runs")
    processes.kill(processes.mentioning(str(cluster.directory)))
    for daemon in cluster.daemons.values():
        daemon.wait(10)
    cluster.boot()
    cluster.wait_state(job, "NODE_FAIL", "FAILED")
    assert not (here / "over").exists()
    cluster.run("scontrol", "release", str(waits)).ok()
    cluster.wait_state(waits, "COMPLETED")


@pytest.mark.slow
def test_a_lost_node_loses_its_jobs_only_when_none_of_them_can_live() -> None:
    """The lease: two live copies of a job never exist, though the node cannot be asked."""
    with Cluster.up(2, 0, settings="SlurmdTimeout=2") as cluster:
        here = cluster.directory / "work"
        body = f"echo begin >> {here}/log; sleep 1000"
        job = cluster.submit("--requeue", "--wrap", body)
        fixed = cluster.submit("--no-requeue", "-w", "n0", "--wrap", "sleep 1000")
        cluster.until(lambda: readable(here / "log") == "begin\n", "it runs")
        assert cluster.job(job)["NodeList"] == "n0"
        cluster.wait_state(fixed, "RUNNING")
        cluster.kill9("n0")
        cluster.until(lambda: "DOWN" in cluster.node("n0")["State"], "it is given up")
        cluster.until(lambda: not cluster.supervisors(job), "the job ends by itself", 40)
        cluster.until(lambda: not cluster.supervisors(fixed), "so does the one that is not started again", 40)
        assert cluster.job(job)["Restarts"] == "0"
        cluster.until(lambda: cluster.job(job)["Restarts"] == "1", "it is requeued", 40)
        assert cluster.state(fixed) == "NODE_FAIL"
        if cluster.state(job) == "PENDING":
            cluster.run("scontrol", "update", f"jobid={job}", "StartTime=now").ok()
        cluster.until(lambda: readable(here / "log").count("begin") == 2, "it runs again", 40)
        assert cluster.job(job)["NodeList"] == "n1"
        cluster.restart("n0")
        cluster.run("scancel", str(job)).ok()
        cluster.wait_state(job, "CANCELLED")
