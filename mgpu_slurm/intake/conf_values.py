"""The text of one setting -> its value, by the kinds that facts/confkeys.py names; and `Key=value` pairs of a line.

Complaints are ValueError with a sentence that names the key; the reader adds file and line. The sentences are those of
Slurm 22.05.8 where it has one.
"""

from __future__ import annotations

from mgpu_slurm.base import idset
from mgpu_slurm.base.units import UNLIMITED, parse_count, parse_seconds
from mgpu_slurm.facts.confkeys import HUGE, LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BOOLS = {
    "yes": True, "true": True, "up": True, "1": True, "no": False, "false": False, "down": False, "0": False,
}  # fmt: skip
_NUMBERS = ("int", "sec", "min", "usec", "mib", "most", "num")
_ENDLESS = ("unlimited", "infinite")
_HIGHEST = 2**64 - 1


def _number(key: str, kind: str, bounds: Any, text: str) -> int:
    bounded = isinstance(bounds, tuple)
    if kind == "num" and text == "-1":
        return UNLIMITED
    if text.lower() in _ENDLESS and not bounded:
        return HUGE if kind in ("int", "sec", "usec") else UNLIMITED
    if text[:1] == "-" and text[1:].isascii() and text[1:].isdecimal():
        raise ValueError(f"{key} value ({text}) is less than zero")
    try:
        number = parse_count(text)
    except ValueError:
        raise ValueError(f'{key} value "{text}" is not a valid number') from None
    low, high = bounds if bounded else (0, _HIGHEST)
    if number > high:
        raise ValueError(f"{key} value ({number}) is greater than {high}")
    if number < low:
        raise ValueError(f"{key} value ({number}) is less than {low}")
    return number


def _percent(key: str, text: str) -> float:
    """"98.5" or "98.5%" -> 98.5."""
    whole, dot, part = text.removesuffix("%").partition(".")
    if not all(each.isascii() and each.isdecimal() for each in ([whole, part] if dot else [whole])) or len(text) > 20:
        raise ValueError(f'Bad value "{text}" for {key}')
    return float(text.removesuffix("%"))


def _port(key: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) < 65536):
        raise ValueError(f'{key} value "{text}" is not a valid port')
    return int(text)


def _ports(key: str, text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    first = _port(key, low)
    last = _port(key, high) if dash else first
    if last < first:
        raise ValueError(f'{key} value "{text}" is not a valid port range')
    return first, last


def _choice(key: str, choices: tuple[str, ...], text: str) -> str:
    for choice in choices:
        if choice.lower() == text.lower():
            return choice
    raise ValueError(f'Bad value "{text}" for {key}')


def _level(key: str, text: str) -> str:
    if text.isascii() and text.isdecimal() and len(text) == 1:
        return LEVELS[int(text)]
    if text.lower() in LEVELS:
        return text.lower()
    raise ValueError(f"Invalid {key} {text}")


def _share(key: str, text: str) -> str:
    word, colon, number = text.upper().partition(":")
    if not colon and word in ("NO", "EXCLUSIVE"):
        return word
    if word in ("YES", "FORCE"):
        if not colon:
            return f"{word}:4"
        if number.isascii() and number.isdecimal() and len(number) < 6 and int(number) > 0:
            return f"{word}:{int(number)}"
    raise ValueError(f'Bad value "{text}" for {key}')


def _version(key: str, text: str) -> str:
    year, dot, month = text.partition(".")
    for part in (year, month.partition(".")[0]):
        if not (dot and part.isascii() and part.isdecimal() and len(part) <= 2):
            raise ValueError(f'{key} value "{text}" is not a version such as 22.05')
    return text


def words(text: str) -> tuple[str, ...]:
    """A comma list without its empty entries."""
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def read(key: str, kind: str, choices: Any, text: str) -> Any:
    """The value of a setting. Raises ValueError with a sentence about `key`."""
    if kind in ("str", "path"):
        return text
    if kind in _NUMBERS:
        return _number(key, kind, choices, text)
    if kind == "bool":
        if text.lower() not in _BOOLS:
            raise ValueError(f'"{text}" is not a valid option for "{key}"')
        return _BOOLS[text.lower()]
    if kind == "list":
        return words(text)
    if kind == "enum":
        return _choice(key, choices, text)
    if kind == "flags":
        return tuple(_choice(key, choices, word) for word in words(text))
    if kind in ("span", "limit"):
        try:
            seconds = parse_seconds(text)
        except ValueError:
            raise ValueError(f'Bad value "{text}" for {key}') from None
        return seconds if kind == "span" or seconds == UNLIMITED else -(-seconds // 60)
    if kind == "level":
        return _level(key, text)
    if kind == "port":
        return _ports(key, text)[0]
    if kind == "range":
        return _ports(key, text)
    if kind == "percent":
        return _percent(key, text)
    if kind == "share":
        return _share(key, text)
    if kind == "version":
        return _version(key, text)
    if kind == "set":
        try:
            idset.parse(text, 256)
        except ValueError:
            raise ValueError(f'Bad value "{text}" for {key}') from None
        return text
    raise AssertionError(f"{key} has an unknown kind {kind}")


def pairs(text: str) -> list[tuple[str, str]]:
    """`A=1 B = "two words"` -> [("A", "1"), ("B", "two words")].

    A value is a quoted text or runs to the next blank; a quote inside of a word is part of it. Raises ValueError with
    the part that could not be read.
    """
    found: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        whole = rest
        key, equals, rest = rest.partition("=")
        key = key.rstrip()
        rest = rest.lstrip()
        if not equals or not rest or not key.isascii() or not key.replace("_", "").replace(".", "").isalnum():
            raise ValueError(f'Parse error: "{whole}"')
        if rest[0] == '"':
            value, closed, rest = rest[1:].partition('"')
            if not closed or rest[:1].strip():
                raise ValueError(f'Parse error: "{whole}"')
        else:
            value = rest.split(None, 1)[0]
            rest = rest[len(value) :]
        found.append((key, value))
        rest = rest.lstrip()
    return found
