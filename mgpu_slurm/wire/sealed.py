"""The cryptography of the link between daemons: mutual challenge, then frames that carry a number and a signature.

Both sides hold the cluster key K and send a random nonce. Each proves to know K by an HMAC over both nonces and
what was agreed, with a label of its own, so that no proof can be reflected. Two session keys, one per direction, come from
K and both nonces; so no frame of another session or of the other direction is ever valid. A frame is

    SEALED tag | 8-byte number, counted from 0 | 32-byte HMAC-SHA256 | body

and the MAC covers number and body. A frame that is altered, repeated, left out, moved or made by another is refused, and
the session with it. The body is not encrypted: secrecy is TLS's part.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

import hmac

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.wire.credential import mac
from mgpu_slurm.wire.frames import SEALED, encode_payload

NONCE = 32
"""Bytes of a challenge."""

_HEADER = 1 + 8 + 32


class NotAuthentic(ProtocolError):
    """The peer does not know the cluster key, or somebody touched what it sent."""


class Handshake:
    """Both proofs and the session, from what both sides have said. `about` is all else that was agreed: name, version,
    incarnations; it is proven along."""

    def __init__(self, key: bytes, client_nonce: str, server_nonce: str, about: str) -> None:
        if len(client_nonce) != 2 * NONCE or len(server_nonce) != 2 * NONCE:
            raise NotAuthentic("a challenge of the wrong size")
        self._key = key
        self._said = f"{client_nonce}\n{server_nonce}\n{about}"

    def server_proof(self) -> str:
        """What only a server with the key can say."""
        return self._derive("link server").hex()

    def client_proof(self) -> str:
        """What only a client with the key can say."""
        return self._derive("link client").hex()

    def check(self, expected: str, said: str) -> None:
        """NotAuthentic unless the peer said what was expected."""
        if not hmac.compare_digest(expected.encode(), said.encode("utf-8", "replace")):
            raise NotAuthentic("the peer does not know the cluster key")

    def client_session(self) -> Seal:
        """The session as the client uses it."""
        return Seal(self._derive("link to server"), self._derive("link to client"))

    def server_session(self) -> Seal:
        """The session as the server uses it."""
        return Seal(self._derive("link to client"), self._derive("link to server"))

    def _derive(self, label: str) -> bytes:
        return mac(self._key, f"mgpu {label}\n{self._said}".encode("utf-8", "replace"))


class Seal:
    """Seals what leaves and opens what arrives in one session."""

    __slots__ = ("_received", "_receive_key", "_send_key", "_sent")  # noqa: RUF023 - by direction

    def __init__(self, send_key: bytes, receive_key: bytes) -> None:
        self._send_key = send_key
        self._receive_key = receive_key
        self._sent = 0
        self._received = 0

    def seal(self, body: bytes) -> bytes:
        """A frame, ready to be sent next."""
        number = self._sent.to_bytes(8, "big")
        self._sent += 1
        return encode_payload(b"".join((bytes((SEALED,)), number, mac(self._send_key, number + body), body)))

    def open(self, payload: bytes) -> bytes:
        """The body of the frame that arrived next. NotAuthentic: it is not the peer's next frame."""
        if len(payload) < _HEADER or payload[0] != SEALED:
            raise NotAuthentic("an unsigned frame on a signed link")
        number, signature, body = payload[1:9], payload[9:_HEADER], payload[_HEADER:]
        if not hmac.compare_digest(mac(self._receive_key, number + body), signature):
            raise NotAuthentic("a frame on the link was altered or injected")
        if int.from_bytes(number, "big") != self._received:
            raise NotAuthentic("a frame on the link was repeated, lost or moved")
        self._received += 1
        return body
