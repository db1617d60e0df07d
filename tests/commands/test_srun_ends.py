"""How srun's steps end: exit reports, signals, time-outs, lost nodes. Texts are those of Slurm 22.05.8."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from mgpu_slurm.base import errors
from mgpu_slurm.wire import frames
from tests.kit.commands import finish
from tests.kit.fake_controller import FakeCluster, Talk, refuses


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        yield made


def two(cluster: FakeCluster) -> FakeCluster:
    cluster.ntasks = 2
    return cluster


@pytest.mark.parametrize(
    ("ends", "status", "lines"),
    [
        ([([0, 1], 0)], 0, []),
        ([([0], 0), ([1], 3 << 8)], 3, ["task 1: Exited with exit code 3"]),
        ([([0], 2 << 8), ([1], 11 | 0x80)], 139,
         ["task 0: Exited with exit code 2", "task 1: Segmentation fault (core dumped)"]),
        ([([0, 1], 9)], 137, ["tasks 0-1: Killed"]),
        ([([0], 15), ([1], 200 << 8)], 200, ["task 0: Terminated", "task 1: Exited with exit code 200"]),
    ],
)  # fmt: skip
def test_exit_reports(cluster: FakeCluster, ends: list[tuple[list[int], int]], status: int, lines: list[str]) -> None:
    two(cluster).tasks = lambda talk: [cluster.exit(talk, *end) for end in ends] and None
    done = cluster.run("srun", "-n2", "true")
    killed = ["srun: Force Terminated StepId=5.0"] if any(end & 0x7F in (9, 15) for _, end in ends) else []
    assert (done.status, done.err.splitlines()) == (status, [*(f"srun: error: n0: {line}" for line in lines), *killed])


def signals(cluster: FakeCluster, ends_at: int = signal.SIGKILL) -> list[int]:
    """Tasks that live until a signal; what they get."""
    got: list[int] = []

    def tasks(talk: Talk) -> None:
        talk.channel(frames.STDOUT, 0, b"ready\n")
        while (message := talk.message()) is not None:
            if message["kind"] == "signal_tasks":
                got.append(message["signal"])
                if message["signal"] == ends_at:
                    cluster.exit(talk, list(range(cluster.ntasks)), ends_at)
                    return

    cluster.tasks = tasks
    return got


def ready(process: subprocess.Popen[str]) -> None:
    """The tasks run, and srun knows it."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def test_interrupt_once_and_twice(cluster: FakeCluster) -> None:
    got = signals(two(cluster))
    process = cluster.start("srun", "-n2", "sleep", "30")
    ready(process)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    lines = [process.stderr.readline(), process.stderr.readline()]
    process.send_signal(signal.SIGINT)
    done = finish(process)
    lines += done.err.splitlines(keepends=True)
    assert lines == [
        "srun: interrupt (one more within 1 sec to abort)\n",
        "srun: StepId=5.0 tasks 0-1: running\n",
        "srun: sending Ctrl-C to StepId=5.0\n",
        "srun: forcing job termination\n",
        "srun: Job step aborted: Waiting up to 3 seconds for job step to finish.\n",
    ]
    assert (got, done.status) == ([signal.SIGINT, signal.SIGKILL], 137)


@pytest.mark.parametrize(
    ("option", "number", "ends_at", "got", "lines"),
    [
        ([], signal.SIGTERM, signal.SIGKILL, [9], ["forcing job termination", "ABORT", "error: n0: task 0: Killed"]),
        ([], signal.SIGQUIT, signal.SIGKILL, [9], ["Quit", "forcing job termination", "ABORT", "error: n0: task 0: Killed"]),
        ([], signal.SIGUSR1, signal.SIGUSR1, [10], ["error: n0: task 0: User defined signal 1"]),
        (["-X"], signal.SIGINT, signal.SIGINT, [2], ["sending Ctrl-C to StepId=5.0", "error: n0: task 0: Interrupt"]),
        (["--quit-on-interrupt"], signal.SIGINT, signal.SIGKILL, [2, 9],
         ["sending Ctrl-C to StepId=5.0", "forcing job termination", "ABORT"]),
    ],
)  # fmt: skip
def test_signals(cluster: FakeCluster, option: list[str], number: int, ends_at: int, got: list[int], lines: list[str]) -> None:
    heard = signals(cluster, ends_at)
    process = cluster.start("srun", *option, "sleep", "30")
    ready(process)
    process.send_signal(number)
    done = finish(process)
    abort = "Job step aborted: Waiting up to 3 seconds for job step to finish."
    assert done.err.splitlines() == [f"srun: {abort if line == 'ABORT' else line}" for line in lines]
    assert (heard, done.status) == (got, 128 + ends_at)


