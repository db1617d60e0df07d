"""A program's side of the wire: blocking requests to the controller or to a node, with retry.

The client sends its hello and the request back to back; the answer brings the server's hello with it, so a request costs
one round trip. On a Unix socket the kernel tells the server who asks. Over TCP each request is preceded by a hello with a
credential, which a daemon on the client's own host makes (its Unix sockets are the endpoint's `signers`).

A request is repeated after a lost reply. That is harmless only because requests that change state carry a request id
which the client made and which stays the same. Every failure is a SlurmError with Slurm's number and text:
ControllerUnreachable, PeerRefused, or the refusal of the request itself.

The C module `_socket` is used because `socket` costs 12 ms to import, more than the rest of a client command.
"""

from __future__ import annotations

import _socket
import os
import time

from mgpu_slurm.base.errors import (
    ESLURM_IN_STANDBY_MODE,
    SLURM_PROTOCOL_AUTHENTICATION_ERROR,
    SLURM_PROTOCOL_VERSION_ERROR,
    SLURMCTLD_COMMUNICATIONS_BACKOFF,
    SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR,
    SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR,
    SLURMCTLD_COMMUNICATIONS_SEND_ERROR,
    SlurmError,
)
from mgpu_slurm.wire import jsontext
from mgpu_slurm.wire.credential import STALE, digest
from mgpu_slurm.wire.frames import Decoder, Frame, FrameError, NeedMore, encode_channel, encode_payload
from mgpu_slurm.wire.passing import send_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSIONS = (1,)
"""Protocol versions this side speaks, best first. A release speaks its own and the one before it; what a version adds
are optional fields and further kinds, so a request need not wait for the server's hello."""

CONNECT_TIMEOUT = 2.0
"""Seconds; Slurm's TCPTimeout."""

REQUEST_TIMEOUT = 10.0
"""Seconds; Slurm's MessageTimeout."""

FIRST_WAIT = 0.05
LONGEST_WAIT = 2.0
"""Seconds between rounds of tries: doubled from the first to the longest, each shortened by up to half at random so that
many clients do not come back together."""

_READ = 256 << 10


