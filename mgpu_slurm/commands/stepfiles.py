"""Where the streams of a step go: through srun, to files that srun opens, to files that the nodes open, or nowhere.

A name that differs by task or node (%t, %n, %N) is opened where the task runs; any other is one file, which srun opens
itself, so that all tasks write through one position in it, wherever they run. A number below the count of tasks means that
task alone.
"""

from __future__ import annotations

import os

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.base.patterns import PER_NODE_LETTERS, PER_TASK_LETTERS, expand, letters
from mgpu_slurm.base.sluid import sluid
from mgpu_slurm.wire.sink import is_null

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_ON_NODE = PER_TASK_LETTERS | PER_NODE_LETTERS
NO_VALUE = 0xFFFFFFFE


class CannotOpen(Exception):
    """A file of srun's own; the text is Slurm's."""


class Stream:
    """One of the three. `fd`: srun's end (-1: none). `remote`: what the nodes are told ("": through srun, "none", a name).
    `only`: the one task it is for. `opened`: `fd` is a file of the step and not srun's own stream."""

    __slots__ = ("fd", "only", "opened", "remote")

    def __init__(self, fd: int = -1, remote: str = "", only: int | None = None, opened: bool = False) -> None:
        self.fd = fd
        self.remote = remote
        self.only = only
        self.opened = opened


def values(facts: Mapping[str, Any], step_id: str, name: str, compat: tuple[int, int]) -> dict[str, int | str]:
    """Values of the letters that are the same for all tasks."""
    job_id = int(facts["job_id"])
    task = facts.get("array_task_id")
    index = NO_VALUE if task is None else int(task)
    found: dict[str, int | str] = {
        "A": int(facts.get("array_job_id") or job_id), "a": index, "J": f"{job_id}.{step_id}", "j": job_id,
        "s": int(step_id.partition("+")[0]) if is_numbered(step_id) else step_id,
        "u": str(facts.get("user_name") or ""), "x": name,
    }  # fmt: skip
    if compat >= (24, 11):
        found["b"] = index % 10
    if compat >= (25, 11):
        found["r"] = restarts = int(facts.get("restart_count") or 0)
        found["S"] = sluid(float(facts.get("submit_time") or 0), job_id, restarts)
    return found


def _task_number(text: str, ntasks: int) -> int | None:
    text = text or "0"  # as C reads it
    return int(text) if text.isascii() and text.isdecimal() and int(text) < ntasks else None


def _is_all(text: str) -> bool:
    """Whether all tasks share srun's own stream: said so, not said, or a task whose number is below all."""
    return text == "all" or (text[:1] == "-" and text[1:].isdecimal())


def _path(text: str, known: Mapping[str, int | str], cwd: str) -> str:
    path = expand(text, known)
    return path if path.startswith("/") else f"{cwd}/{path}"


def source(text: str | None, known: Mapping[str, int | str], ntasks: int, cwd: str, own: int) -> Stream:
    """Standard input. CannotOpen."""
    if text is None or _is_all(text):
        return Stream(own)
    if text == "none":
        return Stream(remote="none")
    task = _task_number(text, ntasks)
    if task is not None:
        return Stream(own, only=task)
    if letters(text) & _ON_NODE:
        return Stream(remote=text)
    try:
        return Stream(os.open(_path(text, known, cwd), os.O_RDONLY | os.O_CLOEXEC), opened=True)
    except OSError as error:
        raise CannotOpen(f"Could not open stdin file: {error.strerror}") from None


def target(
    text: str | None, what: str, known: Mapping[str, int | str], ntasks: int, cwd: str, own: int, mode: str, parents: bool
) -> Stream:
    """Standard output or error (`what` "stdout", "stderr"). `mode`: "a" or "t". CannotOpen."""
    if text is None or _is_all(text):
        return Stream(own)
    if text == "none":
        return Stream(remote="none")
    task = _task_number(text, ntasks)
    if task is not None:
        return Stream(own, only=task)
    if letters(text) & _ON_NODE:
        return Stream(remote=text)
    path = _path(text, known, cwd)
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if mode == "a" else os.O_TRUNC)
    try:
        try:
            return Stream(os.open(path, flags, 0o666), opened=True)
        except FileNotFoundError:
            if not parents:
                raise
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return Stream(os.open(path, flags, 0o666), opened=True)
    except OSError as error:
        raise CannotOpen(f"Could not open {what} file: {error.strerror}") from None


def outputs(
    client: Mapping[str, Any], known: Mapping[str, int | str], ntasks: int, cwd: str, compat: tuple[int, int]
) -> tuple[Stream, Stream]:
    """Standard output and error; a file for the first takes the second too where that has no place of its own."""
    mode = str(client.get("open_mode") or "t")[:1]
    parents = compat >= (23, 2)
    out = target(client.get("output"), "stdout", known, ntasks, cwd, 1, mode, parents)
    if client.get("error") is None and client.get("output") is not None:
        if out.opened or out.remote:
            return out, out
        return out, Stream(2, only=out.only)
    return out, target(client.get("error"), "stderr", known, ntasks, cwd, 2, mode, parents)


def share(streams: Iterable[Stream]) -> None:
    """Parts of a step that write to the same file do so through one position in it."""
    known: dict[tuple[int, int], int] = {}
    for stream in streams:
        if not stream.opened:
            continue
        found = os.fstat(stream.fd)
        fd = known.setdefault((found.st_dev, found.st_ino), stream.fd)
        if fd != stream.fd:
            os.close(stream.fd)
            stream.fd = fd


def can_pass(fd: int) -> bool:
    """Whether a descriptor may become the tasks' own: a file, a pipe or the null device, and not a terminal or socket.

    A program behaves otherwise on a terminal, and cannot reopen a socket by name; one that does not block would surprise it.
    """
    if fd < 0:
        return False
    try:
        kind = os.fstat(fd)
        if not os.get_blocking(fd):
            return False
    except OSError:
        return False
    form = kind.st_mode & 0o170000
    return form in (0o100000, 0o010000) or is_null(fd)
