"""How a step is brought to its end: CONT and TERM, and after KillWait KILL."""

from __future__ import annotations

ENDED = "ENDED"
"""The job is over and takes its steps along: no trouble of their own."""


class Ending:
    """Whether and why a step is being ended. Times are UTC seconds."""

    def __init__(self, deadline: float, kill_wait: float) -> None:
        self.deadline = deadline  # 0 = none
        self.kill_wait = kill_wait
        self.word = ""
        self.begun = False
        self.kill_at = 0.0  # 0 = not yet known
        self.killing = False

    def begin(self, word: str, now: float, kill_wait: float | None = None, hurry: bool = False) -> bool:
        """Ask for the end; whether this is the first time. Later ones may only make it sooner."""
        first = not self.begun
        if first:
            self.begun = True
            self.word = word
        wait = 0.0 if hurry else self.kill_wait if kill_wait is None else kill_wait
        at = now + wait
        self.kill_at = at if first else min(self.kill_at, at)
        return first

    @property
    def waiting(self) -> bool:
        """Whether the end was asked for and KillWait goes on."""
        return self.begun and not self.killing

    def due(self, now: float) -> str:
        """What is to be done now: "timeout", "kill" or ""."""
        if not self.begun and self.deadline and now >= self.deadline:
            return "timeout"
        if self.begun and not self.killing and now >= self.kill_at:
            self.killing = True
            return "kill"
        return ""

    def next_time(self) -> float | None:
        """When `due` may have something."""
        if not self.begun:
            return self.deadline or None
        return None if self.killing else self.kill_at
