"""Signals by name and number, as `scancel -s`, `--signal` and `kill_on_bad_exit` name them."""

from __future__ import annotations

import signal

_NUMBERS: dict[str, int] = {
    member.name[3:]: int(member) for member in signal.Signals if not member.name.startswith("SIGRT")
}
_NUMBERS.setdefault("CLD", _NUMBERS["CHLD"])
_NUMBERS.setdefault("POLL", _NUMBERS["IO"])
_NAMES: dict[int, str] = {}
for _word, _number in _NUMBERS.items():
    if _word not in ("CLD", "POLL", "IOT"):
        _NAMES.setdefault(_number, _word)

HIGHEST = signal.NSIG - 1


def parse(text: str) -> int:
    """A signal number from KILL, SIGKILL, sigkill or 9. Raises ValueError for anything else, and for 0."""
    word = text.strip().upper()
    if word.isascii() and word.isdecimal():
        number = int(word[:6])
        if not 0 < number <= HIGHEST:
            raise ValueError(f"not a signal: {text}")
        return number
    found = _NUMBERS.get(word.removeprefix("SIG"))
    if found is None:
        raise ValueError(f"not a signal: {text}")
    return found


def name(number: int) -> str:
    """The name without SIG: 9 -> KILL; a number without a name is its digits."""
    return _NAMES.get(number, str(number))
