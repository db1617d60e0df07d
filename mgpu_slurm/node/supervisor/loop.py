"""One turn of a supervisor's loop: which descriptors are looked at, and what happens when they are ready."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Action = Any  # called with an int; mypy infers no type for a lambda with a bound default


class Turn:
    """Filled by `watch`, then run once. A terminal's descriptor may be watched for reading and for writing."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._actions: dict[int, list[Action]] = {}
        self._events: dict[int, int] = {}

    def watch(self, descriptor: int, events: int, action: Action) -> None:
        """Call `action` with what poll says once one of `events` is there."""
        self._events[descriptor] = self._events.get(descriptor, 0) | events
        self._actions.setdefault(descriptor, []).append(action)
        self._poll.register(descriptor, self._events[descriptor])

    def run(self, timeout: int | None) -> None:
        """Wait up to `timeout` ms (None: for ever) and act."""
        for descriptor, seen in self._poll.poll(timeout):
            for action in self._actions[descriptor]:
                action(seen)
