"""The tables of fields: complete, and each cell from made-up values as Slurm 22.05.8 prints it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.facts.fields import field
from mgpu_slurm.facts.fields.field import View
from mgpu_slurm.facts.fields.job import JOB
from mgpu_slurm.facts.fields.partition import SINFO
from mgpu_slurm.facts.fields.step import STEP
from mgpu_slurm.records import columns, node_columns, step_columns

JOB_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_every_letter_of_squeue_is_there() -> None:
    assert set(JOB.letters) == set(JOB_LETTERS)
    assert set(STEP.letters) == set("NAPSijlMbUu")


def test_every_letter_of_sinfo_is_there() -> None:
    assert set(SINFO.letters) == set("abcdefghilmnoprstuvwzABCDEFGHILMNOPRSTUVXYZ")


def test_names_are_told_apart() -> None:
    for table in (JOB, STEP, SINFO):
        names = [name.lower() for row in table.rows for name in row.names]
        assert len(names) == len(set(names))


def test_every_column_is_made() -> None:
    assert {name for row in JOB.rows for name in row.columns} <= set(columns.JOB)
    assert {name for row in STEP.rows for name in row.columns} <= set(step_columns.STEP)
    asked = {name for row in SINFO.rows for name in row.columns}
    assert {name for name in asked if name[0] not in "#" and not name.startswith("p.")} <= set(node_columns.NODE)
    assert {name[2:] for name in asked if name.startswith("p.")} <= set(node_columns.PARTITION)


CELLS = [
    ("%t", ["RUNNING", ["COMPLETING"]], "CG"),
    ("%T", ["PENDING", []], "PENDING"),
    ("%R", ["PENDING", [], "", "Resources", ""], "(Resources)"),
    ("%R", ["FAILED", [], "n0", "NonZeroExitCode", ""], "(NonZeroExitCode)"),
    ("%R", ["FAILED", ["COMPLETING"], "n0", "NonZeroExitCode", ""], "n0"),
    ("%R", ["PENDING", [], "", "None", "job requeued in held state"], "(job requeued in held state)"),
    ("%R", ["CANCELLED", [], "", "Priority", ""], ""),
    ("%l", [None], "NOT_SET"),
    ("%l", [-1], "UNLIMITED"),
    ("%l", [1564], "1-02:04:00"),
    ("%L", [20, 1500], "INVALID"),
    ("%L", [60, 0], "1:00:00"),
    ("%M", [0], "0:00"),
    ("%M", [93784], "1-02:03:04"),
    ("%S", [0.0], "N/A"),
    ("%e", [0.0, "RUNNING", -1, 5.0], "NONE"),
    ("%e", [0.0, "PENDING", -1, 0.0], "N/A"),
    ("%p", [1], "0.00000000023283"),
    ("%m", [1536], "1.50G"),
    ("%m", [1500], "1500M"),
    ("%m", [0], "0"),
    ("%X", [None, None], "N/A"),
    ("%X", [None, 2], "2 Threads"),
    ("%z", [None, 2, None], "*:2:*"),
    ("%a", [None], "(null)"),
    ("%a", [""], ""),
    ("%b", [""], "N/A"),
    ("%B", [""], "n/a"),
    ("%h", ["OK"], "OK"),
    ("%i", [7, 0, None, "", 0, 0, 0], "7"),
    ("%i", [9, 7, 2, "", 2, 0, 0], "7_2"),
    ("%i", [7, 7, None, "3-6", 2, 0, 0], "7_[3-6%2]"),
    ("%i", [7, 7, None, "3-6", 0, 0, 0], "7_[3-6]"),
    ("%i", [8, 0, None, "", 0, 7, 1], "7+1"),
    ("%K", [0, None, "", 0], "N/A"),
    ("%F", [0, 5], "5"),
]


@pytest.mark.parametrize(("letter", "values", "expected"), CELLS)
def test_cells_of_jobs(letter: str, values: list[object], expected: str) -> None:
    row = JOB.letters[letter[1:]]
    assert row.text is not None
    assert len(values) == len(row.columns)
    assert row.text(View(), *values) == expected


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [("3-6", 64, "3-6"), ("1,3,5,7,9", 10, "1,3,5,..."), ("1,3,5,7", 3, ".."), ("3-6", 5, "3..."), ("3-6", 6, "3-6")],
)
def test_lists_are_shortened(text: str, size: int, expected: str) -> None:
    assert field.shortened(text, size) == expected


@given(st.integers(0, 1 << 40))
def test_scaled_memory_means_the_same(mib: int) -> None:
    shown = field.scaled(mib)
    unit = shown.lstrip("0123456789.") or "M"
    assert float(shown.removesuffix(unit)) * 1024 ** "MGTPE".index(unit) == mib


@pytest.mark.parametrize(("mib", "shown"), [(64000, "62.50G"), (16000, "16000M"), (1024, "1G"), (2560, "2.50G"), (100, "100M")])
def test_memory_units(mib: int, shown: str) -> None:
    assert field.scaled(mib) == shown
