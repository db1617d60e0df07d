"""mgpu_doctor: look at this machine and its cluster, and say what is not in order and how to mend it."""

from __future__ import annotations

import textwrap

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.commands import doctor_checks
from mgpu_slurm.commands.doctor_facts import FAIL, PASS, WARN
from mgpu_slurm.commands.first import master_of
from mgpu_slurm.commands.query_options import read, words
from mgpu_slurm.facts.queries import doctor as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.doctor_facts import Verdict

WIDTH = 110
_INDENT = " " * 21


def doctor(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    """Exit status 0 unless a check failed; 1 then, and for wrong options."""
    given = read(table.ROWS, argv, environ, "mgpu_doctor")
    if given.has("usage") or given.has("help"):
        from mgpu_slurm.intake import manual

        streams.out.write(manual.usage("doctor") if given.has("usage") else manual.help_text("doctor"))
        return 0
    if given.has("version"):
        from mgpu_slurm import __version__

        streams.out.write(f"mgpu_slurm {__version__}\n")
        return 0
    if given.operands:
        raise UsageError(f"unexpected argument: {given.operands[0]}", 1)
    from mgpu_slurm.commands import doctor_look

    facts = doctor_look.look(environ, master_of(given.text("master"), environ, cluster), words(given.text("users")))
    verdicts = doctor_checks.judge(facts)
    failed = any(verdict.level == FAIL for _, verdict in verdicts)
    streams.out.write(as_json(verdicts) if given.has("json") else as_text(verdicts, given.has("quiet")))
    return 1 if failed else 0


def as_text(verdicts: Sequence[tuple[str, Verdict]], quiet: bool = False) -> str:
    """A line for each verdict, its mend below, and how many of each there are."""
    lines = []
    for name, verdict in verdicts:
        if quiet and verdict.level == PASS:
            continue
        lines += textwrap.wrap(
            verdict.text, WIDTH, initial_indent=f"{verdict.level}  {name:<15}", subsequent_indent=_INDENT,
            break_on_hyphens=False, break_long_words=False,
        )  # fmt: skip
        if verdict.mend:
            lines += textwrap.wrap(
                f"mend: {verdict.mend}", WIDTH, initial_indent=_INDENT, subsequent_indent=f"{_INDENT}      ",
                break_on_hyphens=False, break_long_words=False,
            )  # fmt: skip
    counts = counted(verdicts)
    if not quiet:
        lines.append(", ".join(f"{count} {level}" for level, count in counts.items() if count))
    return "".join(f"{line}\n" for line in lines)


def as_json(verdicts: Sequence[tuple[str, Verdict]]) -> str:
    import json

    checks = [{"name": name, "verdict": one.level, "text": one.text, "mend": one.mend} for name, one in verdicts]
    return json.dumps({"checks": checks, "summary": counted(verdicts)}, indent=2) + "\n"


def counted(verdicts: Sequence[tuple[str, Verdict]]) -> dict[str, int]:
    levels = [verdict.level for _, verdict in verdicts]
    return {level: levels.count(level) for level in (PASS, WARN, FAIL)}
