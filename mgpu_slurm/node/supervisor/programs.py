"""Which program each task runs: the command of srun, or its line of a --multi-prog file."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NO_PROGRAM = "No executable program specified for this task"


class NoProgram(Exception):
    """A multi-prog file has no line for a task, or a line that means nothing."""


def of_rank(text: str, rank: int) -> list[str]:
    """The command of one task: `ranks program arguments`, with %t the rank and %o its place within the line's ranks; any
    other letter behind a % goes away with it. Single quotes and backslashes quote, double quotes do not."""
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        ranks, _, command = stripped.partition(" ")
        place = _place(ranks, rank)
        if place is None:
            continue
        return [_filled(word, rank, place) for word in _words(command)]
    raise NoProgram(NO_PROGRAM)


def _filled(word: str, rank: int, place: int) -> str:
    import re

    meaning = {"%t": str(rank), "%o": str(place)}
    return re.sub("%.", lambda found: meaning.get(found[0], ""), word)


def _words(command: str) -> list[str]:
    from shlex import shlex

    lexer = shlex(command, posix=True)
    lexer.quotes, lexer.commenters, lexer.whitespace_split = "'", "", True
    try:
        words = list(lexer)
    except ValueError:  # a quote is never closed
        words = []
    if not words:
        raise NoProgram(NO_PROGRAM)
    return words


def _place(ranks: str, rank: int) -> int | None:
    if ranks == "*":
        return rank
    place = 0
    for part in ranks.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            return None
        low, high = int(first), int(last or first)
        if low <= rank <= high:
            return place + rank - low
        place += high - low + 1
    return None


def find(program: str, directory: str, environment: Mapping[str, str]) -> str:
    """The path to execute: within `directory` where it begins with a dot, as given where it has a slash, else the first
    executable on PATH, else the name itself: an environment without PATH, as --export=NONE makes it, leads nowhere in Slurm
    either."""
    if program.startswith("."):
        return f"{directory}/{program}"
    if "/" in program:
        return program
    for each in environment["PATH"].split(":") if environment.get("PATH") else ():
        path = os.path.join(each or ".", program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return program
