"""The streams of the tasks on the supervisor's side: pipes and terminals in both directions."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.wire.sink import Sink

PIPE_SIZE = 1 << 20
READ = 256 << 10


def wide_pipe(uid: int) -> tuple[int, int]:
    """A pipe with room for large pieces, where the system grants it, which this user may open anew (/dev/stdout)."""
    out, into = pipe_of(uid)
    try:
        fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass
    return out, into


def pipe_of(uid: int) -> tuple[int, int]:
    """A pipe whose ends this user may open by their names in /proc and /dev."""
    out, into = os.pipe()
    if os.geteuid() == 0 and uid:
        os.fchown(into, uid, -1)
    return out, into


def terminal(uid: int, rows: int, columns: int) -> tuple[int, int]:
    """A pseudo-terminal for this user: our end, the task's end."""
    ours, theirs = os.openpty()
    if os.geteuid() == 0:
        os.fchown(theirs, uid, -1)
        os.fchmod(theirs, 0o620)
    if rows or columns:
        resize(ours, rows, columns)
    return ours, theirs


def resize(descriptor: int, rows: int, columns: int) -> None:
    """The window of whoever looks at the terminal has this size."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Outlet:
    """What a task writes: read as it comes, or not at all while its reader is behind.

    `sink`: a descriptor that srun has passed, to which it goes from here. None: it goes to srun as frames.
    """

    __slots__ = ("channel", "descriptor", "rank", "sink")

    def __init__(self, descriptor: int, rank: int, channel: int, sink: Sink | None = None) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.rank = rank
        self.channel = channel
        self.sink = sink

    def read(self) -> bytes | None:
        """The next piece; b"" at the end; None when there is nothing now."""
        try:
            return os.read(self.descriptor, READ)
        except BlockingIOError:
            return None
        except OSError:
            # A terminal whose last program has ended reads as EIO.
            return b""

    def close(self) -> None:
        os.close(self.descriptor)


class Inlet:
    """What a task reads. A task that does not read lets it pile up here; the source must look at `queued`."""

    __slots__ = ("_ending", "_keep", "_pieces", "closed", "descriptor", "queued", "rank")

    def __init__(self, descriptor: int, rank: int, keep: bool = False) -> None:
        if descriptor >= 0:
            os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.rank = rank
        self.closed = False
        self.queued = 0
        self._pieces: deque[memoryview] = deque()
        self._ending = False
        self._keep = keep  # a terminal: the same descriptor is read from, and its end of input is a character

    @property
    def waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._pieces) and not self.closed

    def put(self, data: bytes) -> None:
        """Input for the task."""
        if self.closed or self._ending or not data:
            return
        self._pieces.append(memoryview(data))
        self.queued += len(data)
        self.flush()

    def end(self) -> None:
        """No more input after what is queued."""
        if self._keep and not self._ending:
            self.put(b"\x04")
        self._ending = True
        self.flush()

    def flush(self) -> None:
        """Write what the task takes."""
        while self._pieces and not self.closed:
            piece = self._pieces[0]
            try:
                sent = os.write(self.descriptor, piece)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            self.queued -= sent
            if sent < len(piece):
                self._pieces[0] = piece[sent:]
            else:
                self._pieces.popleft()
        if self._ending and not self._keep:
            self.close()

    def close(self) -> None:
        """The task gets no more."""
        if self.closed:
            return
        self.closed = True
        self._pieces.clear()
        self.queued = 0
        if not self._keep:
            os.close(self.descriptor)


class SharedInlet(Inlet):
    """The pipe that srun has passed as a task's input, for who has attached: his words go in at its other end.

    That end is open only while there is something to write: the task must see the end of srun's own input.
    """

    __slots__ = ("_pipe",)

    def __init__(self, pipe: int, rank: int) -> None:
        super().__init__(-1, rank, keep=True)
        self._pipe = pipe  # shared with the task and srun, so its mode stays as it is

    @property
    def waiting(self) -> bool:
        return super().waiting and self.descriptor >= 0

    def flush(self) -> None:
        if self._pieces and self.descriptor < 0:
            try:
                self.descriptor = os.open(f"/proc/self/fd/{self._pipe}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                self.close()  # nobody reads it any more, or it is another user's
                return
        super().flush()
        if not self._pieces and self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def end(self) -> None:
        """Who has attached does not end what is srun's."""

    def close(self) -> None:
        super().close()
        for descriptor in {self.descriptor, self._pipe} - {-1}:
            os.close(descriptor)
        self.descriptor = self._pipe = -1
