"""Open files handed from process to process over a Unix socket (SCM_RIGHTS), together with a message.

The descriptors travel with the first byte of the message's frame. `receive` takes exactly one frame from the socket and
leaves what follows it there, so that the socket itself can be handed on afterwards. Received descriptors are closed on
exec; whoever calls owns them. All calls block (or wait up to the socket's timeout).
"""

from __future__ import annotations

import _socket
import os
import struct

from mgpu_slurm.wire.frames import Frame, FrameError, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Sequence

    AnySocket = socket.socket | _socket.socket

MAX_DESCRIPTORS = 16
"""Descriptors taken with one message; a step needs three, a hand-over four."""

MAX_MESSAGE = 32 << 20
"""Largest message received: a launch with script, environment and what was read ahead of it."""

_INT = 4


def send_bytes(sock: AnySocket, data: bytes, descriptors: Sequence[int] = ()) -> None:
    """Send all bytes, the descriptors with the first of them. OSError as of sendmsg."""
    sent = 0
    if descriptors:
        packed = struct.pack(f"{len(descriptors)}i", *descriptors)
        sent = sock.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
    if sent < len(data):
        sock.sendall(memoryview(data)[sent:])


def send(sock: AnySocket, message: dict[str, object], descriptors: Sequence[int] = ()) -> None:
    """Send a message and open files. OSError as of sendmsg."""
    send_bytes(sock, encode_json(message), descriptors)


def receive_bytes(sock: AnySocket, size: int, limit: int = MAX_DESCRIPTORS) -> tuple[bytes, list[int]]:
    """Up to `size` bytes and the descriptors that came with them; b"" at the end of the stream.

    FrameError: more than `limit` descriptors (all are closed). OSError as of recvmsg.
    """
    # Room for one more than allowed: what the kernel cannot store it drops with a flag, what is too many is counted.
    data, control, flags, _ = sock.recvmsg(size, _socket.CMSG_SPACE((limit + 1) * _INT), _socket.MSG_CMSG_CLOEXEC)
    descriptors: list[int] = []
    for level, kind, packed in control:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            count = len(packed) // _INT
            descriptors.extend(struct.unpack(f"{count}i", packed[: count * _INT]))
    if flags & _socket.MSG_CTRUNC or len(descriptors) > limit:
        close_all(descriptors)
        raise FrameError(f"more than {limit} descriptors in a message")
    return data, descriptors


def receive(sock: AnySocket, limit: int = MAX_DESCRIPTORS) -> tuple[dict[str, object], list[int]]:
    """One message and its open files.

    EOFError: the peer closed before it. FrameError: not a message, too large, or too many descriptors; all that came are
    closed. OSError as of recvmsg (TimeoutError with a timeout set on the socket).
    """
    descriptors: list[int] = []
    try:
        size = int.from_bytes(_exactly(sock, 4, limit, descriptors), "big")
        if not 0 < size <= MAX_MESSAGE:
            raise FrameError(f"frame of {size} bytes", oversized=size > 0)
        payload = _exactly(sock, size, limit, descriptors)
        message = Frame(payload[0], 0, payload).message()
    except BaseException:
        close_all(descriptors)
        raise
    return message, descriptors


def _exactly(sock: AnySocket, size: int, limit: int, descriptors: list[int]) -> bytes:
    pieces = []
    while size:
        data, more = receive_bytes(sock, min(size, 1 << 20), limit)
        descriptors.extend(more)
        if len(descriptors) > limit:
            raise FrameError(f"more than {limit} descriptors in a message")
        if not data:
            raise EOFError("the peer closed the socket")
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)


def close_all(descriptors: Iterable[int]) -> None:
    """Close descriptors that nobody wants."""
    for descriptor in descriptors:
        os.close(descriptor)
