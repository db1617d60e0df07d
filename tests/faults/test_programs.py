"""kill -9 of a daemon while a program runs around a job: it is run again where nobody saw its end, never beside itself, and
no job is left waiting for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.cluster import Cluster
from tests.kit.commands import BIN, finish

CHECK = """#!/bin/bash
[ -e "${0%/*}/sick.$SLURMD_NODENAME" ] && SCONTROL update nodename=$SLURMD_NODENAME state=drain reason=sick
"""
KEYS = ("Prolog", "Epilog", "PrologSlurmctld", "EpilogSlurmctld")
PROGRAM = """#!/bin/bash
cd "$SLURM_JOB_WORK_DIR" || exit 1
name=$SLURM_SCRIPT_CONTEXT.${SLURMD_NODENAME:-controller}.$SLURM_JOB_ID
echo begun >>"$name"
while [ -e "hold.$SLURM_SCRIPT_CONTEXT" ]; do sleep 0.05; done
[ -e "fail.$SLURM_SCRIPT_CONTEXT" ] && exit 1
echo ended >>"$name"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    program = tmp_path_factory.mktemp("programs") / "program"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    check = program.parent / "check"
    check.write_text(CHECK.replace("SCONTROL", f"MGPU_CONF=${{0%/*}}/conf {BIN}/mgpu_scontrol"))
    check.chmod(0o755)
    health = f"HealthCheckProgram={check}\nHealthCheckInterval=1\nHealthCheckNodeState=IDLE"
    settings = "\n".join([*(f"{key}={program}" for key in KEYS), "PrologFlags=Alloc", health])
    with Cluster.up(2, 2, settings=settings) as made:
        (program.parent / "conf").symlink_to(made.conf)
        yield made


@pytest.fixture
def here(cluster: Cluster) -> Iterator[Path]:
    yield cluster.directory / "work"
    for file in (cluster.directory / "work").glob("*.*"):
        file.unlink()


def runs(here: Path, context: str, where: str, job: int) -> list[str]:
    file = here / f"{context}.{where}.{job}"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize(
    ("context", "where", "killed", "again"),
    [
        ("prolog_slurmd", "n0", "n0", True),
        ("epilog_slurmd", "n0", "n0", True),
        ("prolog_slurmctld", "controller", "controller", True),
        ("epilog_slurmctld", "controller", "controller", True),
        ("prolog_slurmd", "n1", "controller", False),
        ("epilog_slurmd", "n1", "controller", False),
    ],
)
def test_a_killed_daemon_loses_no_job(
    cluster: Cluster, here: Path, context: str, where: str, killed: str, again: bool
) -> None:
    hold = here / f"hold.{context}"
    hold.touch()
    job = cluster.submit("-N2", "--wrap", "echo run >> script.run; srun true", cwd=here)
    cluster.until(lambda: runs(here, context, where, job), f"{context} runs on {where}")
    cluster.kill9(killed)
    cluster.launch(killed)
    cluster.until(cluster.responds, "the controller answers")
    if again:
        cluster.until(lambda: runs(here, context, where, job) == ["begun", "begun"], f"{context} runs again on {where}")
    hold.unlink()
    cluster.wait_state(job, "COMPLETED")
    assert runs(here, context, where, job) == (["begun", "begun", "ended"] if again else ["begun", "ended"])
    assert (here / "script.run").read_text().split() == ["run"]
    cluster.wait_nodes("idle", 2)


@pytest.mark.parametrize(("context", "name"), [("prolog_slurmd", "n0"), ("prolog_slurmctld", "controller")])
def test_a_daemon_that_is_stopped_meanwhile_runs_it_again(cluster: Cluster, here: Path, context: str, name: str) -> None:
    hold = here / f"hold.{context}"
    hold.touch()
    job = cluster.submit("-N1", "-w", "n0", "--wrap", "true", cwd=here)
    cluster.until(lambda: runs(here, context, name, job), f"{context} runs")
    assert cluster.stop(name) == 0
    cluster.restart(name)
    cluster.until(lambda: runs(here, context, name, job) == ["begun", "begun"], f"{context} runs again")
    hold.unlink()
    cluster.wait_state(job, "COMPLETED")
    assert runs(here, context, name, job) == ["begun", "begun", "ended"]
    assert cluster.tracebacks() == []


def test_a_prolog_that_has_run_is_not_run_again_by_a_daemon_that_starts_anew(cluster: Cluster, here: Path) -> None:
    body = "touch up.now; until [ -e go.on ]; do sleep 0.05; done; srun true"
    job = cluster.submit("-N1", "-w", "n0", "--wrap", body, cwd=here)
    cluster.until((here / "up.now").exists, "the script runs")
    cluster.kill9("n0")
    cluster.restart("n0")
    (here / "go.on").touch()
    cluster.wait_state(job, "COMPLETED")
    assert runs(here, "prolog_slurmd", "n0", job) == ["begun", "ended"]
    assert runs(here, "epilog_slurmd", "n0", job) == ["begun", "ended"]
    assert not list((cluster.directory / "spool" / "n0" / "prologs").iterdir())


def test_an_allocation_waits_through_a_restart_of_the_controller(cluster: Cluster, here: Path) -> None:
    hold = here / "hold.prolog_slurmctld"
    hold.touch()
    client = cluster.start("srun", "-N2", "-l", "echo", "here", cwd=here)
    cluster.until(lambda: list(here.glob("prolog_slurmctld.*")), "the controller's prolog runs")
    cluster.kill9("controller")
    cluster.restart("controller")
    hold.unlink()
    done = finish(client, 30)
    assert (done.status, sorted(done.out.split("\n"))) == (0, ["", "0: here", "1: here"]), done


def test_a_node_that_is_not_well_is_drained_by_its_check(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> None:
    sick = next(tmp_path_factory.getbasetemp().glob("programs*")) / "sick.n1"
    sick.touch()
    cluster.wait_nodes("drained", 1)
    sick.unlink()
    assert "Reason=sick" in cluster.ask("scontrol", "show", "node", "n1")
    cluster.run("scontrol", "update", "nodename=n1", "state=resume").ok()
    cluster.wait_nodes("idle", 2)


def test_programs_that_fail(cluster: Cluster, here: Path) -> None:
    for context, state, reason in (("prolog_slurmd", "PENDING", "Prolog error"), ("epilog_slurmd", "COMPLETED", "Epilog error")):
        fail = here / f"fail.{context}"
        fail.touch()
        job = cluster.submit("-w", "n0", "-o", "said.out", "--wrap", "true", cwd=here)
        cluster.wait_nodes("drained", 1)
        cluster.wait_state(job, state)
        fail.unlink()
        assert reason in cluster.ask("scontrol", "show", "node", "n0")
        assert cluster.run("scontrol", "update", "nodename=n0", "state=resume").status == 0
        cluster.run("scancel", str(job))
        cluster.wait_nodes("idle", 2)
    assert (here / "said.out").read_text() == ""  # the second job has opened it anew
    (here / "fail.prolog_slurmctld").touch()
    done = cluster.run("srun", "true", cwd=here)
    assert (done.status, done.err.splitlines()[0]) == (1, "srun: PrologSlurmctld failed, job killed"), done
