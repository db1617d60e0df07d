"""Wait statuses beyond those of the system: how tasks are said to have ended."""

from __future__ import annotations

OUT_OF_MEMORY = 125
"""The signal that no process has: it says that the kernel ended one for want of memory. Slurm shows 0:125."""
