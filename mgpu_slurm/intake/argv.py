"""getopt's rules over a table of options: which words are options, what belongs to them, what is left.

Pure. The messages are those of GNU getopt_long as Slurm's commands print them: unrecognized, ambiguous, missing or
superfluous argument, each followed by Slurm's hint at --help. Long names may be abbreviated as long as that is unique.
What a value means is not known here (values.py).
"""

from __future__ import annotations

from mgpu_slurm.base.errors import NEWEST, UsageError
from mgpu_slurm.facts.option import NONE, REQUIRED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mgpu_slurm.facts.option import Option


class Parsed:
    """`options`: (row, text or None) in the order given. `operands`: the words that are not options.

    `dashes` says whether a "--" ended the options.
    """

    __slots__ = ("dashes", "operands", "options")

    def __init__(self) -> None:
        self.options: list[tuple[Option, str | None]] = []
        self.operands: list[str] = []
        self.dashes = False


def parse(
    rows: Iterable[Option],
    argv: Sequence[str],
    permute: bool = False,
    prog: str = "",
    compat: tuple[int, int] = NEWEST,
    status: int = 255,
) -> Parsed:
    """Split `argv` (without the program's name) by the table `rows`.

    Without `permute` parsing stops at the first operand, as in sbatch, srun and salloc; with it operands may stand
    between options. `compat` decides which rows take part in abbreviations. Raises UsageError with `status`.
    """
    parsed = Parsed()
    parsed.options.extend(scan(rows, argv, parsed, permute, prog, compat, status))
    return parsed


def scan(
    rows: Iterable[Option],
    argv: Sequence[str],
    parsed: Parsed,
    permute: bool = False,
    prog: str = "",
    compat: tuple[int, int] = NEWEST,
    status: int = 255,
) -> Iterator[tuple[Option, str | None]]:
    """As `parse`, one option at a time, so that a wrong value is met before a wrong option behind it. Operands go to `parsed`."""
    rows = tuple(rows)
    names = {row.name: row for row in rows if row.name}
    letters = {row.letter: row for row in rows if row.letter}
    words = iter(argv)
    for word in words:
        if word == "--":
            parsed.dashes = True
            parsed.operands.extend(words)
            break
        if word.startswith("--"):
            name, given, text = word[2:].partition("=")
            row = names.get(name) or _abbreviated(rows, name, word, prog, compat, status)
            value: str | None = text if given else None
            if given and row.arg == NONE:
                raise refusal(f"option '--{row.name}' doesn't allow an argument", prog, status)
            if not given and row.arg == REQUIRED:
                value = next(words, None)
                if value is None:
                    raise refusal(f"option '--{row.name}' requires an argument", prog, status)
            yield row, value
        elif len(word) > 1 and word[0] == "-":
            yield from _letters(word, words, letters, prog, status)
        elif permute:
            parsed.operands.append(word)
        else:
            parsed.operands.append(word)
            parsed.operands.extend(words)
            break


def _letters(
    word: str, words: Iterator[str], letters: dict[str, Option], prog: str, status: int
) -> Iterator[tuple[Option, str | None]]:
    """One word of single letters, the last of which may take the rest of the word or the next word."""
    for place in range(1, len(word)):
        letter = word[place]
        row = letters.get(letter)
        if row is None:
            raise refusal(f"invalid option -- '{letter}'", prog, status)
        if row.arg == NONE:
            yield row, None
            continue
        value: str | None = word[place + 1 :] or None
        if value is None and row.arg == REQUIRED:
            value = next(words, None)
            if value is None:
                raise refusal(f"option requires an argument -- '{letter}'", prog, status)
        yield row, value
        return


def _abbreviated(
    rows: tuple[Option, ...], name: str, word: str, prog: str, compat: tuple[int, int], status: int
) -> Option:
    """The one row whose name starts with `name`; rows of other versions count only where none of this one fits."""
    found = [row for row in rows if row.name.startswith(name)]
    found = [row for row in found if row.known_to(compat)] or found
    # older scripts abbreviate without regard to what completion asks
    found = [row for row in found if row.kind != "autocomplete"] or found
    if not found:
        raise refusal(f"unrecognized option '{word}'", prog, status)
    first = found[0]
    if any(_other(row, first) for row in found[1:]):
        # names for the same as the first are not told
        possible = " ".join(f"'--{row.name}'" for row in (first, *(row for row in found if _other(row, first))))
        raise refusal(f"option '{word}' is ambiguous; possibilities: {possible}", prog, status)
    return first


def _other(row: Option, first: Option) -> bool:
    """Whether it is an option of its own, not another name of the first. What is only kept stands under its own name."""
    if row.sets == "other":
        return row is not first
    return (row.sets, row.kind, row.letter) != (first.sets, first.kind, first.letter)


def refusal(text: str, prog: str, status: int) -> UsageError:
    """getopt's complaint, in its two lines."""
    lines: list[str | tuple[str, str]] = [("", f"{prog}: {text}"), ("", f'Try "{prog} --help" for more information')]
    return UsageError(lines, status)
