"""The head of a batch script: whether it is one, its `#SBATCH` lines, the parts of a heterogeneous job. Pure.

Read are lines that start with `#SBATCH` (or `#SLURM`, with a complaint), up to the first line that is neither blank nor a
comment. All lines of one part make one list of words, so an argument may stand on the next line. Quotes group, a
backslash takes the next character as it is (before 23.02 not a blank), an unquoted `#` ends the line even within a word. A
line whose first word is `hetjob`, in any case and without quotes, begins the next part; what follows the word on its line
is never read.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError

_SPACE = " \t\n\v\f\r"
_SEPARATORS = ("hetjob", "packjob")
OLD_PREFIX = "Change from #SLURM to #SBATCH in your script and verify the options are valid in sbatch"
OLD_SEPARATOR = 'Warning: the "packjob" component separator is being deprecated. Please, use "hetjob" instead.'


def check(data: bytes) -> None:
    """Refuse what cannot be a batch script. Raises UsageError, exit 1."""
    if not data:
        raise UsageError("Batch script is empty!", 1)
    if not data.strip():
        raise UsageError("Batch script contains only whitespace!", 1)
    if not data.startswith(b"#!"):
        lines = [
            "This does not look like a batch script.  The first",
            "line must start with #! followed by the path to an interpreter.",
            "For instance: #!/bin/sh",
        ]
        raise UsageError(lines, 1)
    if b"\0" in data:
        raise UsageError(["The Slurm controller does not allow scripts that", "contain a NULL character '\\0'."], 1)
    if b"\r\n" in data:
        lines = ["Batch script contains DOS line breaks (\\r\\n)", "instead of expected UNIX line breaks (\\n)."]
        raise UsageError(lines, 1)


class Header:
    """`parts`: the words of each part of the job, at least one part. `warnings`: texts with their level, "" or "error"."""

    __slots__ = ("parts", "warnings")

    def __init__(self) -> None:
        self.parts: list[list[str]] = [[]]
        self.warnings: list[tuple[str, str]] = []


def read(script: str, name: str, compat: tuple[int, int]) -> Header:
    """The words of the `#SBATCH` lines. Raises UsageError naming `name` and the line for a bad quote or colon."""
    header = Header()
    for number, line in enumerate(script.split("\n"), 1):
        if line.startswith("#SBATCH"):
            rest = line[7:]
        elif line.startswith("#SLURM"):
            rest = line[6:]
            if ("error", OLD_PREFIX) not in header.warnings:
                header.warnings.append(("error", OLD_PREFIX))
        elif line.startswith("#") or not line.strip(_SPACE) or line.lstrip(_SPACE).startswith("#"):
            continue
        else:
            break
        words, separator = _words(rest, name, number, compat)
        if separator == "packjob":
            header.warnings.append(("", OLD_SEPARATOR))
        if separator and not words:
            header.parts.append([])
        header.parts[-1].extend(words)
    return header


def _words(line: str, name: str, number: int, compat: tuple[int, int]) -> tuple[list[str], str]:
    """The words of a line, and the separator of parts that ends them, "" for none."""
    words: list[str] = []
    rest = line.lstrip(_SPACE)
    while True:
        bare = rest.lstrip(_SPACE)
        if not bare or bare[0] == "#":
            return words, ""
        if bare[0] == ":":
            raise UsageError([("fatal", f"{name}: line {number}: Unexpected `:` in [{rest}]")], 1)
        separator = bare.split(maxsplit=1)[0].lower()
        if separator in _SEPARATORS:
            return words, separator
        word, end, open_quote = _word(bare, compat)
        if open_quote:
            raise UsageError([("fatal", f"{name}: line {number}: Unmatched `{open_quote}` in [{rest}]")], 1)
        if word == "" and not words:
            return words, ""
        if word is not None:
            words.append(word)
        rest = bare[end:]


def _word(text: str, compat: tuple[int, int]) -> tuple[str | None, int, str]:
    """The word that the text starts with, where it ends, and the quote left open in it. None for a lone backslash."""
    at = 0
    word: list[str] = []
    quote = ""
    quoted = False
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            following = text[at + 1 : at + 2]
            if quote or compat >= (23, 2) or following not in _SPACE or not following:
                word.append(following)
                at += 2
                continue
            at += 1
            continue
        if quote:
            if letter == quote:
                quote = ""
            else:
                word.append(letter)
        elif letter in ("'", '"'):
            quote, quoted = letter, True
        elif letter in _SPACE or letter == "#":
            break
        else:
            word.append(letter)
        at += 1
    text_of = "".join(word)
    return (text_of if text_of or quoted else None), min(at, len(text)), quote