class ControllerUnreachable(SlurmError):
    """Nobody answered: connection refused, lost or timed out. The text is Slurm's; `detail` says what the system said."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code)
        self.detail = detail


class PeerRefused(SlurmError):
    """The peer will not talk to this client: other protocol versions, or no valid credential. `detail` says why."""

    def __init__(self, code: int, text: str | None = None, detail: str = "") -> None:
        super().__init__(code, text)
        self.detail = detail


class RequestRefused(SlurmError):
    """The peer understood the request and refuses it; `detail` is for the curious."""

    def __init__(self, code: int, text: str | None = None, detail: str = "") -> None:
        super().__init__(code, text)
        self.detail = detail


class Endpoint:
    """Where a daemon listens: the path of a Unix socket, or host and port with the Unix sockets of daemons on this host
    that sign requests, tried in order."""

    __slots__ = ("host", "path", "port", "signers")

    def __init__(self, path: str = "", host: str = "", port: int = 0, signers: Sequence[str] = ()) -> None:
        if bool(path) == bool(host):
            raise ValueError("an endpoint is either a path or a host")
        self.path = path
        self.host = host
        self.port = port
        self.signers = tuple(signers)

    def __repr__(self) -> str:
        return f"Endpoint({self.path or f'{self.host}:{self.port}'})"


class Connection:
    """An open connection. Not for several threads."""

    __slots__ = ("_decoder", "_frames", "_greeted", "_signers", "_sock", "_timeout", "local", "version")

    def __init__(self, sock: _socket.socket, local: bool, signers: Sequence[str] = (), timeout: float = 10.0) -> None:
        self._sock = sock
        self._decoder = Decoder()
        self._frames: list[Frame] = []
        self._signers = signers
        self._timeout = timeout
        self._greeted = False
        self.local = local
        self.version = 0  # what the server chose; known once it has answered

    def request(
        self, message: Mapping[str, object], timeout: float | None = None, descriptors: Sequence[int] = ()
    ) -> dict[str, object]:
        """Ask and wait for the answer. Raises as `ask` and `receive`; ControllerUnreachable also for a time-out."""
        self.ask(message, descriptors)
        try:
            answer = self.receive(REQUEST_TIMEOUT if timeout is None else timeout)
        except TimeoutError:
            raise ControllerUnreachable(SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR, "no answer in time") from None
        if isinstance(answer, Frame):
            raise PeerRefused(SLURM_PROTOCOL_VERSION_ERROR, detail="bulk data in place of an answer")
        return answer

    def ask(self, message: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        """Send a request (hello, credential, message) and do not wait. `descriptors` go along on Unix sockets only.

        ControllerUnreachable: the connection is lost. PeerRefused: nobody on this host signs the request.
        """
        payload = jsontext.dumps(message)
        data = encode_payload(payload)
        if not self.local or not self._greeted:
            credential = None if self.local else sign_request(self._signers, payload, self._timeout)
            hello = {"kind": "hello", "versions": VERSIONS, "credential": credential}
            data = encode_payload(jsontext.dumps(hello)) + data
            self._greeted = True
        self._send(data, descriptors)

    def send(self, message: Mapping[str, object]) -> None:
        """Send a message that belongs to the request already made. ControllerUnreachable: the connection is lost."""
        self._send(encode_payload(jsontext.dumps(message)))

    def send_channel(self, tag: int, task: int, data: bytes) -> None:
        """Send bulk data. ControllerUnreachable: the connection is lost."""
        self._send(encode_channel(tag, task, data))

    def receive(self, timeout: float | None = None) -> dict[str, object] | Frame:
        """The next message, or frame of bulk data. None waits for ever.

        TimeoutError: nothing in that time. ControllerUnreachable: the connection is lost. PeerRefused, RequestRefused:
        the peer sent an error.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            frame = self._next()
            if frame is None:
                self._read(deadline)
            elif frame.tag != 0x7B:
                return frame
            else:
                message = self._message(frame)
                if message is not None:
                    return message

    def ready(self) -> bool:
        """Whether `receive` has something without reading from the socket (for use with poll)."""
        if not self._frames:
            frame = self._next()
            if frame is not None:
                self._frames.append(frame)
        return bool(self._frames)

    def fileno(self) -> int:
        """The socket's descriptor, for poll; ask `ready` first, since frames may have been read ahead."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close it; again is harmless."""
        self._sock.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        self._sock.settimeout(self._timeout)
        try:
            send_bytes(self._sock, data, descriptors)
        except OSError as error:
            # A server that refuses early may close while we still send: its reason is worth more than the broken pipe.
            self._raise_pending_error()
            raise ControllerUnreachable(SLURMCTLD_COMMUNICATIONS_SEND_ERROR, _said(error)) from error

    def _raise_pending_error(self) -> None:
        try:
            while True:
                self.receive(0.0)
        except (ControllerUnreachable, TimeoutError):
            return

    def _next(self) -> Frame | None:
        if self._frames:
            return self._frames.pop(0)
        try:
            frame = self._decoder.next()
        except FrameError as error:
            raise PeerRefused(SLURM_PROTOCOL_VERSION_ERROR, detail=str(error)) from error
        return None if isinstance(frame, NeedMore) else frame

    def _read(self, deadline: float | None) -> None:
        # A time-out of 0 would make the socket non-blocking, with another exception.
        self._sock.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
        try:
            data = self._sock.recv(_READ)
        except TimeoutError:
            raise
        except OSError as error:
            raise ControllerUnreachable(SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR, _said(error)) from error
        if not data:
            raise ControllerUnreachable(SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR, "the connection was closed")
        self._decoder.feed(data)

    def _message(self, frame: Frame) -> dict[str, object] | None:
        """A message for the caller; None for the server's hello. Errors are raised."""
        try:
            message = frame.message()
        except FrameError as error:
            raise PeerRefused(SLURM_PROTOCOL_VERSION_ERROR, detail=str(error)) from error
        kind = message.get("kind")
        if kind == "hello":
            version = message.get("version")
            self.version = version if isinstance(version, int) else 0
            return None
        if kind == "error":
            raise error_of(message)
        return message


def error_of(message: Mapping[str, object]) -> SlurmError:
    """The exception that an error reply stands for."""
    code = message.get("code")
    code = code if isinstance(code, int) else -1
    text = str(message.get("text") or "") or None
    detail = str(message.get("detail") or "")
    if code in (SLURM_PROTOCOL_AUTHENTICATION_ERROR, SLURM_PROTOCOL_VERSION_ERROR):
        return PeerRefused(code, text, detail)
    return RequestRefused(code, text, detail)


