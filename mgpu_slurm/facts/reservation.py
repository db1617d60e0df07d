"""What scontrol knows of a reservation: its keys, and the words of Flags=. A key may be shortened to the letters beside it."""

from __future__ import annotations

KEYS: tuple[tuple[str, int, str], ...] = (
    ("ReservationName", 3, "name"),
    ("StartTime", 5, ""),
    ("EndTime", 3, ""),
    ("Duration", 3, ""),
    ("NodeCnt", 5, ""),
    ("NodeCount", 5, "nodecnt"),
    ("Nodes", 4, ""),
    ("CoreCnt", 5, ""),
    ("Features", 2, ""),
    ("PartitionName", 3, "partition"),
    ("Flags", 2, ""),
    ("Users", 1, ""),
    ("Groups", 1, ""),
    ("Accounts", 1, ""),
    ("Licenses", 1, ""),
)
"""Name, fewest letters, the controller's name where it is another."""

FLAGS: dict[str, str] = {
    "maint": "MAINT",
    "ignore_jobs": "IGNORE_JOBS",
    "hourly": "HOURLY",
    "daily": "DAILY",
    "weekday": "WEEKDAY",
    "weekend": "WEEKEND",
    "weekly": "WEEKLY",
    "overlap": "OVERLAP",
    "spec_nodes": "SPEC_NODES",
    "part_nodes": "PART_NODES",
    "any_nodes": "ANY_NODES",
    "static_alloc": "STATIC",
    "flex": "FLEX",
    "magnetic": "MAGNETIC",
    "no_hold_jobs_after": "NO_HOLD_JOBS_AFTER_END",
    "purge_comp": "PURGE_COMP=00:05:00",
}
"""Word of Flags= -> how it is shown."""

ORDER: tuple[str, ...] = (
    "FLEX", "MAINT", "OVERLAP", "IGNORE_JOBS", "HOURLY", "DAILY", "WEEKDAY", "WEEKEND", "WEEKLY", "SPEC_NODES", "ALL_NODES",
    "ANY_NODES", "STATIC", "PART_NODES", "PURGE_COMP=00:05:00", "NO_HOLD_JOBS_AFTER_END", "MAGNETIC",
)  # fmt: skip
"""The order in which they are shown."""


def flag(word: str) -> str | None:
    """How a word of Flags=, or the beginning of one, is shown; None where there is no such flag."""
    lowered = word.lower()
    if lowered in FLAGS:
        return FLAGS[lowered]
    return next((shown for name, shown in FLAGS.items() if len(lowered) > 2 and name.startswith(lowered)), None)
