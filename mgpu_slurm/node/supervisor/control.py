"""The socket on which the node daemon speaks to a supervisor; it outlives the daemon, the next one connects again."""

from __future__ import annotations

import socket

from mgpu_slurm.wire import passing
from mgpu_slurm.wire.frames import Decoder, Frame, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LIVE = "live"
"""First word of a supervisor, with the pids of its tasks."""
ENDED = "ended"
"""Last word: the result is written."""
USAGE = "usage"
"""What the tasks use: the answer to a word of the same kind, with its number `ask`."""


class Control:
    """One connection of a daemon. `lost` is set once it has closed."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.lost = False
        self._decoder = Decoder(max_json=1 << 20)
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    def tell(self, message: dict[str, object]) -> None:
        """Say it, if the daemon is there and reads: it finds everything in the spool otherwise."""
        try:
            self.sock.send(encode_json(message))
        except OSError:
            self.lost = True

    def receive(self) -> Iterator[tuple[dict[str, object], list[int]]]:
        """Messages with the descriptors that came along. ProtocolError: not ours."""
        try:
            data, descriptors = passing.receive_bytes(self.sock, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            self.lost = True
            return
        if not data:
            self.lost = True
            return
        self._descriptors.extend(descriptors)
        self._decoder.feed(data)
        while isinstance(frame := self._decoder.next(), Frame):
            taken, self._descriptors = self._descriptors, []
            yield frame.message(), taken

    def close(self) -> None:
        passing.close_all(self._descriptors)
        self._descriptors = []
        self.sock.close()
