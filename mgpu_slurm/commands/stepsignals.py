"""Signals of srun and salloc: collected in a pipe, so that one poll loop sees them; and what Ctrl-C means.

Once shows how the tasks are, or with -X goes to the tasks; twice within a second ends the step. --quit-on-interrupt does at
the first as the second would.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HUP, INT, QUIT, KILL, USR1, USR2, PIPE, ALRM, TERM, CONT, WINCH = 1, 2, 3, 9, 10, 12, 13, 14, 15, 18, 28

FORCING = (HUP, QUIT, TERM)
"""These end the step at once."""

FORWARDED = (USR1, USR2)
"""These go to the tasks as they are."""

WITHIN = 1.0
"""Seconds in which a second Ctrl-C counts as one."""

SHOW, FORWARD, FORCE = "show", "forward", "force"


class SignalPipe:
    """Signals arrive as bytes of a pipe. `close` gives the process its handlers back."""

    __slots__ = ("_before", "_old_wakeup", "_read", "_write")

    def __init__(self, numbers: Iterable[int]) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._before: dict[int, object] = {}
        self._old_wakeup = -1
        try:
            self._old_wakeup = _signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:
            return  # not the main thread: signals are somebody else's
        for number in numbers:
            # also those that nohup and the background jobs of a shell ignore, as Slurm's commands do
            self._before[number] = _signal.signal(number, _nothing)

    def fileno(self) -> int:
        return self._read

    def take(self) -> list[int]:
        """The signals since the last call, in order."""
        try:
            return list(os.read(self._read, 256))
        except BlockingIOError:
            return []

    def restore(self) -> None:
        """Give the process its handlers back; for a child that becomes another program, too."""
        for number, handler in self._before.items():
            _signal.signal(number, handler if handler is not None else _signal.SIG_DFL)
        if self._before:
            _signal.set_wakeup_fd(self._old_wakeup)
            self._before.clear()

    def close(self) -> None:
        self.restore()
        os.close(self._read)
        os.close(self._write)


def _nothing(number: int, frame: object) -> None:
    """A handler must exist for the signal to reach the pipe."""


class Interrupts:
    """Ctrl-C: `press(now)` says what is to be done, in order."""

    __slots__ = ("_at_once", "_last", "_silent")

    def __init__(self, disable_status: bool = False, quit_on_interrupt: bool = False) -> None:
        self._silent = disable_status
        self._at_once = quit_on_interrupt
        self._last = -1e9

    def press(self, now: float) -> tuple[str, ...]:
        """`now`: seconds of a clock that never goes back."""
        if self._at_once:
            return (FORWARD, FORCE)
        if now - self._last <= WITHIN:
            return (FORWARD, FORCE)
        self._last = now
        return (FORWARD,) if self._silent else (SHOW,)


def default_signals() -> None:
    """In a child before exec: what Python changed for itself goes back to the system's."""
    for number in (PIPE, 25, INT):  # 25: XFSZ
        if number != INT or _signal.getsignal(INT) != _signal.SIG_IGN:
            _signal.signal(number, _signal.SIG_DFL)
