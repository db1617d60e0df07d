"""salloc against a scripted controller: notices, the command's environment and end, and revoked allocations."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.commands import finish
from tests.kit.fake_controller import FakeCluster, Talk, hold, refuses, says
from tests.kit.waiting import until

GRANTED = "salloc: Granted job allocation 5"
RELINQUISHING = "salloc: Relinquishing job allocation 5"
REVOKED = "salloc: Job allocation 5 has been revoked."


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        yield made


def test_command(cluster: FakeCluster) -> None:
    done = cluster.run("salloc", "-n1", "sh", "-c", "echo $SLURM_JOB_ID $SLURM_JOB_NODELIST $FOO", env={"FOO": "foo"})
    assert (done.status, done.out, done.err.splitlines()) == (0, "5 n0 foo\n", [GRANTED, RELINQUISHING])
    assert [message["kind"] for message in cluster.controller.log] == ["allocate", "release_job"]
    assert cluster.asked("allocate")[0]["requests"][0]["kind"] == "alloc"


@pytest.mark.parametrize(
    ("script", "status"), [("exit 5", 5), ("kill -KILL $$", 0), ("kill -HUP $$", 0), ("kill -TERM $$", 1), ("kill -SEGV $$", 1)]
)
def test_exit_status(cluster: FakeCluster, script: str, status: int) -> None:
    assert cluster.run("salloc", "-Q", "sh", "-c", script).status == status


def test_unknown_command(cluster: FakeCluster) -> None:
    done = cluster.run("salloc", "nosuchcommand")
    missing = 'salloc: error: _fork_command: Unable to find command "nosuchcommand"'
    assert (done.status, done.err.splitlines()) == (1, [GRANTED, missing, RELINQUISHING])


def test_default_shell(cluster: FakeCluster) -> None:
    done = cluster.run("salloc", stdin="echo in shell; exit 4\n")
    assert (done.status, done.out) == (4, "in shell\n")


def test_no_shell(cluster: FakeCluster) -> None:
    done = cluster.run("salloc", "--no-shell")
    assert (done.status, done.out, done.err) == (0, "", GRANTED + "\n")
    assert cluster.asked("allocate")[0]["keep"] is True
    assert not cluster.asked("release_job")


def test_quiet(cluster: FakeCluster) -> None:
    assert cluster.run("salloc", "-Q", "true").ok().err == ""


def test_refused(cluster: FakeCluster) -> None:
    detail = "invalid partition specified: nope"
    cluster.controller["allocate"] = refuses(2000, "Invalid partition name specified", detail)
    done = cluster.run("salloc", "-p", "nope", "true")
    assert done.status == 1
    assert done.err.splitlines() == [
        f"salloc: error: {detail}", "salloc: error: Job submit/allocate failed: Invalid partition name specified",
    ]  # fmt: skip


def test_queue(cluster: FakeCluster) -> None:
    def handler(message: dict[str, Any], talk: Talk) -> None:
        talk.send(cluster.waiting())
        talk.send(cluster.started())
        hold(talk)

    cluster.controller["allocate"] = handler
    done = cluster.run("salloc", "true")
    assert done.err.splitlines() == [
        "salloc: Pending job allocation 5", "salloc: job 5 queued and waiting for resources",
        "salloc: job 5 has been allocated resources", GRANTED, RELINQUISHING,
    ]  # fmt: skip


def test_cancelled_in_the_queue(cluster: FakeCluster) -> None:
    ended = {"kind": "job_event", "job_id": 5, "event": "ended", "state": "CANCELLED"}
    cluster.controller["allocate"] = says(cluster.waiting("JobHeldUser"), ended)
    done = cluster.run("salloc", "true")
    assert done.status == 1
    assert done.err.splitlines() == [
        "salloc: Job is in held state, pending scheduler release", "salloc: Pending job allocation 5",
        "salloc: job 5 queued and waiting for resources", "salloc: Job has been cancelled",
        "salloc: error: Job submit/allocate failed: Job/step already completing or completed", REVOKED,
    ]  # fmt: skip


def test_signal_in_the_queue(cluster: FakeCluster) -> None:
    cluster.controller["allocate"] = lambda message, talk: (talk.send(cluster.waiting()), hold(talk))[1]
    process = cluster.start("salloc", "true")
    assert process.stderr is not None
    assert process.stderr.readline() == "salloc: Pending job allocation 5\n"
    assert process.stderr.readline() == "salloc: job 5 queued and waiting for resources\n"
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert (done.status, done.err.splitlines()) == (1, [REVOKED, "salloc: Job aborted due to signal"])
    assert cluster.asked("release_job")


class _Revoker:
    """An allocation that ends when the test says so."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.now = threading.Event()
        cluster.controller["allocate"] = self._handle
        self.cluster = cluster

    def _handle(self, message: dict[str, Any], talk: Talk) -> None:
        talk.send(self.cluster.state())
        self.now.wait(10)
        talk.send({"kind": "job_event", "job_id": 5, "event": "ended", "state": "CANCELLED"})
        hold(talk)


