"""When a keeper starts a daemon again, and which process it takes for its own."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from mgpu_slurm.deploy.keeper import LONGEST, SHORTEST, STEADY, Daemon, read_pid, runs
from tests.kit import processes
from tests.kit.waiting import until

WORDS = ["/bin/sleep", "-f", "/c/mgpu.conf", "-N", "n1"]


def test_a_daemon_that_dies_is_started_ever_less_often(tmp_path: Path) -> None:
    daemon = Daemon("node", str(tmp_path), WORDS)
    now, waits = 1000.0, []
    for _ in range(10):
        daemon.pid, daemon.since = 1, now
        text = daemon.ended(-signal.SIGKILL, now + 1)
        assert "was killed by signal 9 after 1 s" in text
        assert daemon.due is not None
        waits.append(round(daemon.due - now - 1, 3))
        now = daemon.due
    assert waits[0] == SHORTEST
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST
    daemon.since = now
    daemon.ended(1, now + STEADY)
    assert daemon.due == now + STEADY + SHORTEST  # it had lived long enough


def test_a_daemon_that_was_told_to_end_stays_away(tmp_path: Path) -> None:
    daemon = Daemon("controller", str(tmp_path), WORDS)
    Path(daemon.pid_file).write_text("1\n")
    assert daemon.ended(0, 1.0) == "controller has ended as it was told to"
    assert daemon.due is None
    assert read_pid(daemon.pid_file) == 0


def started(words: list[str]) -> subprocess.Popen[bytes]:
    """A process whose command line ends with these words; it ends when it is told a line."""
    process = subprocess.Popen(["/bin/sh", "-c", "read line", *words], stdin=subprocess.PIPE)
    until(Path(f"/proc/{process.pid}/cmdline").read_bytes, "its command line is there")
    return process


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["python", "boot.py", "node", "-", "-f", "/c/mgpu.conf", "-N", "n1"], True),
        (["python", "boot.py", "node", "-", "-f", "/c/mgpu.conf", "-N", "n2"], False),
        (["python", "boot.py", "master", "-", "-f", "/c/mgpu.conf"], False),
        (["other"], False),
    ],
)
def test_a_process_id_may_be_another_s_by_now(words: list[str], ours: bool) -> None:
    """What counts is the configuration and the node that it was started with; the release may be another."""
    process = started(words)
    try:
        assert runs(process.pid, WORDS) == ours
    finally:
        process.communicate(b"\n")
    assert not runs(process.pid, WORDS)


def test_an_earlier_keeper_s_daemon_is_taken_up(tmp_path: Path) -> None:
    process = started(WORDS)
    try:
        daemon = Daemon("node", str(tmp_path), WORDS)
        daemon.find()
        assert (daemon.pid, daemon.due) == (0, 0.0)  # nothing noted: to be started
        Path(daemon.pid_file).write_text(f"{process.pid}\n")
        daemon.find()
        assert (daemon.pid, daemon.ours, daemon.due) == (process.pid, False, None)
    finally:
        process.communicate(b"\n")


def test_a_daemon_that_cannot_be_started_says_so(tmp_path: Path) -> None:
    daemon = Daemon("node", str(tmp_path), ["/no/such/program", "-f", "x"])
    daemon.start({})
    _, status = os.waitpid(daemon.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 127
    assert (tmp_path / "node.out").read_text() == "/no/such/program: No such file or directory\n"
    assert not processes.alive(daemon.pid)
