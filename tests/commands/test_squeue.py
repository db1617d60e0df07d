"""squeue against what Slurm 22.05.8 printed for the same jobs (recorded at 2026-11-24T00:00:13)."""

from __future__ import annotations

import os

import pytest

from mgpu_slurm.commands import squeue
from tests.commands.fake import FakeSession, call

HEADER = "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"
PLAIN = """\
              1225 debug,gpu      dep     root PD       0:00      1 (Dependency)
              1228       gpu      beg     root PD       0:00      1 (BeginTime)
              1227       gpu   failer     root PD       0:00      1 (Priority)
              1226       gpu      big     root PD       0:00      4 (Resources)
      1223_[3-6%2]       gpu      arr     root PD       0:00      1 (JobArrayTaskLimit)
            1230+1       gpu     hetB     root PD       0:00      1 (JobHeldUser)
            1230+0       gpu     hetA     root PD       0:00      1 (JobHeldUser)
              1222       gpu   runner     root  R       0:02      2 n[0-1]
            1223_1       gpu      arr     root  R       0:02      1 n0
            1223_2       gpu      arr     root  R       0:02      1 n0
"""
LONG = """\
             JOBID PARTITION     NAME     USER    STATE       TIME TIME_LIMI  NODES NODELIST(REASON)
              1222       gpu   runner     root  RUNNING       0:02     20:00      2 n[0-1]
"""
STEPS = """\
         STEPID     NAME PARTITION     USER      TIME NODELIST
         1222.0    sleep       gpu     root      0:02 n0
         1222.1    sleep       gpu     root      0:02 n1
     1222.batch    batch       gpu     root      0:02 n0
   1223_1.batch    batch       gpu     root      0:02 n0
   1223_2.batch    batch       gpu     root      0:02 n0
"""
STARTS = """\
             JOBID PARTITION     NAME     USER ST          START_TIME  NODES SCHEDNODES           NODELIST(REASON)
              1228       gpu      beg     root PD 2026-11-24T01:00:10      1 (null)               (BeginTime)
"""
ALL = """\
acc1|gres:gpu:a100:1|1|0|2026-11-24T00:20:11|(null)|root|OK|1222|runner|hello there|20:00|200M||/tmp/q/r.sh|\
0.00000000023283|(null)|None||R|root|(null)|(null)||0|*:*:*|1222|n0|2|2|(null)|1222|0|*|*|*|N/A|19:58|0:02|n[0-1]|0|gpu|1|\
n[0-1]|2026-11-24T00:00:11|RUNNING|0|2026-11-24T00:00:10|(null)|N/A|(null)|/tmp/q
"""


def test_plain(session: FakeSession) -> None:
    assert list(call(squeue, session)) == [0, HEADER + PLAIN, ""]


def test_long_begins_with_the_date(session: FakeSession) -> None:
    date, _, rest = call(squeue, session, "-l", "-j", "1222").out.partition("\n")
    assert len(date) == len("Tue Nov 24 00:00:11 2026")
    assert rest == LONG


def test_steps(session: FakeSession) -> None:
    assert call(squeue, session, "-s").out == STEPS
    assert call(squeue, session, "-s", "1222.0", "-h").out == STEPS.splitlines(keepends=True)[1]
    assert call(squeue, session, "-s", "-h", "-j", "1222").out.count("\n") == 3
    assert list(call(squeue, session, "-s", "99999.0", "-h")) == [0, "", ""]


def test_starts(session: FakeSession) -> None:
    assert call(squeue, session, "--start", "-j", "1228").out == STARTS
    listed = [line.split()[0] for line in call(squeue, session, "--start", "-h").out.splitlines()]
    assert listed[0] == "1228"
    assert "1222" not in listed


def test_every_letter(session: FakeSession) -> None:
    assert call(squeue, session, "-h", "-j", "1222", "-o", "%all").out == ALL


def test_array_tasks_get_lines_of_their_own(session: FakeSession) -> None:
    rows = call(squeue, session, "-r", "-h", "-S", "i", "-o", "%i %K %A", "-n", "arr").out
    assert rows == "1223_1 1 1232\n1223_2 2 1233\n1223_3 3 1223\n1223_4 4 1223\n1223_5 5 1223\n1223_6 6 1223\n"


SELECTED = [
    (["-j", "1223"], "1223_1 1223_2 1223_[3-6%2]"),
    (["-j", "1223_5"], "1223_5"),
    (["-j", "1223_[4-5]"], "1223_4 1223_5"),
    (["-j", "1223_2"], "1223_2"),
    (["-j", "1223_99"], ""),
    (["-j", "1230"], "1230+0 1230+1"),
    (["-j", "1230+1"], "1230+1"),
    (["-j", "1222,99999"], "1222"),
    (["-j1222,1225"], "1222 1225"),
    (["--jobs=1222"], "1222"),
    (["--job", "1222"], "1222"),
    (["-j", "999998,999999"], ""),
    (["-j", "1,1"], ""),
    (["--jobs="], ""),
    (["-t", "R,cg"], "1222 1223_1 1223_2"),
    (["-t", "CA"], "1229"),
    (["-t", "all", "-n", "killed,RUNNER"], "1222 1229"),
    (["-p", "debug"], "1225"),
    (["-p", "nope"], ""),
    (["-A", "ACC1"], "1222"),
    (["-q", "x"], ""),
    (["-w", "n1"], "1222"),
    (["-u", "0", "-t", "R"], "1222 1223_1 1223_2"),
    (["-u", "root", "-t", "R"], "1222 1223_1 1223_2"),
    (["-u", "1"], ""),
    (["-L", "foo"], ""),
    (["-R", "foo"], ""),
    (["--running-over", "0"], "1222 1223_1 1223_2"),
    (["--running-over=1-0"], ""),
    (["--running-under", "1-0"], "1222 1223_1 1223_2"),
    (["--running-under=0:00"], ""),
]


