"""What the text of an option means: a reader per kind of value, and Slurm's complaint when it means nothing.

Pure but for the few kinds that name a file (those go through `Reading.read_file`). A reader takes the text (None where an
optional argument is missing) and the Reading, and returns the value in the units of records/request.py. Readers of
words and lists are in words.py, of bindings and frequencies in bindings.py; READERS in readers.py holds all of them.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mgpu_slurm.facts.option import Option

UNLIMITED = -1
INT_MAX = 2**31 - 1
# How Slurm's number complaints call an option, where that is not its own name.
_LABELS = {"tasks-per-node": "--ntasks-per-node", "resv-ports": "--resv-port", "immediate": "immediate"}


class Finished(Exception):
    """The command line asked for a text and nothing else (--help, --version, --gres=help, ...)."""

    def __init__(self, text: str, status: int = 0) -> None:
        self.text = text
        self.status = status
        super().__init__(text, status)


class Reading:
    """What a reader may know beside the text. `row` is the option being read, `typed` whether it stands on the command line;
    `warnings` are whole lines for stderr. `governors` of CPUs are those that the cluster allows, None: all."""

    __slots__ = ("command", "compat", "cwd", "environ", "governors", "now", "prog", "read_file", "row", "typed", "warnings")

    def __init__(
        self,
        command: str,
        prog: str,
        environ: Mapping[str, str],
        cwd: str,
        now: float,
        compat: tuple[int, int],
        read_file: Callable[[str], bytes],
    ) -> None:
        self.command = command
        self.prog = prog
        self.environ = environ
        self.cwd = cwd
        self.now = now
        self.compat = compat
        self.read_file = read_file
        self.governors: str | None = None
        self.warnings: list[str] = []
        self.row: Option
        self.typed = False

    def invalid(self) -> UsageError:
        """The plain complaint about a value."""
        return UsageError(f"Invalid --{self.row.name} specification", 255)

    def label(self) -> str:
        return _LABELS.get(self.row.name, f"--{self.row.name}")

    def told(self) -> list[tuple[str, str]]:
        """The lines of warnings as bare lines of a refusal, which shows them in their place; they are not kept."""
        lines, self.warnings[:] = [("", line) for line in self.warnings], []
        return lines

    def warn(self, text: str) -> None:
        """A line of level "error" after which Slurm goes on."""
        self.warnings.append(f"{self.prog}: error: {text}")


def leading_int(text: str) -> tuple[int | None, str]:
    """C's strtol: the number at the front (None if there is none) and what follows it."""
    body = text.lstrip(" \t\n\v\f\r")
    sign = body[:1] if body[:1] in ("+", "-") else ""
    digits = body[len(sign) :]
    end = 0
    while end < len(digits) and "0" <= digits[end] <= "9":
        end += 1
    if not end:
        return None, text
    number = int(digits[:end])
    return (-number if sign == "-" else number), digits[end:]


def whole(text: str, label: str, least: int) -> int:
    """An int of at least `least`, or Slurm's complaint (exit 1) about `label`. No text at all is 0."""
    number, rest = leading_int(text) if text else (0, "")
    if number is None or rest or number < least:
        raise UsageError(f'Invalid numeric value "{text}" for {label}.', 1)
    if number > INT_MAX:
        raise UsageError(f"Numeric argument ({number}) too large for {label}.", 1)
    return number


def positive(text: str | None, reading: Reading) -> int:
    return whole(text or "", reading.label(), 1)


def natural(text: str | None, reading: Reading) -> int | None:
    return None if text is None else whole(text, reading.label(), 0)


def plain(text: str | None, reading: Reading) -> str:
    return text or ""


def stream(text: str | None, reading: Reading) -> str:
    """The file of a standard stream; `none` is the null device for a batch job, srun reads the word itself."""
    text = text or ""
    return "/dev/null" if text.lower() == "none" and reading.command == "sbatch" else text


def flag(text: str | None, reading: Reading) -> bool:
    return True


def off(text: str | None, reading: Reading) -> bool:
    return False


def directory(text: str | None, reading: Reading) -> str:
    """A path, made absolute; it need not exist."""
    text = text or ""
    return text if text.startswith("/") else f"{reading.cwd}/{text}"


def minutes_of(text: str) -> int | None:
    """A time limit in minutes, seconds rounded up; UNLIMITED for 0, -1, infinite, unlimited; None if it is none.

    As in Slurm, whose seconds have 32 bits and a sign and whose minutes have none, what is too much begins again at 0, and
    days below 0 are a limit of thousands of years.
    """
    seconds = seconds_of(text, 60)
    if seconds is None or seconds == UNLIMITED:
        return seconds
    seconds = (seconds + (1 << 31)) % (1 << 32) - (1 << 31)
    limit = int((seconds + 59) / 60) % (1 << 32)
    return UNLIMITED if limit in (0, (1 << 32) - 1) else limit


def seconds_of(text: str, unit: int) -> int | None:
    """M, M:S, H:M:S, D-, D-H, D-H:M, D-H:M:S in seconds; a bare number counts in `unit` seconds, one with a minus in days.

    None if it is none.
    """
    if text == "-1" or text.lower() in ("infinite", "unlimited"):
        return UNLIMITED
    days, dash, rest = text.partition("-")
    if dash and not days and rest.isascii() and rest.isdigit():
        return -int(rest) * 86400
    if not dash:
        rest, days = days, "0"
    parts = rest.split(":") if rest or not dash else []
    if len(parts) > 3 or not all(part.isascii() and part.isdigit() for part in (days, *parts)):
        return None
    numbers = [int(part) for part in parts]
    if dash:
        hours, minutes, seconds = (*numbers, 0, 0, 0)[:3]
    elif len(numbers) == 3:
        hours, minutes, seconds = numbers
    elif len(numbers) == 2:
        hours, (minutes, seconds) = 0, numbers
    else:
        return numbers[0] * unit
    return ((int(days) * 24 + hours) * 60 + minutes) * 60 + seconds


