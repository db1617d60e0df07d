"""Reading the kernel's small text files, where absence is an answer: "" or nothing, never an exception."""

from __future__ import annotations

from collections.abc import Iterable


def read_text(path: str) -> str:
    """The stripped text of a /sys or /proc file; "" when it is not there, not readable or has no value."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def cpu_list(text: str) -> list[int]:
    """The kernel's list format, "0-3,8,16-31:1/4" (one of each four), ascending. [] for "" or nonsense."""
    found: set[int] = set()
    try:
        for part in text.split(","):
            if not part.strip():
                continue
            span, _, stride = part.partition(":")
            first, _, last = span.partition("-")
            used, _, group = stride.partition("/")
            low, high = int(first), int(last or first)
            take, step = (int(used), int(group)) if group else (1, 1)
            found.update(n for n in range(low, high + 1) if (n - low) % step < take)
    except (ValueError, ZeroDivisionError):
        return []
    return sorted(found)


def bits(words: Iterable[int]) -> list[int]:
    """The numbers of the set bits in an array of 64-bit words, lowest word first."""
    return [64 * i + bit for i, word in enumerate(words) for bit in range(64) if word >> bit & 1]
