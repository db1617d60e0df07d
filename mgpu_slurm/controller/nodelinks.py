"""The links to node daemons: what the core sends to a node, and what nodes say."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.controller.events import NodeLinkLost, NodeSaid, ToNodeEffect, Unsend
from mgpu_slurm.wire.link import LinkFull, LinkServer
from mgpu_slurm.wire.messages import FromNode, GetUsage, Inspect, Inspected, LaunchBatch, Register, Usage
from mgpu_slurm.wire.session import Link

if TYPE_CHECKING:
    from mgpu_slurm.controller.daemon import Controller

log = logging.getLogger("mgpu.nodes")

FLUSH = 2.0
"""Seconds that a stopping controller gives its last messages."""

FLUSH_OWN = 6.0
"""As many where the node is its own, which has to hear that it shall end its jobs even if it is just being started again."""


class NodeLinks:
    def __init__(self, controller: Controller, key: bytes) -> None:
        self._controller = controller
        self.server = LinkServer(FromNode, self._said, key, on_down=self._down)
        self._registered: set[str] = set()
        self._on_the_way: dict[asyncio.Future[None], Link] = {}

    def send(self, effect: ToNodeEffect) -> None:
        message: Any = effect.message
        if effect.needs_script and isinstance(message, LaunchBatch):
            found = self._controller.handlers.script(effect.needs_script)
            if found is None:
                log.error("the script of job %d is not in the store", effect.needs_script)
                return
            script, environment = found
            message = msgspec.structs.replace(message, script=script, environment={**environment, **message.environment})
        link = self.server.link(effect.node)
        try:
            future = link.send(message, effect.key)
        except LinkFull:
            log.error("too much waits for node %s; %s dropped", effect.node, type(effect.message).__name__)
            return
        self._on_the_way[future] = link
        future.add_done_callback(lambda done: self._on_the_way.pop(done, None))

    def ask(self, node: str, message: GetUsage | Inspect) -> bool:
        """Say it once; whether the node is connected."""
        return self.server.link(node).post(message)

    def unsend(self, effect: Unsend) -> None:
        self.server.link(effect.node).unsend(effect.key)

    async def flush(self, own: bool = False) -> None:
        """Give what is on the way to connected nodes a moment to arrive. `own`: they belong to this controller alone."""
        end = time.monotonic() + (FLUSH_OWN if own else FLUSH)
        while time.monotonic() < end:
            waiting = [future for future, link in self._on_the_way.items() if (own or link.connected) and not future.done()]
            if not waiting:
                return
            await asyncio.wait(waiting, timeout=0.05)

    async def _said(self, link: Link, message: Any) -> None:
        if isinstance(message, Register):
            if message.name != link.name:
                log.warning("node %s registers as %s: refused", link.name, message.name)
                return
            self._registered.add(link.name)
        elif link.name not in self._registered:
            log.warning("node %s speaks before it has registered", link.name)
            return
        if isinstance(message, Usage):
            self._controller.usage.said(link.name, message)
            return
        if isinstance(message, Inspected):
            self._controller.inspector.said(link.name, message)
            return
        self._controller.handle(NodeSaid(name=link.name, message=message, address=link.address))

    def _down(self, link: Link) -> None:
        if link.name in self._registered:
            self._controller.handle(NodeLinkLost(name=link.name))
