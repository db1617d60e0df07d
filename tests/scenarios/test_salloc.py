"""salloc: an allocation around a command or a shell."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.kit.cluster import Suite, readable
from tests.kit.commands import BIN, finish

NAMES = str(BIN / "slurm")


def _env(cluster: Suite) -> dict[str, str]:
    """The suite's own srun as `srun` for what salloc runs on this host."""
    return {"PATH": f"{NAMES}:{os.environ['PATH']}"} if cluster.__class__.__name__ == "Cluster" else {}


def test_command_in_an_allocation(cluster: Suite) -> None:
    body = "echo $SLURM_JOB_NODELIST $SLURM_NTASKS; srun hostname | wc -l; exit 5"
    done = cluster.run("salloc", "-N2", "-n4", "sh", "-c", body, env=_env(cluster))
    assert done.status == 5
    assert done.lines == ["n[0-1] 4", "4"]
    assert "salloc: Granted job allocation " in done.err
    assert "salloc: Relinquishing job allocation " in done.err


def test_the_allocation_ends_with_the_command(cluster: Suite) -> None:
    done = cluster.run("salloc", "sh", "-c", "echo $SLURM_JOB_ID").ok()
    assert cluster.wait_ended(int(done.out)) == {done.out.strip(): "COMPLETED"}


def test_cancelled_from_outside(cluster: Suite, here: Path) -> None:
    body = f"echo $SLURM_JOB_ID > {here}/id; while [ ! -e {here}/go ]; do sleep 0.05; done"
    process = cluster.start("salloc", "sh", "-c", body)
    cluster.until(lambda: readable(here / "id"), "the command runs")
    cluster.run("scancel", readable(here / "id").strip()).ok()
    assert process.stderr is not None
    assert "Granted" in process.stderr.readline()
    assert "has been revoked" in process.stderr.readline()
    assert process.poll() is None  # without a terminal the command is left to end by itself
    (here / "go").touch()
    assert finish(process).status == 0


def test_interrupted_while_it_waits(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-w", "n1", "--exclusive", "--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    process = cluster.start("salloc", "-J", "patient", "-w", "n1", "true")
    cluster.until(lambda: "PENDING" in cluster.ask("squeue", "-h", "-n", "patient", "-o", "%T"), "it waits")
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 1
    cluster.until(lambda: not cluster.ask("squeue", "-h", "-n", "patient"), "the request is gone")
    cluster.run("scancel", str(job)).ok()


def test_no_shell(cluster: Suite) -> None:
    done = cluster.run("salloc", "--no-shell", "-J", "kept").ok()
    job = int(done.err.split("Granted job allocation ")[1].split()[0])
    assert cluster.state(job) == "RUNNING"
    step = cluster.run("srun", f"--jobid={job}", "echo", "in it").ok()
    assert step.out == "in it\n"
    cluster.run("scancel", str(job)).ok()
    cluster.wait_ended(job)
