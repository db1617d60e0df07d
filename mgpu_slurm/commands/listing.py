"""Formats and tables: `%.18i %j` or `jobid:.18,name` and columns of the controller -> lines of text.

The rules of the two languages, as squeue and sinfo of Slurm 22.05.8 show them:

- text before the first percent sign begins every line; what follows a letter up to the next percent sign is put behind
  the header and every value. Percent signs side by side count once, one at the end not at all.
- `.` makes right-justified; digits are the width, 0 or none the value's own length without padding. A long name's width
  may have blanks and a sign before it; below 0 it is the value's own length and a blank.
- a letter that means nothing is complained about and stays with its percent sign; a long name that means nothing is
  complained about and left out.
- a value that is too long is cut without a mark when left-justified, but (null) is left out where it has not room enough.
  Right-justified, fields say what is cut (`Field.cut`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mgpu_slurm.facts.fields.field import Field, Fields, View

    Columns = Mapping[str, Sequence[object]]

DEFAULT_WIDTH = 20
"""Of a long name without a width."""

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Cell:
    """A field (None: only text) at its place in a line."""

    __slots__ = ("field", "right", "suffix", "width")

    def __init__(self, field: Field | None, width: int = 0, right: bool = False, suffix: str = "") -> None:
        self.field = field
        self.width = width
        self.right = right
        self.suffix = suffix


class Format:
    """What a line is made of. `wrong`: letters or names that mean nothing, in order."""

    __slots__ = ("cells", "prefix", "wrong")

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.cells: list[Cell] = []
        self.wrong: list[str] = []

    def columns(self, more: Iterable[str] = ()) -> list[str]:
        """The columns of the controller that it takes, each once."""
        needed = dict.fromkeys(name for cell in self.cells if cell.field is not None for name in cell.field.columns)
        needed.update(dict.fromkeys(more))
        return list(needed)


def parse_letters(text: str, fields: Fields) -> Format:
    """Read `-o`."""
    if text.strip() == "%all":
        return all_letters(fields)
    prefix, percent, rest = text.partition("%")
    made = Format(prefix)
    if not percent:
        return made
    for token in rest.split("%"):
        if not token:
            continue
        stop = 0
        right = token[0] == "."
        if right:
            stop = 1
        begin = stop
        while stop < len(token) and token[stop] in "0123456789":
            stop += 1
        letter = token[stop : stop + 1]
        field = fields.letters.get(letter)
        if field is None:
            made.wrong.append(letter)
            made.cells.append(Cell(None, suffix="%" + token))
            continue
        width = _sensible(int(token[begin:stop][:20] or "0"))
        made.cells.append(Cell(field, width, right, token[stop + 1 :]))
    return made


def all_letters(fields: Fields) -> Format:
    """`%all`: every letter, with bars between."""
    made = Format()
    known = [letter for letter in LETTERS if letter in fields.letters]
    made.cells = [Cell(fields.letters[letter], suffix="|") for letter in known]
    if made.cells:
        made.cells[-1].suffix = ""
    return made


def parse_names(text: str, fields: Fields) -> Format:
    """Read `-O`."""
    made = Format()
    if text.strip().lower() == "all":
        return all_letters(fields)
    for word in text.split(","):
        name, colon, rest = word.partition(":")
        if not word.strip():
            continue
        field = fields.names.get(name.lower())
        right = rest.startswith(".")
        width, suffix = _number(rest[1:] if right else rest)
        if field is None:
            made.wrong.append(name)
            if suffix:
                made.cells.append(Cell(None, suffix=suffix))
            continue
        if not colon:
            made.cells.append(Cell(field, DEFAULT_WIDTH))
            continue
        made.cells.append(Cell(field, width, right, suffix) if width >= 0 else Cell(field, suffix=" " + suffix))
    return made


def _number(text: str) -> tuple[int, str]:
    """The whole number that a text begins with, 0 where there is none, and what follows it."""
    stop = len(text) - len(text.lstrip())
    stop += text[stop : stop + 1] in ("+", "-")
    begin = stop
    while stop < len(text) and text[stop] in "0123456789":
        stop += 1
    return (_sensible(int(text[:stop][:20])), text[stop:]) if stop > begin else (0, text)


def _sensible(width: int) -> int:
    """A width that no line can have is none."""
    return width if abs(width) < WIDEST else 0


WIDEST = 1 << 20


# --- lines ----------------------------------------------------------------------------------------------------------


def piece(cell: Cell, cut: bool) -> str:
    """A cell as a template of Python's % operator."""
    suffix = cell.suffix.replace("%", "%%")
    width = cell.width
    if cell.field is None:
        return suffix
    if not width:
        return "%s" + suffix
    if not cell.right:
        return f"%-{width}.{width}s{suffix}"
    return (f"%{width}.{width}s" if cut else f"%{width}s") + suffix


