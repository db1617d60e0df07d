"""Heterogeneous jobs on a real cluster: scripts, allocations, steps over components, and a controller that dies meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import mpi
from tests.kit.cluster import Cluster, Suite, readable
from tests.kit.commands import finish, popen

pytestmark = pytest.mark.ours  # Slurm's backfill takes its time with each

KEYS = (
    mpi.TASK
    + """\
ask(f"cmd=put kvsname={name} key=of-{rank} value={rank * 10}")
assert ask("cmd=barrier_in") == "cmd=barrier_out rc=0"
for other in range(size):
    assert ask(f"cmd=get kvsname={name} key=of-{other}") == f"cmd=get_result rc=0 value={other * 10}"
assert ask("cmd=finalize") == "cmd=finalize_ack rc=0"
print(rank, "of", size)
"""
)

SCRIPT = """#!/bin/bash
#SBATCH -J both -n1 -o out -e out
#SBATCH hetjob
#SBATCH -N2 --gres=gpu:1
env | grep -E '^SLURM_.*_HET_GROUP_[01]=' | sort
srun --het-group=0-1 -n2 bash -c 'echo $SLURM_PROCID $SLURM_NTASKS $SLURMD_NODENAME ${CUDA_VISIBLE_DEVICES-none}'
"""


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """Two nodes of this test's own."""
    with Cluster.up(2, 1) as made:
        yield made


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("SLURM_"))


def test_a_script_of_two_components(cluster: Suite, here: Path) -> None:
    job = cluster.submit("--wait", script=SCRIPT.replace("-n2 bash", "bash"), cwd=here)
    text = readable(here / "out")
    seen = variables(text)
    assert (seen["SLURM_JOB_ID_HET_GROUP_0"], seen["SLURM_JOB_ID_HET_GROUP_1"]) == (str(job), str(job + 1))
    first, others = seen["SLURM_JOB_NODELIST_HET_GROUP_0"], seen["SLURM_JOB_NODELIST_HET_GROUP_1"]
    assert first not in cluster.ask("scontrol", "show", "hostnames", others).split()
    tasks = sorted(line.split() for line in text.splitlines() if line[:1].isdecimal())
    assert tasks[0] == ["0", "2", first, "none"]
    assert (tasks[1][:2], tasks[1][3]) == (["1", "2"], "0")
    shown = [line.split("|") for line in cluster.ask("sacct", "-nP", "-j", str(job), "-o", "jobid,jobidraw,state").splitlines()]
    assert shown == [
        [f"{job}+0", str(job), "COMPLETED"], [f"{job}+0.batch", f"{job}.batch", "COMPLETED"],
        [f"{job}+0.0", f"{job}.0", "COMPLETED"], [f"{job}+1", str(job + 1), "COMPLETED"],
        [f"{job}+1.0", f"{job + 1}.0", "COMPLETED"],
    ]  # fmt: skip


def test_srun_with_two_programs(cluster: Suite, here: Path) -> None:
    one, other = "echo one $SLURM_PROCID $SLURM_NTASKS; exit 2", "echo other $SLURM_PROCID $SLURM_NTASKS; exit 3"
    done = cluster.run("srun", "-n1", "-l", "sh", "-c", one, ":", "-n2", "sh", "-c", other, cwd=here)
    assert sorted(done.out.splitlines()) == ["0: one 0 3", "1: other 1 3", "2: other 2 3"]
    assert done.status == 3
    words = {line.rpartition(": ")[2] for line in done.err.splitlines() if "Exited" in line}
    assert words == {"Exited with exit code 2", "Exited with exit code 3"}
    assert ": task 0: Exited with exit code 2" in done.err, "counted within the component, as Slurm does"


def test_parts_have_their_own_streams(cluster: Suite, here: Path) -> None:
    parts = ["-n1", "-o", "one", "echo", "first", ":", "-n2", "-l", "-o", "two.%t", "echo", "second", ":", "-n1", "cat"]
    cluster.run("srun", *parts, cwd=here, stdin="ignored\n").ok()
    assert readable(here / "one") == "first\n"
    assert sorted(path.name for path in here.iterdir()) == ["one", "two.1", "two.2", "two.3"]
    cluster.run("srun", "-n1", "-o", "same", "echo", "a", ":", "-n1", "echo", "b", cwd=here).ok()
    assert sorted(readable(here / "same").splitlines()) == ["a", "b"]


def test_the_end_of_one_part_ends_the_step_where_it_is_to(cluster: Suite, here: Path) -> None:
    done = cluster.run("srun", "-K", "-n1", "sh", "-c", "exit 7", ":", "-n1", "sleep", "60", cwd=here)
    assert "Exited with exit code 7" in done.err
    assert "Terminated" in done.err
    waiting = cluster.start("srun", "-n1", "sleep", "60", ":", "-n1", "sleep", "61", cwd=here)
    cluster.until(lambda: cluster.ask("squeue", "-h", "-s", "-n", "sleep").count("\n") >= 2, "both parts run")
    waiting.terminate()
    assert finish(waiting).status != 0
    cluster.until(lambda: not cluster.ask("squeue", "-h", "-n", "sleep"), "nothing of it is left")


def test_a_shell_with_components(cluster: Suite, here: Path) -> None:
    srun = cluster.program("srun")
    body = f"echo $SLURM_HET_SIZE $SLURM_NTASKS; {srun} --het-group=1 -l hostname | wc -l; {srun} --het-group=0,1 true; echo $?"
    done = cluster.run("salloc", "-n1", ":", "-n2", "sh", "-c", body, cwd=here).ok()
    assert done.out.split() == ["2", "3", "2", "0"]


