"""Signals by name and number, as `scancel -s`, `--signal` and `kill_on_bad_exit` name them.

Slurm takes the names in ACCEPTED only (checked with scancel of 22.05.8); any other signal is given by number.
"""

from __future__ import annotations

import signal

ACCEPTED = (
    "HUP",
    "INT",
    "QUIT",
    "ABRT",
    "KILL",
    "ALRM",
    "TERM",
    "USR1",
    "USR2",
    "URG",
    "CONT",
    "STOP",
    "TSTP",
    "TTIN",
    "TTOU",
    "XCPU",
)

_NUMBERS: dict[str, int] = {word: int(signal.Signals["SIG" + word]) for word in ACCEPTED}
_NAMES: dict[int, str] = {int(member): member.name[3:] for member in signal.Signals}

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
