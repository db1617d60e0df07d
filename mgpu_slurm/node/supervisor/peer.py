"""The connection to srun, or to a sattach: frames both ways without ever waiting.

What is to be sent queues up; whoever produces bulk data asks `full` first and pauses its source, so a slow reader costs
no memory.
"""

from __future__ import annotations

import socket
from collections import deque

from mgpu_slurm.wire.frames import NEED_MORE, Decoder, Frame, encode_channel, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HIGH_WATER = 1 << 20
"""Bytes that may wait for the peer before the sources of bulk data pause."""

_READ = 256 << 10
_PIECES = 64


class Peer:
    """`lost` is set once the peer is gone; everything said afterwards is dropped."""

    def __init__(self, sock: socket.socket, ahead: bytes = b"") -> None:
        sock.setblocking(False)
        self.sock = sock
        self.lost = False
        self._out: deque[memoryview] = deque()
        self._queued = 0
        self._decoder = Decoder(max_json=1 << 20)
        self._decoder.feed(ahead)

    def fileno(self) -> int:
        return self.sock.fileno()

    @property
    def full(self) -> bool:
        """Whether sources should pause."""
        return self._queued >= HIGH_WATER

    @property
    def waiting(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._out) and not self.lost

    def tell(self, message: dict[str, object]) -> None:
        """Queue a message and send what can be sent."""
        self._put(encode_json(message))

    def bulk(self, tag: int, task: int, data: bytes) -> None:
        """Queue bulk data and send what can be sent."""
        self._put(encode_channel(tag, task, data))

    def _put(self, data: bytes) -> None:
        if self.lost:
            return
        self._out.append(memoryview(data))
        self._queued += len(data)
        self.flush()

    def flush(self) -> None:
        """Send until the socket is full."""
        while self._out and not self.lost:
            pieces = [self._out[index] for index in range(min(len(self._out), _PIECES))]
            try:
                sent = self.sock.sendmsg(pieces)
            except BlockingIOError:
                return
            except OSError:
                self.lose()
                return
            self._queued -= sent
            while sent:
                first = self._out[0]
                if sent < len(first):
                    self._out[0] = first[sent:]
                    return
                sent -= len(first)
                self._out.popleft()

    def lose(self) -> None:
        """The peer is gone."""
        self.lost = True
        self._out.clear()
        self._queued = 0

    def receive(self) -> Iterator[Frame]:
        """What has arrived. ProtocolError: not our frames. At the end of the stream `lost` is set."""
        try:
            data = self.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            self.lose()
            return
        if not data:
            self.lose()
            return
        self._decoder.feed(data)
        yield from self.ahead()

    def ahead(self) -> Iterator[Frame]:
        """Frames that are complete already."""
        while True:
            frame = self._decoder.next()
            if not isinstance(frame, Frame):
                assert frame is NEED_MORE
                return
            yield frame

    def close(self) -> None:
        self.lose()
        self.sock.close()


def keep_alive(sock: socket.socket) -> None:
    """A srun whose host is gone is noticed within about a minute."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
