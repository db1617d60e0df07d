"""A daemon's side of the wire: connection -> who asks -> typed request -> reply.

A connection begins with the peer's hello and, back to back, its request. Who asks comes from the kernel on a Unix socket
and from a credential over the request's digest on TCP; every request over TCP needs its own hello with its own credential.
Whatever a peer sends, it gets a typed error reply at worst, and the daemon never an exception:

    unknown kind, wrong fields, garbage      1000  Unexpected message received
    no version in common                     1005  Incompatible versions of client and server code
    no valid credential, a stranger          1007  Protocol authentication error (`detail`: the credential's reason)
    frame too large                          1008  Insane message length
    hello and request not here in time       1003  Message receive failure
    too many connections                     1804  come again
    a fault of our own, logged               2090  Slurm internal error

A handler gets the identity, the message and the stream. It returns the reply, or None when it has said all itself. With
the stream it can push more frames, read more, watch for the peer's close (`stream.closed`), take descriptors, or give the
socket away (`stream.detach`). It is not cancelled when the peer closes. A SlurmError it raises is the reply.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

import msgspec

from mgpu_slurm.base.errors import (
    ESLURM_INTERNAL,
    SLURM_COMMUNICATIONS_RECEIVE_ERROR,
    SLURM_PROTOCOL_AUTHENTICATION_ERROR,
    SLURM_PROTOCOL_VERSION_ERROR,
    SLURM_UNEXPECTED_MSG_ERROR,
    SLURMCTLD_COMMUNICATIONS_BACKOFF,
    SlurmError,
)
from mgpu_slurm.wire import credential, typed
from mgpu_slurm.wire.client import VERSIONS
from mgpu_slurm.wire.credential import Identity, ReplayWindow
from mgpu_slurm.wire.frames import JSON, Decoder, Frame, FrameError, encode_payload
from mgpu_slurm.wire.listening import tcp_listener, unix_listener
from mgpu_slurm.wire.peer import peer_identity
from mgpu_slurm.wire.refusals import Refused, refusal
from mgpu_slurm.wire.stream import Stream, StreamClosed

log = logging.getLogger("mgpu.wire")

Handler = Callable[[Identity, Any, Stream], Awaitable[object]]


class Limits(msgspec.Struct, kw_only=True):
    """What a peer may take of the daemon. Seconds and bytes."""

    request_bytes: int = 16 << 20  # script (4 MiB by default) with environment, JSON-escaped
    hello_bytes: int = 16 << 10
    kind_bytes: dict[str, int] = {}  # lower limits by kind of request
    request_seconds: float = 10.0  # for hello and request together
    idle_seconds: float = 300.0  # between requests on one connection
    write_seconds: float = 30.0  # a peer that takes nothing for so long is given up
    connections: int = 4096
    user_connections: int = 1024  # of one user other than root and the daemon's own
    descriptors: int = 8


class Links(Protocol):
    """Who takes over the connections of other daemons (wire/link.py)."""

    async def serve(self, stream: Stream, first: bytes) -> None: ...


class Hello(msgspec.Struct):
    """The first frame of a client."""

    versions: list[int]
    credential: dict[str, object] | None = None


class Server:
    """Listens on Unix and TCP sockets and answers requests of the given union of message types.

    `key` is the cluster key; without it TCP requests are refused. `only_uids` closes Unix sockets to all others (the
    embedded cluster). `links` serves connections of other daemons on the same listeners.
    """

    def __init__(
        self,
        types: Any,
        handler: Handler,
        *,
        limits: Limits | None = None,
        key: bytes | None = None,
        only_uids: Collection[int] | None = None,
        links: Links | None = None,
        versions: tuple[int, ...] = VERSIONS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._decoder = typed.MessageDecoder(types)
        self._handler = handler
        self._limits = limits or Limits()
        self._key = key
        self._only_uids = only_uids
        self._links = links
        self._versions = versions
        self._clock = clock
        self._seen = ReplayWindow(clock())
        self._listeners: dict[socket.socket, tuple[str, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._users: Counter[int] = Counter()
        self._closing = False

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._tasks)

    def listen_unix(self, path: str, mode: int = 0o777) -> None:
        """Listen on a Unix socket; one that a dead daemon left is replaced. OSError, EADDRINUSE where one lives."""
        self._listen(unix_listener(path, mode), path, os.stat(path).st_ino)

    def listen_tcp(self, host: str, port: int) -> int:
        """Listen on an address ("" = all); returns the port, chosen by the system for 0. OSError."""
        sock = tcp_listener(host, port)
        self._listen(sock, "", 0)
        bound: int = sock.getsockname()[1]
        return bound

    def stop_listening(self) -> None:
        """Take no more connections; those open go on."""
        loop = asyncio.get_running_loop()
        for sock, (path, inode) in self._listeners.items():
            loop.remove_reader(sock.fileno())
            sock.close()
            if path:
                try:
                    if os.stat(path).st_ino == inode:
                        os.unlink(path)
                except FileNotFoundError:
                    pass
        self._listeners.clear()

    async def close(self) -> None:
        """Stop listening and end every connection with its handler."""
        self._closing = True
        self.stop_listening()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(self, sock: socket.socket, path: str, inode: int) -> None:
        sock.setblocking(False)
        sock.listen(1024)
        self._listeners[sock] = (path, inode)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._accept, sock)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(64):  # then let others have their turn
            try:
                sock, _address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("cannot accept a connection: %s", error.strerror)
                self._rest(listener)
                return
            if len(self._tasks) >= self._limits.connections:
                _turn_away(sock)
                continue
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self._serve(sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _rest(self, listener: socket.socket) -> None:
        """Out of descriptors: the socket would stay readable, so look away until some may have been closed."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener.fileno())

        def again() -> None:
            if listener in self._listeners:
                loop.add_reader(listener.fileno(), self._accept, listener)

        loop.call_later(0.5, again)

    async def _serve(self, sock: socket.socket) -> None:
        limits = self._limits
        stream = Stream(
            sock,
            write_seconds=limits.write_seconds,
            max_descriptors=limits.descriptors,
            decoder=Decoder(limits.request_bytes),
        )
        conversation = _Conversation()
        try:
            await self._converse(stream, conversation)
        except StreamClosed:
            pass
        except Exception as error:
            await self._refuse(stream, error)
        finally:
            if conversation.uid is not None:
                self._users[conversation.uid] -= 1
            stream.close()

    async def _converse(self, stream: Stream, conversation: _Conversation) -> None:
        seconds = self._limits.request_seconds
        while stream.open and not self._closing:
            try:
                async with asyncio.timeout(seconds) as deadline:
                    payload = await self._next_request(stream, conversation, deadline)
            except TimeoutError:
                if conversation.answered and not conversation.fresh:
                    return  # idle between requests: nobody waits for a word
                raise Refused(SLURM_COMMUNICATIONS_RECEIVE_ERROR, "hello and request did not arrive in time") from None
            if payload is None:
                return
            identity = self._identify(stream, conversation, payload)
            await self._answer(stream, identity, payload)
            conversation.answered = True
            seconds = self._limits.idle_seconds

    async def _next_request(self, stream: Stream, conversation: _Conversation, deadline: asyncio.Timeout) -> bytes | None:
        """The payload of the next request, after the hello where one is due; None when the stream was given away."""
        while True:
            frame = await stream.receive()
            if frame.tag != JSON:
                raise FrameError("bulk data where a message was expected")
            kind = typed.kind_of(frame.data)
            if kind == "link_hello" and self._links is not None and not conversation.greeted:
                deadline.reschedule(None)
                await self._links.serve(stream, frame.data)
                return None
            if kind != "hello":
                if not conversation.greeted:
                    raise Refused(SLURM_PROTOCOL_VERSION_ERROR, "the first frame must be a hello")
                self._check_size(kind, frame)
                return frame.data
            self._greet(stream, conversation, frame)
            deadline.reschedule(asyncio.get_running_loop().time() + self._limits.request_seconds)

    def _greet(self, stream: Stream, conversation: _Conversation, frame: Frame) -> None:
        if len(frame.data) > self._limits.hello_bytes:
            raise FrameError(f"hello of {len(frame.data)} bytes", oversized=True)
        hello = _HELLO.decode(frame.data)
        common = set(hello.versions) & set(self._versions)
        stream.version = max(common, default=0)
        if not conversation.greeted:
            answer = {"kind": "hello", "versions": self._versions, "version": stream.version}
            stream.preface = encode_payload(typed.encode(answer))
        conversation.greeted = conversation.fresh = True
        conversation.credential = hello.credential
        if not common:
            ours = ", ".join(map(str, self._versions))
            raise Refused(SLURM_PROTOCOL_VERSION_ERROR, f"this daemon speaks protocol versions {ours}")

    def _check_size(self, kind: str, frame: Frame) -> None:
        limit = self._limits.kind_bytes.get(kind, self._limits.request_bytes)
        if len(frame.data) > limit:
            raise FrameError(f"{kind} of {len(frame.data)} bytes exceeds its limit of {limit}", oversized=True)

    def _identify(self, stream: Stream, conversation: _Conversation, payload: bytes) -> Identity:
        """Who asks. A credential is used up by its request."""
        offered, conversation.credential = conversation.credential, None
        conversation.fresh = False
        if stream.local:
            identity = stream.identity or _peer_of(stream)
            if self._only_uids is not None and identity.uid not in self._only_uids:
                raise Refused(SLURM_PROTOCOL_AUTHENTICATION_ERROR, "this cluster belongs to another user")
        elif self._key is None:
            raise Refused(SLURM_PROTOCOL_AUTHENTICATION_ERROR, "this daemon has no cluster key")
        elif offered is None:
            raise Refused(SLURM_PROTOCOL_AUTHENTICATION_ERROR, "unsigned")
        else:
            covered = credential.digest(payload)
            identity = credential.verify(self._key, offered, covered, self._clock(), self._seen)
        stream.identity = identity
        self._count(conversation, identity.uid)
        return identity

    def _count(self, conversation: _Conversation, uid: int) -> None:
        if conversation.uid is None:
            conversation.uid = uid
            self._users[uid] += 1
            if self._users[uid] > self._limits.user_connections and uid not in (0, os.geteuid()):
                raise Refused(SLURMCTLD_COMMUNICATIONS_BACKOFF, "too many connections of one user")

    async def _answer(self, stream: Stream, identity: Identity, payload: bytes) -> None:
        """One request. Errors that leave the stream in order are answered and the connection goes on."""
        try:
            message = self._decoder.decode(payload)
            reply = await self._handler(identity, message, stream)
        except (SlurmError, typed.UnknownKind, typed.BadMessage) as error:
            reply = refusal(error)
        if reply is not None and stream.open:
            await stream.send(reply)

    async def _refuse(self, stream: Stream, error: Exception) -> None:
        reply = refusal(error)
        if reply["code"] == ESLURM_INTERNAL:
            log.error("a request of %s failed by a fault of our own", stream.identity, exc_info=error)
        else:
            log.info("refused a connection of %s: %s", stream.identity or "an unknown peer", reply["detail"])
        try:
            if stream.open:
                await stream.send(reply)
                await stream.finish()
        except StreamClosed:
            pass


