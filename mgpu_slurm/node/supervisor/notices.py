"""What a supervisor itself tells the user of a step: through srun where there is one, else in the step's own file or log."""

from __future__ import annotations

import os

from mgpu_slurm.node.supervisor import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.order import Order
    from mgpu_slurm.node.supervisor.streams import Streams


class Notices:
    """The lines of one step on this node."""

    def __init__(self, order: Order, streams: Streams) -> None:
        self._order = order
        self._streams = streams
        self._ended = False  # the end was announced

    def banner(self, word: str, hurry: bool, now: float, by_own_limit: bool = False) -> None:
        """That the step is being ended and why, once, by its first node. `by_own_limit`: its time is over, not its job's."""
        if not self._ended and self._order.node_index == 0:
            self._ended = True
            text = texts.banner(self._order.title, self._order.node, word, hurry, now, self._order.compat)
            self.tell(text, by_own_limit)

    def tell(self, text: str, by_own_limit: bool = False) -> None:
        """An error."""
        line = f"{self._order.log_name}: error: {text}"
        messages = self._streams.wires.messages
        if self._streams.srun is not None:
            self._streams.tell_srun({"kind": "step_text", "text": line, "limit": by_own_limit})
        else:
            write_line(2 if messages is None else messages, line)


def write_line(descriptor: int, line: str) -> None:
    """To a user's file or the step's log; a full disk must not cost the step its supervisor."""
    try:
        os.write(descriptor, os.fsencode(line + "\n"))
    except OSError:
        pass
