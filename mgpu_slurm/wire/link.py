"""The long-lived connection between a node daemon and its controller.

After a mutual challenge (wire/sealed.py) both sides send messages at any time. A message that is *sent* stays in the
outbox until the peer confirms that its handler has finished with it, and is sent again after each reconnect; one that is
*posted* (heartbeats) is said once or never. A message sent under a *key* replaces the one with the same key and stays in the
outbox, also confirmed, until `unsend`: it is repeated to a peer that restarted and forgot it.

Each outbox numbers its messages and has a random incarnation. The receiver delivers in order and drops numbers it has had
from that incarnation, so within one life of both daemons each message is handled once. After a restart of the receiver an
unconfirmed one may be handled again: handlers must take repeats.

A side that has nothing to say sends a keep-alive every `keepalive` seconds; one from which nothing authentic came for
`dead` seconds is lost. The client connects again with growing waits, to each of its endpoints in turn. Of two
connections with the same name the later one wins: the earlier is usually one whose loss nobody has noticed yet.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from mgpu_slurm.base.errors import SLURM_PROTOCOL_VERSION_ERROR, ProtocolError, SlurmError
from mgpu_slurm.wire import typed
from mgpu_slurm.wire.client import VERSIONS, Endpoint, back_off, error_of
from mgpu_slurm.wire.credential import new_nonce
from mgpu_slurm.wire.frames import MAX_SEALED, Decoder, FrameError
from mgpu_slurm.wire.sealed import NONCE, Handshake, NotAuthentic, Seal
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


class LinkHello(msgspec.Struct, tag_field="kind", tag="link_hello"):
    versions: list[int]
    name: str
    nonce: str
    incarnation: str


class LinkChallenge(msgspec.Struct, tag_field="kind", tag="link_challenge"):
    version: int
    nonce: str
    incarnation: str
    proof: str


class LinkProof(msgspec.Struct, tag_field="kind", tag="link_proof"):
    proof: str


class LinkError(msgspec.Struct, tag_field="kind", tag="error"):
    code: int
    text: str = ""
    detail: str = ""


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
    last authentic frame (0.0: none yet).
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
        self._session: _Session | None = None

    @property
    def connected(self) -> bool:
        return self._session is not None and not self._session.over

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
        if self._session is not None:
            self._session.put(body)
        return confirmed

    def unsend(self, key: str) -> None:
        """Stop repeating what was sent under this key; unknown keys are no matter."""
        number = self._keys.pop(key, None)
        if number is not None:
            self._outbox.pop(number).confirmed.cancel()

    def post(self, message: object) -> bool:
        """Say once, if connected; whether that was so."""
        if self._session is None or self._session.over:
            return False
        self._session.put(_POST + bytes(8) + _encoded(message))
        return True

    def drop(self) -> None:
        """Forget everything in the outbox."""
        for waiting in self._outbox.values():
            waiting.confirmed.cancel()
        self._outbox.clear()
        self._keys.clear()

    def disconnect(self) -> None:
        """End the present connection, if any; the client's side comes back."""
        if self._session is not None:
            self._session.end()

    def _start(self, session: _Session, peer: str, greeting: object | None) -> None:
        if peer != self._peer:
            self._peer, self._received = peer, 0
        self._session = session
        self.last_contact = time.monotonic()
        if greeting is not None:
            session.put(_POST + bytes(8) + _encoded(greeting))
        for waiting in self._outbox.values():
            session.put(waiting.body)

    def _confirmed(self, number: int) -> None:
        waiting = self._outbox.get(number)
        if waiting is None:
            return
        if not waiting.confirmed.done():
            waiting.confirmed.set_result(None)
        if not waiting.key:
            del self._outbox[number]

    def _is_new(self, number: int) -> bool:
        if number <= self._received:
            return False
        self._received = number
        return True


LinkHandler = Callable[[Link, Any], Awaitable[None]]


class _Session:
    """One authenticated connection of a link."""

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
                if self._link._is_new(number):
                    await self._handle(payload)
                self.put(_CONFIRM + body[1:9])
            elif kind == _CONFIRM:
                self._link._confirmed(number)
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


