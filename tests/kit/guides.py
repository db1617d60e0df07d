"""Guides in Markdown whose commands are run.

A fenced block begins with what it is:

    ```console              commands after "$ ", each followed by what it prints; run one after the other in one shell
    ```console fails        the same, and the commands may fail without showing an error
    ```console own          run by a user without any configuration
    ```console elsewhere    names machines that are not here: not run, but counted
    ```console gpu          needs a GPU
    ```file=NAME            a file in the directory where the commands run

In what a command prints `...` stands for anything in a line, a line of `...` for any lines; numbers and the width of gaps need
not be the same. A command that shows an error may fail, any other must not.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

WORDS = ("", "fails", "own", "elsewhere", "gpu")
MARK = "=-=-= "


class Block:
    """A fenced block: `kind` is "console", "file" or another language, `word` what follows, `text` what it holds."""

    def __init__(self, kind: str, word: str, text: str, line: int) -> None:
        self.kind = kind
        self.word = word
        self.text = text
        self.line = line

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Each command with the lines that it is to print."""
        for part in re.split(r"^\$ ", self.text, flags=re.M)[1:]:
            first, *rest = part.rstrip("\n").split("\n")
            yield first, rest


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a page, those of lists too."""
    found = []
    for match in re.finditer(r"^( *)```(\S+)(?: +(\S+))?\n(.*?)^ *```$", text, re.M | re.S):
        indent, kind, word, body = match[1], match[2], match[3] or "", match[4]
        body = "".join(line[len(indent) :] if line.startswith(indent) else line for line in body.splitlines(keepends=True))
        line = text.count("\n", 0, match.start()) + 1
        if kind.startswith("file="):
            kind, word = "file", kind[5:]
        found.append(Block(kind, word, body, line))
    return found


def pattern(lines: list[str], others: dict[str, str]) -> re.Pattern[str]:
    """What the printed text has to match. `others`: words of the guide -> what they are here."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        made = ""
        for piece in re.split(r"(\.\.\.|\d+|\s+)", line.strip()):
            if piece == "...":
                made += ".*"
            elif piece.isdigit():
                made += r"\d+"
            elif piece.isspace():
                made += r"\s+"
            else:
                made += re.escape(others.get(piece.rstrip(":"), piece.rstrip(":")) + piece[len(piece.rstrip(":")) :])
        parts.append(rf"\s*{made}\s*\n")
    return re.compile("".join(parts) or r"\s*")


class Shell:
    """One bash for all commands of a guide, so that what one sets the next one has."""

    def __init__(self, environ: dict[str, str], cwd: Path, **options: object) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], env=environ, cwd=cwd, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True,
            **options,  # type: ignore[call-overload]
        )  # fmt: skip

    def run(self, command: str, seconds: float = 120.0) -> tuple[int, str]:
        """Exit status and all that was printed. AssertionError when it takes too long."""
        import os
        import select

        assert self.process.stdin is not None
        assert self.process.stdout is not None
        # a command must not read what the shell is to do next
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{MARK}%s\\n' $?\n")
        self.process.stdin.flush()
        told = ""
        end = time.monotonic() + seconds
        while not (match := re.search(rf"\n{MARK}(\d+)\n", told)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"not ended within {seconds:g} s: {command}: {told}"
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"the shell has ended: {command}: {told}"
            told += data.decode(errors="replace")
        return int(match[1]), told[: match.start()] + "\n"

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


def follow(page: list[Block], shells: dict[str, Shell], cwd: Path, others: dict[str, str], able: set[str]) -> list[str]:
    """Do what a guide says; what was not as it says, with the line of the block. `shells` by the blocks' words."""
    wrong = []
    for block in page:
        if block.kind == "file":
            (cwd / block.word).write_text(swapped(block.text, others))
            continue
        if block.kind != "console" or (block.word in ("elsewhere", "gpu") and block.word not in able):
            continue
        shell = shells.get(block.word, shells[""])
        for command, lines in block.commands():
            status, told = shell.run(swapped(command, others))
            where = f"line {block.line}: $ {command}\n{told}"
            expected = pattern(lines, others)
            if not expected.fullmatch(told):
                wrong.append(f"{where}prints something else than {lines}")
            excused = block.word == "fails" or any("error" in line or "unrecognized" in line for line in lines)
            if status and not excused:
                wrong.append(f"{where}ends with status {status}")
    return wrong


def swapped(text: str, others: dict[str, str]) -> str:
    """The text with what is here in place of the guide's words: ports, directories."""
    for word, here in others.items():
        if not word.isalpha():
            text = text.replace(word, here)
    return text
