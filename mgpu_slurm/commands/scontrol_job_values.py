"""The values of `scontrol update job`: what each kind takes, and Slurm's complaint about what it does not.

Slurm reads some numbers strictly and some as far as they go; the kinds of scontrol_keys.JOB_KEYS say which.
"""

from __future__ import annotations

import time

from mgpu_slurm.facts.queries.scontrol_keys import JOB_COUNT_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.commands.scontrol import Desk


SIGNED = ("limit", "appended")
"""Kinds of values that may be added to or taken away from what is."""

SHORT, MOST, LONG = 2**16 - 3, 2**32 - 3, 2**63 - 1
"""The highest numbers of 16, 32 and 63 bits; above the first two are those that mean none and no end."""
MOST_COUNTED = 2**31 - 1
MOST_OFFSET = 2147483645


class Wrong(Exception):
    """A word that ends the request; its lines are the complaint."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__(*lines)


class Left(Exception):
    """A word that is left out of the changes; its lines, if any, are said without a change of the exit status."""

    def __init__(self, line: str = "", counts: bool = False) -> None:
        self.line = line
        self.counts = counts  # Slurm counts it as a change all the same
        super().__init__(line)


class Word:
    """One KEY=VALUE as typed, and what its key stands for."""

    __slots__ = ("desk", "full", "job", "name", "sign", "text", "typed")

    def __init__(self, desk: Desk, job: str, typed: str, sign: str, text: str, name: str, full: str) -> None:
        self.desk = desk
        self.job = job
        self.typed = typed
        self.sign = sign
        self.text = text
        self.name = name  # the controller's
        self.full = full  # the table's

    def wrong(self) -> Wrong:
        shown = JOB_COUNT_NAMES.get(self.full, self.full)
        return Wrong(f"scontrol: error: Invalid {shown} value: {self.text}")


def _as_far(text: str) -> int:
    """The number that a text begins with, 0 where it begins with none."""
    digits = text.lstrip("+-")
    size = next((place for place, char in enumerate(digits) if not ("0" <= char <= "9")), len(digits))
    number = int(digits[:size] or "0")
    return -number if text.startswith("-") else number


def _text(word: Word) -> str:
    return word.text


def _appended(word: Word) -> str:
    if word.sign == "-":
        raise Wrong(f"scontrol: error: Invalid syntax, {word.full} can not be subtracted from.")
    return f"+={word.text}" if word.sign else word.text


def _number(word: Word, most: int = MOST) -> str:
    digits = word.text.removeprefix("+")
    if word.text and not (digits.isascii() and digits.isdecimal() and int(digits) <= most):
        raise word.wrong()
    return digits or "0"


def _short(word: Word) -> str:
    return _number(word, SHORT)


def _long(word: Word) -> str:
    return _number(word, LONG)


def _apart(word: Word) -> str:
    """Cores or threads set apart; `*` and -1 are none."""
    return "" if word.text in ("*", "-1") else _short(word)


def _range(word: Word, what: str) -> list[int]:
    """LEAST or LEAST-MOST; what stands behind a second dash says nothing. ValueError with Slurm's complaint."""
    from mgpu_slurm.intake.gres import count

    numbers: list[int] = []
    for part in word.text.split("-")[:2]:
        digits = part.removeprefix("+")
        number = min(int(digits), LONG) if digits.isascii() and digits.isdecimal() else count(part)
        if number is None or (numbers and not number):
            raise ValueError(f'Invalid numeric value "{word.text}" for {what}.')
        if number > MOST_COUNTED:
            raise ValueError(f"Numeric argument ({number}) to big for {what}.")
        numbers.append(number)
    return numbers


def _cpus(word: Word) -> str:
    if not word.text:
        raise Left(counts=True)
    try:
        numbers = _range(word, "NumCPUs")
    except ValueError as error:
        raise Wrong(f"scontrol: error: {error}", *word.wrong().lines) from None
    if not 0 < numbers[0] <= numbers[-1]:
        raise word.wrong()
    return "-".join(map(str, numbers))


def _nodes(word: Word) -> str:
    if not word.text:
        raise Left(counts=True)
    if word.text.upper() == "ALL":
        return "ALL"
    try:
        return "-".join(map(str, _range(word, "requested node count")))
    except ValueError as error:
        raise Left(f"scontrol: error: {error}", counts=True) from None


