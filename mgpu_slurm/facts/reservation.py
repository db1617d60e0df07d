"""What scontrol knows of a reservation: its keys, and the words of Flags=. A key may be shortened to the letters beside it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

KEYS: tuple[tuple[str, int, str], ...] = (
    ("ReservationName", 3, "name"),
    ("StartTime", 2, ""),
    ("EndTime", 3, ""),
    ("Duration", 3, ""),
    ("NodeCnt", 5, ""),
    ("NodeCount", 5, "nodecnt"),
    ("Nodes", 5, ""),
    ("CoreCnt", 5, ""),
    ("Features", 2, ""),
    ("PartitionName", 3, "partition"),
    ("Flags", 2, ""),
    ("Users", 1, ""),
    ("Groups", 1, ""),
    ("Accounts", 1, ""),
    ("Licenses", 2, ""),
    ("BurstBuffer", 2, ""),
    ("MaxStartDelay", 3, ""),
    ("TRES", 1, ""),
    ("Watts", 1, ""),
)
"""Name, fewest letters, the controller's name where it is another."""

FLAGS: tuple[tuple[str, int, str], ...] = (
    ("maint", 3, "MAINT"),
    ("overlap", 1, "OVERLAP"),
    ("flex", 1, "FLEX"),
    ("ignore_jobs", 1, "IGNORE_JOBS"),
    ("hourly", 1, "HOURLY"),
    ("daily", 1, "DAILY"),
    ("weekday", 1, "WEEKDAY"),
    ("weekend", 1, "WEEKEND"),
    ("weekly", 1, "WEEKLY"),
    ("any_nodes", 1, "ANY_NODES"),
    ("static_alloc", 1, "STATIC"),
    ("part_nodes", 2, "PART_NODES"),
    ("purge_comp", 2, "PURGE_COMP"),
    ("time_float", 1, "TIME_FLOAT"),
    ("replace", 1, "REPLACE"),
    ("replace_down", 8, "REPLACE_DOWN"),
    ("no_hold_jobs_after_end", 1, "NO_HOLD_JOBS_AFTER_END"),
    ("magnetic", 3, "MAGNETIC"),
)
"""Word of Flags=, fewest letters, how it is shown. The first that fits is meant."""

ORDER: tuple[str, ...] = (
    "MAINT", "FLEX", "OVERLAP", "IGNORE_JOBS", "HOURLY", "DAILY", "WEEKDAY", "WEEKEND", "WEEKLY", "SPEC_NODES", "ALL_NODES",
    "ANY_NODES", "STATIC", "PART_NODES", "TIME_FLOAT", "REPLACE", "REPLACE_DOWN", "PURGE_COMP", "NO_HOLD_JOBS_AFTER_END",
    "MAGNETIC",
)  # fmt: skip
"""The order in which they are shown."""

PURGE = "PURGE_COMP"
PURGE_SECONDS = 300
"""How long a reservation may be idle that says no time with PURGE_COMP."""


def flag(word: str) -> str | None:
    """How a word of Flags=, or the beginning of one, is shown; None where there is no such flag. PURGE_COMP keeps its time."""
    name, equals, time = word.lower().partition("=")
    found = next((shown for known, least, shown in FLAGS if len(name) >= least and known.startswith(name)), None)
    return f"{PURGE}={_purge_time(time)}" if found == PURGE else found if not equals else None


def _purge_time(text: str) -> str:
    """As HH:MM:SS; what is no time counts as none."""
    from mgpu_slurm.base import units
    from mgpu_slurm.facts.fields.field import long_seconds

    try:
        seconds = units.parse_seconds(text) if text else PURGE_SECONDS
    except ValueError:
        seconds = PURGE_SECONDS
    return long_seconds(seconds) if seconds > 0 else ""


def kind(flag: str) -> str:
    """A flag without what it says besides."""
    return flag.partition("=")[0]


def shown(flags: Collection[str]) -> list[str]:
    """In Slurm's order; without a time that PURGE_COMP has not."""
    ranked = sorted((one for one in flags if kind(one) in ORDER), key=lambda one: ORDER.index(kind(one)))
    return [one.removesuffix("=") for one in ranked]


def idle_limit(flags: Collection[str]) -> int | None:
    """Seconds after which an idle reservation goes; None where it stays."""
    from mgpu_slurm.base import units

    for one in flags:
        name, _, time = one.partition("=")
        if name == PURGE:
            return units.parse_seconds(time) if time else None
    return None
