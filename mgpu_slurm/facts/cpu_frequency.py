"""What --cpu-freq asks for, MIN-MAX:GOVERNOR or one of them, and how accounting and step listings show it. Pure."""

from __future__ import annotations

from mgpu_slurm.base.ids import is_numbered

SPEEDS = {
    "low": ("Low", 0x80000001), "medium": ("Medium", 0x80000002), "high": ("High", 0x80000003), "highm1": ("Highm1", 0x80000004),
}  # fmt: skip
"""In place of kHz: word -> as Slurm writes it, and its number in documents."""
GOVERNORS = {
    "conservative": ("Conservative", 0x88000000), "ondemand": ("OnDemand", 0x84000000),
    "performance": ("Performance", 0x82000000), "powersave": ("PowerSave", 0x81000000),
    "userspace": ("UserSpace", 0x80800000), "schedutil": ("SchedUtil", 0x80400000),
}  # fmt: skip
"""The same of what chooses among speeds."""
WRITTEN = {word: name for words in (SPEEDS, GOVERNORS) for word, (name, _) in words.items()}

LEAST, MOST, GOVERNOR = range(3)
"""Places of what is asked for."""

UNKNOWN = "Unknown"
NONE = "0"
"""Of steps that srun has not made."""


def parts(text: str) -> tuple[str, str, str]:
    """Least, most and governor, in lower case; "" for what is not said."""
    span, _, governor = text.lower().partition(":")
    low, dash, high = span.partition("-")
    if not dash and low in GOVERNORS:
        return "", "", low
    return (low, high, governor) if dash else ("", low, governor)


def shown(word: str) -> str:
    """kHz in the largest unit that they fill, which Slurm calls K, M, G; words in its writing."""
    if not word.isdecimal():
        return WRITTEN.get(word, word) or UNKNOWN
    number, unit = float(word), 0
    while number >= 1000 and unit < 3:
        number, unit = number / 1000, unit + 1
    return f"{int(number)}{'KMGT'[unit]}" if number == int(number) else f"{number:.2f}{'KMGT'[unit]}"


def field(at: int, text: str, step_id: str) -> str:
    """One of the three as sacct and sstat show it; `step_id` "" for a job."""
    if step_id and not is_numbered(step_id):
        return NONE
    return shown(parts(text)[at]) if step_id else UNKNOWN


def span(text: str, step_id: str) -> str:
    """All of it, as squeue shows it."""
    low, high, governor = (field(at, text, step_id) for at in range(3))
    return f"{low}-{high}:{governor}"
