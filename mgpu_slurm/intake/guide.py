"""The tables of man/guides/troubleshooting.md, from the tables of errors and reasons. Pure; man/build writes the file."""

from __future__ import annotations

from mgpu_slurm.base.error_codes import TEXT
from mgpu_slurm.facts import advice, complaints, reasons


def troubleshooting(section: str) -> str:
    """The hand-written part, then every error, every sentence with which something gives up or refuses, and every reason."""
    lines = [section.rstrip("\n"), "", "## Errors", ""]
    lines += ["The number is Slurm's; `mgpu_scontrol errnumstr N` gives its text.", ""]
    lines += ["| number | text | what to do |", "|---|---|---|"]
    lines += [f"| {number} | {cell(text)} | {cell(advice.CODES.get(number, ''))} |" for number, text in TEXT.items()]
    lines += ["", "## Sentences", "", "With these a daemon ends, a cluster of one's own does not start, or a job is not run.", ""]
    lines += ["| sentence | what to do |", "|---|---|"]
    lines += [f"| {cell(text)} | {cell(advised)} |" for text, advised in advice.SENTENCES.items()]
    for title, told, table in (
        ("Arguments", "Said by a command of what it was given; nothing was sent anywhere. The first row that fits holds.",
         complaints.ARGUMENTS),
        ("Configurations", "Said of a configuration, behind its file and line.", complaints.CONFIGURATION),
        ("Hosts", "Said by `mgpu_cluster`: behind a host's name and FAILED or warning, or of why it does nothing.",
         complaints.CLUSTER),
    ):  # fmt: skip
        lines += ["", f"## {title}", "", told, "", "| sentence | what to do |", "|---|---|"]
        lines += [f"| {cell(text)} | {cell(advised)} |" for text, advised in table.items()]
    lines += ["", "## Reasons", "", "| word | meaning | what to do |", "|---|---|---|"]
    for word, meaning in [*((word, row[1]) for word, row in reasons.REASONS.items()), *reasons.ONLY_22_05.items()]:
        lines.append(f"| {word} | {cell(meaning)} | {cell(advice.reason(word))} |")
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|")
