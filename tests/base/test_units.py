"""Times, memory and counts against sbatch, squeue and scontrol of 22.05.8."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base import units


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30", 30),
        ("30:15", 31),
        ("1:30:15", 91),
        ("00:00:30", 1),
        ("1-", 1440),
        ("1-2", 1560),
        ("1-2:3", 1563),
        ("1-2:3:4", 1564),
        ("1-2:90", 1650),
        ("99:99:99", 6041),
        ("120:00", 120),
        ("24:00:00", 1440),
        ("0", 0),
        ("0:0", 0),
        ("-1", units.UNLIMITED),
        ("infinite", units.UNLIMITED),
        ("UNLIMITED", units.UNLIMITED),
    ],
)
def test_time_limits(text: str, minutes: int) -> None:
    assert units.parse_minutes(text) == minutes


@pytest.mark.parametrize(
    "text", ["5m", "1:2:3:4", "abc", "", "1-2:", "1:", ":5", "+5", "1.5", "1:-3", "1--2", "infin", "-2", "1-2:3:4:5"]
)
def test_no_time_limits(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_minutes(text)


@pytest.mark.parametrize(
    ("minutes", "squeue", "scontrol"),
    [
        (1, "1:00", "00:01:00"),
        (5, "5:00", "00:05:00"),
        (60, "1:00:00", "01:00:00"),
        (1439, "23:59:00", "23:59:00"),
        (1440, "1-00:00:00", "1-00:00:00"),
        (10000, "6-22:40:00", "6-22:40:00"),
        (units.UNLIMITED, "UNLIMITED", "UNLIMITED"),
    ],
)
def test_shown_limits(minutes: int, squeue: str, scontrol: str) -> None:
    assert units.format_minutes(minutes) == squeue
    assert units.format_time_limit(minutes) == scontrol


def test_elapsed() -> None:
    assert units.format_seconds(1) == "0:01"
    assert units.format_seconds(93784) == "1-02:03:04"
    assert units.format_seconds(-5) == "INVALID"
    assert units.format_elapsed(1) == "00:00:01"


@given(st.integers(0, 10**8))
def test_parse_reads_what_format_writes(number: int) -> None:
    assert units.parse_seconds(units.format_seconds(number)) == number
    assert units.parse_minutes(units.format_minutes(number)) == number
    assert units.parse_minutes(units.format_time_limit(number)) == number
    assert units.parse_mem(units.format_mem(number)) == number


@pytest.mark.parametrize(
    ("text", "mib"),
    [("100", 100), ("1K", 1), ("1500K", 2), ("10M", 10), ("2G", 2048), ("2GB", 2048), ("2gb", 2048), ("1T", 1048576), ("0", 0)],
)
def test_memory(text: str, mib: int) -> None:
    assert units.parse_mem(text) == mib


@pytest.mark.parametrize("text", ["1.5G", "2Gi", "10MiB", "4P", "-5", "", "G", "B", "5B", "5GG", "1 G"])
def test_no_memory(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_mem(text)


@pytest.mark.parametrize(
    ("mib", "text"),
    [(0, "0"), (1, "1M"), (1000, "1000M"), (1024, "1G"), (1500, "1500M"), (10240, "10G"), (15360, "15G"), (1048576, "1T")],
)
def test_shown_memory(mib: int, text: str) -> None:
    assert units.format_mem(mib) == text


def test_counts() -> None:
    assert [units.parse_count(word) for word in ("3", "2k", "1K", "1m")] == [3, 2048, 1024, 1048576]
    for bad in ("", "k", "-1", "2kk", "1.5k"):
        with pytest.raises(ValueError):
            units.parse_count(bad)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


NOW = 1795477037.0  # 2026-11-23 23:37:17, a Monday


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (0, "23:37:17"),
        (3600, "Tomorr 00:37"),
        (2 * 86400, "Wed 23:37"),
        (6 * 86400, "Sun 23:37"),
        (7 * 86400, "30 Nov 23:37"),
        (38 * 86400, "31 Dec 23:37"),
        (39 * 86400, "1 Jan 2027"),
        (400 * 86400, "28 Dec 2027"),
        (-86400, "Ystday 23:37"),
    ],
)
def test_relative_times(ahead: int, text: str) -> None:
    assert units.format_time(NOW + ahead, "relative", NOW) == text


def test_moments() -> None:
    assert units.format_time(NOW) == "2026-11-23T23:37:17"
    assert units.format_time(NOW, "standard") == "2026-11-23T23:37:17"
    assert units.format_time(NOW, "%H x") == "23 x"
    assert units.format_time(0) == "Unknown"
    assert units.format_time(None, unknown="N/A") == "N/A"