class LinkServer:
    """The controller's side: `Server(links=...)` hands over the connections of nodes.

    `handler(link, message)` is awaited in order per link. `on_up(link)` and `on_down(link)` are plain calls.
    """

    def __init__(
        self,
        types: Any,
        handler: LinkHandler,
        key: bytes,
        *,
        timing: Timing | None = None,
        on_up: Callable[[Link], None] | None = None,
        on_down: Callable[[Link], None] | None = None,
        versions: tuple[int, ...] = VERSIONS,
    ) -> None:
        self._decoder = typed.MessageDecoder(types)
        self._handler = handler
        self._key = key
        self._timing = timing or Timing()
        self._on_up = on_up
        self._on_down = on_down
        self._versions = versions
        self._links: dict[str, Link] = {}

    def link(self, name: str) -> Link:
        """The link to a node, connected or not; messages wait in it."""
        if name not in self._links:
            self._links[name] = Link(name)
        return self._links[name]

    def forget(self, name: str) -> None:
        """End a node's link and drop what waits in it."""
        link = self._links.pop(name, None)
        if link is not None:
            link.disconnect()
            link.drop()

    async def serve(self, stream: Stream, first: bytes) -> None:
        """Take over a connection whose first frame was a link_hello. ProtocolError, SlurmError: refused."""
        async with asyncio.timeout(self._timing.connect):
            hello, session_seal = await self._challenge(stream, first)
        link = self.link(hello.name)
        session = _Session(link, stream, session_seal, self._decoder, self._handler, self._timing)
        while (earlier := link._session) is not None:
            log.warning("link %s: replaced by a later connection", link.name)
            earlier.end()
            await earlier.done.wait()
            if link._session is earlier:
                self._down(link)
        link.address = _address_of(stream)
        link._start(session, hello.incarnation, None)
        if self._on_up is not None:
            self._on_up(link)
        try:
            await session.run()
        except ProtocolError as error:
            log.warning("link %s: given up: %s", link.name, error)
        finally:
            if link._session is session:
                self._down(link)

    def _down(self, link: Link) -> None:
        link._session = None
        if self._on_down is not None:
            self._on_down(link)

    async def _challenge(self, stream: Stream, first: bytes) -> tuple[LinkHello, Seal]:
        hello = _decode(_HELLO, first)
        if not 0 < len(hello.name) <= 255 or not hello.name.isprintable():
            raise FrameError("a link needs a node name")
        version = max(set(hello.versions) & set(self._versions), default=0)
        if not version:
            raise SlurmError(SLURM_PROTOCOL_VERSION_ERROR)
        stream.version = version
        stream.decoder.max_sealed = MAX_SEALED
        nonce = new_nonce() + new_nonce()
        incarnation = self.link(hello.name).incarnation if hello.name in self._links else new_nonce()
        about = _about(hello.name, version, hello.incarnation, incarnation)
        handshake = Handshake(self._key, hello.nonce, nonce, about)
        await stream.send(LinkChallenge(version, nonce, incarnation, handshake.server_proof()))
        proof = _decode(_PROOF, (await stream.receive()).data)
        handshake.check(handshake.client_proof(), proof.proof)
        if hello.name not in self._links:
            # Only a peer that knows the key may make us remember a name.
            self.link(hello.name).incarnation = incarnation
        if self.link(hello.name).incarnation != incarnation:
            raise NotAuthentic("the link changed while it was being made")
        return hello, handshake.server_session()