@pytest.mark.parametrize(("argv", "expected"), SELECTED)
def test_filters(session: FakeSession, argv: list[str], expected: str) -> None:
    result = call(squeue, session, "-h", "-S", "i", "-o", "%i", *argv)
    assert (result.out.split(), result.err, result.status) == (expected.split(), "", 0)


REFUSED = [
    (["-j", "999999"], 1, "slurm_load_jobs error: Invalid job id specified\n"),
    (["-j", "abc"], 1, "squeue: error: Invalid job id: abc\n"),
    (["-s", "abc"], 1, "squeue: error: Invalid job_step id: abc.??\n"),
    (["-w", "zz"], 1, "squeue: error: Invalid node name zz\n"),
    (["-o", "%i", "-O", "jobid"], 1, "squeue: error: -O (--Format) is incompatible with -o (--format)\n"),
    (["-i", "abc"], 1, "squeue: error: --iterate=abc\n\n"),
    (["-i", "0"], 1, "squeue: error: --iterate=0\n\n"),
    (["-S", "foo"], 1, "squeue: error: Invalid sort specification: o\n"),
    (["foo"], 1, "squeue: error: Unrecognized option: foo\n"),
    (["-Z"], 1, "squeue: invalid option -- 'Z'\nTry \"squeue --help\" for more information\n"),
    (["-h", "-O", "foo,jobid", "-j", "1222"], 0, "squeue: error: Invalid job format specification: foo\n"),
    (["-h", "-u", "nobodyx"], 0, "squeue: error: Invalid user: nobodyx\n\n"),
]


@pytest.mark.parametrize(("argv", "status", "text"), REFUSED)
def test_refusals(session: FakeSession, argv: list[str], status: int, text: str) -> None:
    result = call(squeue, session, *argv)
    assert (result.status, result.err) == (status, text)


def test_wrong_state_lists_the_states(session: FakeSession) -> None:
    result = call(squeue, session, "-t", "foo")
    first, second, *rest = result.err.split("\n")
    assert first == "squeue: error: Invalid job state specified: foo"
    assert second.startswith("squeue: error: Valid job states include: PENDING,RUNNING,")
    assert (rest, result.status) == (["", ""], 1)


@pytest.mark.parametrize(
    ("environ", "argv", "expected"),
    [
        ({"SQUEUE_FORMAT": "%i"}, [], "1222\n"),
        ({"SQUEUE_FORMAT": "%i"}, ["-o", "%j"], "runner\n"),
        ({"SQUEUE_FORMAT2": "jobid:0", "SQUEUE_FORMAT": "%t"}, [], "R\n"),
        ({"SQUEUE_FORMAT": "%i"}, ["-O", "name:0"], "runner\n"),
        ({"SLURM_TIME_FORMAT": "%s"}, ["-o", "%S"], "1795478411\n"),
        ({"SLURM_TIME_FORMAT": "relative"}, ["-o", "%S"], "00:00:11\n"),
        ({"SQUEUE_STATES": "CA"}, ["-o", "%i"], ""),
        ({"SQUEUE_STATES": "CA"}, ["-o", "%i", "-t", "R"], "1222\n"),
    ],
)
def test_environment(session: FakeSession, environ: dict[str, str], argv: list[str], expected: str) -> None:
    assert call(squeue, session, "-h", "-j", "1222", *argv, environ=environ).out == expected


@pytest.mark.parametrize(
    ("length", "shown"), [(None, "1223_[1,3,5,7,9,11,14,17,20,23,"), ("10", "1223_[1,3,5,...%2]"), ("3", "1223_[..%2]")]
)
def test_long_lists_of_tasks_are_cut(session: FakeSession, length: str | None, shown: str) -> None:
    session.state.jobs[1223].array_tasks = [1, 3, 5, 7, 9, 11, 14, 17, 20, 23, 26, 29, 32, 35, 38, 41, 44, 47, 50, 53, 56, 59, 62]
    environ = {"SLURM_BITSTR_LEN": length} if length else {}
    assert call(squeue, session, "-h", "-t", "PD", "-n", "arr", "-o", "%i", environ=environ).out == shown + "\n"


def test_me_is_the_effective_user(session: FakeSession) -> None:
    shown = call(squeue, session, "--me", "-h", "-t", "R", "-o", "%i").out
    assert bool(shown) == (os.geteuid() == 0)


def test_json_has_the_later_shape(session: FakeSession) -> None:
    import json

    found = json.loads(call(squeue, session, "--json", "-j", "1222").out)
    (shown,) = found["jobs"]
    assert shown["job_id"] == 1222
    assert shown["job_state"] == ["RUNNING"]
    assert shown["time_limit"] == {"set": True, "infinite": False, "number": 20}
    held = shown["job_resources"]
    assert held["nodes"]["allocation"][1]["name"] == "n1"
    assert held["nodes"]["allocation"][1]["cpus"] == {"count": 1, "used": 1}
    earlier = {"sockets": {"0": {"cores": {"0": "allocated"}}}, "nodename": "n1", "cpus_used": 1, "memory_used": 200}
    assert held["allocated_nodes"][1] == {**earlier, "memory_allocated": 200}
    assert shown["flags"] == ["JOB_WAS_RUNNING"]
    assert found["errors"] == []


def test_a_line_for_each_partition(session: FakeSession) -> None:
    assert call(squeue, session, "-P", "-h", "-j", "1225", "-o", "%i %P").out == "1225 debug\n1225 gpu\n"
