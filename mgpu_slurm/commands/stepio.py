"""The streams of a step on srun's side: what tasks write, line by line where several or labels share a stream; and input.

Nothing here waits for a slow reader or a task that does not read: output that cannot be written yet makes srun stop
reading from the nodes, and input that the nodes do not take makes it stop reading its own.
"""

from __future__ import annotations

import os

FULL = 1 << 20
"""Bytes that may wait to be written before the nodes are left unread."""

LONGEST_LINE = 64 << 10
"""An unfinished line longer than this goes out in pieces."""

PIPE_PIECE = 4096
"""A pipe that is ready takes this much without waiting (PIPE_BUF)."""

FILE_PIECE = 1 << 20
INPUT_PIECE = 64 << 10


class Sink:
    """Output of all tasks to one descriptor. `width` > 0 puts the task's number in that many columns before each line.

    `by_line`: pieces of lines wait for their end, so that lines of several tasks do not mix. `broken`: the reader is gone.
    """

    __slots__ = ("_at", "_by_line", "_parts", "_piece", "_queue", "_size", "_writing", "broken", "failure", "fd", "width")

    def __init__(self, fd: int, width: int = 0, by_line: bool = False) -> None:
        self.fd = fd
        self.width = width
        self.broken = False
        self.failure = ""
        self._by_line = by_line or width > 0
        self._parts: dict[tuple[int, int], bytes] = {}
        self._queue: list[bytes] = []
        self._size = 0
        self._writing = b""
        self._at = 0
        try:
            self._piece = FILE_PIECE if os.fstat(fd).st_mode & 0o170000 == 0o100000 else PIPE_PIECE
        except OSError:
            self._piece = PIPE_PIECE

    @property
    def waiting(self) -> bool:
        return self._size > 0

    @property
    def full(self) -> bool:
        return self._size >= FULL

    def put(self, channel: int, task: int, data: bytes) -> None:
        """What a task has written to standard output or error (`channel`)."""
        if self.broken or not data:
            return
        if not self._by_line:
            self._add(data)
            return
        held = self._parts.pop((channel, task), b"") + data
        end = held.rfind(b"\n") + 1
        if end:
            self._add(self._labelled(task, held[:end]))
        rest = held[end:]
        if len(rest) >= LONGEST_LINE:
            self._add(self._labelled(task, rest + (b"\n" if self.width else b"")))
        elif rest:
            self._parts[channel, task] = rest

    def finish(self) -> None:
        """No more comes: unfinished lines go out, with labels also their ends."""
        for (_, task), rest in self._parts.items():
            self._add(self._labelled(task, rest + (b"\n" if self.width else b"")))
        self._parts.clear()

    def _labelled(self, task: int, lines: bytes) -> bytes:
        if not self.width:
            return lines
        label = b"%*d: " % (self.width, task)
        return label + lines[:-1].replace(b"\n", b"\n" + label) + lines[-1:]

    def _add(self, data: bytes) -> None:
        self._queue.append(data)
        self._size += len(data)

    def write(self) -> None:
        """Write one piece; to be called when the descriptor is ready."""
        if self._at >= len(self._writing):
            self._writing, self._at = b"".join(self._queue), 0
            self._queue.clear()
        if not self._writing:
            return
        try:
            sent = os.write(self.fd, memoryview(self._writing)[self._at : self._at + self._piece])
        except BlockingIOError:
            return
        except OSError as error:
            self._break("" if isinstance(error, BrokenPipeError) else error.strerror or str(error))
            return
        self._size -= sent
        self._at += sent

    def _break(self, why: str) -> None:
        self.broken = True
        self.failure = why
        self._queue.clear()
        self._parts.clear()
        self._writing, self._at, self._size = b"", 0, 0


class Source:
    """srun's input for the tasks. `done` once it has ended."""

    __slots__ = ("done", "fd", "terminal")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.done = fd < 0
        self.terminal = not self.done and os.isatty(fd)

    def wanted(self) -> bool:
        """Whether it may be read now: not while srun runs in the background of its terminal, which would stop it."""
        if self.done:
            return False
        if not self.terminal:
            return True
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True

    def read(self) -> bytes:
        """The next piece; b"" at the end, when `done` is set."""
        try:
            data = os.read(self.fd, INPUT_PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.done = True
        return data


def label_width(ntasks: int) -> int:
    """Columns of the labels: as many as the highest task number has digits."""
    return len(str(max(ntasks - 1, 0)))
