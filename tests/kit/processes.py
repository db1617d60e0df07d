"""Finding the processes that belong to a test, and ending them by their ids."""

from __future__ import annotations

import contextlib
import os
import signal

from tests.kit.waiting import until


class Process:
    """A process as it was seen: `name` is its short one, `key` stays true where the id is given out again."""

    __slots__ = ("key", "name", "pid", "ppid", "state", "words")

    def __init__(self, pid: int, ppid: int, state: str, name: str, words: list[str], started: str) -> None:
        self.pid = pid
        self.name = name
        self.ppid = ppid
        self.state = state
        self.words = words
        self.key = (pid, started)

    def __repr__(self) -> str:
        return f"{self.pid} ({self.state}, parent {self.ppid}): {' '.join(self.words)[:300]}"


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


def look(pid: int) -> Process | None:
    """The process of that id; None if there is none, or only a zombie."""
    try:
        before, _, after = _read(pid, "stat").rpartition(b")")
        fields = after.split()
        words = _read(pid, "cmdline").decode(errors="replace").split("\0")
    except OSError:
        return None
    state = fields[0].decode()
    if state in "ZX":
        return None
    return Process(pid, int(fields[1]), state, before.partition(b"(")[2].decode(errors="replace"), words, fields[19].decode())


def ids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def mentioning(text: str) -> list[Process]:
    """Processes, not this one, whose command line or first environment holds `text`."""
    wanted = text.encode()
    found = []
    for pid in ids():
        if pid == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in _read(pid, "cmdline") or wanted in _read(pid, "environ"):
                process = look(pid)
                if process is not None:
                    found.append(process)
    return found


def of_user(uid: int) -> list[Process]:
    """All processes of a user."""
    found = []
    for pid in ids():
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                process = look(pid)
                if process is not None:
                    found.append(process)
    return found


def alive(pid: int) -> bool:
    return look(pid) is not None


def wait_gone(pid: int, seconds: float = 10.0) -> None:
    until(lambda: not alive(pid), lambda: f"process {look(pid)} ends", seconds)


def kill(found: list[Process]) -> None:
    """SIGKILL for each that still is the process that was seen."""
    for process in found:
        current = look(process.pid)
        if current is not None and current.key == process.key:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