def connect(endpoint: Endpoint, timeout: float = CONNECT_TIMEOUT) -> Connection:
    """Open a connection. ControllerUnreachable: nobody listens there, or not within the time-out (seconds)."""
    try:
        if endpoint.path:
            sock = _open(_socket.AF_UNIX, endpoint.path, timeout)
        else:
            sock = _open_tcp(endpoint.host, endpoint.port, timeout)
    except OSError as error:
        raise ControllerUnreachable(SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR, f"{endpoint}: {_said(error)}") from error
    return Connection(sock, bool(endpoint.path), endpoint.signers)


def _open(family: int, address: object, timeout: float) -> _socket.socket:
    sock = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC, 0)
    try:
        sock.settimeout(timeout)
        sock.connect(address)  # type: ignore[arg-type]
        if family != _socket.AF_UNIX:
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _open_tcp(host: str, port: int, timeout: float) -> _socket.socket:
    deadline = time.monotonic() + timeout
    failed: OSError | None = None
    for family, _, _, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        try:
            return _open(family, address, max(deadline - time.monotonic(), 0.05))
        except OSError as error:
            failed = error
    raise failed or OSError("the host has no address")


def sign_request(signers: Sequence[str], payload: bytes, timeout: float = 10.0) -> dict[str, object]:
    """A credential for this payload from the first daemon on this host that answers.

    PeerRefused: none does; its text is Slurm's for a failed authentication.
    """
    reasons: list[str] = []
    covered = digest(payload)
    for path in signers:
        try:
            with connect(Endpoint(path=path)) as connection:
                answer = connection.request({"kind": "sign", "digest": covered}, timeout)
        except SlurmError as error:
            reasons.append(f"{path}: {getattr(error, 'detail', '') or error.text}")
            continue
        credential = answer.get("credential")
        if isinstance(credential, dict):
            return credential
        reasons.append(f"{path}: no credential in the answer")
    why = "; ".join(reasons) if reasons else "no daemon on this host is known that signs requests"
    raise PeerRefused(SLURM_PROTOCOL_AUTHENTICATION_ERROR, detail=why)


def call(
    endpoints: Sequence[Endpoint],
    message: Mapping[str, object],
    connect_timeout: float = CONNECT_TIMEOUT,
    request_timeout: float = REQUEST_TIMEOUT,
    retries: int = 3,
    descriptors: Sequence[int] = (),
) -> dict[str, object]:
    """One request, answered by the first of the endpoints that can. See `reach` for how it tries; raises as it does."""
    connection, answer = reach(endpoints, message, connect_timeout, request_timeout, retries, descriptors)
    connection.close()
    return answer


def reach(
    endpoints: Sequence[Endpoint],
    message: Mapping[str, object],
    connect_timeout: float = CONNECT_TIMEOUT,
    request_timeout: float = REQUEST_TIMEOUT,
    retries: int = 3,
    descriptors: Sequence[int] = (),
) -> tuple[Connection, dict[str, object]]:
    """Like `call`, and the connection stays open for what follows the answer.

    All endpoints are tried in order; when none answered, `retries` further rounds follow with growing waits. A standby
    controller, one that is busy, and a credential that came too late count as no answer. ControllerUnreachable or what
    the last one said after all rounds; any other refusal at once.
    """
    last: SlurmError = ControllerUnreachable(SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR, "no endpoint is known")
    for turn in range(retries + 1):
        if turn:
            time.sleep(back_off(turn))
        for endpoint in endpoints:
            try:
                connection = connect(endpoint, connect_timeout)
            except ControllerUnreachable as error:
                last = error
                continue
            try:
                return connection, connection.request(message, request_timeout, descriptors)
            except SlurmError as error:
                connection.close()
                if not _passing(error):
                    raise
                last = error
            except BaseException:
                connection.close()
                raise
    raise last


def back_off(turn: int, first: float = FIRST_WAIT, longest: float = LONGEST_WAIT) -> float:
    """Seconds to wait before the turn-th repetition (from 1)."""
    wait = min(first * 2.0 ** min(turn - 1, 32), longest)
    return wait * (1.0 - os.urandom(1)[0] / 512.0)


def _passing(error: SlurmError) -> bool:
    """Whether another try or another controller may do better."""
    if isinstance(error, ControllerUnreachable):
        return True
    if isinstance(error, PeerRefused):
        return error.detail == STALE
    return error.code in (ESLURM_IN_STANDBY_MODE, SLURMCTLD_COMMUNICATIONS_BACKOFF)


def _said(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
