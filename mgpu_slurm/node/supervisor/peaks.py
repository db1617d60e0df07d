"""How much memory each task had before it became its program.

The kernel's peak of a process counts from its fork, and a task is first a copy of its supervisor. What it notes here just before
the program replaces it tells whether the peak at its end can be the program's.
"""

from __future__ import annotations

import mmap
import resource
import struct

_KIB = struct.Struct("=Q")
_MARGIN = 4096
"""KiB that it may still grow by on its way: its code is counted only where it has run, and the count itself lags."""


class Peaks:
    """Shared between a supervisor and its tasks; made before they are forked."""

    def __init__(self, ranks: list[int]) -> None:
        self._at = {rank: index * _KIB.size for index, rank in enumerate(ranks)}
        self._memory = mmap.mmap(-1, max(len(ranks), 1) * _KIB.size)

    def note(self, rank: int) -> None:
        """In the task: it is about to become its program."""
        _KIB.pack_into(self._memory, self._at[rank], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    def noted(self, rank: int) -> bool:
        return bool(self._before(rank))

    def exceeded(self, rank: int, kib: int) -> bool:
        """Whether a peak is its program's own. One that never came so far has no program."""
        before = self._before(rank)
        return bool(before) and kib > before + _MARGIN

    def _before(self, rank: int) -> int:
        return int(_KIB.unpack_from(self._memory, self._at[rank])[0])
