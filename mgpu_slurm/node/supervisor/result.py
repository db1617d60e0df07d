"""The result of a step on this node, kept where a restarted daemon finds it."""

from __future__ import annotations

import os

from mgpu_slurm.wire import jsontext

NAME = "result.json"


def rank_of(status: int) -> tuple[int, int]:
    """Order of wait statuses: any signal above every exit code."""
    return (status & 0x7F, status >> 8)


def write(directory: int, result: dict[str, object]) -> None:
    """Whole or not at all, for whoever restarts the daemon. `directory` is an open descriptor of the step's. OSError."""
    draft = f".{NAME}.{os.getpid()}"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        data = jsontext.dumps(result)
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
    os.rename(draft, NAME, src_dir_fd=directory, dst_dir_fd=directory)


def settle(directory: int) -> None:
    """Onto the disk, for a controller that asks only after a power cut. It takes too long to let srun wait for it."""
    try:
        file = os.open(NAME, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return  # the controller has it: the daemon has removed the step
    try:
        os.fsync(file)
    finally:
        os.close(file)
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
