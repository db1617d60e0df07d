"""The result of a step on this node, kept where a restarted daemon finds it."""

from __future__ import annotations

import os

from mgpu_slurm.wire import jsontext

NAME = "result.json"


def rank_of(status: int) -> tuple[int, int]:
    """Order of wait statuses: any signal above every exit code."""
    return (status & 0x7F, status >> 8)


def write(directory: int, result: dict[str, object]) -> None:
    """Whole and on disk, or not at all. `directory` is an open descriptor of the step's directory. OSError."""
    draft = f".{NAME}.{os.getpid()}"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        data = jsontext.dumps(result)
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(draft, NAME, src_dir_fd=directory, dst_dir_fd=directory)
    os.fsync(directory)


def read(directory: str) -> dict[str, object] | None:
    """None: there is none (yet). ValueError: it is damaged."""
    try:
        with open(os.path.join(directory, NAME), "rb") as file:
            value = jsontext.loads(file.read())
    except FileNotFoundError:
        return None
    if not isinstance(value, dict):
        raise ValueError("not a result")
    return value
