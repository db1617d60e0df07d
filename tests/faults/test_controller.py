"""kill -9 of the controller, at any moment."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mgpu_slurm.commands.session import new_request_id, open_session
from tests.kit.cluster import Cluster, readable
from tests.kit.commands import Done, finish

JOBS = 60
KILLS = 6
HOLD = "while [ ! -e {here}/go ]; do sleep 0.05; done"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two nodes of this test's own."""
    with Cluster.up(2, 0) as made:
        yield made


@pytest.fixture
def here(cluster: Cluster) -> Path:
    return cluster.directory / "work"


@pytest.mark.parametrize("seed", [1, 2])
def test_every_acknowledged_job_runs_exactly_once(cluster: Cluster, here: Path, seed: int) -> None:
    chance = random.Random(seed)
    stop = threading.Event()
    kills = []

    def killer() -> None:
        while not stop.is_set() and len(kills) < KILLS:
            time.sleep(chance.uniform(0.02, 0.5))
            cluster.kill9("controller")
            kills.append(time.monotonic())
            cluster.launch("controller")
            if chance.random() < 0.7:
                cluster.until(cluster.responds, "the controller is back")

    def submit(number: int) -> Done:
        body = f"echo $SLURM_JOB_ID $SLURM_RESTART_COUNT >> {here}/{number}; sleep 0.0{number % 10}"
        return cluster.run("sbatch", "--parsable", "-o", "/dev/null", "--wrap", body, timeout=60)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(submit, range(JOBS)))
    finally:
        stop.set()
        thread.join()
    assert len(kills) >= 3
    cluster.until(cluster.responds, "the controller is back")
    acknowledged = {number: int(done.out) for number, done in enumerate(answers) if done.status == 0}
    assert len(acknowledged) > JOBS / 2, [done for done in answers if done.status]
    assert len(set(acknowledged.values())) == len(acknowledged), "an id was given out twice"
    states = cluster.wait_ended(*acknowledged.values(), seconds=60)
    assert set(states.values()) == {"COMPLETED"}
    for number in range(JOBS):
        lines = readable(here / str(number)).splitlines()
        if number in acknowledged:
            assert lines == [str(acknowledged[number])], f"{number}: {lines}, acknowledged as {acknowledged[number]}"
        else:
            assert len(lines) <= 1, f"{number} was refused with {answers[number]} and ran as {lines}"
    assert cluster.submit("--wait", "--wrap", "true") > max(acknowledged.values())


def test_a_result_that_comes_while_the_controller_is_down(cluster: Cluster, here: Path) -> None:
    good = cluster.submit("--wrap", f"touch {here}/up; while [ ! -e {here}/go ]; do sleep 0.05; done; touch {here}/over")
    bad = cluster.submit("--wrap", f"while [ ! -e {here}/go ]; do sleep 0.05; done; exit 7")
    waits = cluster.submit("-d", f"afterok:{good}", "--wrap", f"touch {here}/after")
    cluster.until((here / "up").exists, "it runs")
    cluster.wait_state(bad, "RUNNING")
    cluster.kill9("controller")
    (here / "go").touch()
    cluster.until((here / "over").exists, "jobs end without a controller")
    cluster.restart("controller")
    cluster.wait_state(good, "COMPLETED")
    cluster.wait_state(bad, "FAILED")
    assert cluster.job(bad)["ExitCode"] == "7:0"
    cluster.wait_state(waits, "COMPLETED")
    assert (here / "after").exists()


