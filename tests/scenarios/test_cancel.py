"""scancel: jobs, elements, steps, signals, and what a cancelled job's output says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.cluster import Cluster, Suite, readable

UP = "touch {here}/up; sleep 100"


def test_running_job(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-o", f"{here}/o", "--wrap", UP.format(here=here))
    cluster.until((here / "up").exists, "it runs")
    done = cluster.run("scancel", str(job))
    assert (done.status, done.out, done.err) == (0, "", "")
    cluster.wait_state(job, "CANCELLED")
    shown = cluster.job(job)
    assert (shown["JobState"], shown["ExitCode"], shown["Reason"]) == ("CANCELLED", "0:15", "None")
    cluster.until(lambda: readable(here / "o"), "the banner is written")
    pattern = rf"slurmstepd-n0: error: \*\*\* JOB {job} ON \w+ CANCELLED AT \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d \*\*\*\n"
    assert re.fullmatch(pattern, readable(here / "o"))


def test_pending_job_never_runs(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-H", "--wrap", f"touch {here}/up")
    cluster.run("scancel", str(job)).ok()
    assert cluster.state(job) == "CANCELLED"
    assert not (here / "up").exists()


def test_who_ignores_term_is_killed_after_kill_wait(cluster: Suite, here: Path) -> None:
    job = cluster.submit("--wrap", f"trap '' TERM; touch {here}/up; while :; do sleep 1; done")
    cluster.until((here / "up").exists, "it runs")
    cluster.run("scancel", str(job)).ok()
    cluster.wait_state(job, "CANCELLED", seconds=20)
    if isinstance(cluster, Cluster):
        assert cluster.supervisors(job) == []


@pytest.mark.parametrize("words", [["-s", "USR1", "-b"], ["-s", "10", "--batch"], ["-f", "-s", "SIGUSR1"]])
def test_signals_reach_the_script(cluster: Suite, here: Path, words: list[str]) -> None:
    body = f"trap 'echo got it > {here}/got; exit 4' USR1; touch {here}/up; while :; do sleep 0.05; done"
    job = cluster.submit("--wrap", body)
    cluster.until((here / "up").exists, "it runs")
    cluster.run("scancel", *words, str(job)).ok()
    cluster.wait_state(job, "FAILED")
    assert readable(here / "got") == "got it\n"
    assert cluster.job(job)["ExitCode"] == "4:0"


def test_a_plain_signal_goes_to_the_steps_only(cluster: Suite, here: Path) -> None:
    script = f"""#!/bin/bash
#SBATCH -o /dev/null
srun sh -c "trap 'touch {here}/step; exit 0' USR1; touch {here}/up; while :; do sleep 0.05; done"
echo after > {here}/after
"""
    job = cluster.submit(script=script)
    cluster.until((here / "up").exists, "the step runs")
    cluster.run("scancel", "-s", "USR1", str(job)).ok()
    cluster.wait_state(job, "COMPLETED")
    assert (here / "step").exists()
    assert readable(here / "after") == "after\n"


def test_one_step(cluster: Suite, here: Path) -> None:
    script = f"""#!/bin/bash
#SBATCH -o {here}/o
srun sh -c "touch {here}/up; sleep 100"
echo after >> {here}/after
"""
    job = cluster.submit(script=script)
    cluster.until((here / "up").exists, "the step runs")
    cluster.run("scancel", f"{job}.0").ok()
    cluster.wait_state(job, "COMPLETED")
    assert readable(here / "after") == "after\n"
    assert f"*** STEP {job}.0 ON " in readable(here / "o")


def test_filters(cluster: Suite) -> None:
    keep = cluster.submit("-H", "-J", "keep", "--wrap", "true")
    drop = cluster.submit("-H", "-J", "drop", "--wrap", "true")
    part = cluster.submit("-H", "-J", "drop", "-p", "debug", "--wrap", "true")
    cluster.run("scancel", "-n", "drop", "-p", "debug").ok()
    assert [cluster.state(job) for job in (keep, drop, part)] == ["PENDING", "PENDING", "CANCELLED"]
    cluster.run("scancel", "-t", "PENDING", "-n", "drop").ok()
    assert [cluster.state(job) for job in (keep, drop)] == ["PENDING", "CANCELLED"]
    done = cluster.run("scancel", "-v", str(keep))
    assert f"scancel: Terminating job {keep}" in done.err
    assert cluster.state(keep) == "CANCELLED"


def test_unknown_and_ended_jobs(cluster: Suite) -> None:
    done = cluster.run("scancel", "notanumber")
    assert (done.status, done.err) == (1, "scancel: error: Invalid job id notanumber\n")
    done = cluster.run("scancel", "99999999")
    assert (done.status, done.err) == (0, "")
    job = cluster.submit("--wait", "--wrap", "true")
    cluster.run("scancel", str(job))
    assert cluster.state(job) == "COMPLETED"


def test_srun_is_told(cluster: Suite, here: Path) -> None:
    process = cluster.start("srun", "-J", "told", "sh", "-c", f"echo $SLURM_JOB_ID > {here}/id; sleep 100")
    cluster.until(lambda: readable(here / "id"), "it runs")
    cluster.run("scancel", readable(here / "id").strip()).ok()
    _, err = process.communicate(timeout=20)
    assert "CANCELLED AT" in err
    assert "Terminated" in err or "Job step aborted" in err
    assert process.returncode != 0


@pytest.mark.ours
def test_banner_of_the_newest_slurm() -> None:
    with Cluster.up(1, 0, compat="") as cluster:
        place = cluster.directory / "work"
        job = cluster.submit("-o", f"{place}/o", "--wrap", UP.format(here=place))
        cluster.until((place / "up").exists, "it runs")
        cluster.run("scancel", str(job)).ok()
        cluster.wait_state(job, "CANCELLED")
        cluster.until(lambda: "DUE to SIGNAL Terminated ***" in readable(place / "o"), "the banner is written")