TRAP = "trap 'echo TERM; exit 3' TERM; trap 'echo HUP; exit 4' HUP; trap 'echo USR1; exit 5' USR1; echo ready; read x; echo $x"


def trapped(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def test_revoked_leaves_the_command_alone(cluster: FakeCluster) -> None:
    revoker = _Revoker(cluster)
    process = cluster.start("salloc", "sh", "-c", TRAP, stdin=subprocess.PIPE)
    trapped(process)
    revoker.now.set()
    assert process.stderr is not None
    assert [process.stderr.readline() for _ in range(2)] == [GRANTED + "\n", REVOKED + "\n"]
    done = finish(process, stdin="still here\n")
    assert (done.status, done.out) == (0, "still here\n")


def test_revoked_ends_the_command_when_asked_to(cluster: FakeCluster) -> None:
    revoker = _Revoker(cluster)
    process = cluster.start("salloc", "-K", "sh", "-c", TRAP, stdin=subprocess.PIPE)
    trapped(process)
    revoker.now.set()
    process.wait(10)
    done = finish(process)
    assert (done.status, done.out, done.err.splitlines()) == (3, "TERM\n", [GRANTED, REVOKED])


def test_terminated_gives_the_allocation_back(cluster: FakeCluster) -> None:
    process = cluster.start("salloc", "sh", "-c", TRAP, stdin=subprocess.PIPE)
    trapped(process)
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    done = finish(process)
    assert (done.status, done.out, done.err.splitlines()) == (3, "TERM\n", [GRANTED, REVOKED])
    assert len(cluster.asked("release_job")) == 1


def test_controller_that_restarts(cluster: FakeCluster) -> None:
    cluster.controller["allocate"] = lambda message, talk: talk.send(cluster.state())  # then the connection closes
    cluster.controller["attach"] = cluster.allocated
    process = cluster.start("salloc", "sh", "-c", TRAP, stdin=subprocess.PIPE)
    trapped(process)
    done = finish(process, stdin="x\n")
    assert (done.status, done.err.splitlines()) == (0, [GRANTED, RELINQUISHING])


def test_shell_on_a_terminal(cluster: FakeCluster) -> None:
    """The shell owns the terminal: Ctrl-C ends what runs in it, neither the shell nor salloc."""
    pid, terminal = os.forkpty()
    if pid == 0:
        environ = {"MGPU_CONF": f"embedded:{cluster.directory}", "PATH": "/usr/bin:/bin", "SHELL": "/bin/bash", "PS1": "prompt> "}
        from tests.kit.commands import BIN

        os.execve(BIN / "mgpu_salloc", ["salloc", "bash", "--norc", "--noediting", "-i"], environ)
    seen = b""

    def expect(text: bytes) -> None:
        nonlocal seen
        while text not in seen:
            ready, _, _ = select.select([terminal], [], [], 10)
            assert ready, seen
            seen += os.read(terminal, 4096)
        seen = seen.partition(text)[2]

    expect(b"Granted job allocation 5")
    expect(b"prompt> ")
    os.write(terminal, b"sleep 30\n")
    # a Ctrl-C before would meet bash, or what bash has forked and still ignores it
    until(lambda: Path(f"/proc/{os.tcgetpgrp(terminal)}/comm").read_text() == "sleep\n", "sleep is in the foreground")
    os.write(terminal, b"\x03")
    expect(b"prompt> ")
    os.write(terminal, b"echo job$SLURM_JOB_ID; exit 6\n")
    expect(b"job5")
    expect(b"Relinquishing job allocation 5")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
    os.close(terminal)
