"""The two format languages, as squeue and sinfo of Slurm 22.05.8 print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.commands import listing
from mgpu_slurm.facts.fields.field import View
from mgpu_slurm.facts.fields.job import JOB

COLUMNS: dict[str, list[object]] = {
    "job_id": [1222, 9], "name": ["runner", "a"], "nodes": ["n[0-1]", ""], "state": ["RUNNING", "PENDING"], "flags": [[], []],
    "reason": ["None", "Dependency"], "reason_text": ["", ""], "run_seconds": [2, 0], "time_limit": [1200, -1],
}  # fmt: skip

LETTERS = [
    ("%A", "JOBID\n1222\n9\n"),
    ("%%A|%%T", "JOBID|STATE\n1222|RUNNING\n9|PENDING\n"),
    (" %A|%T%", " JOBID|STATE\n 1222|RUNNING\n 9|PENDING\n"),
    ("%j1|%Ak|", "NAME1|JOBIDk|\nrunner1|1222k|\na1|9k|\n"),
    ("%.8j|", "    NAME|\n  runner|\n       a|\n"),
    ("%8j|", "NAME    |\nrunner  |\na       |\n"),
    ("%3j|%.3j|", "NAM|NAM|\nrun|run|\na  |  a|\n"),
    ("%.5N|%5R|", "NODELIST|NODEL|\nn[0-1]|n[0-1|\n     |(Depe|\n"),
    ("%3M|%.3l|", "TIM|TIM|\n0:0|20:00:00|\n0:0|UNL|\n"),
    ("%05A|", "JOBID|\n1222 |\n9    |\n"),
    ("abc", "abc\nabc\nabc\n"),
    ("", "\n\n\n"),
    ("%-5i|%A", "%-5i|JOBID\n%-5i|1222\n%-5i|9\n"),
    ("%9", "%9\n%9\n%9\n"),
    ("%.2147483648A", "JOBID\n1222\n9\n"),
    ('"%A"', '"JOBID"\n"1222"\n"9"\n'),
]

NAMES = [
    ("jobid,name", "".join(f"{a:20}{b:20}\n" for a, b in (("JOBID", "NAME"), ("1222", "runner"), ("9", "a")))),
    ("JobId:###,name:###", "JOBID###NAME###\n1222###runner###\n9###a###\n"),
    ("state:.12|,nodelist:5|", "       STATE|NODEL|\n     RUNNING|n[0-1|\n     PENDING|     |\n"),
    ("jobid:3,foo", "JOB\n122\n9  \n"),
    ('jobid:" "', 'JOBID" "\n1222" "\n9" "\n'),
    ("foo", "\n\n\n"),
    ("jobid:-8,name:-3|", "JOBID NAME |\n1222 runner |\n9 a |\n"),
    ("jobid: ,name:  +3x", "JOBID NAMx\n1222 runx\n9 a  x\n"),
    (" jobid,jobid:99999999999999", "JOBID\n1222\n9\n"),
]


def shown(made: listing.Format) -> str:
    return listing.header(made) + listing.lines(made, COLUMNS, View(), 2)


@pytest.mark.parametrize(("text", "expected"), LETTERS)
def test_letters(text: str, expected: str) -> None:
    assert shown(listing.parse_letters(text, JOB)) == expected


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names(text: str, expected: str) -> None:
    assert shown(listing.parse_names(text, JOB)) == expected


def test_what_means_nothing_is_reported() -> None:
    assert listing.parse_letters("%-5i %9 %A", JOB).wrong == ["-", " "]
    made = listing.parse_names("jobid:2,foo,bar:3|", JOB)
    assert (made.wrong, listing.header(made)) == (["foo", "bar"], "JO|\n")


def test_all_letters() -> None:
    made = listing.parse_letters("%all", JOB)
    assert listing.header(made).startswith("ACCOUNT|TRES_PER_NODE|MIN_CPUS|MIN_TMP_DISK|END_TIME|FEATURES|GROUP|OVER_SUBSCRIBE|")
    assert listing.header(made).endswith("|CORE_SPEC|SCHEDNODES|WORK_DIR\n")


@pytest.mark.parametrize(
    ("text", "keys", "wrong"),
    [
        ("P,t,-p", [("P", False, False), ("t", False, False), ("p", True, False)], ""),
        ("-i", [("i", True, False)], ""),
        ("#P,-t", [("P", False, True), ("t", True, False)], ""),
        ("f9", [("f", False, False)], "9"),
        ("-#P,#-t,-9i", [("P", False, True), ("t", True, False), ("i", False, False)], "9"),
    ],
)
def test_sort_keys(text: str, keys: list[tuple[str, bool, bool]], wrong: str) -> None:
    assert listing.parse_sort(text, JOB.letters) == (keys, wrong)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30), st.booleans(), st.booleans())
def test_order_is_that_of_the_keys_and_stable(rows: list[tuple[int, int]], first: bool, second: bool) -> None:
    keys = [([row[0] for row in rows], first), ([row[1] for row in rows], second)]
    expected = sorted(range(len(rows)), key=lambda at: (rows[at][0] * (-1 if first else 1), rows[at][1] * (-1 if second else 1)))
    assert listing.order(list(range(len(rows))), keys) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_format(text: str) -> None:
    for parse in (listing.parse_letters, listing.parse_names):
        made = parse(text, JOB)
        made.cells = [cell for cell in made.cells if cell.field is None or set(cell.field.columns) <= COLUMNS.keys()]
        assert len(shown(made)) < 100_000 or any(cell.width > 1000 for cell in made.cells)
