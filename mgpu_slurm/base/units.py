"""Times, sizes and counts as Slurm reads and prints them.

Time limits are minutes, elapsed times seconds, memory MiB, moments seconds since 1970 in UTC. UNLIMITED stands for a
limit that is none. Readers raise ValueError; the option layer turns that into Slurm's complaint.
"""

from __future__ import annotations

import time

UNLIMITED = -1

_MEMORY = {"": 0, "K": -1, "M": 0, "G": 1, "T": 2}
_DAY = 86400


def _number(word: str, whole: str) -> int:
    if not (word.isascii() and word.isdecimal()) or len(word) > 15:
        raise ValueError(f"not a number: {whole}")
    return int(word)


def parse_seconds(text: str) -> int:
    """A duration in seconds from M, M:S, H:M:S, D-H, D-H:M, D-H:M:S; a bare number is minutes.

    `infinite`, `unlimited` (any case) and -1 give UNLIMITED. Raises ValueError.
    """
    word = text.strip()
    if word.lower() in ("infinite", "unlimited", "-1"):
        return UNLIMITED
    days, dash, rest = word.partition("-")
    fields = (rest if dash else days).split(":")
    if dash:
        if len(fields) > 3:
            raise ValueError(f"not a time: {text}")
        parts = [0 if not rest else _number(field, text) for field in fields]
        hours, minutes, seconds = (parts + [0, 0])[:3]
        return ((_number(days, text) * 24 + hours) * 60 + minutes) * 60 + seconds
    numbers = [_number(field, text) for field in fields]
    if len(numbers) == 1:
        return numbers[0] * 60
    if len(numbers) == 2:
        return numbers[0] * 60 + numbers[1]
    if len(numbers) == 3:
        return (numbers[0] * 60 + numbers[1]) * 60 + numbers[2]
    raise ValueError(f"not a time: {text}")


def parse_minutes(text: str) -> int:
    """A time limit in minutes, seconds rounded up. `0` is returned as 0: what it means is the option's to say."""
    seconds = parse_seconds(text)
    return UNLIMITED if seconds == UNLIMITED else -(-seconds // 60)


def format_seconds(seconds: int) -> str:
    """An elapsed time as squeue shows it: 0:01, 5:00, 1:02:03, 1-02:03:04; a negative one is INVALID."""
    if seconds < 0:
        return "INVALID"
    days, rest = divmod(int(seconds), _DAY)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days}-{hours:02d}:{minutes:02d}:{secs:02d}"
    if hours:
        return f"{hours}:{minutes:02d}:{secs:02d}"
    return f"{minutes}:{secs:02d}"


def format_minutes(minutes: int) -> str:
    """A time limit as squeue shows it: 5:00, 1:30:00, 1-02:03:00, UNLIMITED."""
    return "UNLIMITED" if minutes < 0 else format_seconds(minutes * 60)


def format_time_limit(minutes: int) -> str:
    """A time limit as scontrol shows it: 00:05:00, 1-02:04:00, UNLIMITED."""
    return "UNLIMITED" if minutes < 0 else format_elapsed(minutes * 60)


def format_elapsed(seconds: int) -> str:
    """An elapsed time as scontrol and sacct show it, hours always there: 00:00:01, 1-02:03:04."""
    days, rest = divmod(max(0, int(seconds)), _DAY)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    clock = f"{hours:02d}:{minutes:02d}:{secs:02d}"
    return f"{days}-{clock}" if days else clock


def parse_mem(text: str) -> int:
    """Memory in MiB from 100, 1500K, 10M, 2G, 2GB, 1T (any case); kilobytes round up. Raises ValueError."""
    word = text.strip().upper()
    digits = word.rstrip("KMGTB")
    suffix = word[len(digits) :]
    unit = suffix[:-1] if suffix.endswith("B") and len(suffix) > 1 else suffix
    if unit not in _MEMORY or suffix == "B":
        raise ValueError(f"not a memory size: {text}")
    number = _number(digits, text)
    power = _MEMORY[unit]
    return -(-number // 1024) if power < 0 else number * 1024**power


def format_mem(mib: int) -> str:
    """Memory as Slurm prints it: the largest unit that divides it, so 1G, 100M, 1500M, 15G; 0 is bare."""
    number = mib
    for unit in "MGTPE":
        if number == 0:
            return "0"
        if number % 1024 or unit == "E":
            return f"{number}{unit}"
        number //= 1024
    return str(mib)


def parse_count(text: str) -> int:
    """A count with the optional suffix k or m (1024 and its square, any case): 2k -> 2048. Raises ValueError."""
    word = text.strip().lower()
    if word.endswith("k"):
        return _number(word[:-1], text) * 1024
    if word.endswith("m"):
        return _number(word[:-1], text) * 1024 * 1024
    return _number(word, text)


def format_time(
    moment: float | None, style: str | None = None, now: float | None = None, unknown: str = "Unknown"
) -> str:
    """A moment (UTC seconds) in local time: 2030-01-20T12:34:00; no moment (None, 0 or less) gives `unknown`.

    `style` is the value of SLURM_TIME_FORMAT: empty or `standard`; `relative` (needs `now`), which names close days;
    or a strftime pattern, which has a % in it: what has none is as good as empty.
    """
    if moment is None or moment <= 0:
        return unknown
    local = time.localtime(moment)
    if not style or ("%" not in style and style != "relative"):
        return (
            f"{local.tm_year:04d}-{local.tm_mon:02d}-{local.tm_mday:02d}"
            f"T{local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}"
        )
    if style == "relative":
        return _relative(local, time.localtime(moment if now is None else now))
    return time.strftime(style, local)


def _relative(local: time.struct_time, today: time.struct_time) -> str:
    """The short form by distance: clock, yesterday or tomorrow, weekday up to six days ahead, else day and month.

    Another calendar year always shows the year, even tomorrow's, as in Slurm.
    """
    if local.tm_year != today.tm_year:
        return time.strftime("%-d %b %Y", local)
    distance = local.tm_yday - today.tm_yday
    near = {-1: "Ystday %H:%M", 0: "%H:%M:%S", 1: "Tomorr %H:%M"}.get(distance)
    if near is None:
        near = "%a %H:%M" if 1 < distance <= 6 else "%-d %b %H:%M"
    return time.strftime(near, local)
