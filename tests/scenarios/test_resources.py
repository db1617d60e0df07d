"""CPUs, memory, GPUs, whole nodes: each to one job at a time, and tasks see what is theirs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable

HOLD = "while [ ! -e {here}/go ]; do sleep 0.05; done"


def test_variables_of_gpus(cluster: Suite) -> None:
    body = 'echo "$CUDA_VISIBLE_DEVICES|$SLURM_JOB_GPUS|$SLURM_STEP_GPUS|$SLURM_GPUS_ON_NODE"'
    assert cluster.run("srun", "--gres=gpu:2", "sh", "-c", body).ok().out == "0,1||0,1|2\n"
    assert cluster.run("srun", "true").ok().out == ""
    assert cluster.run("srun", "sh", "-c", 'echo "[$CUDA_VISIBLE_DEVICES]"').ok().out == "[]\n"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--gres=gpu:1"], 1), (["--gres=gpu:a100:3"], 3), (["--gpus=2"], 2), (["-G", "a100:2"], 2), (["--gpus-per-node=4"], 4),
        (["--gpus-per-task=2", "-n2"], 4), (["--gres=gpu"], 1),
    ],
)  # fmt: skip
def test_ways_to_ask(cluster: Suite, here: Path, words: list[str], count: int) -> None:
    cluster.submit("--wait", *words, "-o", "o", "--wrap", 'echo "$CUDA_VISIBLE_DEVICES|$SLURM_JOB_GPUS"', cwd=here)
    visible, _, whole = readable(here / "o").strip().partition("|")
    assert len(visible.split(",")) == count
    assert whole == visible


def test_concurrent_jobs_never_share_a_gpu(cluster: Suite, here: Path) -> None:
    body = 'echo "$SLURMD_NODENAME $SLURM_JOB_GPUS" > ' + f"{here}/$SLURM_JOB_ID; " + HOLD.format(here=here)
    jobs = [cluster.submit("--gres=gpu:1", "--wrap", body) for _ in range(18)]
    cluster.until(lambda: len(list(here.iterdir())) == 16, "all GPUs are in use")
    assert Counter(cluster.states(*jobs).values()) == {"RUNNING": 16, "PENDING": 2}
    held = [tuple(file.read_text().split()) for file in here.iterdir()]
    assert len(set(held)) == 16, held
    (here / "go").touch()
    assert set(cluster.wait_ended(*jobs).values()) == {"COMPLETED"}


def test_steps_within_a_job_share_its_gpus_out(cluster: Suite, here: Path) -> None:
    script = """#!/bin/bash
#SBATCH -n4 --gres=gpu:4 -o o
for i in 1 2 3 4; do
  srun -n1 --exact --gres=gpu:1 --mem=10 sh -c 'echo $SLURM_STEP_GPUS; sleep 0.5' &
done
wait
"""
    cluster.submit("--wait", script=script, cwd=here)
    assert sorted(readable(here / "o").split()) == ["0", "1", "2", "3"]


def test_gpus_per_task_are_bound(cluster: Suite) -> None:
    done = cluster.run("srun", "-n4", "--gpus-per-task=1", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES").ok()
    assert sorted(done.lines) == ["0", "0", "0", "0"] or sorted(done.lines) == ["0", "1", "2", "3"]


def test_cpus_are_not_given_twice(cluster: Suite, here: Path) -> None:
    jobs = [cluster.submit("-w", "n3", "-n1", "-c3", "--wrap", HOLD.format(here=here)) for _ in range(3)]
    cluster.until(lambda: Counter(cluster.states(*jobs).values())["RUNNING"] == 2, "two of three run")
    assert cluster.node("n3")["CPUAlloc"] == "6"
    (here / "go").touch()
    assert set(cluster.wait_ended(*jobs).values()) == {"COMPLETED"}
    cluster.until(lambda: cluster.node("n3")["CPUAlloc"] == "0", "all is free again")


def test_memory_is_counted(cluster: Suite, here: Path) -> None:
    jobs = [cluster.submit("-w", "n3", "--mem=9000", "--wrap", HOLD.format(here=here)) for _ in range(2)]
    cluster.until(lambda: Counter(cluster.states(*jobs).values())["RUNNING"] == 1, "one runs")
    cluster.until(lambda: "PENDING" in cluster.states(*jobs).values(), "the other waits")
    cluster.until(lambda: "Resources" in cluster.reason(jobs[1]), "it says why")
    (here / "go").touch()
    assert set(cluster.wait_ended(*jobs).values()) == {"COMPLETED"}
    done = cluster.run("sbatch", "--mem=17000", "-o", "/dev/null", "--wrap", "true")
    assert done.status == 1
    assert done.err.endswith("Batch job submission failed: Requested node configuration is not available\n")


def test_exclusive(cluster: Suite, here: Path) -> None:
    first = cluster.submit("-w", "n3", "--exclusive", "-n1", "--wrap", HOLD.format(here=here))
    cluster.wait_state(first, "RUNNING")
    second = cluster.submit("-w", "n3", "--wrap", "true")
    cluster.until(lambda: cluster.reason(second) in ("Resources", "Priority"), "the second waits")
    assert cluster.node("n3")["State"] == "ALLOCATED"
    assert cluster.job(first)["NumCPUs"] == "8"
    (here / "go").touch()
    cluster.wait_state(second, "COMPLETED")


def test_node_lists(cluster: Suite, here: Path) -> None:
    body = 'echo "$SLURM_JOB_NODELIST"'
    cluster.submit("--wait", "-w", "n[1-2]", "-o", "o", "--wrap", body, cwd=here)
    assert readable(here / "o") == "n[1-2]\n"
    cluster.submit("--wait", "-x", "n[0,2]", "-N2", "-o", "o", "--wrap", body, cwd=here)
    assert readable(here / "o") == "n[1,3]\n"


def test_a_long_job_does_not_let_small_ones_pass_without_end(cluster: Suite, here: Path) -> None:
    """Backfill: a short job may pass a waiting wide one only where it does not delay it."""
    hold = cluster.submit("-N3", "--exclusive", "-t", "10", "--wrap", HOLD.format(here=here))
    cluster.wait_state(hold, "RUNNING")
    wide = cluster.submit("-N4", "--exclusive", "-t", "10", "--wrap", "true")
    cluster.until(lambda: cluster.reason(wide) == "Resources", "the wide one waits")
    short = cluster.submit("-t", "5", "--wrap", "true")
    long = cluster.submit("-t", "60", "--wrap", "true")
    cluster.wait_state(short, "COMPLETED", seconds=60)
    assert cluster.state(long) == "PENDING"
    (here / "go").touch()
    cluster.wait_ended(hold, wide, long, seconds=60)


def test_nothing_is_left_allocated(cluster: Suite) -> None:
    for name in ("n0", "n1", "n2", "n3"):
        cluster.until(lambda name=name: cluster.node(name)["CPUAlloc"] == "0", f"{name} is free")  # type: ignore[misc]
        assert cluster.node(name)["AllocMem"] == "0"
        assert "gres/gpu" not in cluster.node(name).get("AllocTRES", "")
