"""A daemon with a handler for every case, on a Unix and a TCP socket, and words to say to it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import frames
from mgpu_slurm.wire.client import Endpoint
from mgpu_slurm.wire.credential import Identity
from mgpu_slurm.wire.frames import Frame
from mgpu_slurm.wire.server import Server, sign_for
from mgpu_slurm.wire.stream import Stream

KEY = b"k" * 64


class Message(msgspec.Struct, tag_field="kind"):
    pass


class Echo(Message, tag="echo"):
    text: str
    count: int = 1


class Who(Message, tag="who"):
    pass


class Sign(Message, tag="sign"):
    digest: str


class Fail(Message, tag="fail"):
    how: str


class Follow(Message, tag="follow"):
    """Pushes three frames, reads one, answers with what it read."""


class Give(Message, tag="give"):
    """The handler writes into the descriptor that came along."""


class Away(Message, tag="away"):
    """The socket is given away."""


class WaitClosed(Message, tag="wait_closed"):
    pass


class Flood(Message, tag="flood"):
    pass


Request = Echo | Who | Sign | Fail | Follow | Give | Away | WaitClosed | Flood


class Daemon:
    """A handler with everything a handler may do."""

    def __init__(self) -> None:
        self.saw_close = asyncio.Event()
        self.given: list[tuple[socket.socket, bytes]] = []
        self.flooded: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.clock = time.time

    async def handle(self, who: Identity, message: Any, stream: Stream) -> object:
        match message:
            case Echo(text, count):
                return {"kind": "echoed", "text": text * count, "version": stream.version}
            case Who():
                return {"kind": "you", "uid": who.uid, "gid": who.gid, "host": who.host}
            case Sign(digest):
                return {"kind": "signed", "credential": sign_for(stream, KEY, digest, self.clock())}
            case Fail("slurm"):
                raise SlurmError(2017)
            case Fail():
                raise ZeroDivisionError("inside")
            case Follow():
                for task in range(3):
                    await stream.send_channel(frames.STDOUT, task, b"out%d" % task)
                return {"kind": "end", "read": (await stream.receive()).data.decode()}
            case Give():
                for fd in stream.take_descriptors():
                    os.write(fd, b"given")
                    os.close(fd)
                return {"kind": "done"}
            case Away():
                self.given.append(stream.detach())
            case WaitClosed():
                await stream.closed.wait()
                self.saw_close.set()
            case Flood():
                try:
                    while True:
                        await stream.send_channel(frames.STDOUT, 0, bytes(500_000))
                except ConnectionError as error:
                    self.flooded.set_result(error)
                    raise
        return None


class Site:
    def __init__(self, daemon: Daemon, server: Server, path: str, port: int) -> None:
        self.daemon, self.server = daemon, server
        self.unix = Endpoint(path=path)
        self.tcp = Endpoint(host="127.0.0.1", port=port, signers=["/nowhere/at/all.sock", path])
        self.port = port


@asynccontextmanager
async def site(tmp_path: Path, **options: Any) -> AsyncIterator[Site]:
    daemon = Daemon()
    options.setdefault("key", KEY)
    server = Server(Request, daemon.handle, **options)
    path = str(tmp_path / "d.sock")
    server.listen_unix(path)
    port = server.listen_tcp("127.0.0.1", 0)
    try:
        yield Site(daemon, server, path, port)
    finally:
        await server.close()
        assert not os.path.exists(path)


def with_site(test: Callable[[Site], Any], tmp_path: Path, **options: Any) -> Any:
    """Run a blocking test in a thread against a daemon in this one."""

    async def main() -> Any:
        async with site(tmp_path, **options) as here:
            result = await asyncio.wait_for(asyncio.to_thread(test, here), 20)
            deadline = time.monotonic() + 5
            while here.server.connections and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
            return result

    return asyncio.run(main())


def raw(endpoint: Endpoint, data: bytes, end: bool = False) -> list[dict[str, Any]]:
    """Send bytes, read all messages until the server closes."""
    if endpoint.path:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(endpoint.path)
    else:
        sock = socket.create_connection((endpoint.host, endpoint.port))
    with sock:
        sock.settimeout(10)
        decoder = frames.Decoder()
        try:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while piece := sock.recv(65536):
                decoder.feed(piece)
        except ConnectionResetError:
            pass
        found = []
        while isinstance(frame := decoder.next(), Frame):
            found.append(frame.message())
        return found


def hello(versions: Any = (1,), cred: object = None) -> bytes:
    return frames.encode_json({"kind": "hello", "versions": versions, "credential": cred})


ECHO = {"kind": "echo", "text": "ab", "count": 2}