def _truth(word: Word) -> str:
    lowered = word.text.lower()
    for full, value in (("yes", "1"), ("no", "0")):
        if lowered and full.startswith(lowered):
            return value
    return _number(word)


def _limit(word: Word) -> str:
    from mgpu_slurm.base.units import parse_minutes

    text = word.text
    sign = word.sign or (text[0] if text[:1] in ("+", "-") and text != "-1" else "")
    if word.sign and word.name != "timelimit":
        raise Wrong(f"scontrol: error: Option {word.typed} does not accept [+|-]= syntax")
    try:
        minutes = -1 if text == "-1" else parse_minutes(text.lstrip("+-"))
    except ValueError:
        raise Wrong(f"scontrol: error: Invalid {word.full} value") from None
    if word.sign == "-":
        current = _current_limit(word)
        if minutes > current >= 0:
            raise Wrong(
                f"scontrol: error: TimeLimit decrement larger than current time limit ({minutes} > {current})"
            )
    return sign + text.lstrip("+-") if text != "-1" else text


def _current_limit(word: Word) -> int:
    from mgpu_slurm.base.errors import SlurmError
    from mgpu_slurm.commands.query_options import query

    try:
        columns, count, _ = query(word.desk.session(), "jobs", ["time_limit"], {"ids": word.job.split(",")})
    except SlurmError:
        return -1  # an unknown job is the controller's to refuse
    return int(columns["time_limit"][0]) if count else -1


def _moment(word: Word) -> str:
    from mgpu_slurm.intake import dates

    if not word.text:
        raise Left
    try:
        dates.parse(word.text, time.time())
    except dates.DateError as error:
        # said, and left out of the changes
        if word.sign:
            word.desk.complain(str(error))
            return ""
        raise Left(str(error)) from None
    return word.text


def _end(word: Word) -> str:
    """Slurm counts one that it cannot read as a change, too."""
    try:
        return _moment(word)
    except Left as left:
        raise Left(left.line, counts=True) from None


def _delay(word: Word) -> str:
    from mgpu_slurm.base.units import parse_seconds

    try:
        parse_seconds(word.text)
    except ValueError:
        raise Wrong("scontrol: error: Invalid DelayBoot value") from None
    return word.text


def _offset(word: Word) -> str:
    number = _as_far(word.text)
    if abs(number) > MOST_OFFSET:
        raise Wrong(f"scontrol: error: {word.full} value out of range (+/- {MOST_OFFSET}). Value ignored")
    return str(number)


def _throttle(word: Word) -> str:
    number = _as_far(word.text)
    if number < 0:
        raise Wrong("scontrol: error: Invalid ArrayTaskThrottle value")
    return str(number)


def _switches(word: Word) -> str:
    """COUNT or COUNT@TIME; a time that cannot be read is without end."""
    from mgpu_slurm.base.units import UNLIMITED, parse_seconds

    count, at, wait = word.text.partition("@")
    if not at:
        return str(max(_as_far(count), 0))
    try:
        seconds = parse_seconds(wait)
    except ValueError:
        seconds = UNLIMITED
    return f"{max(_as_far(count), 0)}@{seconds}"


def _loose(word: Word) -> str:
    return str(max(_as_far(word.text), 0))


def _gres(word: Word) -> str:
    if word.text == "help":
        raise Left
    return word.text


def _mail(word: Word) -> str:
    from mgpu_slurm.intake.words import mail_words

    found = mail_words(word.text)
    if not found:
        raise Wrong(f"Invalid MailType: {word.text}")
    return found


def _user(word: Word) -> str:
    """Only picks jobs out where they are named by JobName=; looked at, and no change."""
    from mgpu_slurm.commands.query_options import uid_of

    if uid_of(word.text) is None:
        raise Wrong(f"Invalid UserID: {word.text}", "Request aborted")
    if word.sign:
        return ""
    raise Left


READERS: dict[str, Callable[[Word], str]] = {
    "text": _text,
    "appended": _appended,
    "apart": _apart,
    "long": _long,
    "number": _number,
    "short": _short,
    "cpus": _cpus,
    "nodes": _nodes,
    "truth": _truth,
    "limit": _limit,
    "moment": _moment,
    "end": _end,
    "delay": _delay,
    "offset": _offset,
    "throttle": _throttle,
    "switches": _switches,
    "loose": _loose,
    "gres": _gres,
    "mail": _mail,
    "user": _user,
    "bare": _text,
}
