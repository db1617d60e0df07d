"""One end of a link between daemons: its outbox, and the session on the connection it has at present.

wire/link.py tells what the link promises and makes the connections.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.wire import typed
from mgpu_slurm.wire.credential import new_nonce
from mgpu_slurm.wire.frames import MAX_SEALED, FrameError
from mgpu_slurm.wire.sealed import Seal
from mgpu_slurm.wire.stream import Stream, StreamClosed

log = logging.getLogger("mgpu.link")

MAX_OUTBOX = 100_000
"""Messages that may wait for a lost peer; the caller decides what to do about one for whom more has piled up."""

_MESSAGE, _POST, _CONFIRM, _ALIVE = b"M", b"P", b"C", b"K"
_OVERHEAD = 1 + 8 + 32 + 9


class Timing(msgspec.Struct, kw_only=True):
    """Seconds."""

    connect: float = 5.0  # connection and challenge
    keepalive: float = 5.0
    dead: float = 20.0
    first_wait: float = 0.05
    longest_wait: float = 5.0


class LinkFull(Exception):
    """MAX_OUTBOX messages wait for this peer already."""


class _Waiting:
    """A message in the outbox."""

    __slots__ = ("body", "confirmed", "key", "number")

    def __init__(self, number: int, body: bytes, key: str, confirmed: asyncio.Future[None]) -> None:
        self.number = number
        self.body = body
        self.key = key
        self.confirmed = confirmed


class Link:
    """What is between this daemon and one peer, across all connections: the outbox and what was received.

    `name` is the node's on both sides; `address` where the peer was last seen; `last_contact` the monotonic time of the
    last authentic frame (0.0: none yet). `session` is for wire/link.py.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.incarnation = new_nonce()
        self.address = ""
        self.last_contact = 0.0
        self._outbox: dict[int, _Waiting] = {}
        self._keys: dict[str, int] = {}
        self._last_number = 0
        self._peer = ""
        self._received = 0
        self.session: Session | None = None

    @property
    def connected(self) -> bool:
        return self.session is not None and not self.session.over

    @property
    def pending(self) -> int:
        """Messages in the outbox."""
        return len(self._outbox)

    def send(self, message: object, key: str = "") -> asyncio.Future[None]:
        """Send for certain: now if connected, again after each reconnect. The future is done when the peer has handled it,
        and cancelled when it is dropped. LinkFull; FrameError: too large; TypeError, ValueError: not JSON."""
        payload = _encoded(message)
        if key:
            self.unsend(key)
        if len(self._outbox) >= MAX_OUTBOX:
            raise LinkFull(self.name)
        self._last_number += 1
        number = self._last_number
        body = _MESSAGE + number.to_bytes(8, "big") + payload
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outbox[number] = _Waiting(number, body, key, confirmed)
        if key:
            self._keys[key] = number
        if self.session is not None:
            self.session.put(body)
        return confirmed

    def unsend(self, key: str) -> None:
        """Stop repeating what was sent under this key; unknown keys are no matter."""
        number = self._keys.pop(key, None)
        if number is not None:
            self._outbox.pop(number).confirmed.cancel()

    def post(self, message: object) -> bool:
        """Say once, if connected; whether that was so."""
        if self.session is None or self.session.over:
            return False
        self.session.put(_POST + bytes(8) + _encoded(message))
        return True

    def drop(self) -> None:
        """Forget everything in the outbox."""
        for waiting in self._outbox.values():
            waiting.confirmed.cancel()
        self._outbox.clear()
        self._keys.clear()

    def disconnect(self) -> None:
        """End the present connection, if any; the client's side comes back."""
        if self.session is not None:
            self.session.end()

    def begin(self, session: Session, peer: str, greeting: object | None) -> None:
        """A connection stands: the greeting first, then all that waits. `peer` is the incarnation at its other end."""
        if peer != self._peer:
            self._peer, self._received = peer, 0
        self.session = session
        self.last_contact = time.monotonic()
        if greeting is not None:
            session.put(_POST + bytes(8) + _encoded(greeting))
        for waiting in self._outbox.values():
            session.put(waiting.body)

    def confirmed(self, number: int) -> None:
        """The peer has handled this message."""
        waiting = self._outbox.get(number)
        if waiting is None:
            return
        if not waiting.confirmed.done():
            waiting.confirmed.set_result(None)
        if not waiting.key:
            del self._outbox[number]

    def is_new(self, number: int) -> bool:
        """Whether a received message is no repeat; it is one from then on."""
        if number <= self._received:
            return False
        self._received = number
        return True


