"""Time limits and the signal before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable


def test_signal_before_the_limit_for_the_batch_shell(cluster: Suite, here: Path) -> None:
    body = f"trap 'echo got; exit 3' USR1; touch {here}/up; for i in $(seq 600); do sleep 0.05; done"
    job = cluster.submit("-t", "1", "--signal=B:USR1@58", "-o", f"{here}/o", "--wrap", body)
    cluster.wait_state(job, "FAILED", seconds=40)
    assert readable(here / "o") == "got\n"
    assert cluster.job(job)["ExitCode"] == "3:0"


def test_signal_before_the_limit_for_the_steps(cluster: Suite, here: Path) -> None:
    script = f"""#!/bin/bash
#SBATCH -t 1 --signal=USR2@58 -o {here}/o
trap 'echo shell' USR2
srun sh -c "trap 'echo step; exit 0' USR2; for i in \\$(seq 600); do sleep 0.05; done"
echo end
"""
    job = cluster.submit(script=script)
    cluster.wait_state(job, "COMPLETED", seconds=40)
    assert "".join(readable(here / "o").partition("step\n")[1:]) == "step\nend\n"


def test_limit_is_shown_and_changed(cluster: Suite) -> None:
    job = cluster.submit("-t", "1-02:03:04", "--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    assert cluster.job(job)["TimeLimit"] == "1-02:04:00"
    cluster.run("scontrol", "update", f"jobid={job}", "TimeLimit=5").ok()
    assert cluster.job(job)["TimeLimit"] == "00:05:00"
    cluster.run("scancel", str(job)).ok()


@pytest.mark.slow
def test_over_the_limit(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-t", "1", "-o", f"{here}/o", "--wrap", "sleep 300")
    cluster.wait_state(job, "TIMEOUT", seconds=140)
    assert f"*** JOB {job} ON " in readable(here / "o")
    assert "DUE TO TIME LIMIT ***" in readable(here / "o")
    assert cluster.job(job)["ExitCode"] == "0:0"