def test_kill_on_bad_exit(cluster: FakeCluster) -> None:
    got: list[int] = []

    def tasks(talk: Talk) -> None:
        cluster.exit(talk, [1], 3 << 8)
        while (message := talk.message()) is not None:
            got.append(message.get("signal", 0))
            if message.get("signal") == signal.SIGTERM:
                cluster.exit(talk, [0], signal.SIGTERM)
                return

    two(cluster).tasks = tasks
    done = cluster.run("srun", "-n2", "-K", "true")
    assert done.status == 143
    assert done.err.splitlines() == [
        "srun: error: n0: task 1: Exited with exit code 3",
        "srun: launch/slurm: _step_signal: Terminating StepId=5.0",
        "srun: error: n0: task 0: Terminated",
        "srun: Force Terminated StepId=5.0",
    ]


def test_wait_after_the_first_exit(cluster: FakeCluster) -> None:
    def tasks(talk: Talk) -> None:
        cluster.exit(talk, [1], 0)
        while (message := talk.message()) is not None:
            if message.get("signal") == signal.SIGTERM:
                cluster.exit(talk, [0], signal.SIGTERM)
                return

    two(cluster).tasks = tasks
    done = cluster.run("srun", "-n2", "-W", "1", "true")
    assert done.err.splitlines()[:4] == [
        "srun: First task exited 1s ago", "srun: StepId=5.0 task 0: running", "srun: StepId=5.0 task 1: exited",
        "srun: launch/slurm: _step_signal: Terminating StepId=5.0",
    ]  # fmt: skip


def test_tasks_that_do_not_end(cluster: FakeCluster) -> None:
    signals(cluster, ends_at=0)
    process = cluster.start("srun", "sleep", "30")
    ready(process)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.err.splitlines()[-1] == "srun: error: Timed out waiting for job step to complete"


def test_lost_node(cluster: FakeCluster) -> None:
    def launch(message: dict[str, Any], talk: Talk) -> None:
        talk.send({"kind": "tasks_started", "node": "n0", "pids": [1]})

    cluster.node["launch_tasks"] = launch
    done = cluster.run("srun", "true")
    assert (done.status, done.err) == (1, "srun: error: Node failure on n0\n")


def test_refused_launch(cluster: FakeCluster) -> None:
    cluster.node["launch_tasks"] = refuses(errors.ESLURMD_INVALID_JOB_CREDENTIAL, "Invalid job credential")
    done = cluster.run("srun", "true")
    assert done.status == 1
    assert done.err.splitlines() == [
        "srun: error: Task launch for StepId=5.0 failed on node n0: Invalid job credential",
        "srun: error: Application launch failed: Invalid job credential",
    ]


def test_step_whose_own_time_is_over(cluster: FakeCluster) -> None:
    """As Slurm 22.05: nothing is aborted, the ends of the tasks are told, and that they were forced."""
    banner = "slurmstepd: error: *** STEP 5.0 ON n0 CANCELLED AT T DUE TO TIME LIMIT ***"

    def tasks(talk: Talk) -> None:
        talk.send({"kind": "step_text", "text": banner, "limit": True})
        cluster.exit(talk, [0], signal.SIGTERM)

    cluster.tasks = tasks
    done = cluster.run("srun", "-t1", "sleep", "300")
    assert done.status == 143
    assert done.err.splitlines() == [banner, "srun: error: n0: task 0: Terminated", "srun: Force Terminated StepId=5.0"]


def test_job_that_ends_meanwhile(cluster: FakeCluster) -> None:
    def tasks(talk: Talk) -> None:
        talk.send({"kind": "step_text", "text": "slurmstepd: error: *** STEP 5.0 ON n0 CANCELLED AT T ***"})
        cluster.exit(talk, [0], signal.SIGTERM)

    cluster.tasks = tasks
    done = cluster.run("srun", "sleep", "30")
    assert done.err.splitlines() == [
        "slurmstepd: error: *** STEP 5.0 ON n0 CANCELLED AT T ***",
        "srun: Job step aborted: Waiting up to 3 seconds for job step to finish.",
        "srun: error: n0: task 0: Terminated",
    ]