LinkHandler = Callable[[Link, Any], Awaitable[None]]


class Session:
    """One authenticated connection of a link; `done` is set when its reader has ended."""

    def __init__(
        self, link: Link, stream: Stream, seal: Seal, decoder: typed.MessageDecoder, handler: LinkHandler, timing: Timing
    ) -> None:
        self._link = link
        self._stream = stream
        self._seal = seal
        self._decoder = decoder
        self._handler = handler
        self._timing = timing
        self._queue: deque[bytes] = deque()
        self._something = asyncio.Event()
        self.over = False
        self.done = asyncio.Event()

    def put(self, body: bytes) -> None:
        """Queue a body to be sealed and sent."""
        if not self.over:
            self._queue.append(body)
            self._something.set()

    def end(self) -> None:
        """The reader notices when its handler returns; a handler is never cut off in the middle of its work."""
        self.over = True
        self._stream.close()
        self._something.set()

    async def run(self) -> None:
        """Until the connection is lost. NotAuthentic, ProtocolError: why it was given up, if that is the reason."""
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        except StreamClosed:
            pass
        except TimeoutError:
            log.warning("link %s: silent for %g s, given up", self._link.name, self._timing.dead)
        finally:
            self.end()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self.done.set()

    async def _write(self) -> None:
        try:
            while not self.over:
                if not self._queue:
                    self._something.clear()
                    try:
                        async with asyncio.timeout(self._timing.keepalive):
                            await self._something.wait()
                    except TimeoutError:
                        self._queue.append(_ALIVE + bytes(8))
                pieces, size = [], 0
                while self._queue and size < 1 << 20:
                    pieces.append(self._seal.seal(self._queue.popleft()))
                    size += len(pieces[-1])
                if pieces:
                    await self._stream.send_raw(b"".join(pieces))
        except StreamClosed:
            self.end()

    async def _read(self) -> None:
        while not self.over:
            async with asyncio.timeout(self._timing.dead):
                frame = await self._stream.receive()
            body = self._seal.open(frame.data)
            self._link.last_contact = time.monotonic()
            kind, number, payload = body[:1], int.from_bytes(body[1:9], "big"), body[9:]
            if kind == _POST:
                await self._handle(payload)
            elif kind == _MESSAGE:
                if self._link.is_new(number):
                    await self._handle(payload)
                self.put(_CONFIRM + body[1:9])
            elif kind == _CONFIRM:
                self._link.confirmed(number)
            elif kind != _ALIVE:
                raise FrameError("an unknown kind of frame on the link")

    async def _handle(self, payload: bytes) -> None:
        try:
            message = self._decoder.decode(payload)
        except ProtocolError as error:
            # A peer of the next version may say more than we know; repeating it would not help.
            log.warning("link %s: message not understood: %s", self._link.name, error)
            return
        try:
            await self._handler(self._link, message)
        except Exception:
            # Confirmed all the same: what fails once by a fault of ours would fail with each repeat.
            log.exception("link %s: %s failed by a fault of our own", self._link.name, type(message).__name__)


def _encoded(message: object) -> bytes:
    payload = typed.encode(message)
    if len(payload) > MAX_SEALED - _OVERHEAD:
        raise FrameError(f"message of {len(payload)} bytes exceeds the limit of a link", oversized=True)
    return payload