def minutes(text: str | None, reading: Reading) -> int:
    limit = minutes_of(text or "")
    if limit is None:
        raise reading.invalid()
    return limit


def delay(text: str | None, reading: Reading) -> str:
    if seconds_of(text or "", 60) is None:
        raise reading.invalid()
    return text or ""


def wait_for_switch(text: str | None, reading: Reading) -> int | None:
    """Seconds to wait for the wanted switches; None (the cluster's own) for anything that is no time."""
    seconds = seconds_of(text or "", 60)
    return None if seconds is None or seconds < 0 else seconds


def memory_of(text: str) -> int | None:
    """MiB, rounded up; M without a unit, a B after the unit is tolerated. None if it is no size."""
    number, rest = leading_int(text)
    if number is None or number < 0:
        return None
    unit = rest.upper()
    if len(unit) == 2 and unit[1] == "B":
        unit = unit[0]
    if unit == "K":
        return -(-number // 1024)
    factor = {"": 1, "M": 1, "G": 1 << 10, "T": 1 << 20}.get(unit)
    return None if factor is None else number * factor


def memory(text: str | None, reading: Reading) -> int:
    size = memory_of(text or "")
    if size is None:
        raise reading.invalid()
    return size


def instant(text: str | None, reading: Reading) -> float:
    from mgpu_slurm.intake import dates

    try:
        if not text:
            raise reading.invalid()
        return dates.parse(text, reading.now, compat=reading.compat)
    except dates.DateError as problem:
        raise UsageError([("", str(problem)), f"Invalid --{reading.row.name} specification"], 255) from None


def nodes(text: str | None, reading: Reading) -> tuple[int, int]:
    """N or MIN-MAX, each with k or m; from 23.02 on also a list of sizes, of which the least and the greatest count."""
    text = text or ""
    if reading.compat >= (23, 2) and ("," in text or ":" in text):
        sizes = _sizes(text)
        return min(sizes), max(sizes)
    low_text, dash, high_text = text.partition("-")
    low = 1 if dash and not low_text else _node_count(low_text)
    if not dash:
        return low, low
    high = -1 if not high_text else _node_count(high_text)
    if high < low:
        raise UsageError(f"Maximum node count {high} is less than minimum node count {low}", 255)
    return low, high


def _sizes(text: str) -> set[int]:
    from mgpu_slurm.base.errors import SlurmError
    from mgpu_slurm.intake import arrays

    try:
        return set(arrays.parse(text, 1 << 20)[0])
    except SlurmError:
        raise UsageError(f'"{text}" is not a valid node count', 255) from None


def _node_count(text: str) -> int:
    number, rest = leading_int(text)
    factor = {"": 1, "k": 1 << 10, "m": 1 << 20}.get(rest.strip().lower())
    if number is None or factor is None:
        raise UsageError(f'"{text}" is not a valid node count', 255)
    return number * factor


def topology(text: str | None, reading: Reading) -> tuple[int | None, ...]:
    """-B S[:C[:T]]: sockets, cores and threads at least; `*` and nothing leave one open, of a range the low end counts."""
    found: list[int | None] = [None, None, None]
    for place, part in enumerate((text or "").split(":")[:3]):
        if part in ("", "*"):
            continue
        label = f"{('first', 'second', 'third')[place]} arg of -B"
        low, dash, high = part.partition("-")
        for bound in (low, high) if dash else (low,):
            number, rest = leading_int(bound)
            if number is None or rest.lower() not in ("", "k", "m") or number < 0:
                raise UsageError(f'Invalid numeric value "{part}" for {label}.', 1)
        number, unit = leading_int(low)
        found[place] = whole(str((number or 0) << {"": 0, "k": 10, "m": 20}[unit.lower()]), label, 0)
    return tuple(found)


def distribution(text: str | None, reading: Reading) -> tuple[str, int | None]:
    """-m: its words as Slurm writes them, and the size of a plane. "*" is the usual way, and an empty level is none."""
    over, comma, filling = (text or "").lower().partition(",")
    if over in ("pack", "nopack") and not comma:
        return over, None
    levels = [level for level in over.split(":") if level]
    if levels and levels[0].startswith("plane"):
        name, equal, size_text = levels[0].partition("=")
        size, rest = leading_int(size_text)
        if not equal and name == "plane" and len(levels) == 1:
            size, rest = leading_int(reading.environ.get("SLURM_DIST_PLANESIZE", ""))
        if name != "plane" or len(levels) > 1 or comma or size is None or rest or size < 1:
            raise UsageError(["Invalid plane size or size not specified", "Invalid --distribution specification"], 255)
        return "plane", size
    good = 1 <= len(levels) <= 3 and filling in ("", "pack", "nopack")
    good = good and levels[0] in ("block", "cyclic", "*", "arbitrary", "hostfile")
    good = good and all(level in ("block", "cyclic", "fcyclic", "*") for level in levels[1:])
    if not good or (len(levels) > 1 and levels[0] in ("arbitrary", "hostfile")):
        raise reading.invalid()
    levels = [{"*": "cyclic" if at else "block", "hostfile": "arbitrary"}.get(level, level) for at, level in enumerate(levels)]
    return ":".join(levels) + (f",{filling}" if filling else ""), None
