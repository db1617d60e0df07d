"""Both ends of a link, with a relay between them that can tamper with what passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from mgpu_slurm.wire.client import Endpoint
from mgpu_slurm.wire.link import Link, LinkClient, LinkServer, Timing
from mgpu_slurm.wire.server import Server

KEY = b"k" * 64
FAST = Timing(connect=2.0, keepalive=0.05, dead=0.4, first_wait=0.005, longest_wait=0.02)


class Message(msgspec.Struct, tag_field="kind"):
    pass


class Say(Message, tag="say"):
    number: int
    text: str = ""


class Fault(Message, tag="fault"):
    pass


class Unheard(Message, tag="unheard"):
    """Of no union."""


Said = Say | Fault


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


class Side:
    """Collects what arrives."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.events: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle(self, link: Link, message: Any) -> None:
        if isinstance(message, Fault):
            raise ZeroDivisionError("inside")
        await self.gate.wait()
        self.heard.append(message.number)

    def up(self, link: Link) -> None:
        self.events.append(f"up {link.name}")

    def down(self, link: Link) -> None:
        self.events.append(f"down {link.name}")


class Controller:
    """One life of the controller."""

    def __init__(self, key: bytes = KEY, timing: Timing = FAST, versions: tuple[int, ...] = (1,)) -> None:
        self.side = Side()
        self.links = LinkServer(
            Said, self.side.handle, key, timing=timing, on_up=self.side.up, on_down=self.side.down, versions=versions
        )
        self.server = Server(Said, self._no_requests, links=self.links)

    async def _no_requests(self, *_: Any) -> object:
        raise AssertionError("no request was made")


class Tampering:
    """A TCP relay between node and controller; `change` sees each piece that goes to the controller."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.change: Callable[[bytes], bytes] = bytes
        self.silent = False
        self.seen: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def stop(self) -> None:
        self.server.close()
        self.cut()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self.writers += [writer, back]
        await asyncio.gather(self._pump(reader, back, True), self._pump(there, writer, False))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, onward: bool) -> None:
        try:
            while data := await reader.read(65536):
                if onward:
                    self.seen.append(data)
                    data = self.change(data)
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        writer.close()


class Scene:
    def __init__(self, controller: Controller, node: Side, client: LinkClient, relay: Tampering) -> None:
        self.controller, self.node, self.client, self.relay = controller, node, client, relay

    @property
    def down_link(self) -> Link:
        return self.controller.links.link("n0")

    async def lost_more_than(self, losses: int) -> None:
        await until(lambda: self.node.events.count("down n0") > losses)

    async def connected(self) -> None:
        await until(lambda: self.client.link.connected and self.down_link.connected)


@asynccontextmanager
async def scene(greeting: Callable[[], object] | None = None, key: bytes = KEY, **controller: Any) -> AsyncIterator[Scene]:
    there = Controller(**controller)
    relay = Tampering(there.server.listen_tcp("127.0.0.1", 0))
    side = Side()
    endpoint = Endpoint(host="127.0.0.1", port=await relay.start())
    client = LinkClient(
        [endpoint], "n0", Said, side.handle, key, greeting=greeting, timing=FAST, on_up=side.up, on_down=side.down
    )
    client.start()
    here = Scene(there, side, client, relay)
    try:
        yield here
    finally:
        await client.close()
        await here.controller.server.close()
        await relay.stop()


def play(script: Callable[[Scene], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(15), scene(**options) as here:
            await script(here)

    asyncio.run(main())
