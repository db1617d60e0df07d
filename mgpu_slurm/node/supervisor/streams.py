"""The streams of the tasks, and who is at their other ends: srun, and whoever has attached.

Where srun has passed the descriptor of its own output, what tasks write goes there from here, and never to srun; all who
have attached get their copy. (A descriptor handed on to the tasks themselves would save a copy, but nobody could ever see
what they write to it.) Output waits in the tasks' pipes while its reader is behind; a slow sattach loses output instead of
stopping the tasks. Input is left unread in the peer's socket while a task does not take what it has got.
"""

from __future__ import annotations

import os
import select
import socket

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.node.supervisor import stdio, wiring
from mgpu_slurm.node.supervisor.peer import Peer
from mgpu_slurm.wire import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mgpu_slurm.node.supervisor.loop import Turn
    from mgpu_slurm.wire.sink import Sink

    Said = Callable[[dict[str, Any]], None]

_NONSENSE = (ProtocolError, KeyError, TypeError, ValueError)
"""What a peer says is no message, or not one of its kind."""

INPUT_LIMIT = 4 << 20
"""Bytes of input that may wait for a task that does not read; srun's socket is left unread beyond it."""


class Streams:
    """`on_said(message)`: what srun says that is not about streams. `step_ended`: what peers hear as the last word."""

    def __init__(self, srun: Peer | None, on_said: Said, step_ended: dict[str, object]) -> None:
        self.srun = srun
        self.peers: list[Peer] = [] if srun is None else [srun]
        self.wires = wiring.Wiring()
        self._feeders: set[Peer | None] = {srun}  # whose input reaches the tasks
        self._on_said = on_said
        self._step_ended = step_ended
        self._last = False  # no process of the step lives: what is in the pipes is all there will be
        self._said_end = False
        self._deserted = False  # srun is lost: nobody waits for what its reader does not take

    @property
    def finished(self) -> bool:
        """Whether everything was read and everybody has heard it."""
        if any(peer.waiting for peer in self.peers):
            return False
        return self._deserted or not (self.wires.outlets or self.wires.sinks)

    def tell(self, message: dict[str, object]) -> None:
        """To every peer."""
        for peer in self.peers:
            peer.tell(dict(message))

    def tell_srun(self, message: dict[str, object]) -> None:
        if self.srun is not None:
            self.srun.tell(message)

    def hear_ahead(self) -> None:
        """What srun had said before the tasks were there."""
        if self.srun is not None:
            try:
                for frame in list(self.srun.ahead()):
                    self._from_peer(self.srun, frame)
            except _NONSENSE:
                self.srun.lose()

    def attach(self, sock: socket.socket, feeds: bool, ahead: bytes, tasks: dict[str, object]) -> None:
        """Another peer that sees the output from now on, and with `feeds` may write to the tasks. `tasks`: what it is told
        of them."""
        peer = Peer(sock, ahead)
        peer.tell({"kind": "attached", **tasks})
        if self._last:
            peer.tell(dict(self._step_ended))
        self.peers.append(peer)
        if feeds:
            self._feeders.add(peer)

    def watch(self, turn: Turn) -> None:
        """Register what is worth looking at."""
        stalled = any(inlet.queued > INPUT_LIMIT for inlet in self.wires.inlets)
        for peer in self.peers:
            events = select.POLLRDHUP if stalled else select.POLLIN
            if peer.waiting:
                events |= select.POLLOUT
            turn.watch(peer.fileno(), events, lambda seen, peer=peer: self._peer_ready(peer, seen))
        for outlet in self.wires.outlets:
            if not self._full(outlet):
                turn.watch(outlet.descriptor, select.POLLIN, lambda _, outlet=outlet: self._from_task(outlet))
        for sink in self.wires.sinks:
            if sink.waiting:
                turn.watch(sink.fd, select.POLLOUT, lambda _, sink=sink: self._write(sink))
        for inlet in self.wires.inlets:
            if inlet.waiting:
                turn.watch(inlet.descriptor, select.POLLOUT, lambda _, inlet=inlet: inlet.flush())

    def no_more(self) -> None:
        """No process of the step lives: read what is left, and say the end once it is read."""
        self._last = True
        self.catch_up()
        self._settle_sinks()

    def catch_up(self) -> None:
        """Read what tasks have written until now: what is said of their ends is not to come before it."""
        for outlet in list(self.wires.outlets):
            if not self._full(outlet):
                self._from_task(outlet)

    def forget_lost(self) -> bool:
        """Drop peers that are gone; whether srun is one of them."""
        lost = False
        for peer in [each for each in self.peers if each.lost]:
            self.peers.remove(peer)
            self._feeders.discard(peer)
            peer.close()
            if peer is self.srun:
                self.srun = None
                lost = self._deserted = True
        self.wires.inlets = [inlet for inlet in self.wires.inlets if not inlet.closed]
        return lost

    def close(self) -> None:
        for peer in self.peers:
            peer.close()

    # --- output -----------------------------------------------------------------------------------------------------

    def _full(self, outlet: stdio.Outlet) -> bool:
        if outlet.sink is not None:
            return outlet.sink.full
        return self.srun is not None and self.srun.full

    def _from_task(self, outlet: stdio.Outlet) -> None:
        if outlet not in self.wires.outlets:
            return
        data = outlet.read()
        while data and self._last and not self._full(outlet):
            self._show(outlet, data)
            data = outlet.read()
        if data:
            self._show(outlet, data)
        elif data == b"" or self._last:
            # With every process dead, nothing more can come, even where a stranger still holds the pipe.
            self._close_outlet(outlet)

    def _show(self, outlet: stdio.Outlet, data: bytes) -> None:
        sink = outlet.sink
        if sink is not None:
            sink.put(outlet.channel, outlet.rank, data)
            if sink.ready:
                self._write(sink)
        for peer in self.peers:
            if sink is None if peer is self.srun else not peer.full:
                peer.bulk(outlet.channel, outlet.rank, data)

    def _write(self, sink: Sink) -> None:
        """To srun's own output. With its reader gone the tasks hear what they would hear from a pipe of their own."""
        sink.write()
        if sink.broken:
            self.tell_srun({"kind": "output_failed", "text": sink.failure})
            sink.failure = ""
            for outlet in [each for each in self.wires.outlets if each.sink is sink]:
                self._close_outlet(outlet)
        self._settle_sinks()

    def _settle_sinks(self) -> None:
        """Close those to which nothing will come any more; what reads them must not wait for slower ends."""
        for sink in list(self.wires.sinks):
            if any(outlet.sink is sink for outlet in self.wires.outlets):
                continue
            sink.finish()
            if sink.ready and sink.waiting:
                sink.write()
            if not sink.waiting:
                self.wires.sinks.remove(sink)
                sink.close()
                os.close(sink.fd)
        self._say_end()

    def _close_outlet(self, outlet: stdio.Outlet) -> None:
        self.wires.outlets.remove(outlet)
        for inlet in list(self.wires.inlets):
            if inlet.descriptor == outlet.descriptor:
                inlet.close()
                self.wires.inlets.remove(inlet)
        if outlet.descriptor == self.wires.terminal:
            self.wires.terminal = None
        outlet.close()
        self._settle_sinks()

    def _say_end(self) -> None:
        if self._last and not self.wires.outlets and not self.wires.sinks and not self._said_end:
            self._said_end = True
            self.tell(self._step_ended)

    # --- input ------------------------------------------------------------------------------------------------------

    def _peer_ready(self, peer: Peer, seen: int) -> None:
        if seen & select.POLLOUT:
            peer.flush()
        if seen & select.POLLIN:
            try:
                for frame in peer.receive():
                    self._from_peer(peer, frame)
            except _NONSENSE:
                peer.lose()
        elif seen & (select.POLLRDHUP | select.POLLHUP | select.POLLERR):
            peer.lose()

    def _from_peer(self, peer: Peer, frame: frames.Frame) -> None:
        if peer not in self._feeders:
            return
        if frame.tag == frames.STDIN:
            for inlet in self._inlets(None if frame.task == frames.ALL_TASKS else frame.task):
                inlet.put(frame.data)
            return
        if frame.tag != frames.JSON:
            return
        message: dict[str, Any] = frame.message()
        kind = message.get("kind")
        if kind == "end_input":
            for inlet in self._inlets(message.get("task")):
                inlet.end()
        elif kind == "window_size":
            if self.wires.terminal is not None:
                stdio.resize(self.wires.terminal, int(message["rows"]), int(message["cols"]))
        elif peer is self.srun:
            self._on_said(message)

    def _inlets(self, rank: int | None) -> list[stdio.Inlet]:
        return [inlet for inlet in self.wires.inlets if rank is None or inlet.rank == rank]
