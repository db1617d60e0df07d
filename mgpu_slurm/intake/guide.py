"""The tables of man/guides/troubleshooting.md, from the tables of errors and reasons. Pure; man/build writes the file."""

from __future__ import annotations

from mgpu_slurm.base.error_codes import TEXT
from mgpu_slurm.facts import advice, reasons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container


def troubleshooting(section: str, raised: Container[int]) -> str:
    """The hand-written part, then every error - first those of the numbers that this suite answers with - and every reason."""
    lines = [section.rstrip("\n"), "", "## Errors", ""]
    lines += ["The number is Slurm's; `mgpu_scontrol errnumstr N` gives its text.", ""]
    lines += _errors([number for number in TEXT if number in raised])
    lines += ["", "### Other numbers", "", "Slurm has these as well; a program written for it may show them.", ""]
    lines += _errors([number for number in TEXT if number not in raised])
    lines += ["", "## Reasons", "", "| word | meaning | what to do |", "|---|---|---|"]
    for word, meaning in [*((word, row[1]) for word, row in reasons.REASONS.items()), *reasons.ONLY_22_05.items()]:
        lines.append(f"| {word} | {cell(meaning)} | {cell(advice.reason(word))} |")
    return "\n".join(lines) + "\n"


def _errors(numbers: list[int]) -> list[str]:
    rows = [f"| {number} | {cell(TEXT[number])} | {cell(advice.CODES.get(number, ''))} |" for number in numbers]
    return ["| number | text | what to do |", "|---|---|---|", *rows]


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|")
