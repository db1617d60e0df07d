"""When to plan, and which timer is next. Nothing polls.

After a quiet time planning begins at once. Within a burst it waits a moment, so that what arrives together is planned
together, and between two passes at least as long as a pass takes, so that planning never has more than half of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

GATHER = 0.002
"""Seconds between two passes of a burst, at the least."""

LONGEST_SLEEP = 60.0
"""Seconds after which the clock is looked at again: it may have been set."""


class Wakeups:
    def __init__(self, plan: Callable[[], None], due: Callable[[], None]) -> None:
        self._plan = plan
        self._due = due
        self._planned: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._free_at = 0.0  # monotonic: no pass before
        self._running = False

    def start(self) -> None:
        self._running = True

    def stop(self) -> None:
        self._running = False
        for handle in (self._planned, self._timer):
            if handle is not None:
                handle.cancel()
        self._planned = self._timer = None

    def replan(self) -> None:
        if self._planned is None and self._running:
            loop = asyncio.get_running_loop()
            self._planned = loop.call_later(max(0.0, self._free_at - time.monotonic()), self._pass)

    def _pass(self) -> None:
        self._planned = None
        begun = time.monotonic()
        self._plan()
        ended = time.monotonic()
        self._free_at = ended + max(GATHER, ended - begun)

    def set_timer(self, at: float | None) -> None:
        """Call `due` at a wall-clock moment, UTC seconds."""
        if not self._running or (at == self._timer_at and self._timer is not None):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = at
        if at is not None:
            delay = min(max(0.0, at - time.time()), LONGEST_SLEEP)
            self._timer = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        at, self._timer, self._timer_at = self._timer_at, None, None
        if at is not None and time.time() < at:
            self.set_timer(at)
        else:
            self._due()
