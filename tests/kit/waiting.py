"""Waiting on a condition with a deadline; no test sleeps for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str | Callable[[], str] = "", seconds: float = 15.0, every: float = 0.02) -> T:
    """The first true answer of `condition`; AssertionError with `what` when there is none within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            told = what() if callable(what) else what
            raise AssertionError(f"not within {seconds:g} s: {told or condition}")
        time.sleep(every)
