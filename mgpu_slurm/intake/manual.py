"""Texts made from the tables of programs and options: --help, --usage, --version. Pure. (manpage.py, completion.py: the rest.)"""

from __future__ import annotations

from mgpu_slurm.facts import places, programs
from mgpu_slurm.facts.option import NONE, OPTIONAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mgpu_slurm.facts.option import Option

_COLUMN = 32
_WIDTH = 79


def version(compat: tuple[int, int]) -> str:
    """The line of --version: the Slurm whose texts and rules are followed."""
    return f"slurm {compat[0]}.{compat[1]:02d}.{8 if compat == (22, 5) else 0}\n"


def matching(rows: Iterable[Option], text: str) -> str:
    """The options whose name contains `text`, one a line (--autocomplete)."""
    return "".join(f"--{row.name}\n" for row in rows if row.group != "hidden" and text.removeprefix("--") in row.name)


def argument(row: Option) -> str:
    """`=TIME` behind a long name, `[=TIME]` where it may be left out."""
    if row.arg == NONE:
        return ""
    place = places.place(row)[0]
    if not row.name:
        return f" {place}"
    return f"[={place}]" if row.arg == OPTIONAL else f"={place}"


def spelling(row: Option) -> str:
    """`-t, --time=TIME`."""
    if not row.name:
        return f"-{row.letter}{argument(row)}"
    return (f"-{row.letter}, " if row.letter else "    ") + f"--{row.name}{argument(row)}"


def usage(program: str) -> str:
    """All options of a program without a word on what they do, as Slurm's --usage is."""
    head = f"Usage: {programs.shown(program)}"
    words = []
    for row, _ in programs.visible(program):
        if row.kind in ("help", "usage", "version"):
            continue
        name = f"--{row.name}" if row.name and not (row.letter and row.arg == NONE) else f"-{row.letter}"
        words.append(f"[{name}{argument(row)}]")
    words += programs.WHAT[program][1].removeprefix("[options]").split()
    return "".join(f"{line}\n" for line in _wrapped(head, words, len(head) + 1))


def help_text(program: str) -> str:
    """What a program does and all its options by group, those first that are used most."""
    what, form = programs.WHAT[program]
    head = f"Usage: {programs.shown(program)} {form}\n\n{what[0].upper()}{what[1:]}.\n"
    paragraphs = [head]
    verbs = programs.verbs(program)
    if verbs:
        paragraphs.append("".join(f"{line}\n" for left, right in verbs for line in _entry(f"  {left}", right)))
    for title, members in programs.groups(program):
        lines = [line for row, _ in members for line in _entry(f"  {spelling(row)}", row.help)]
        paragraphs.append(title + "\n" + "".join(f"{line}\n" for line in lines))
    return "\n".join(paragraphs)


def _entry(left: str, text: str) -> list[str]:
    """`left`, and the words of `text` in a column beside it, or below where it is too long."""
    if len(left) < _COLUMN:
        return _wrapped(f"{left:{_COLUMN - 1}}", text.split(), _COLUMN)
    return [left, *_wrapped(" " * (_COLUMN - 1), text.split(), _COLUMN)]


def _wrapped(start: str, words: Sequence[str], indent: int) -> list[str]:
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _WIDTH and lines[-1].strip():
            lines.append(" " * (indent - 1))
        lines[-1] += f" {word}"
    return [line.rstrip() for line in lines]