def test_a_parallel_program_over_components(cluster: Suite, here: Path) -> None:
    """The tasks of all components are one world of PMI."""
    (here / "keys.py").write_text(KEYS)
    part = [sys.executable, str(here / "keys.py")]
    done = cluster.run("srun", "--mpi=pmi2", "-n1", *part, ":", "-n3", "-N2", *part, cwd=here).ok()
    assert sorted(done.out.splitlines()) == [f"{rank} of 4" for rank in range(4)]


def test_mpich_over_components(cluster: Suite, here: Path) -> None:
    program = str(mpi.compiled("mpich", here))
    done = cluster.run("srun", "--mpi=pmi2", "-n1", program, ":", "-n2", "-N2", program, cwd=here).ok()
    assert len(done.out.splitlines()) == 3
    assert done.out.count("of 3: sum 6") == 3


def test_programs_by_rank_are_counted_within_their_part(cluster: Suite, here: Path) -> None:
    (here / "ranks").write_text("0 echo zero\n1 echo one %t\n")
    done = cluster.run("srun", "-l", "-n1", "echo", "alone", ":", "-n2", "--multi-prog", "ranks", cwd=here).ok()
    assert sorted(done.out.splitlines()) == ["0: alone", "1: zero", "2: one 1"]


def test_cancelled_as_a_whole(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-n1", ":", "-n1", "--wrap", "srun --het-group=0,1 sleep 100", cwd=here)
    cluster.until(lambda: cluster.ask("squeue", "-h", "-s", "-j", str(job + 1)), "its step runs")
    cluster.run("scancel", str(job)).ok()
    assert set(cluster.wait_ended(job, job + 1).values()) == {"CANCELLED"}


def test_newest_form(here: Path) -> None:
    with Cluster.up(2, 0, compat="") as newest:
        body = "env; srun --het-group=1 env | sed s/^/step:/; srun --het-group=0,1 -n1 -l true"
        job = newest.submit("--wait", "-o", str(here / "new"), "-n1", ":", "-n1", "--wrap", body, cwd=here)
        lines = readable(here / "new").splitlines()
        whole = dict(line.split("=", 1) for line in lines if line.startswith("SLURM_"))
        step = dict(line.removeprefix("step:").split("=", 1) for line in lines if line.startswith("step:SLURM_"))
        assert [whole["SLURM_HET_SIZE"], whole["SLURM_JOB_ID_HET_GROUP_1"]] == ["2", str(job + 1)]
        assert "SLURM_NODE_ALIASES_HET_GROUP_0" not in whole
        assert [step["SLURM_JOB_ID"], step["SLURM_STEP_ID"]] == [str(job), "0"]
        assert step["SLURM_JOB_NODELIST"] == whole["SLURM_JOB_NODELIST_HET_GROUP_1"]


def test_one_node_is_enough(here: Path) -> None:
    """Where there are no nodes of their own for all components, they share one."""
    with Cluster.up(1, 2) as alone:
        body = "srun --het-group=0,1 sh -c 'echo $SLURM_PROCID $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES'"
        alone.submit("--wait", "-o", str(here / "o"), "-n1", "--gres=gpu:1", ":", "-n1", "--gres=gpu:1", "--wrap", body)
        assert sorted(readable(here / "o").splitlines()) == ["0 n0 0", "1 n0 1"]


def test_together_or_not_at_all_when_the_controller_dies(pair: Cluster) -> None:
    here = pair.directory / "work"
    blocker = pair.submit("-w", "n1", "--exclusive", "--wrap", f"while [ ! -e {here}/go ]; do sleep 0.05; done")
    pair.wait_state(blocker, "RUNNING")
    body = f"srun --het-group=0,1 sh -c 'echo $SLURM_JOB_ID $SLURM_PROCID >> {here}/ran'"
    jobs = [pair.submit("-n1", "--exclusive", ":", "-n1", "--exclusive", "--wrap", body) for _ in range(4)]
    assert jobs == list(range(jobs[0], jobs[0] + 8, 2)), "ids of components follow each other"
    pair.kill9("controller")
    pair.restart("controller")
    assert {pair.state(job + at) for job in jobs for at in (0, 1)} == {"PENDING"}
    (here / "go").touch()
    pair.until(lambda: (here / "ran").exists(), "the first has started")
    pair.kill9("controller")
    pair.restart("controller")
    states = pair.wait_ended(*(job + at for job in jobs for at in (0, 1)), seconds=60)
    assert all(states[f"{job}+0"] == states[f"{job}+1"] for job in jobs)
    lines = readable(here / "ran").splitlines()
    assert len(lines) == len(set(lines)), "nothing ran twice"
    whole = [job for job in jobs if {f"{job} 0", f"{job} 1"} <= set(lines)]
    assert len(whole) >= 3, "one may have met the controller while it was down"


@pytest.mark.skipif(not os.path.exists("/usr/bin/script"), reason="needs script from util-linux")
def test_a_terminal_for_the_first_part(cluster: Suite, here: Path) -> None:
    line = f"{cluster.program('srun')} --pty -n1 tty : -n1 true"
    done = finish(popen(["script", "-qec", line, "/dev/null"], cluster.environment(), here, None), 30)
    assert "/dev/pts/" in done.out
