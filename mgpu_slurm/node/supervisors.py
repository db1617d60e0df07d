"""The daemon's conversations with its supervisors, one control connection each."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.node.core import Key
from mgpu_slurm.node.supervisor.control import ENDED, LIVE, USAGE
from mgpu_slurm.wire import passing
from mgpu_slurm.wire.frames import Decoder, Frame

log = logging.getLogger("mgpu.node")


class Supervisors:
    """`on_live(key, pid)` once a supervisor has started its tasks, `on_gone(key, result)` once when it has
    ended, or died (without a result), `on_usage(key, word)` when it answers what its tasks use."""

    def __init__(
        self,
        on_live: Callable[[Key, int], None],
        on_gone: Callable[[Key, dict[str, Any] | None], None],
        on_usage: Callable[[Key, dict[str, Any]], None] | None = None,
    ) -> None:
        self._on_live = on_live
        self._on_gone = on_gone
        self._on_usage = on_usage
        self._open: dict[Key, _Connection] = {}

    def add(self, key: Key, sock: socket.socket) -> None:
        """Take over a connected control socket."""
        sock.setblocking(False)
        connection = _Connection(key, sock)
        self._open[key] = connection
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable, connection)

    def tell(self, key: Key, word: dict[str, Any], descriptors: Sequence[int] = ()) -> bool:
        """Whether it could be said; a supervisor that just ended hears nothing any more."""
        connection = self._open.get(key)
        if connection is None:
            return False
        try:
            passing.send(connection.sock, word, descriptors)
        except OSError as error:
            log.warning("step %s.%s: cannot reach its supervisor: %s", key[0], key[1], error)
            return False
        return True

    def close(self) -> None:
        """Hang up; the supervisors go on."""
        for connection in list(self._open.values()):
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._open.pop(connection.key, None)
        asyncio.get_running_loop().remove_reader(connection.sock.fileno())
        connection.sock.close()

    def _readable(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            words = connection.words(data)
        except ProtocolError:
            words, data = [], b""
        result = None
        for word in words:
            if word.get("kind") == LIVE:
                pids = word.get("pids")
                self._on_live(connection.key, int(pids[0]) if isinstance(pids, list) and pids else 0)
            elif word.get("kind") == USAGE and self._on_usage is not None:
                self._on_usage(connection.key, word)
            elif word.get("kind") == ENDED:
                result, data = word.get("result"), b""
        if not data:
            self._drop(connection)
            self._on_gone(connection.key, result)


class _Connection:
    def __init__(self, key: Key, sock: socket.socket) -> None:
        self.key = key
        self.sock = sock
        self._decoder = Decoder(max_json=1 << 20)

    def words(self, data: bytes) -> list[dict[str, Any]]:
        self._decoder.feed(data)
        found: list[dict[str, Any]] = []
        while isinstance(frame := self._decoder.next(), Frame):
            found.append(frame.message())
        return found


def log_of(directory: str) -> str:
    """What a supervisor had to say, for the daemon's log."""
    try:
        with open(os.path.join(directory, "log"), errors="replace") as file:
            return file.read(4096).strip()
    except OSError:
        return ""
