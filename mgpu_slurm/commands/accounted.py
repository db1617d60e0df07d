"""What sacct and sstat have in common: --format and its widths, and the table that comes out."""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.facts.fields.accounted import MARK, NEVER, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.facts.fields.accounted import AccountView, Column


class Layout:
    """The columns asked for. A width belongs to the field: one that is named twice has the last width in both places."""

    __slots__ = ("columns", "widths")

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.widths: dict[str, int] = {}

    def needed(self) -> list[str]:
        return list(dict.fromkeys(name for column in self.columns for name in column.columns))

    def width(self, column: Column) -> int:
        return self.widths.get(column.name, column.width)


def parse(words: str, rows: Sequence[Column], compat: tuple[int, int], every: bool = True) -> Layout:
    """`jobid,state%20,end%-25`, with `every` also "all" or what it begins with; nothing is read behind an empty word.
    Raises UsageError for a name that no field begins with."""
    made = Layout()
    for word in words.split(","):
        name, percent, size = word.strip().partition("%")
        if not name:
            break
        if every and "all".startswith(name.lower()):
            made.columns += [row for row in rows if row.known_to(compat)]
            continue
        column = find(rows, name, compat)
        if column is None:
            raise UsageError(f'Invalid field requested: "{name}"', 1)
        if percent:
            made.widths[column.name] = _leading(size)
        made.columns.append(column)
    return made


def _leading(text: str) -> int:
    """The number a text begins with, 0 where there is none, as atoi reads it."""
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    end = 0
    while end < len(digits) and digits[end] in "0123456789":
        end += 1
    return sign * int(digits[:end] or "0")


def fit(text: str, width: int, cut: str) -> str:
    """A value in its column; `width` below 0 is left-justified."""
    size = abs(width)
    if len(text) > size and cut != NEVER:
        text = text[: size - 1] + "+" if cut == MARK and size else text[:size]
    return text.ljust(size) if width < 0 else text.rjust(size)


def header(made: Layout, separator: str | None, ending: bool) -> str:
    """`separator`: None for columns of fixed width, which get a line of dashes."""
    if separator is not None:
        return separator.join(column.name for column in made.columns) + (separator if ending else "") + "\n"
    widths = [made.width(column) for column in made.columns]
    names = [fit(column.name, width, "plain") for column, width in zip(made.columns, widths, strict=True)]
    return "".join(f"{name} " for name in names) + "\n" + "".join("-" * abs(width) + " " for width in widths) + "\n"


def lines(
    made: Layout, columns: Mapping[str, Sequence[Any]], count: int, view: AccountView, separator: str | None, ending: bool
) -> str:
    """A line a row; `ending`: the separator also stands behind the last value."""
    texts = [
        [column.text(view, *values) for values in zip(*(columns[name] for name in column.columns), strict=True)]
        for column in made.columns
    ]
    if separator is None:
        texts = [
            [fit(text, made.width(column), column.cut) + " " for text in values]
            for column, values in zip(made.columns, texts, strict=True)
        ]
    between = separator or ""
    end = between * ending + "\n"
    if not texts:
        return end * count
    return "".join(between.join(row) + end for row in zip(*texts, strict=True))


def without_hint(error: UsageError) -> UsageError:
    """Slurm's accounting commands leave out the advice to try --help."""
    lines = [line for line in error.lines if not (isinstance(line, tuple) and line[1].startswith("Try "))]
    return UsageError(lines, error.status)
