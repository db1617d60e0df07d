"""PMIx for the tasks of a step: the supervisor's side of the process that serves them (pmix_host.py)."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.node.supervisor import identity, pmix_host, pmix_library
from mgpu_slurm.wire.frames import Decoder, Frame, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mgpu_slurm.node.supervisor.loop import Turn
    from mgpu_slurm.node.supervisor.order import Order

PATIENCE = 30.0
"""Seconds in which the library must be ready."""


class PmixServer:
    """`tell`: to srun. NoLibrary: there is none, or it does not start."""

    def __init__(self, order: Order, who: identity.Identity, tell: Callable[[dict[str, object]], None]) -> None:
        directory = f"/tmp/mgpu-pmix-{order.job_id}.{order.step_id}-{order.node}-{os.urandom(6).hex()}"
        place = pmix_host.Place(f"slurm.pmix.{order.program}", order.job_id, order.world, order.place, directory)
        self._who = who
        self._directory = directory
        self._tell = tell
        self._decoder = Decoder(max_json=4 << 20)
        self._unsent = b""
        self._sock, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._sock.close()
            pmix_host.run(place, who, theirs)
        theirs.close()
        try:
            self._environment = self._ready()
        except pmix_library.NoLibrary:
            os.kill(self.pid, signal.SIGKILL)
            self._sock.close()
            self.remove()
            raise
        self._sock.setblocking(False)

    def _ready(self) -> dict[int, dict[str, str]]:
        self._sock.settimeout(PATIENCE)
        try:
            while not isinstance(frame := self._decoder.next(), Frame):
                data = self._sock.recv(1 << 18)
                if not data:
                    raise pmix_library.NoLibrary("the PMIx server has died")
                self._decoder.feed(data)
        except TimeoutError:
            raise pmix_library.NoLibrary("the PMIx server does not start") from None
        message: dict[str, Any] = frame.message()
        if message["kind"] != "ready":
            raise pmix_library.NoLibrary(str(message["text"]))
        return {int(rank): dict(variables) for rank, variables in message["environment"].items()}

    def own(self) -> dict[int, tuple[int, dict[str, str]]]:
        """For each task the variables that tell of the server; there is no descriptor."""
        return {rank: (-1, variables) for rank, variables in self._environment.items()}

    def close_theirs(self) -> None:
        """The tasks are forked."""

    def watch(self, turn: Turn) -> None:
        if self._sock.fileno() >= 0:
            events = select.POLLIN | (select.POLLOUT if self._unsent else 0)
            turn.watch(self._sock.fileno(), events, self._ready_now)

    def told(self, message: dict[str, Any]) -> None:
        """A word of srun."""
        self._unsent += encode_json(message)
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""  # it has ended, as the step does

    def _ready_now(self, seen: int) -> None:
        if seen & select.POLLOUT:
            self._flush()
        if seen & ~select.POLLOUT:
            try:
                data = self._sock.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._sock.close()
                return
            self._decoder.feed(data)
            try:
                while isinstance(frame := self._decoder.next(), Frame):
                    self._tell(frame.message())
            except ProtocolError:
                self._sock.close()  # it is the user's own process: what it breaks is his

    def remove(self) -> None:
        """Remove what the server has left in its directory, as the user whose it is."""
        pid = os.fork()
        if pid == 0:
            try:
                identity.become(self._who)
                shutil.rmtree(self._directory, ignore_errors=True)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
