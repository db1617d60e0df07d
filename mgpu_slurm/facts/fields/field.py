"""The shape of one row of an output table, and the small forms that the tables share. Pure.

A row says under which letter and which long names a field is asked for, what stands above it, which columns of the
controller it is made from and how. From the same rows come `-o`, `-O` and the sort keys.
"""

from __future__ import annotations

from mgpu_slurm.base.units import UNLIMITED, format_seconds, format_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ALL, WORDS, NONE, MARKED, REASONS = "all", "words", "none", "marked", "reasons"
"""What of a right-justified value is cut at the column's width: everything, only values that are no number (durations),
nothing (lists of nodes), everything but a star at the end (partitions), only what stands in parentheses. A left-justified
value is always cut, as in Slurm."""


class View:
    """How values are shown: the clock and the settings of the user's environment.

    `now`: UTC seconds; `style`: SLURM_TIME_FORMAT; `raw_units`: --noconvert; `list_length`: SLURM_BITSTR_LEN, None unset;
    `wckeys`: whether the cluster keeps them (TrackWCKey); `warn` hears of a style that is none, at the first time shown.
    """

    __slots__ = ("array", "cluster", "compat", "list_length", "now", "raw_units", "style", "warn", "wckeys")

    def __init__(
        self,
        now: float = 0.0,
        style: str = "",
        compat: tuple[int, int] = (26, 5),
        raw_units: bool = False,
        list_length: int | None = None,
        cluster: str = "",
        array: bool = False,
        wckeys: bool = False,
    ) -> None:
        self.now = now
        self.style = style
        self.compat = compat
        self.raw_units = raw_units
        self.list_length = list_length
        self.cluster = cluster
        self.array = array
        self.wckeys = wckeys
        self.warn: Callable[[str], object] | None = None

    def time(self, moment: float | None, unknown: str) -> str:
        if self.warn is not None and moment and self.style not in ("", "standard", "relative") and "%" not in self.style:
            self.warn(f"invalid SLURM_TIME_FORMAT = '{self.style}'")
            self.warn = None
        return format_time(moment, self.style, self.now, unknown)


def run_name(view: View, submitted: float, job_id: int, restarts: int) -> str:
    """The SLUID, nothing for versions that have none. Columns: RUN."""
    from mgpu_slurm.base.sluid import SINCE, sluid

    return sluid(submitted or 0, job_id, restarts or 0) if view.compat >= SINCE else ""


RUN = "submit_time job_id restart_count"


class Field:
    """One field. `text(view, *values)` makes what is shown from the columns; None: the only column is shown as it is.

    `names`: of -O, the first is the usual one. `cut`: see ALL. `cut_header`: whether a right-justified header is cut.
    `group`: sinfo only; whether rows must agree in it ("same"), may differ ("span", merged unless --exact) or are
    added up ("sum"; what cannot be is the first one's, and tells rows apart with --exact).
    """

    __slots__ = ("columns", "cut", "cut_header", "group", "header", "letter", "names", "since", "text")

    def __init__(
        self,
        letter: str,
        names: str,
        header: str,
        columns: str,
        text: Callable[..., str] | None = None,
        cut: str = ALL,
        cut_header: bool | None = None,
        since: tuple[int, int] | None = None,
        group: str = "same",
    ) -> None:
        self.letter = letter
        self.names = tuple(names.split())
        self.header = header
        self.columns = tuple(columns.split())
        self.text = text
        self.cut = cut
        self.cut_header = cut not in (NONE, REASONS) if cut_header is None else cut_header
        self.since = since
        self.group = group

    def __repr__(self) -> str:
        return f"Field({self.letter or self.names[0]!r})"


class Fields:
    """A table of fields with its two indexes. `letters` have Slurm's meaning, `names` are lower case."""

    __slots__ = ("letters", "names", "rows")

    def __init__(self, rows: list[Field]) -> None:
        self.rows = rows
        self.letters = {row.letter: row for row in rows if row.letter}
        self.names = {name.lower(): row for row in rows for name in row.names}


    def at(self, compat: tuple[int, int]) -> Fields:
        """The fields that a version of Slurm knows."""
        return Fields([row for row in self.rows if row.since is None or compat >= row.since])


def constant(text: str) -> Callable[..., str]:
    """A field that this suite has nothing to say in: what Slurm shows when it is not set."""
    return lambda _view, *_values: text


def plain(_view: View, value: Any) -> str:
    return str(value)


def text(_view: View, value: Any) -> str:
    """A text, or nothing."""
    return str(value or "")


def null(_view: View, value: Any) -> str:
    """A text, or Slurm's word for none."""
    return str(value) if value not in (None, "") else "(null)"


def given(_view: View, value: Any) -> str:
    """A text as its user gave it, an empty one too, or Slurm's word for none."""
    return "(null)" if value is None else str(value)


def not_available(_view: View, value: Any) -> str:
    return str(value) if value not in (None, "", 0) else "N/A"


def moment(view: View, value: float | None) -> str:
    return view.time(value, "N/A")


def minutes(_view: View, value: int | None) -> str:
    """A time limit in squeue's form."""
    if value is None:
        return "NOT_SET"
    return "UNLIMITED" if value == UNLIMITED else format_seconds(value * 60)


def seconds(_view: View, value: float) -> str:
    return format_seconds(int(value))


def long_seconds(value: float) -> str:
    """A duration with two digits for the hours, as scontrol shows it: 00:20:00, 1-02:03:04."""
    days, rest = divmod(int(max(value, 0)), 86400)
    hours, rest = divmod(rest, 3600)
    text = f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{days}-{text}" if days else text


def scaled(mib: int) -> str:
    """Memory as squeue, sinfo and scontrol print it: a unit up while that leaves halves at most. 1536 is 1.50G, 1500 1500M."""
    if not mib:
        return "0"
    number: float = mib
    at = 0
    while number >= 1024 and number % 512 == 0 and at < 4:
        number /= 1024
        at += 1
    unit = "MGTPE"[at]
    return f"{int(number)}{unit}" if number == int(number) else f"{number:.2f}{unit}"


def memory(view: View, mib: int | None) -> str:
    if not mib:
        return "0"
    return f"{mib}M" if view.raw_units else scaled(mib)


def shortened(text: str, size: int) -> str:
    """A list cut so that it fits `size` bytes of C with three to spare; the cut shows as dots."""
    if len(text) + 3 <= size:
        return text
    return (text[: max(size - 4, 0)] + "...")[: size - 1]


def exit_pair(status: int) -> tuple[int, int]:
    """Exit code and signal of a wait status."""
    return status >> 8 & 0xFF, status & 0x7F
