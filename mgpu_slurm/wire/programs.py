"""Programs of the administrator that a daemon runs around jobs: found, run in order, held to a time, and ended.

Each runs in `/` as the daemon's user, in a session of its own, with nothing on its standard input and with the environment
that it is given alone. What it prints is kept for the log, where it fails. While one runs, a file tells of it, so that a daemon
which was killed meanwhile finds it when it starts anew, and no program of a job ever runs beside itself.
"""

from __future__ import annotations

import asyncio
import errno
import glob
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence

import msgspec

KILL_AFTER = 5.0
"""Seconds between TERM and KILL for a program that has had its time."""

BEGIN = 'echo $$ > "$0" && unset PWD OLDPWD SHLVL && exec "$@"'
"""The process itself writes the file that tells of it, before it becomes the program: no moment is left in which nobody knows."""

SAID = 2000
"""Bytes of what a program has printed that are worth keeping."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How programs have ended: the wait status of the first one that failed (0: none did, -1: it could not be run)."""

    status: int = 0
    path: str = ""
    timed_out: bool = False
    said: str = ""

    def told(self, name: str) -> str:
        """A failure as a line for the log."""
        if self.status == -1:
            return f"{name}: {self.path}: {self.said}"
        how = f"{name} failed status={os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else 0}"
        how += f":{os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0}"
        if self.timed_out:
            how += ", it has taken too long"
        return f"{how}: {self.path}{f': {self.said}' if self.said else ''}"


def found(patterns: Sequence[str]) -> list[str]:
    """The programs of a setting, in the order in which they run: those of a pattern from the last name to the first, as in Slurm.
    A pattern that fits nothing stays as it is, and fails."""
    paths: list[str] = []
    for pattern in patterns:
        paths += sorted(glob.glob(pattern), reverse=True) or [pattern]
    return paths


async def run(
    patterns: Sequence[str], environment: Mapping[str, str], seconds: float, note: str, arguments: Sequence[str] = ()
) -> Ended:
    """Run the programs until one fails. `seconds`: how long each may take, 0 for ever; `note`: the file that tells of it."""
    for path in found(patterns):
        try:
            ended = await _run([path, *arguments], environment, seconds, note)
        except (OSError, ValueError) as error:  # ValueError: a variable with a NUL in it
            ended = Ended(status=-1, path=path, said=str(error))
        if ended.status:
            return ended
    return Ended()


async def _run(argv: Sequence[str], environment: Mapping[str, str], seconds: float, note: str) -> Ended:
    path = argv[0]
    if not os.access(path, os.X_OK):
        return Ended(status=-1, path=path, said=os.strerror(errno.EACCES if os.path.exists(path) else errno.ENOENT))
    os.makedirs(os.path.dirname(note), 0o700, exist_ok=True)
    with tempfile.TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", BEGIN, note, *argv, env=dict(environment), cwd="/", stdin=asyncio.subprocess.DEVNULL, stdout=output,
            stderr=output, start_new_session=True,
        )  # fmt: skip
        timed_out = False
        try:
            await asyncio.wait_for(process.wait(), seconds or None)
        except TimeoutError:
            timed_out = True
            _signal(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), KILL_AFTER)
            except TimeoutError:
                _signal(process.pid, signal.SIGKILL)
                await process.wait()
        _signal(process.pid, signal.SIGKILL)  # what it has left behind in its session's first group
        os.unlink(note)
        code = process.returncode or 0
        output.seek(0)
        said = output.read(SAID).decode("utf-8", "replace").strip()
    return Ended(status=-code if code < 0 else code << 8, path=path, timed_out=timed_out, said=said)


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # all of it has ended


def _is_ours(pid: int, job: str) -> bool:
    """Whether the process of this number is still a program of that job, and not one that has got the number since."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read().split(b"\0")
        return f"SLURM_JOB_ID={job}".encode() in environment and os.getsid(pid) == pid
    except OSError:
        return False


def end_left(directory: str) -> list[str]:
    """Kill what an earlier daemon has left running; the names of the notes that told of it, which are WHAT.JOB.ATTEMPT."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    left = []
    for name in names:
        path = os.path.join(directory, name)
        with open(path) as file:
            pid = file.read().strip()
        if pid.isdecimal() and _is_ours(int(pid), name.split(".")[1]):
            _signal(int(pid), signal.SIGKILL)
            left.append(name)
        os.unlink(path)
    return left