def test_waiting_jobs_are_as_they_were(cluster: Cluster, here: Path) -> None:
    first = cluster.submit("-H", "-J", "kept", "-n2", "-t", "30", "--comment=words", "--wrap", "true")
    array = cluster.submit("-H", "--array=1-9%2", "--wrap", "true")
    after = cluster.submit("-d", f"afterok:{first}", "--wrap", "true")
    cluster.run("scontrol", "update", f"jobid={first}", "TimeLimit=40").ok()
    before = cluster.run("squeue", "-o", "%i %j %T %r %l %C %k %E %K").ok().out
    priorities = cluster.run("squeue", "-h", "-o", "%i %Q %V").out
    cluster.kill9("controller")
    cluster.restart("controller")
    assert cluster.run("squeue", "-o", "%i %j %T %r %l %C %k %E %K").ok().out == before
    assert cluster.run("squeue", "-h", "-o", "%i %Q %V").out == priorities
    cluster.run("scontrol", "release", str(first), str(array)).ok()
    cluster.wait_state(after, "COMPLETED")
    assert set(cluster.wait_ended(array).values()) == {"COMPLETED"}


def test_a_repeated_request_submits_once(cluster: Cluster) -> None:
    request = {
        "kind": "batch", "name": "once", "script": "#!/bin/sh\ntrue\n", "work_dir": "/tmp", "std_out": "/dev/null", "hold": True,
    }  # fmt: skip
    message = {"kind": "submit_job", "requests": [request], "request_id": new_request_id()}
    session = open_session(cluster.environment())
    first = session.call(message)
    assert session.call(message)["job_id"] == first["job_id"]
    cluster.kill9("controller")
    cluster.restart("controller")
    assert session.call(message)["job_id"] == first["job_id"]
    assert cluster.run("squeue", "-h", "-o", "%i").out == f"{first['job_id']}\n"
    other = session.call({**message, "request_id": new_request_id()})
    assert other["job_id"] == first["job_id"] + 1


def test_commands_wait_out_a_restart(cluster: Cluster, here: Path) -> None:
    hold = HOLD.format(here=here)
    waits = cluster.start("sbatch", "--wait", "-o", "/dev/null", "--wrap", f"touch {here}/b; {hold}; exit 5")
    runs = cluster.start("srun", "sh", "-c", f"touch {here}/s; {hold}; echo end; exit 6")
    cluster.until(lambda: (here / "b").exists() and (here / "s").exists(), "both run")
    cluster.kill9("controller")
    during = cluster.start("squeue", "-h", "-o", "%T")
    cluster.restart("controller")
    assert finish(during).ok().out.split().count("RUNNING") == 2
    (here / "go").touch()
    done = finish(runs)
    assert (done.status, done.out) == (6, "end\n"), done
    assert finish(waits).status == 5
    cluster.until(lambda: not cluster.ask("squeue", "-h", "-o", "%i"), "nothing is left")


def test_an_allocation_outlives_the_controller(cluster: Cluster, here: Path) -> None:
    process = cluster.start("salloc", "-N2", "sh", "-c", f"touch {here}/up; {HOLD.format(here=here)}; exit 3")
    cluster.until((here / "up").exists, "the command runs")
    cluster.kill9("controller")
    cluster.restart("controller")
    job = cluster.ask("squeue", "-h", "-t", "R", "-o", "%i").strip()
    assert cluster.run("srun", f"--jobid={job}", "-N2", "-n2", "echo", "x").ok().out == "x\nx\n"
    (here / "go").touch()
    assert finish(process).status == 3
    cluster.wait_ended(int(job))


def test_a_frozen_controller_delays_and_loses_nothing(cluster: Cluster, here: Path) -> None:
    job = cluster.submit("--wrap", f"touch {here}/up; while [ ! -e {here}/go ]; do sleep 0.05; done; touch {here}/over")
    cluster.until((here / "up").exists, "it runs")
    cluster.send("controller", signal.SIGSTOP)
    late = cluster.start("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true")
    (here / "go").touch()
    cluster.until((here / "over").exists, "the job ends")
    cluster.send("controller", signal.SIGCONT)
    cluster.wait_state(job, "COMPLETED")
    cluster.wait_state(int(finish(late).ok().out), "COMPLETED")
    assert os.path.exists(here / "over")
