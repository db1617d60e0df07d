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
    """Replace the file; on a full disk write over it, which needs no room, since all lines have one length. OSError."""
    path = os.path.join(directory, NAME)
    draft = os.path.join(directory, f".{NAME}")
    line = f"{contact:20.3f} {lease:12.3f}\n".encode()
    try:
        with open(draft, "wb") as file:
            file.write(line)
        os.rename(draft, path)
    except OSError as problem:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            raise problem from None
        try:
            if os.pwrite(descriptor, line, 0) != len(line):
                raise problem
        finally:
            os.close(descriptor)


def read(path: str) -> tuple[float, float] | None:
    """Contact and lease; None where there is no file or a clock that began anew since (a reboot)."""
    try:
        with open(path) as file:
            contact, lease = (float(word) for word in file.read().split())
    except (OSError, ValueError):
        return None
    return None if contact > clock() else (contact, lease)


class Watch:
    """A supervisor's eye on the lease. What was known last counts where the file cannot be read any more, so that a step
    never lives on by the loss of a file; `problem` is then why, once."""

    __slots__ = ("_known", "_path", "problem")

    def __init__(self, path: str, known: tuple[float, float]) -> None:
        self._path = path
        self._known = known
        self.problem = ""

    def is_over(self) -> bool:
        """Look at the file: whether the lease has run out."""
        found = read(self._path)
        if found is not None:
            self._known = found
            self.problem = ""
        elif not self.problem:
            self.problem = f"cannot read {self._path}: the step ends with the lease that was known last"
        contact, lease = self._known
        return lease > 0 and clock() > contact + max(lease, SHORTEST)
