"""What the user sees while hosts are at work: a line for each at a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

BAR = 20
OFTEN = 0.1
"""Seconds between two drawings: a terminal over ssh is not to be flooded."""

MOST_ROWS = 40


class Progress:
    """Lines for hosts. Threads may call it at the same time; nothing is drawn unless `terminal`."""

    def __init__(self, out: TextIO, terminal: bool) -> None:
        self._out = out
        self._terminal = terminal
        self._rows: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._drawn = 0
        self._last = 0.0
        self._lock = threading.Lock()

    def begin(self, names: Iterable[str]) -> None:
        """These hosts get a line each."""
        with self._lock:
            self._erase()
            self._rows = dict.fromkeys(names, "")

    def host(self, name: str, text: str, done: int = 0, of: int = 0, passing: bool = False) -> None:
        """What a host is at; with `of`, how many bytes of how many are done, also before it began.

        What is only `passing` is shown at a terminal and told nowhere else.
        """
        with self._lock:
            if self._terminal:
                self._rows[name] = f"{text:<12} {bar(done, of)}" if of else text
                self._draw()
            elif self._told.get(name) != text and not passing:
                self._told[name] = text
                there = f", {done / 1e6:.1f} MB of it are there" if done else ""
                self._out.write(f"{name}: {text}{f' ({of / 1e6:.1f} MB{there})' if of else ''}\n")
                self._out.flush()

    def say(self, text: str) -> None:
        """A line of its own, which stays."""
        with self._lock:
            self._erase()
            self._out.write(f"{text}\n")
            self._out.flush()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """The terminal for somebody else, who asks the user something: nothing is drawn meanwhile."""
        with self._lock:
            self._erase()
            self._out.flush()
            yield

    def end(self) -> None:
        """Take the hosts' lines away."""
        with self._lock:
            self._erase()
            self._rows = {}
            self._out.flush()

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._last < OFTEN:
            return
        self._last = now
        self._erase()
        try:
            width = (os.get_terminal_size(self._out.fileno()).columns or 80) - 1
        except OSError:
            width = 79
        longest = max(len(name) for name in self._rows)
        rows = list(self._rows.items())
        for name, text in rows[:MOST_ROWS]:
            self._out.write(f"{name:<{longest}}  {text}"[:width] + "\n")
        self._drawn = min(len(rows), MOST_ROWS)
        self._out.flush()


def bar(done: int, of: int) -> str:
    """`[#####               ]  25%  1.4 of 5.5 MB`."""
    share = min(1.0, done / of) if of else 1.0
    return f"[{'#' * int(share * BAR):<{BAR}}] {share:4.0%}  {done / 1e6:.1f} of {of / 1e6:.1f} MB"
