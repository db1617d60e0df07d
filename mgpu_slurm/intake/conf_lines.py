"""A configuration file -> its logical lines: comments and escapes taken away, continuations joined, Include followed.

Rules, as Slurm 22.05.8 reads them: `#` begins a comment wherever it stands, in quotes too, unless a backslash is before
it; a backslash at the end of a line joins the next one; any other backslash is dropped and the character after it is
plain; `Include FILE` is relative to the directory of the first file.
"""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Line = tuple[str, int, str]

DEEPEST = 8
LARGEST = 16 * 1024 * 1024


def _clean(line: str) -> tuple[str, bool]:
    """One physical line -> its text without comment and escapes, and whether the next line belongs to it."""
    if "\\" not in line:
        return line.partition("#")[0], False
    made: list[str] = []
    at = 0
    while at < len(line):
        char = line[at]
        if char == "#":
            break
        if char == "\\":
            at += 1
            if at == len(line):
                return "".join(made), True
            char = line[at]
        made.append(char)
        at += 1
    return "".join(made), False


def _read(path: str, includer: str, line: int) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        if includer:
            raise ConfigError(includer, line, f"cannot read included file {path}: {reason}") from None
        raise ConfigError(path, 0, f"cannot read: {reason}") from None
    if len(data) > LARGEST:
        raise ConfigError(path, 0, f"larger than {LARGEST >> 20} MiB")
    return data.decode("utf-8", "surrogateescape")


def split(text: str) -> Iterator[tuple[int, str]]:
    """The logical lines of a text that hold something, each with the number of its first physical line, from 1."""
    begun = 0
    joined = ""
    for number, physical in enumerate(text.split("\n"), 1):
        cleaned, goes_on = _clean(physical.rstrip("\r"))
        begun = begun or number
        joined += cleaned
        if goes_on:
            continue
        if joined.strip():
            yield begun, joined.strip()
        begun, joined = 0, ""
    if joined.strip():
        yield begun, joined.strip()


def _include(text: str) -> str:
    """The file of an Include line, or nothing."""
    parts = text.split(None, 1)
    return parts[1].strip('"') if len(parts) == 2 and parts[0].lower() == "include" else ""


def lines(path: str, root: str = "", _files: tuple[str, ...] = (), _from: tuple[str, int] = ("", 0)) -> Iterator[Line]:
    """(file, line number, text) of every logical line, those of included files in their place.

    Raises ConfigError for a file that cannot be read or that includes itself.
    """
    directory = root or os.path.dirname(path)
    for number, text in split(_read(path, *_from)):
        other = _include(text)
        if not other:
            yield path, number, text
            continue
        target = os.path.join(directory, other)
        if target in (*_files, path) or len(_files) >= DEEPEST:
            raise ConfigError(path, number, f"Include of {other} goes in a circle or too deep")
        yield from lines(target, directory, (*_files, path), (path, number))
