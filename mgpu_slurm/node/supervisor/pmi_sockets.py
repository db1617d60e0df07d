"""The sockets on which the tasks of a step speak PMI: a pair for each task, whose end it inherits as PMI_FD."""

from __future__ import annotations

import select
import socket

from mgpu_slurm.node.supervisor import pmi, pmi_grammar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mgpu_slurm.node.supervisor.loop import Turn
    from mgpu_slurm.node.supervisor.order import Order

_READ = 64 << 10


class PmiServer:
    """`tell`: to srun; `complain`: a line for the user."""

    def __init__(self, order: Order, tell: Callable[[dict[str, object]], None], complain: Callable[[str], None]) -> None:
        world = order.world
        size = sum(len(ranks) for _, ranks in world)
        step = order.program
        self._tell = tell
        self._complain = complain
        nodes = {rank: index for index, (_, ranks) in enumerate(world) for rank in ranks}
        mapping = pmi_grammar.mapping([nodes[rank] for rank in sorted(nodes)])
        self._space = pmi.NodeSpace(step, order.ranks, size, mapping, len(world) == 1)
        self._ours: dict[int, socket.socket] = {}
        self._theirs: dict[int, socket.socket] = {}
        self._unsent: dict[int, bytes] = {}
        self._variables = {"PMI_SIZE": str(size), "PMI_JOBID": step}
        for rank in order.ranks:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            self._ours[rank], self._theirs[rank] = ours, theirs

    def own(self) -> dict[int, tuple[int, dict[str, str]]]:
        """For each task its descriptor and the variables that tell of it."""
        return {
            rank: (sock.fileno(), {"PMI_FD": str(sock.fileno()), "PMI_RANK": str(rank), **self._variables})
            for rank, sock in self._theirs.items()
        }

    def close_theirs(self) -> None:
        """The tasks are forked."""
        for sock in self._theirs.values():
            sock.close()
        self._theirs.clear()

    def watch(self, turn: Turn) -> None:
        for rank, sock in self._ours.items():
            events = select.POLLIN | (select.POLLOUT if rank in self._unsent else 0)
            turn.watch(sock.fileno(), events, lambda seen, rank=rank: self._ready(rank, seen))

    def told(self, message: dict[str, Any]) -> None:
        """A word of srun."""
        self._carry_out(self._space.told(message))

    def _ready(self, rank: int, seen: int) -> None:
        if rank not in self._ours:
            return  # hung up earlier in this turn
        if seen & select.POLLOUT:
            self._send(rank, b"")
        if seen & ~select.POLLOUT:
            try:
                data = self._ours[rank].recv(_READ)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                self._carry_out(self._space.heard(rank, data))
            else:
                self._hang_up(rank)

    def _carry_out(self, effects: list[pmi.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, pmi.Answer):
                self._send(effect.rank, effect.data)
            elif isinstance(effect, pmi.Tell):
                self._tell(effect.message)
            elif isinstance(effect, pmi.Complain):
                self._complain(effect.text)
            else:
                self._hang_up(effect.rank)

    def _send(self, rank: int, data: bytes) -> None:
        sock = self._ours.get(rank)
        if sock is None:
            return  # the task is gone
        data = self._unsent.pop(rank, b"") + data
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._hang_up(rank)
            return
        if sent < len(data):
            self._unsent[rank] = data[sent:]

    def _hang_up(self, rank: int) -> None:
        self._unsent.pop(rank, None)
        sock = self._ours.pop(rank, None)
        if sock is not None:
            sock.close()
