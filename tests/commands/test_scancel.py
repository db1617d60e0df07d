"""scancel: texts, statuses and what is asked of the controller, as measured with Slurm 22.05.8."""

from __future__ import annotations

import os

import pytest

from mgpu_slurm.base.errors import strerror
from mgpu_slurm.commands import scancel
from tests.commands.fake import FakeSession, call

UNKNOWN = [["999999", 2017, "Invalid job id specified"]]


def sent(session: FakeSession) -> list[dict[str, object]]:
    return [message for message in session.asked if message["kind"] == "cancel_jobs"]


REFUSED = [
    ([], "scancel: error: No job identification provided\n"),
    (["abc"], "scancel: error: Invalid job id abc\n"),
    (["1.2.3"], "scancel: error: Invalid job id 1.2.3\n"),
    (["0"], "scancel: error: Invalid job id 0\n"),
    ([""], "scancel: error: Invalid job id \n"),
    ([","], "scancel: error: Invalid job id ,\n"),
    (["1222.batch"], "scancel: error: Invalid job id 1222.batch\n"),
    (["-s", "FOO", "1222"], "Unknown job signal: FOO\n"),
    (["-s", "0", "1222"], "Unknown job signal: 0\n"),
    (["-t", "foo", "-u", "root"],
     "Invalid job state specified: foo\nValid job states are PENDING, RUNNING, and SUSPENDED\n"),
    (["-u", "nobodyx"], "scancel: error: Invalid user name: nobodyx\n"),
    (["-1"], "scancel: invalid option -- '1'\nTry \"scancel --help\" for more information\n"),
    (["-n", "foo", "999999"], "scancel: error: Kill job error on job id 999999: Invalid job id specified\n"),
    (["-s", "USR1", "999999"], "scancel: error: Kill job error on job id 999999: Invalid job id specified\n"),
    (["99999.0"], "scancel: error: Kill job error on job step id 99999.0: Invalid job id specified\n"),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "text"), REFUSED)
def test_refusals(session: FakeSession, argv: list[str], text: str) -> None:
    result = call(scancel, session, *argv)
    assert (result.status, result.err) == (1, text)
    assert sent(session) == []


def test_unknown_ids_are_silent_without_verbose(session: FakeSession) -> None:
    session.answers["cancel_jobs"] = {"rows": UNKNOWN}
    assert list(call(scancel, session, "999999")) == [0, "", ""]
    assert list(call(scancel, session, "-Q", "999999")) == [0, "", ""]
    assert call(scancel, session, "-v", "999999").err == (
        "scancel: Terminating job 999999\nscancel: error: Kill job error on job id 999999: Invalid job id specified\n"
    )


@pytest.mark.parametrize(("code", "status"), [(2002, 210), (2020, 228), (2021, 0), (2017, 0)])
def test_status_is_the_number_modulo_256(session: FakeSession, code: int, status: int) -> None:
    session.answers["cancel_jobs"] = {"rows": [["1222", code, strerror(code)]]}
    assert call(scancel, session, "1222").status == status


def test_ids_are_handed_on(session: FakeSession) -> None:
    call(scancel, session, "1222,1225", "1223_[3-4]", "1223_*")
    assert sent(session) == [{"kind": "cancel_jobs", "ids": ["1222", "1225", "1223_[3-4]", "1223_*"]}]


def test_options_may_follow_the_id(session: FakeSession) -> None:
    call(scancel, session, "1222", "--signal", "USR2", "-b")
    assert sent(session) == [{"kind": "cancel_jobs", "ids": ["1222"], "signal": 12, "batch": True}]


@pytest.mark.parametrize(
    ("argv", "ids"),
    [
        (["-n", "arr"], ["1223_[3-6]", "1223_1", "1223_2"]),
        (["-n", "arr", "-t", "PD"], ["1223_[3-6]"]),
        (["-t", "R", "-w", "n1"], ["1222"]),
        (["-p", "debug"], ["1225"]),
        (["-A", "ACC1"], ["1222"]),
        (["-u", "root", "-n", "hetA"], ["1230+0"]),
        (["-n", "runner", "1222", "1225"], ["1222"]),
    ],
)
def test_filters(session: FakeSession, argv: list[str], ids: list[str]) -> None:
    assert call(scancel, session, *argv).status == 0
    assert [message["ids"] for message in sent(session)] == [ids]


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-n", "nosuch"], "job_name=nosuch "),
        (["-p", "nope"], "partition=nope "),
        (["-w", "n0", "-n", "zz"], "job_name=zz nodelist=n0 "),
        (["-u", "0", "-n", "zz"], "job_name=zz user_name=0 "),
    ],
)
def test_nothing_matches(session: FakeSession, argv: list[str], text: str) -> None:
    assert list(call(scancel, session, *argv)) == [0, "", ""]
    result = call(scancel, session, "-v", *argv)
    assert result.err == f"scancel: error: No active jobs match ALL job filters, including: {text}\n"
    assert result.status == 0


@pytest.mark.parametrize(("typed", "asked"), [(b"y\n", 1), (b"n\n", 0), (b"x\nY\n", 1), (b"", 0)])
def test_questions(session: FakeSession, typed: bytes, asked: int) -> None:
    reader, writer = os.pipe()
    os.write(writer, typed)
    os.close(writer)
    try:
        result = call(scancel, session, "-i", "1222", stdin_fd=reader)
    finally:
        os.close(reader)
    assert result.out.startswith("Cancel job_id=1222 name=runner partition=gpu [y/n]? ")
    assert len(sent(session)) == asked


def test_verbose_lines(session: FakeSession) -> None:
    assert call(scancel, session, "-v", "-s", "USR1", "-f", "1222").err == "scancel: Signal 10 to full job 1222\n"
    assert call(scancel, session, "-v", "1222.0").err == "scancel: Terminating step 1222.0\n"
