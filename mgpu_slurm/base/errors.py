"""The kinds of failure of the whole program, and Slurm's texts for its error numbers.

A failure is raised where it is known and shown once, at the rim: a command prints it, a daemon answers with it.
`SlurmError` is a refusal with Slurm's number (it may travel in a reply); `UsageError` is a refusal that a command makes
itself before it talks to anyone; `ConfigError` is a wrong line of a configuration; `ProtocolError` is a peer that does
not speak our frames. The `ESLURM_...` names of the numbers are importable from here.
"""

from __future__ import annotations

import os

from mgpu_slurm.base.error_codes import *  # noqa: F403 - the symbols are the point
from mgpu_slurm.base.error_codes import LATER, TEXT, TEXT_22_05

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NEWEST = (26, 5)


def strerror(code: int, compat: tuple[int, int] = NEWEST) -> str:
    """The text Slurm prints for an error number; numbers below 1000 are the system's errno.

    With an older `compat`, codes which that version lacks read as an unknown error, as they would there.
    """
    if compat < (23, 2):
        if code in TEXT_22_05:
            return TEXT_22_05[code]
        if code in LATER:
            return f"Unknown error {code}"
    text = TEXT.get(code)
    if text is not None:
        return text
    if code == 0:
        return "No error"
    if code == -1:
        return "Unspecified error"
    return os.strerror(code)


class SlurmError(Exception):
    """A request was refused: Slurm's error number and the text for the user."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = strerror(code) if text is None else text
        super().__init__(code, self.text)

    def __str__(self) -> str:
        return self.text


class UsageError(Exception):
    """A command refuses its own arguments or environment.

    `lines` are texts without the "sbatch: error: " in front; a line may be a (level, text) pair where the level is
    not "error" ("fatal", "warning", "" for a bare line). `status` is the exit status.
    """

    def __init__(self, lines: str | Iterable[str | tuple[str, str]], status: int = 255) -> None:
        self.lines: list[str | tuple[str, str]] = [lines] if isinstance(lines, str) else list(lines)
        self.status = status
        super().__init__(self.lines, status)

    def __str__(self) -> str:
        return "\n".join(line if isinstance(line, str) else line[1] for line in self.lines)


class ConfigError(Exception):
    """A configuration file says something wrong. `line` counts from 1; 0 when the whole file is meant."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(file, line, reason)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.reason}"


class ProtocolError(Exception):
    """The other end sent bytes that are not a frame or a message of ours."""
