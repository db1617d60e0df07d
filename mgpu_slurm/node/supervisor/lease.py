"""The node's lease on its jobs, in a file that the daemon keeps and supervisors read: jobs end with it, daemon or not.

The file holds two numbers: when the controller surely still heard the node (seconds of CLOCK_BOOTTIME, which goes on while
the machine sleeps) and for how many seconds from then jobs may live.
"""

from __future__ import annotations

import os
import time

NAME = "lease"
SHORTEST = 30.0
"""Seconds: below it the daemon's own doubt about its link would end jobs."""

CHECK = 2.0
"""Seconds between looks of a supervisor."""


def clock() -> float:
    """Seconds that also pass while the machine is suspended: a lease must not sleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write(directory: str, contact: float, lease: float) -> None:
    """Replace the file. OSError."""
    draft = os.path.join(directory, f".{NAME}")
    with open(draft, "w") as file:
        file.write(f"{contact:.3f} {lease:.3f}\n")
    os.rename(draft, os.path.join(directory, NAME))


def read(path: str) -> tuple[float, float] | None:
    """Contact and lease; None where there is no file or a clock that began anew since (a reboot)."""
    try:
        with open(path) as file:
            contact, lease = (float(word) for word in file.read().split())
    except (OSError, ValueError):
        return None
    return None if contact > clock() else (contact, lease)


def is_over(path: str) -> bool:
    """Whether the lease has run out."""
    known = read(path)
    return known is not None and known[1] > 0 and clock() > known[0] + max(known[1], SHORTEST)
