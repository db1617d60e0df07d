"""How a step is brought to its end: CONT and TERM, and after KillWait KILL."""

from __future__ import annotations

REQUEUED = "REQUEUED"
ANSWERED = 0.5
"""Seconds that a requeued job goes on: mostly it is a process of its own that asks for it, and that wants its answer before it
ends (`scontrol requeue $SLURM_JOB_ID` with a look at the exit status, as submitit and Lightning do)."""

ENDED = "ENDED"
"""The job is over and takes its steps along: no trouble of their own."""


class Ending:
    """Whether and why a step is being ended. Times are UTC seconds. `ask_at`: when its processes are to hear TERM, 0 once
    they have; a hurry leaves it out."""

    def __init__(self, deadline: float, kill_wait: float) -> None:
        self.deadline = deadline  # 0 = none
        self.kill_wait = kill_wait
        self.word = ""
        self.begun = False
        self.ask_at = 0.0
        self.kill_at = 0.0  # 0 = not yet known
        self.killing = False

    def begin(self, word: str, now: float, kill_wait: float | None = None, hurry: bool = False) -> bool:
        """Ask for the end; whether this is the first time. Later ones may only make it sooner."""
        first = not self.begun
        if first:
            self.begun = True
            self.word = word
            self.ask_at = now + (ANSWERED if word == REQUEUED else 0.0)
        if hurry:
            self.ask_at = 0.0
        wait = 0.0 if hurry else self.kill_wait if kill_wait is None else kill_wait
        at = max(now, self.ask_at) + wait
        self.kill_at = at if first else min(self.kill_at, at)
        return first

    @property
    def waiting(self) -> bool:
        """Whether the end was asked for and KillWait goes on."""
        return self.begun and not self.killing

    def due(self, now: float) -> str:
        """What is to be done now: "timeout", "ask", "kill" or ""."""
        if not self.begun and self.deadline and now >= self.deadline:
            return "timeout"
        if self.begun and not self.killing and self.ask_at and now >= self.ask_at:
            self.ask_at = 0.0
            return "ask"
        if self.begun and not self.killing and now >= self.kill_at:
            self.killing = True
            return "kill"
        return ""

    def next_time(self) -> float | None:
        """When `due` may have something."""
        if not self.begun:
            return self.deadline or None
        return None if self.killing else min(self.ask_at, self.kill_at) if self.ask_at else self.kill_at
