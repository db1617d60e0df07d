"""sbatch's batch script: where it is found, its text, and the words that its lines stand for."""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake import header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mgpu_slurm.intake import argv
    from mgpu_slurm.intake.values import Reading

SIZE_LIMIT = 512 << 20
"""Bytes. Bigger scripts are refused by the client; the controller has a limit of its own."""


class Script:
    """`text`: None where there is none. `path`: as listings name it, "" for --wrap and standard input. `parts`: the words
    of the `#SBATCH` lines of each part of the job, at least one part. `others`: may hold lines of other batch systems."""

    __slots__ = ("others", "parts", "path", "text")

    def __init__(self, text: str | None = None) -> None:
        self.text = text
        self.path = ""
        self.parts: list[list[str]] = [[]]
        self.others = False

    def other_words(self, prog: str) -> list[str]:
        """The words that `#PBS` and `#BSUB` lines stand for. Raises UsageError."""
        if not self.others:
            return []
        from mgpu_slurm.intake import foreign

        return foreign.translate(self.text or "", prog)


def of(
    given: list[argv.Parsed],
    read: Callable[[str | None], tuple[str, bytes]],
    environ: Mapping[str, str],
    reading: Reading,
) -> Script:
    """The script of the components' options and operands, `read(name, or None for standard input)`. Raises UsageError."""
    chosen = {row.name: text for parsed in given for row, text in parsed.options}
    operands = given[-1].operands
    if "external" in chosen:
        return Script()
    if "wrap" in chosen:
        if operands:
            raise UsageError("Script arguments not permitted with --wrap option", 1)
        blank = "" if len(given) > 1 else "\n"  # sbatch leaves the line out where there are components
        return Script(f"#!/bin/sh\n# This script was created by sbatch --wrap.\n{blank}{chosen['wrap']}\n")
    name = operands[0] if operands else None
    found = Script()
    try:
        found.path, data = read(name)
    except OSError:
        raise UsageError(f"Unable to open file {name}", 1) from None
    if len(data) > SIZE_LIMIT:
        raise UsageError([("fatal", f"Script file {name} is too large")], 1)
    header.check(data)
    found.text = data.decode("utf-8", "surrogateescape")
    head = header.read(found.text, name or "stdin", reading.compat)
    for level, line in head.warnings:
        reading.warnings.append(f"{reading.prog}: {level + ': ' if level else ''}{line}")
    found.parts = head.parts
    found.others = not ("ignore-pbs" in chosen or "SBATCH_IGNORE_PBS" in environ)
    return found


class Files:
    """Reads the real script. A name that does not begin with a dot or a slash is looked for in the job's directory, then
    on PATH; what is found in neither, and every other name, is a path from where sbatch runs."""

    def __init__(self, cwd: str, directory: str, environ: Mapping[str, str]) -> None:
        self.cwd = cwd
        self.directory = directory
        self.environ = environ

    def __call__(self, name: str | None) -> tuple[str, bytes]:
        import os

        if name is None:
            chunks = []
            while chunk := os.read(0, 1 << 20):
                chunks.append(chunk)
            return "", b"".join(chunks)
        path = self._path(name)
        try:
            with open(os.path.join(self.cwd, path), "rb") as file:
                return path, file.read()
        except IsADirectoryError:
            return path, b""

    def _path(self, name: str) -> str:
        import os

        if name.startswith((".", "/")):
            return name
        path = f"{self.directory}/{name}"
        if os.path.isfile(path):
            return path
        for place in self.environ.get("PATH", "").split(":"):
            path = f"{self.cwd}/{place}/{name}" if place.startswith(".") else f"{place}/{name}"
            real = os.path.join(self.cwd, path)
            if place and "/" not in name and os.path.isfile(real) and os.access(real, os.R_OK):
                return path
        return name
