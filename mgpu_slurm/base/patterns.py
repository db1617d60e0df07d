"""Output file names: `%j`, `%A_%a`, `%4t` and the rest of Slurm's filename patterns.

The rules, as batch jobs and steps of Slurm 22.05.8 show them:

- any backslash in the name switches expansion off; each backslash goes and the character after it stays;
- digits between the percent sign and the letter pad numbers with zeros, to 10 at most; they are ignored for text;
- a letter that means nothing stays with its percent sign (`%q`), but loses it when there was a width (`%4q` -> `4q`);
- a name without value for a known letter (a plain job's %a) is the caller's to decide: Slurm shows NO_VALUE.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = int | str

BATCH_DEFAULT = "slurm-%j.out"
ARRAY_DEFAULT = "slurm-%A_%a.out"

MAX_WIDTH = 10
LATER_LETTERS = {"b": (24, 11), "r": (25, 11), "S": (25, 11)}
"""Letters that an older Slurm leaves as typed: leave them out of `values` for it."""

PER_TASK_LETTERS = frozenset("t")
PER_NODE_LETTERS = frozenset("nN")


def expand(pattern: str, values: Mapping[str, Value]) -> str:
    """Fill in a file name. `values` maps a letter to a number (padded) or text; %J is text that pads as a number.

    Letters without a value stay as typed. `%%` is a percent sign.
    """
    if "\\" in pattern:
        return _unescape(pattern)
    if "%" not in pattern:
        return pattern
    out: list[str] = []
    at = 0
    end = len(pattern)
    while at < end:
        mark = pattern.find("%", at)
        if mark < 0:
            out.append(pattern[at:])
            break
        out.append(pattern[at:mark])
        stop = mark + 1
        while stop < end and pattern[stop] in "0123456789":
            stop += 1
        digits = pattern[mark + 1 : stop]
        letter = pattern[stop : stop + 1]
        at = stop + 1
        if letter == "%" and not digits:
            out.append("%")
        elif letter and letter in values:
            out.append(_pad(values[letter], letter, digits))
        else:
            out.append((digits or "%") + letter)
    return "".join(out)


def _pad(value: Value, letter: str, digits: str) -> str:
    width = min(int(digits[:6]), MAX_WIDTH) if digits else 0
    if isinstance(value, int):
        return f"{value:0{width}d}" if width else str(value)
    if letter == "J":
        job, dot, step = value.partition(".")
        return job.rjust(width, "0") + dot + step
    return value


def _unescape(pattern: str) -> str:
    out: list[str] = []
    taken = False
    for char in pattern:
        if char == "\\" and not taken:
            taken = True
            continue
        taken = False
        out.append(char)
    return "".join(out)


def letters(pattern: str) -> set[str]:
    """The letters a pattern asks for, whether they mean something or not; none where a backslash switches them off."""
    found: set[str] = set()
    if "\\" in pattern:
        return found
    at = pattern.find("%")
    while at >= 0:
        stop = at + 1
        while stop < len(pattern) and pattern[stop] in "0123456789":
            stop += 1
        if stop < len(pattern) and pattern[stop] != "%":
            found.add(pattern[stop])
        at = pattern.find("%", stop + 1)
    return found