class LinkClient:
    """The node's side: keeps a connection to one of the endpoints.

    `greeting()` makes the first message on every connection (Register). `handler(link, message)` is awaited in order.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        name: str,
        types: Any,
        handler: LinkHandler,
        key: bytes,
        *,
        greeting: Callable[[], object] | None = None,
        timing: Timing | None = None,
        on_up: Callable[[Link], None] | None = None,
        on_down: Callable[[Link], None] | None = None,
        versions: tuple[int, ...] = VERSIONS,
    ) -> None:
        self.link = Link(name)
        self.failure = ""  # why the last attempt failed; "" while connected
        self._endpoints = tuple(endpoints)
        self._decoder = typed.MessageDecoder(types)
        self._handler = handler
        self._key = key
        self._greeting = greeting
        self._timing = timing or Timing()
        self._on_up = on_up
        self._on_down = on_down
        self._versions = versions
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and stay connected, until `close`."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Disconnect and stop."""
        if self._task is not None:
            self.link.disconnect()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        failures = 0
        while True:
            for endpoint in self._endpoints:
                if await self._attempt(endpoint):
                    failures = 0
            failures += 1
            await asyncio.sleep(back_off(failures, self._timing.first_wait, self._timing.longest_wait))

    async def _attempt(self, endpoint: Endpoint) -> bool:
        """Connect and stay until it is lost; whether there was a connection."""
        try:
            async with asyncio.timeout(self._timing.connect):
                stream = await _open(endpoint)
                try:
                    peer, seal = await self._introduce(stream)
                except BaseException:
                    stream.close()
                    raise
        except (OSError, TimeoutError, ProtocolError, SlurmError) as error:
            self._failed(endpoint, str(error) or "no answer in time")
            return False
        await self._stay(_Session(self.link, stream, seal, self._decoder, self._handler, self._timing), stream, peer)
        return True

    async def _stay(self, session: _Session, stream: Stream, peer: str) -> None:
        self.failure = ""
        self.link.address = _address_of(stream)
        self.link._start(session, peer, self._greeting() if self._greeting is not None else None)
        log.info("link %s: connected to %s", self.link.name, self.link.address)
        if self._on_up is not None:
            self._on_up(self.link)
        try:
            await session.run()
        except ProtocolError as error:
            log.warning("link %s: given up: %s", self.link.name, error)
        finally:
            self.link._session = None
            if self._on_down is not None:
                self._on_down(self.link)

    def _failed(self, endpoint: Endpoint, reason: str) -> None:
        failure = f"{endpoint}: {reason}"
        if failure != self.failure:  # once, not with every attempt
            log.warning("link %s: cannot connect: %s", self.link.name, failure)
        self.failure = failure

    async def _introduce(self, stream: Stream) -> tuple[str, Seal]:
        nonce = new_nonce() + new_nonce()
        await stream.send(LinkHello(list(self._versions), self.link.name, nonce, self.link.incarnation))
        said = _decode(_CHALLENGE, (await stream.receive()).data)
        if isinstance(said, LinkError):
            raise error_of(msgspec.to_builtins(said))
        if said.version not in self._versions:
            raise SlurmError(SLURM_PROTOCOL_VERSION_ERROR)
        stream.version = said.version
        about = _about(self.link.name, said.version, self.link.incarnation, said.incarnation)
        handshake = Handshake(self._key, nonce, said.nonce, about)
        handshake.check(handshake.server_proof(), said.proof)
        await stream.send(LinkProof(handshake.client_proof()))
        return said.incarnation, handshake.client_session()


_HELLO = typed.MessageDecoder(LinkHello)
_PROOF = typed.MessageDecoder(LinkProof)
_CHALLENGE = typed.MessageDecoder(LinkChallenge | LinkError)

assert NONCE == 32  # two of new_nonce()


def _decode(decoder: typed.MessageDecoder, payload: bytes) -> Any:
    return decoder.decode(payload)


def _about(name: str, version: int, client_incarnation: str, server_incarnation: str) -> str:
    return f"{name}\n{version}\n{client_incarnation}\n{server_incarnation}"


def _encoded(message: object) -> bytes:
    payload = typed.encode(message)
    if len(payload) > MAX_SEALED - _OVERHEAD:
        raise FrameError(f"message of {len(payload)} bytes exceeds the limit of a link", oversized=True)
    return payload


async def _open(endpoint: Endpoint) -> Stream:
    """Connect. OSError."""
    loop = asyncio.get_running_loop()
    addresses: list[tuple[int, Any]]
    if endpoint.path:
        addresses = [(socket.AF_UNIX, endpoint.path)]
    else:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        addresses = [(family, address) for family, _, _, _, address in found]
    failed: OSError | None = None
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failed = error
            continue
        except BaseException:
            sock.close()
            raise
        return Stream(sock, max_descriptors=0, decoder=Decoder(max_sealed=MAX_SEALED))
    raise failed or OSError("the host has no address")


def _address_of(stream: Stream) -> str:
    """The peer's IP address, or the path of the Unix socket ("" on its server's side)."""
    try:
        peer = stream.socket.getpeername()
    except (OSError, StreamClosed):
        return ""
    return str(peer[0]) if isinstance(peer, tuple) else str(peer)
