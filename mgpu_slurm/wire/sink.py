"""What tasks write, to one descriptor: line by line where several or labels share it. srun and supervisors use it.

Nothing here waits for a slow reader: output that cannot be written yet piles up to `full`, and whoever brings it reads no
more from then on.
"""

from __future__ import annotations

import fcntl
import os

FULL = 1 << 20
"""Bytes that may wait to be written before the nodes are left unread."""

LONGEST_LINE = 64 << 10
"""An unfinished line longer than this goes out in pieces."""

PIPE_PIECE = 4096
"""A pipe that is ready takes this much without waiting (PIPE_BUF)."""

LARGE_PIECE = 1 << 20
"""For files, which never make a writer wait long, and pipes that can be opened anew so that they do not."""

_FORM, _FILE, _PIPE, _DEVICE = 0o170000, 0o100000, 0o010000, 0o020000


class Sink:
    """Output of all tasks to one descriptor. `width` > 0 puts the task's number in that many columns before each line.

    `by_line`: pieces of lines wait for their end, so that lines of several tasks do not mix. `broken`: the reader is gone.
    """

    __slots__ = (
        "_at", "_by_line", "_own", "_parts", "_piece", "_queue", "_size", "_writing", "broken", "failure", "fd", "width",
    )  # fmt: skip

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
        self._own = -1
        self._piece = PIPE_PIECE
        try:
            form = os.fstat(fd).st_mode & _FORM
            read_only = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
            if form == _FILE or is_null(fd) or read_only:
                self._piece = LARGE_PIECE  # what is open for reading alone fails at once, and is never ready in poll's eyes
            elif form == _PIPE:
                # The descriptor is shared with others, who want it to block; another opening of the same pipe is not.
                # Root may open what its owner could only read, so it must be open for writing already.
                self._own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                self._piece = LARGE_PIECE
        except OSError:
            pass  # not ours to open: small pieces never wait

    @property
    def ready(self) -> bool:
        """Whether a write never waits, so that nobody needs to ask the system first."""
        return self._piece == LARGE_PIECE

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
            sent = os.write(self.fd if self._own < 0 else self._own, memoryview(self._writing)[self._at : self._at + self._piece])
        except BlockingIOError:
            return
        except OSError as error:
            self._break("" if isinstance(error, BrokenPipeError) else error.strerror or str(error))
            return
        self._size -= sent
        self._at += sent

    def close(self) -> None:
        """Nothing is written any more; the descriptor that was given stays open."""
        if self._own >= 0:
            os.close(self._own)
            self._own = -1

    def _break(self, why: str) -> None:
        self.broken = True
        self.failure = why
        self._queue.clear()
        self._parts.clear()
        self._writing, self._at, self._size = b"", 0, 0


def label_width(ntasks: int) -> int:
    """Columns of the labels: as many as the highest task number has digits."""
    return len(str(max(ntasks - 1, 0)))


def is_null(fd: int) -> bool:
    """Whether it is /dev/null."""
    try:
        found, null = os.fstat(fd), os.stat(os.devnull)
    except OSError:
        return False
    return found.st_rdev == null.st_rdev and (found.st_mode & _FORM) == _DEVICE
