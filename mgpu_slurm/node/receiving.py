"""Writes one file that sbcast sends, in a process that has become its owner and does nothing else.

The file grows under a name of its own beside the one it is meant for and takes that name only when it is whole, so nobody
ever sees a part of it. What the system refuses goes back with the system's number and text.
"""

from __future__ import annotations

import errno
import os
import socket
import zlib

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.node.supervisor import identity, kernel
from mgpu_slurm.wire import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn

PATIENCE = 60.0
"""Seconds without a word from the sender after which it is given up."""

_READ = 256 << 10
_MOST = 4 << 20
"""Bytes that one piece may grow to at a time when unpacked."""

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def run(order: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """The whole process: receive the file of `order` (node/orders.py for_file) over the only descriptor."""
    status = 1
    try:
        os.setsid()
        kernel.set_name("mgpu_receiver")
        sock = socket.socket(fileno=descriptors[0])
        sock.settimeout(PATIENCE)
        status = _serve(order, sock)
    finally:
        os._exit(status)


def _serve(order: dict[str, Any], sock: socket.socket) -> int:
    try:
        identity.become(identity.look_up(int(order["uid"]), int(order["gid"])))
        receive(order, sock)
        _answer(sock, {"kind": "done"})
    except identity.IdentityError as problem:
        _answer(sock, {"kind": "error", "code": errno.EPERM, "text": os.strerror(errno.EPERM), "detail": str(problem)})
    except (ProtocolError, EOFError, zlib.error) as problem:
        _answer(sock, {"kind": "error", "code": errno.EPROTO, "text": os.strerror(errno.EPROTO), "detail": str(problem)})
    except OSError as problem:
        code = problem.errno or errno.EIO
        _answer(sock, {"kind": "error", "code": code, "text": os.strerror(code)})
    else:
        return 0
    return 1


def _answer(sock: socket.socket, message: dict[str, object]) -> None:
    try:
        sock.sendall(frames.encode_json(message))
    except OSError:
        pass  # the sender is gone as well


def receive(order: dict[str, Any], sock: socket.socket) -> None:
    """As the user already. OSError; EOFError: the sender is gone; ProtocolError, zlib.error: it talks nonsense."""
    path = str(order["path"])
    directory, name = os.path.split(path)
    if not path.startswith("/") or not name:
        raise OSError(errno.EISDIR if path.startswith("/") else errno.EINVAL, "not the path of a file")
    if os.path.lexists(path) and not order["force"]:
        raise OSError(errno.EEXIST, "File exists")
    if order.get("make_directory") and not os.path.isdir(directory):
        os.mkdir(directory, 0o700)
    draft = f"{directory}/.{name[:200]}.{os.urandom(6).hex()}"
    # The mode stays closed until the content is whole.
    target = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            _answer(sock, {"kind": "done"})
            for data in _content(sock, order):
                _write(target, data)
            os.fchmod(target, int(order["mode"]) & (0o7777 if order["times"] else 0o777))
            if order["times"]:
                os.utime(target, ns=tuple(order["times"]))
        finally:
            os.close(target)
        _place(draft, path, bool(order["force"]))
    except BaseException:
        os.unlink(draft)
        raise


def _place(draft: str, path: str, force: bool) -> None:
    """Give the file its name. OSError: EEXIST where it is taken, in the meantime, too."""
    if not force:
        try:
            os.link(draft, path, follow_symlinks=False)
        except OSError as problem:
            if problem.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                raise OSError(errno.EEXIST, "File exists") from None
        else:
            os.unlink(draft)
            return
    os.rename(draft, path)


def _write(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]


def _content(sock: socket.socket, order: dict[str, Any]) -> Iterator[bytes]:
    """The file's bytes in order, unpacked."""
    unpacker = zlib.decompressobj() if order["compressed"] else None
    for piece in _pieces(sock, str(order.get("ahead") or "").encode("latin-1")):
        if unpacker is None:
            yield piece
            continue
        while piece:
            yield unpacker.decompress(piece, _MOST)
            piece = unpacker.unconsumed_tail
    if unpacker is not None:
        yield unpacker.flush()
        if not unpacker.eof:
            raise ProtocolError("the compressed file is not whole")


def _pieces(sock: socket.socket, ahead: bytes) -> Iterator[bytes]:
    decoder = frames.Decoder(max_json=1 << 16)
    decoder.feed(ahead)
    while True:
        while isinstance(frame := decoder.next(), frames.Frame):
            if frame.tag != frames.FILE:
                raise ProtocolError("something else where a file was expected")
            if not frame.data:
                return
            yield frame.data
        data = sock.recv(_READ)
        if not data:
            raise EOFError("the sender is gone")
        decoder.feed(data)
