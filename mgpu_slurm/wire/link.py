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
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mgpu_slurm.base.errors import SLURM_PROTOCOL_VERSION_ERROR, ProtocolError, SlurmError
from mgpu_slurm.wire import typed
from mgpu_slurm.wire.client import VERSIONS, Endpoint, back_off, error_of
from mgpu_slurm.wire.credential import new_nonce
from mgpu_slurm.wire.frames import MAX_SEALED, Decoder, FrameError
from mgpu_slurm.wire.sealed import NONCE, Handshake, NotAuthentic, Seal
from mgpu_slurm.wire.session import MAX_OUTBOX, Link, LinkFull, LinkHandler, Session, Timing
from mgpu_slurm.wire.stream import Stream, StreamClosed

__all__ = ["MAX_OUTBOX", "Link", "LinkClient", "LinkFull", "LinkHandler", "LinkServer", "Timing"]

log = logging.getLogger("mgpu.link")


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
        session = Session(link, stream, session_seal, self._decoder, self._handler, self._timing)
        while (earlier := link.session) is not None:
            log.warning("link %s: replaced by a later connection", link.name)
            earlier.end()
            await earlier.done.wait()
            if link.session is earlier:
                self._down(link)
        link.address = _address_of(stream)
        link.begin(session, hello.incarnation, None)
        if self._on_up is not None:
            self._on_up(link)
        try:
            await session.run()
        except ProtocolError as error:
            log.warning("link %s: given up: %s", link.name, error)
        finally:
            if link.session is session:
                self._down(link)

    def _down(self, link: Link) -> None:
        link.session = None
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
        await self._stay(Session(self.link, stream, seal, self._decoder, self._handler, self._timing), stream, peer)
        return True

    async def _stay(self, session: Session, stream: Stream, peer: str) -> None:
        self.failure = ""
        self.link.address = _address_of(stream)
        self.link.begin(session, peer, self._greeting() if self._greeting is not None else None)
        log.info("link %s: connected to %s", self.link.name, self.link.address)
        if self._on_up is not None:
            self._on_up(self.link)
        try:
            await session.run()
        except ProtocolError as error:
            log.warning("link %s: given up: %s", self.link.name, error)
        finally:
            self.link.session = None
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
