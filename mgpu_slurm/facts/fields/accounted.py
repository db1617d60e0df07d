"""The shape of a field of sacct and sstat, and the small forms that both share. Pure.

Their columns have a fixed width each and no letters; a name is found by the first row that begins with the word given.
"""

from __future__ import annotations

from mgpu_slurm.facts.fields.field import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

MARK, PLAIN, NEVER = "mark", "plain", "never"
"""How a value too long for its column is cut: its last character becomes +, it is simply cut, or it pushes the line out
(numbers and durations)."""

UNITS = "KMGTPE"


class AccountView(View):
    """`unit`: of --units, "" for what fits."""

    __slots__ = ("unit",)

    def __init__(
        self,
        now: float = 0.0,
        style: str = "",
        compat: tuple[int, int] = (26, 5),
        raw_units: bool = False,
        cluster: str = "",
        unit: str = "",
    ) -> None:
        super().__init__(now, style, compat, raw_units, None, cluster)
        self.unit = unit


class Column:
    """One field. `text(view, *values)` makes what is shown. A negative `width` is left-justified, as in `field%-9`.

    `since`, `until`: the versions whose lists of fields name it; it may be asked for in all.
    """

    __slots__ = ("columns", "cut", "name", "since", "text", "until", "width")

    def __init__(
        self,
        name: str,
        width: int,
        columns: str,
        text: Callable[..., str],
        cut: str = MARK,
        since: tuple[int, int] | None = None,
        until: tuple[int, int] | None = None,
    ) -> None:
        self.name = name
        self.width = width
        self.columns = tuple(columns.split())
        self.text = text
        self.cut = cut
        self.since = since
        self.until = until

    def known_to(self, compat: tuple[int, int]) -> bool:
        return (self.since is None or compat >= self.since) and (self.until is None or compat < self.until)

    def __repr__(self) -> str:
        return f"Column({self.name!r})"


def find(rows: Sequence[Column], word: str, compat: tuple[int, int]) -> Column | None:
    """The first field whose name begins with `word`; fields of other versions come last."""
    lower = word.lower()
    here = [row for row in rows if row.known_to(compat)]
    for row in [*here, *(row for row in rows if row not in here)]:
        if row.name.lower().startswith(lower):
            return row
    return None


def listed(rows: Iterable[Column], compat: tuple[int, int], width: int = 19) -> str:
    """--helpformat: four names a line, each in that many places."""
    names = [f"{row.name:<{width}}" for row in rows if row.known_to(compat)]
    return "".join(" ".join(names[at : at + 4]) + "\n" for at in range(0, len(names), 4))


# --- values ---------------------------------------------------------------------------------------------------------


def blank(_view: View, *_values: Any) -> str:
    return ""


def text(_view: View, value: Any) -> str:
    return "" if value is None else str(value)


def clock(seconds: float, thousandths: bool = False) -> str:
    """A duration: 00:00:05, 1-02:03:04; `thousandths`: below an hour 00:05.123, unless there are none."""
    whole = int(max(seconds, 0))
    parts = round((seconds - whole) * 1000) if thousandths else 0
    if parts == 1000:
        whole, parts = whole + 1, 0
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    if parts and not days and not hours:
        return f"{rest // 60:02d}:{rest % 60:02d}.{parts:03d}"
    shown = f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{days}-{shown}" if days else shown


def duration(_view: View, seconds: float | None) -> str:
    return "" if seconds is None else clock(seconds)


def amount(view: View, number: float, unit: str, raw: bool = False) -> str:
    """A number that counts `unit` ("K", "M", "" for ones), in the unit asked for or the largest that keeps halves at most."""
    if not number:
        return "0"
    wanted = getattr(view, "unit", "")
    place = UNITS.find(unit) if unit else -1
    if wanted:
        scaled = number * 1024.0 ** (place - UNITS.index(wanted))
        return f"{int(scaled)}{wanted}" if scaled == int(scaled) else f"{scaled:.2f}{wanted}"
    if raw or view.raw_units:
        return f"{int(number)}{unit}"
    while number >= 1024 and number % 512 == 0 and place < len(UNITS) - 1:
        number /= 1024
        place += 1
    mark = UNITS[place] if place >= 0 else ""
    return f"{int(number)}{mark}" if number == int(number) else f"{number:.2f}{mark}"


def job_name(job: int, array: int, task: int | None, tasks: str, limit: int, het: int, offset: int, step: str) -> str:
    """N, N_t, N_[list%max], N+c, each with .step."""
    shown = f"{het}+{offset}" if het else str(array or job)
    if array and task is not None:
        shown = f"{array}_{task}"
    elif array and tasks:
        shown = f"{array}_[{tasks}%{limit}]" if limit else f"{array}_[{tasks}]"
    return f"{shown}.{step}" if step else shown