def header(made: Format) -> str:
    """The line above the values."""
    template = "".join(piece(cell, cell.field is not None and cell.field.cut_header) for cell in made.cells)
    shown = tuple(cell.field.header for cell in made.cells if cell.field is not None)
    return made.prefix + template % shown + "\n"


def lines(made: Format, columns: Columns, view: View, count: int) -> str:
    """One line a row. `columns`: name -> values, all `count` long."""
    shown = [cell for cell in made.cells if cell.field is not None]
    template = made.prefix.replace("%", "%%")
    template += "".join(piece(cell, cell.field is not None and cell.field.cut in ("all", "marked")) for cell in made.cells) + "\n"
    if not shown:
        return template.replace("%%", "%") * count
    texts = [cell_texts(cell, columns, view) for cell in shown]
    return "".join(map(template.__mod__, zip(*texts, strict=True)))


def cell_texts(cell: Cell, columns: Columns, view: View) -> Sequence[object]:
    field = cell.field
    assert field is not None
    texts = field_texts(field, columns, view)
    width = cell.width
    if 0 < width < 6 and not cell.right and "(null)" in texts:
        return ["" if text == "(null)" else text for text in texts]
    if field.cut == "reasons" and cell.right and width:
        return [text[:width] if text[:1] == "(" else text for text in map(str, texts)]
    if field.cut == "words" and cell.right and width:
        return [text if str(text)[:1].isdigit() else str(text)[:width] for text in texts]
    if field.cut == "marked" and width:
        return [text if len(text) <= width or text[-1:] != "*" else text[: width - 1] + "*" for text in map(str, texts)]
    return texts


def field_texts(field: Field, columns: Columns, view: View) -> Sequence[object]:
    """The values of one field as texts."""
    text = field.text
    first = columns[field.columns[0]]
    if text is None:
        return first
    if len(field.columns) == 1 and not (first and isinstance(first[0], list)):
        # listings repeat themselves: each distinct number or text is made once
        made: dict[object, str] = {}
        for value in first:
            if value not in made:
                made[value] = text(view, value)
        return [made[value] for value in first]
    return [text(view, *values) for values in zip(*[columns[name] for name in field.columns], strict=True)]


# --- order ----------------------------------------------------------------------------------------------------------


def parse_sort(text: str, known: Iterable[str], configured_order: bool = True) -> tuple[list[tuple[str, bool, bool]], str]:
    """`P,t,-p` -> (letter, reversed, in configured order), and the last letter that means nothing or "".

    `configured_order`: whether a `#` asks for it.
    """
    keys: list[tuple[str, bool, bool]] = []
    wrong = ""
    letters = set(known)
    backwards = configured = False
    for char in text:
        # of several signs the last one counts
        if char == "-":
            backwards, configured = True, False
        elif char == "#" and configured_order:
            backwards, configured = False, True
        elif char == "+":
            backwards = False
        elif char in ", \t":
            backwards = configured = False
        elif char in letters:
            keys.append((char, backwards, configured))
            backwards = configured = False
        else:
            wrong = char
            backwards = configured = False
    return keys, wrong


def order(rows: list[int], keys: Sequence[tuple[Sequence[object], bool]]) -> list[int]:
    """Row numbers in the order of the keys, the first counting most; equal rows stay as they are."""
    for values, backwards in reversed(keys):
        rows.sort(key=_getter(values), reverse=backwards)
    return rows


def _getter(values: Sequence[object]) -> Callable[[int], tuple[bool, object]]:
    return lambda row: (values[row] is not None, values[row] if values[row] is not None else 0)


def reordered(columns: Columns, rows: Sequence[int]) -> dict[str, list[object]]:
    return {name: [values[row] for row in rows] for name, values in columns.items()}
