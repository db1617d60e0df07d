"""Every option, letter and field that Slurm documents is in the tables: same letter, argument, variables, header, width.

tests/data/slurm-options.tsv and slurm-fields.tsv list what Slurm's commands have, up to 26.05.
"""

from __future__ import annotations

import csv
import importlib
from functools import cache
from pathlib import Path

import pytest

from mgpu_slurm.facts.fields.job import JOB
from mgpu_slurm.facts.fields.partition import SINFO
from mgpu_slurm.facts.fields.sacct import COLUMNS as SACCT
from mgpu_slurm.facts.fields.sprio import fields as sprio_fields
from mgpu_slurm.facts.fields.sstat import COLUMNS as SSTAT
from mgpu_slurm.facts.fields.step import STEP
from mgpu_slurm.facts.option import Option
from mgpu_slurm.facts.options import LETTER, of

DATA = Path(__file__).resolve().parents[1] / "data"
ARGUMENTS = ("none", "required", "optional")
Row = dict[str, str]


def listed(name: str) -> list[Row]:
    with open(DATA / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


OPTIONS = listed("slurm-options.tsv")
FIELDS = listed("slurm-fields.tsv")


@cache
def options_of(command: str) -> dict[str, list[Option]]:
    rows = of(command) if command in LETTER else importlib.import_module(f"mgpu_slurm.facts.queries.{command}").ROWS
    found: dict[str, list[Option]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row)
    return found


def variables(command: str, row: Option) -> list[str]:
    if command in LETTER:
        return row.variables(LETTER[command])
    return row.env.split() if isinstance(row.env, str) else []


@pytest.mark.parametrize("command", sorted({row["command"] for row in OPTIONS}))
def test_options(command: str) -> None:
    wrong: list[str] = []
    for wanted in OPTIONS:
        if wanted["command"] != command:
            continue
        rows = options_of(command).get(wanted["option"])
        if not rows:
            wrong.append(f"--{wanted['option']} is missing")
            continue
        row = rows[0]
        have = (row.letter, ARGUMENTS[row.arg], set(variables(command, row)))
        # of two names of one option, a variable may be listed beside either
        named = set(wanted["variables"].split()) or have[2]
        if wanted["letter"] not in {one.letter for one in rows} or have[1:] != (wanted["argument"], named):
            wrong.append(f"--{row.name} is {have}, not {wanted}")
    assert not wrong


def test_letters_and_names() -> None:
    tables = {"squeue": JOB, "step": STEP, "sinfo": SINFO, "sprio": sprio_fields({})}
    wrong: list[str] = []
    for wanted in FIELDS:
        of_what, _, kind = wanted["list"].partition(" ")
        if kind == "field":
            continue
        table = tables[of_what]
        row = table.letters.get(wanted["key"]) if kind == "letter" else table.names.get(wanted["key"].lower())
        if row is None or row.header != wanted["header"]:
            wrong.append(f"{wanted} is {row and row.header}")
    assert not wrong


def test_fields_of_accounting() -> None:
    wrong: list[str] = []
    for wanted in FIELDS:
        if not wanted["list"].endswith(" field"):
            continue
        rows = [row for row in (SACCT if wanted["list"].startswith("sacct") else SSTAT) if row.name == wanted["key"]]
        if wanted["width"].split()[0].lstrip("-") not in {str(abs(row.width)) for row in rows}:
            wrong.append(f"{wanted} is {[row.width for row in rows]}")
    assert not wrong
