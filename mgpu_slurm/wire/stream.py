"""Frames over a non-blocking socket in asyncio.

asyncio's own streams drop descriptors that come with data and cannot give their socket away, so this reads and writes the
socket itself. Reading goes ahead of whoever listens, up to a limit, so that the peer's close is noticed while a request
is being worked on; beyond the limit the kernel makes the peer wait. Writing waits for a slow peer up to a deadline.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Any

from mgpu_slurm.wire import typed
from mgpu_slurm.wire.credential import Identity
from mgpu_slurm.wire.frames import Decoder, Frame, FrameError, NeedMore, encode_channel, encode_payload
from mgpu_slurm.wire.passing import close_all, receive_bytes

Socket = socket.socket

READ = 256 << 10
"""Bytes per read."""

AHEAD = 4 << 20
"""Bytes of frames read ahead of the listener before reading pauses."""


class StreamClosed(ConnectionError):
    """The peer has closed, was lost, or was too slow to take what it asked for."""


class Stream:
    """One connection. `receive` and `send` may be used by one task each at a time (sends queue up).

    `local` tells a Unix socket; `version` is the negotiated protocol version; `identity` is set once known.
    """

    def __init__(
        self, sock: socket.socket, *, write_seconds: float = 30.0, max_descriptors: int = 8, decoder: Decoder | None = None
    ) -> None:
        sock.setblocking(False)
        self._sock: socket.socket | None = sock
        self._loop = asyncio.get_running_loop()
        self._decoder = decoder or Decoder()
        self._frames: deque[Frame] = deque()
        self._ahead = 0
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._reading = False
        self._writing = asyncio.Lock()
        self._write_seconds = write_seconds
        self._max_descriptors = max_descriptors
        self._descriptors: list[int] = []
        self.closed = asyncio.Event()  # the peer has closed or is lost; frames read before may still be waiting
        self.local = sock.family == socket.AF_UNIX
        self.preface = b""  # goes out in front of whatever is sent first
        self.version = 0
        self.identity: Identity | None = None
        self._resume()

    @property
    def open(self) -> bool:
        """Whether there is still a socket to speak on; false after close and detach."""
        return self._sock is not None

    @property
    def socket(self) -> Socket:
        """The socket, to look at. StreamClosed: there is none any more."""
        if self._sock is None:
            raise StreamClosed("the connection is closed")
        return self._sock

    @property
    def decoder(self) -> Decoder:
        """Whose limits may be changed as the conversation goes on."""
        return self._decoder

    async def receive(self) -> Frame:
        """The next frame. FrameError: not our protocol. StreamClosed: there will be none."""
        while not self._frames:
            if self._failure is not None:
                raise self._failure
            if self._sock is None:
                raise StreamClosed("the connection is closed")
            self._resume()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        frame = self._frames.popleft()
        self._ahead -= len(frame.data)
        if self._ahead < AHEAD // 2:
            self._resume()
        return frame

    async def receive_message(self, decoder: typed.MessageDecoder) -> Any:
        """The next frame as a typed message. ProtocolError (FrameError, UnknownKind, BadMessage), StreamClosed."""
        frame = await self.receive()
        if frame.tag != 0x7B:
            raise FrameError("bulk data where a message was expected")
        return decoder.decode(frame.data)

    async def send(self, message: object) -> None:
        """Send a struct or plain data as a message. StreamClosed: the peer is gone or does not read."""
        await self.send_raw(encode_payload(typed.encode(message)))

    async def send_channel(self, tag: int, task: int, data: bytes) -> None:
        """Send bulk data. StreamClosed as `send`."""
        await self.send_raw(encode_channel(tag, task, data))

    async def send_raw(self, data: bytes) -> None:
        """Send finished frames. A peer that takes none of it for `write_seconds` is given up."""
        async with self._writing:
            if self._sock is None:
                raise StreamClosed("the connection is closed")
            data, self.preface = self.preface + data, b""
            try:
                async with asyncio.timeout(self._write_seconds):
                    await self._loop.sock_sendall(self._sock, data)
            except (OSError, TimeoutError) as error:
                # Part of a frame may be out: nothing sensible can follow it.
                self._end(StreamClosed(f"the peer is lost: {error or 'it does not read'}"))
                raise StreamClosed("the peer is lost or does not read") from error

    def take_descriptors(self) -> list[int]:
        """Open files that came with what was read so far, now the caller's. What nobody takes is closed at the end."""
        descriptors, self._descriptors = self._descriptors, []
        return descriptors

    def detach(self) -> tuple[Socket, bytes]:
        """Give the socket away, with the bytes that were read ahead of it. The stream is over; the caller owns the
        socket, which is non-blocking. StreamClosed: there is none any more."""
        if self._sock is None:
            raise StreamClosed("the connection is closed")
        self._pause()
        sock, self._sock = self._sock, None
        if self.preface:
            # Nothing was sent yet on this connection, so its buffer takes the few bytes at once.
            sock.send(self.preface)
        ahead = b"".join(frame.encode() for frame in self._frames) + self._decoder.rest()
        self._frames.clear()
        self.closed.set()
        self._wake()
        return sock, ahead

    def close(self) -> None:
        """Close the connection at once; again is harmless."""
        self._pause()
        close_all(self.take_descriptors())
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        self.closed.set()
        self._wake()

    async def finish(self, seconds: float = 1.0) -> None:
        """Close so that the peer gets the last words: a close with unread input would reset the connection and could
        destroy them, so input is read and dropped for a moment."""
        sock = self._sock
        if sock is not None and not self.closed.is_set():
            self._pause()
            try:
                sock.shutdown(socket.SHUT_WR)
                async with asyncio.timeout(seconds):
                    while await self._loop.sock_recv(sock, READ):
                        pass
            except (OSError, TimeoutError):
                pass
        self.close()

    def _resume(self) -> None:
        if not self._reading and self._sock is not None and self._failure is None:
            self._loop.add_reader(self._sock.fileno(), self._on_readable)
            self._reading = True

    def _pause(self) -> None:
        if self._reading and self._sock is not None:
            self._loop.remove_reader(self._sock.fileno())
        self._reading = False

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self, failure: Exception) -> None:
        """No more input. The socket stays open: there may be something to say."""
        self._pause()
        if self._failure is None:
            self._failure = failure
        self.closed.set()
        self._wake()

    def _on_readable(self) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            if self.local:
                data, descriptors = receive_bytes(sock, READ, self._max_descriptors)
                self._descriptors.extend(descriptors)
                if len(self._descriptors) > self._max_descriptors:
                    raise FrameError("too many descriptors")
            else:
                data = sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except FrameError as error:
            self._refuse(error)
            return
        except OSError as error:
            self._end(StreamClosed(f"the connection was lost: {error.strerror}"))
            return
        if not data:
            self._end(StreamClosed("the peer has closed the connection"))
            return
        self._decoder.feed(data)
        self._collect()

    def _collect(self) -> None:
        try:
            while not isinstance(frame := self._decoder.next(), NeedMore):
                self._frames.append(frame)
                self._ahead += len(frame.data)
        except FrameError as error:
            self._refuse(error)
            return
        if self._ahead >= AHEAD:
            self._pause()
        if self._frames:
            self._wake()

    def _refuse(self, error: FrameError) -> None:
        # Unlike `_end` the peer is still there and will be told, so `closed` stays clear.
        self._pause()
        if self._failure is None:
            self._failure = error
        self._wake()
