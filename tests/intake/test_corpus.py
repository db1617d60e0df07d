"""The heads of real batch scripts: what real sbatch 22.05.8 refused as syntax we refuse in the same words, all else we take."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake import submit

DATA = Path(__file__).parent.parent / "data"
OLD, CURRENT = (22, 5), (26, 5)


def scripts() -> list[dict]:
    with gzip.open(DATA / "headers-dev.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def verdicts() -> dict[int, dict[str, str]]:
    with gzip.open(DATA / "verdicts-dev.tsv.gz", "rt", encoding="utf-8") as file:
        return {int(row["id"]): row for row in csv.DictReader(file, delimiter="\t")}


def attempt(script: dict, compat: tuple[int, int]) -> tuple[str, int]:
    lines = [script["shebang"] or "", *script["directives"], "true", *script.get("late_directives", [])]
    data = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    try:
        submit.parse("sbatch", ["--test-only", "job.sh"], {}, "/home/u", lambda name: ("/home/u/job.sh", data), compat, now=1.7e9)
    except UsageError as refusal:
        first = refusal.lines[0]
        level, text = ("error", first) if isinstance(first, str) else first
        return (f"sbatch: {level}: {text}" if level else text), refusal.status
    return "", 0


def test_every_header_gets_the_verdict_of_real_sbatch() -> None:
    known = verdicts()
    wrong = []
    for script in scripts():
        verdict = known[script["id"]]
        got, status = attempt(script, OLD)
        if verdict["verdict"] == "syntax":
            if (got, status) != (verdict["first_error_line"], int(verdict["exit_code"])):
                wrong.append((script["id"], verdict["first_error_line"], got))
        elif got and (got, status) != (verdict["first_error_line"], int(verdict["exit_code"])):
            wrong.append((script["id"], verdict["first_error_line"], got))
    assert not wrong


def test_the_current_version_takes_what_the_old_one_takes() -> None:
    """Apart from combinations that newer versions refuse on purpose."""
    known = verdicts()
    refused = [attempt(script, CURRENT)[0] for script in scripts() if known[script["id"]]["verdict"] != "syntax"]
    assert {text for text in refused if text and "mutually exclusive" not in text and "gres" not in text} == set()