class _Conversation:
    """What is known of one connection."""

    def __init__(self) -> None:
        self.greeted = False
        self.fresh = False  # a hello has come whose request has not
        self.answered = False
        self.credential: dict[str, object] | None = None
        self.uid: int | None = None


class _HelloDecoder:
    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Hello)

    def decode(self, payload: bytes) -> Hello:
        try:
            return self._decoder.decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise typed.BadMessage(f"not a hello: {error}") from None


_HELLO = _HelloDecoder()


def sign_for(stream: Stream, key: bytes | None, digest: str, now: float) -> dict[str, object]:
    """A credential for whoever is behind this stream, for handlers of `sign`.

    SlurmError: it is not a Unix socket, there is no key, or the digest is none.
    """
    if not stream.local or stream.identity is None or key is None:
        raise SlurmError(SLURM_PROTOCOL_AUTHENTICATION_ERROR)
    who = stream.identity
    try:
        return credential.sign(key, who.uid, who.gid, who.host, now, credential.new_nonce(), digest)
    except ValueError:
        raise SlurmError(SLURM_UNEXPECTED_MSG_ERROR) from None


def _peer_of(stream: Stream) -> Identity:
    try:
        return peer_identity(stream.socket)
    except OSError as error:
        raise Refused(SLURM_PROTOCOL_AUTHENTICATION_ERROR, str(error)) from None


def _turn_away(sock: socket.socket) -> None:
    """Say that there are too many, if that can be said without waiting."""
    sock.setblocking(False)
    try:
        busy = refusal(Refused(SLURMCTLD_COMMUNICATIONS_BACKOFF, "too many connections"))
        sock.send(encode_payload(typed.encode(busy)))
    except OSError:
        pass
    sock.close()
