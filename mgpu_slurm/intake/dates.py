"""Instants as --begin, --deadline, sacct -S and scontrol read them -> UTC seconds. Pure: the present is an argument.

`now`, `now+5minutes`, `16:00`, `4:00pm`, `noon`, `tomorrow`, `2030-01-20T12:34`, `0120`, `010230`, `01/20/30`,
`uts1900000000`, and a date with a time in either order. Local time zone. A time without a date is the next one, a date
without a year too; with `past` it is that of this day or year, over or not. A later word of the same sort replaces an
earlier one.
"""

from __future__ import annotations

import time

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_CLOCK = {"midnight": 0, "elevenses": 11, "noon": 12, "fika": 15, "teatime": 16}


class DateError(ValueError):
    """Not an instant; `place` is where reading stopped, as Slurm counts it."""

    def __init__(self, text: str, place: int) -> None:
        self.text = text
        self.place = place
        super().__init__(text, place)

    def __str__(self) -> str:
        return f"Invalid time specification (pos={self.place}): {self.text}"


def parse(text: str, now: float, past: bool = False, compat: tuple[int, int] = (26, 5)) -> float:
    """The instant `text` means, in UTC seconds. Raises DateError."""
    return _Reader(text, now, past, compat).read()


class _Reader:
    def __init__(self, text: str, now: float, past: bool, compat: tuple[int, int]) -> None:
        self.text = text
        self.lower = text.lower()
        self.now = now
        self.past = past
        self.compat = compat
        self.today = time.localtime(now)
        self.date: tuple[int, int, int] | None = None  # year (0: to be found), month, day
        self.clock: tuple[int, int, int] | None = None
        self.instant: float | None = None

    def read(self) -> float:
        place = 0
        while place < len(self.text):
            if place and (self.text[place].isspace() or self.text[place] == "-"):
                place += 1
                continue
            place = self._word(place)
        if self.instant is not None:
            return self.instant
        if self.date is None and self.clock is None:
            raise DateError(self.text, 0)
        return self._resolve()

    def _word(self, place: int) -> int:
        rest = self.lower[place:]
        if rest.startswith("now"):
            return self._now(place + 3)
        if rest.startswith("uts") and rest[3:].isdigit() and int(rest[3:]) >= 1000000:
            self.instant = float(rest[3:])
            return len(self.text)
        today = self.today
        if rest.startswith("today"):
            self.date = (today.tm_year, today.tm_mon, today.tm_mday)
            return place + 5
        if rest.startswith("tomorrow"):
            self.date = (today.tm_year, today.tm_mon, today.tm_mday + 1)
            return place + 8
        for word, hour in _CLOCK.items():
            if rest.startswith(word) and (word != "elevenses" or self.compat >= (23, 2)):
                self.clock = (hour, 0, 0)
                return place + len(word)
        if rest[0].isdigit():
            colon = len(rest) - len(rest.lstrip("0123456789"))
            if rest[colon : colon + 1] == ":" and colon <= 2:
                return self._time(place)
            return self._date(place)
        if place and rest[0] == "t":
            return place + 1
        raise DateError(self.text, place)

    def _now(self, place: int) -> int:
        self.instant = self.now
        rest = self.lower[place:]
        sign = rest.lstrip()[:1]
        if sign not in ("+", "-"):
            return place
        at = place + rest.index(sign) + 1
        number_at = at + len(self.lower[at:]) - len(self.lower[at:].lstrip())
        digits = self._digits(number_at, 12)
        if not digits:
            raise DateError(self.text, place)
        at = number_at + len(digits)
        after = self.lower[at:].lstrip()
        unit, length = 1, 0
        for word, seconds in _UNITS.items():
            if after.startswith(word):
                length = len(word) + after.startswith(word + "s")
                unit = seconds
                at = len(self.text) - len(after) + length
                break
        else:
            if after and not self.lower[at].isspace():
                raise DateError(self.text, at - 1)
        self.instant = self.now + (1 if sign == "+" else -1) * int(digits) * unit
        return at

    def _digits(self, place: int, most: int) -> str:
        end = place
        while end < len(self.lower) and end - place < most and "0" <= self.lower[end] <= "9":
            end += 1
        return self.lower[place:end]

    def _time(self, place: int) -> int:
        hour_digits = self._digits(place, 2)
        hour = int(hour_digits)
        if hour > 23:
            raise DateError(self.text, place)
        at = place + len(hour_digits) + 1
        minute, at = self._two(at, 59)
        second = 0
        if self.lower[at : at + 1] == ":":
            second, at = self._two(at + 1, 59)
        rest = self.lower[at:]
        half = rest.lstrip()[:2]
        if half in ("am", "pm"):
            if hour > 12:
                raise DateError(self.text, at)
            hour = hour % 12 + (12 if half == "pm" else 0)
            at += rest.index(half) + 2
        self.clock = (hour, minute, second)
        return at

    def _two(self, place: int, most: int, least: int = 0) -> tuple[int, int]:
        """Exactly two digits."""
        digits = self._digits(place, 2)
        if len(digits) < 2:
            raise DateError(self.text, place + len(digits))
        if not least <= int(digits) <= most:
            raise DateError(self.text, place)
        return int(digits), place + 2

    def _date(self, place: int) -> int:
        run = self._digits(place, 12)
        rest = self.lower[place:]
        if len(run) == 4 and rest[4:5] == "-" and rest[5:7].isdigit() and rest[7:8] == "-" and rest[8:10].isdigit():
            month, _ = self._two(place + 5, 12, 1)
            day, at = self._two(place + 8, 31, 1)
            self.date = (int(run), month, day)
            return at
        year = 0
        if len(run) >= 4:
            month, at = self._two(place, 12, 1)
            day, at = self._two(at, 31, 1)
            if len(self._digits(at, 2)) == 2:
                year, at = self._two(at, 99)
                year += 2000
            self.date = (year, month, day)
            return at
        digits = self._digits(place, 2)
        month = int(digits)
        if not 1 <= month <= 12:
            raise DateError(self.text, place if len(digits) == 2 else place - 1)
        at = place + len(digits)
        sign = self.lower[at : at + 1]
        if sign not in ("/", ".") or not sign:
            raise DateError(self.text, at)
        digits = self._digits(at + 1, 2)
        if not digits or not 1 <= int(digits) <= 31:
            raise DateError(self.text, at + 1)
        day = int(digits)
        at += 1 + len(digits)
        if self.lower[at : at + 1] == sign:
            year, at = self._two(at + 1, 99)
            year += 2000
        self.date = (year, month, day)
        return at

    def _resolve(self) -> float:
        today = self.today
        hour, minute, second = self.clock or (0, 0, 0)
        if self.date is None:
            found = self._local(today.tm_year, today.tm_mon, today.tm_mday, hour, minute, second)
            if not self.past and found < self.now:
                return self._local(today.tm_year, today.tm_mon, today.tm_mday + 1, hour, minute, second)
            return found
        year, month, day = self.date
        if not year:
            year = today.tm_year
            if not self.past and (month, day) < (today.tm_mon, today.tm_mday):
                year += 1
        return self._local(year, month, day, hour, minute, second)

    def _local(self, year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
        try:
            return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
        except (OverflowError, ValueError):
            raise DateError(self.text, 0) from None
