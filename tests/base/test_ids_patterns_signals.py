"""Job ids, output file names and signal names."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base import ids, patterns, signals
from mgpu_slurm.base.ids import JobRef, parse_job


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("123", JobRef(123)),
        ("123_4", JobRef(123, [4])),
        ("123_[1-3,7]", JobRef(123, [1, 2, 3, 7])),
        ("123_*", JobRef(123, "*")),
        ("123+1", JobRef(123, None, 1)),
        ("123.0", JobRef(123, step=0)),
        ("123.batch", JobRef(123, step="batch")),
        ("123.extern", JobRef(123, step="extern")),
        ("123.interactive", JobRef(123, step="interactive")),
        ("123_4.0", JobRef(123, [4], step=0)),
        ("123.0+1", JobRef(123, het=1, step=0)),
    ],
)
def test_ids(text: str, ref: JobRef) -> None:
    assert parse_job(text) == ref
    assert parse_job(str(ref)) == ref


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "x", "12x", "1_", "1_[", "1_[]", "1_x", "1.", "1.x", "1+", "1+1.0+1", "4294967295", " 1", "1_2_3", "²"],
)
def test_no_ids(text: str) -> None:
    with pytest.raises(ValueError):
        parse_job(text)


@given(
    st.integers(1, ids.MAX_JOB_ID),
    st.none() | st.lists(st.integers(0, 99), min_size=1, max_size=9, unique=True).map(sorted) | st.just("*"),
    st.none() | st.integers(0, 99) | st.sampled_from(["batch", "extern", "interactive"]),
)
def test_ids_read_back(job: int, tasks: list[int] | str | None, step: int | str | None) -> None:
    ref = JobRef(job, tasks, None, step)
    assert parse_job(str(ref)) == ref


def test_id_texts() -> None:
    assert ids.format_job(5) == "5"
    assert ids.format_job(5, 2) == "5_2"
    assert ids.format_job(5, het=1) == "5+1"
    assert ids.format_job_step(5, ids.BATCH_STEP) == "5.batch"
    assert ids.format_job_step(5, 0, task=3) == "5_3.0"
    assert ids.format_tasks(range(0, 101, 10)) == "[0-100:10]"
    assert parse_job("5.extern").step_number == ids.EXTERN
    assert parse_job("5_3").task == 3


VALUES: dict[str, int | str] = {
    "A": 171,
    "a": ids.NO_VALUE,
    "j": 171,
    "J": "171.0",
    "N": "vm",
    "n": 1,
    "s": 0,
    "t": 1,
    "u": "root",
    "x": "pa t",
}
BATCH: dict[str, int | str] = {**VALUES, "J": "171", "s": "batch", "t": 0, "n": 0}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        # as slurmd and slurmstepd of 22.05.8 named their files
        (
            "b-%A-%a-%j-%J-%N-%n-%s-%t-%x-%b-%r-%S-%q-%4j-%12j-%3a-%4s-%4t-%5n-%4N-%4q-%%-%5%-%04j-%1-x%.txt",
            "b-171-4294967294-171-171-vm-0-batch-0-pa t-%b-%r-%S-%q-0171-0000000171-4294967294-batch-0000-00000-vm-4q-%-5%-"
            "0171-1-x%.txt",
        ),
        ("bs\\%j-%x.txt", "bs%j-%x.txt"),
        ("c\\\\%j-%x%.txt", "c\\%j-%x%.txt"),
        ("pc%", "pc%"),
        ("pz%-3j%3%x%0j%00003j-%10j-%9j", "pz%-3j3%x171171-0000000171-000000171"),
        ("%%%j%%%", "%171%%"),
        ("x-%4u-%4x-%4%-%3N.", "x-root-pa t-4%-vm."),
        ("plain.txt", "plain.txt"),
        ("", ""),
    ],
)
def test_batch_names(pattern: str, name: str) -> None:
    assert patterns.expand(pattern, BATCH) == name


def test_step_names() -> None:
    name = patterns.expand("s-%j-%J-%n-%s-%t-%4j-%4J-%3t-%4s-%2n-%04t.txt", VALUES)
    assert name == "s-171-171.0-1-0-1-0171-0171.0-001-0000-01-0001.txt"


def test_letters() -> None:
    assert patterns.letters("o-%j-%4t-%%N-%") == {"j", "t"}
    assert patterns.letters("o\\%t") == set()
    assert patterns.expand(patterns.ARRAY_DEFAULT, {"A": 5, "a": 2}) == "slurm-5_2.out"


@given(st.text(alphabet="%0123456789jtxq\\-", max_size=20))
def test_any_pattern_expands(pattern: str) -> None:
    assert isinstance(patterns.expand(pattern, VALUES), str)


@pytest.mark.parametrize("word", ["KILL", "SIGKILL", "sigkill", "9", "kill"])
def test_kill(word: str) -> None:
    assert signals.parse(word) == signal.SIGKILL


@pytest.mark.parametrize("word", ["", "0", "SIG", "USR3", "5x", "-9", "CHLD", "SEGV", "999", "SIGSIGKILL"])
def test_no_signals(word: str) -> None:
    with pytest.raises(ValueError):
        signals.parse(word)


def test_signal_names_read_back() -> None:
    for word in signals.ACCEPTED:
        assert signals.name(signals.parse(word)) == word
    assert signals.name(signal.SIGSEGV) == "SEGV"
    assert signals.name(40) == "40"
