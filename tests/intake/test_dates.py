"""Instants as real Slurm 22.05.8 understood them on 2026-11-23 at 23:33:26 UTC."""

from __future__ import annotations

import calendar
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.intake import dates

NOW = calendar.timegm((2026, 11, 23, 23, 33, 26))

WANTED = {
    "now": NOW, "now+60": NOW + 60, "now + 5 minutes": NOW + 300, "now+1hours": NOW + 3600, "now+2days": NOW + 2 * 86400,
    "now+1week": NOW + 7 * 86400, "now-1hour": NOW - 3600, "NOW": NOW, "now+1Hour": NOW + 3600, "now+60 ": NOW + 60,
    "now+1second": NOW + 1, "16:00": "2026-11-24T16:00:00", "4:00pm": "2026-11-24T16:00:00", "4:00 PM": "2026-11-24T16:00:00",
    "23:59:59": "2026-11-23T23:59:59", "noon": "2026-11-24T12:00:00", "midnight": "2026-11-24T00:00:00",
    "fika": "2026-11-24T15:00:00", "teatime": "2026-11-24T16:00:00", "today": "2026-11-23T00:00:00",
    "tomorrow": "2026-11-24T00:00:00", "today 12:00": "2026-11-23T12:00:00", "tomorrow noon": "2026-11-24T12:00:00",
    "2030-01-20": "2030-01-20T00:00:00", "2030-01-20T12:34": "2030-01-20T12:34:00",
    "2030-01-20T12:34:56": "2030-01-20T12:34:56",
    "2030-01-20 12:34": "2030-01-20T12:34:00", "2030-01-20-12:34": "2030-01-20T12:34:00", "2030-02-31": "2030-03-03T00:00:00",
    "0120": "2027-01-20T00:00:00", "1231": "2026-12-31T00:00:00", "010230": "2030-01-02T00:00:00",
    "01/20/30": "2030-01-20T00:00:00", "01/20": "2027-01-20T00:00:00", "01.20.30": "2030-01-20T00:00:00",
    "1/2/30": "2030-01-02T00:00:00", "01.20.30-12:30": "2030-01-20T12:30:00", "uts1900000000": 1900000000,
    "noon tomorrow": "2026-11-24T12:00:00", "12:00 01/20/30": "2030-01-20T12:00:00",
    "16:00:00T2030-01-20": "2030-01-20T16:00:00",
    "0:30am": "2026-11-24T00:30:00", "12:00am": "2026-11-24T00:00:00", "12:00pm": "2026-11-24T12:00:00",
    "2030-01-20T": "2030-01-20T00:00:00", "2020-01-01": "2020-01-01T00:00:00", "12:30 12:40": "2026-11-24T12:40:00",
    "16:00 ": "2026-11-24T16:00:00", "02/29": "2027-03-01T00:00:00", "2030-01-20Tnoon": "2030-01-20T12:00:00",
    "7/4": "2027-07-04T00:00:00", "113030": "2030-11-30T00:00:00", "1:00:00 pm": "2026-11-24T13:00:00",
    "1:00 am tomorrow": "2026-11-24T01:00:00", "midnight 07/04": "2027-07-04T00:00:00",
}  # fmt: skip
WRONG = {
    "now+5min": 4, "now+43x": 5, "now+1h": 4, "now+": 3, "now+1 hour 3": 12, "24:00": 0, "12:60": 3, "1:2": 3, "elevenses": 0,
    "2030-1-2": 0,
    "2030-13-01": 5, "01/20/2030": 8, "uts5": 0, "30": 0, "13:00pm": 5, "x": 0, "2030-01-20T25:00": 11, "tomorrow+1hour": 8,
    "now+1hour+1hour": 9, "13/01/30": 0, "now+1.5hours": 4, "noon+1hour": 4, "23:61": 3, "2030-01-20T12:34:56.5": 19,
    "2030-01-20T12:34:56Z": 19, "2030/01/20": 0, "20300120": 0, "1:00a": 4, "4pm": 1, "week": 0, "today-1day": 7,
}  # fmt: skip


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("text", WANTED)
def test_instant(text: str) -> None:
    wanted = WANTED[text]
    if isinstance(wanted, str):
        wanted = calendar.timegm(time.strptime(wanted, "%Y-%m-%dT%H:%M:%S"))
    assert dates.parse(text, NOW, compat=(22, 5)) == wanted


@pytest.mark.parametrize("text", WRONG)
def test_no_instant(text: str) -> None:
    with pytest.raises(dates.DateError) as problem:
        dates.parse(text, NOW, compat=(22, 5))
    assert str(problem.value) == f"Invalid time specification (pos={WRONG[text]}): {text}"


def test_newer_versions_know_elevenses() -> None:
    assert dates.parse("elevenses", NOW) == calendar.timegm((2026, 11, 24, 11, 0, 0))


def test_listings_look_back() -> None:
    assert dates.parse("16:00", NOW, past=True) == calendar.timegm((2026, 11, 23, 16, 0, 0))
    assert dates.parse("12/01", NOW, past=True) == calendar.timegm((2026, 12, 1, 0, 0, 0))


@given(st.integers(min_value=946684800, max_value=4102444800))
def test_iso_round_trip(instant: int) -> None:
    assert dates.parse(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(instant)), NOW) == instant
