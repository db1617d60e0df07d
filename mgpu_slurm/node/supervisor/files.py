"""Files of a job, opened as its user: by a child that has become the user and hands the descriptors back."""

from __future__ import annotations

import os
import socket

from mgpu_slurm.node.supervisor import identity
from mgpu_slurm.wire import passing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

READ = "r"
TRUNCATE = "t"
APPEND = "a"

_FLAGS = {
    READ: os.O_RDONLY,
    TRUNCATE: os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    APPEND: os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}
_BATCH = 8
"""Descriptors per message."""


class Wanted:
    """A file to open: an absolute path and how. `parents`: make missing directories above it, as later Slurms do."""

    __slots__ = ("mode", "parents", "path")

    def __init__(self, path: str, mode: str, parents: bool = False) -> None:
        self.path = path
        self.mode = mode
        self.parents = parents


class Opened:
    """All descriptors in the order asked for, or the first failure."""

    __slots__ = ("descriptors", "error", "failed")

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        self.error: OSError | None = None
        self.failed: Wanted | None = None


def open_as(who: identity.Identity, wanted: Sequence[Wanted], umask: int) -> Opened:
    """Open files as a user. OSError, IdentityError: the helper itself failed."""
    if not wanted:
        return Opened()
    if not identity.needs_change(who):
        before = os.umask(umask)
        try:
            return _open_all(wanted)
        finally:
            os.umask(before)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = os.fork()
        if child == 0:
            _child(who, wanted, umask, theirs)
        theirs.close()
        try:
            return _collect(ours, wanted)
        finally:
            os.waitpid(child, 0)


def _child(who: identity.Identity, wanted: Sequence[Wanted], umask: int, channel: socket.socket) -> None:
    status = 1
    try:
        identity.become(who)
        os.umask(umask)
        opened = _open_all(wanted)
        for start in range(0, len(opened.descriptors), _BATCH):
            passing.send(channel, {"errno": 0}, opened.descriptors[start : start + _BATCH])
        if opened.error is not None and opened.failed is not None:
            passing.send(channel, {"errno": opened.error.errno, "index": list(wanted).index(opened.failed)})
        else:
            passing.send(channel, {"errno": 0, "done": True})
        status = 0
    finally:
        os._exit(status)


def _collect(channel: socket.socket, wanted: Sequence[Wanted]) -> Opened:
    opened = Opened()
    while True:
        try:
            message, descriptors = passing.receive(channel)
        except EOFError:
            raise identity.IdentityError("the helper that opens files could not become the user") from None
        opened.descriptors.extend(descriptors)
        number = message["errno"]
        if isinstance(number, int) and number:
            index = message["index"]
            assert isinstance(index, int)
            opened.failed = wanted[index]
            opened.error = OSError(number, os.strerror(number), opened.failed.path)
            return opened
        if message.get("done"):
            return opened


def _open_all(wanted: Sequence[Wanted]) -> Opened:
    opened = Opened()
    for each in wanted:
        try:
            opened.descriptors.append(_open(each))
        except OSError as error:
            opened.error, opened.failed = error, each
            break
    return opened


def _open(wanted: Wanted) -> int:
    flags = _FLAGS[wanted.mode] | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(wanted.path, flags, 0o666)
    except FileNotFoundError:
        if not wanted.parents or wanted.mode == READ:
            raise
    os.makedirs(os.path.dirname(wanted.path), exist_ok=True)
    return os.open(wanted.path, flags, 0o666)
