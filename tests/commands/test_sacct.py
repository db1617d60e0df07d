"""sacct over known records, against what sacct of Slurm 22.05.8 printed for like jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mgpu_slurm.commands import accounted, sacct
from mgpu_slurm.facts.fields.accounted import find, listed
from mgpu_slurm.facts.fields.sacct import COLUMNS
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.usage import Use
from tests.kit.ledger import NOON, Ledger, command, job, share, step

TWO = [share("n0", 3, 300, 1), share("n1", 1, 100, 1)]
OLD, NEW = (22, 5), (26, 5)

USE = {"cpu": Use(53, 0, 53, 0, 53, 1, "n0", "n0"), "rss": Use(10899456, 0, 10899456, 0, 10899456, 1, "n0", "n0")}
TWO_TASKS = {
    "cpu": Use(10410, 1, 10200, 0, 20610, 2, "n1", "n0"),
    "clock": Use(2596146, 0, 2596146, 0, 5192292, 2, "n0", "n0"),
    "rss": Use(39333888, 1, 23990272, 0, 63324160, 2, "n1", "n0"),
    "vsize": Use(45248512, 1, 29761536, 0, 75010048, 2, "n1", "n0"),
    "pages": Use(3000, 0, 0, 1, 3000, 2, "n0", "n1"),
    "read": Use(10045412, 1, 5045412, 0, 15090824, 2, "n1", "n0"),
    "written": Use(6442450945, 1, 0, 0, 6442450945, 2, "n1", "n0"),
    "gpu_memory": Use(1 << 30, 0, 1 << 30, 0, 1 << 30, 1, "n0", "n0"),
}

JOBS = [
    job(
        1, TWO, name="work", account="default_acct", time_limit=5, derived_exit_code=1 << 8,
        request=JobRequest(mem_per_cpu=100, gres="gpu:1", work_dir="/tmp/acct", submit_line="sbatch work.sh"),
        steps=[
            step(1, "batch", TWO[:1], user_seconds=0.019, system_seconds=0.034, use=USE),
            step(1, "0", TWO[:1], 2, name="hostname", user_seconds=20.314, system_seconds=0.296, use=TWO_TASKS),
            step(1, "1", TWO, 4, name="stepname", exit_code=1 << 8, state="FAILED"),
        ],
    ),
    job(2, [share()], name="bad", state="FAILED", exit_code=3 << 8, steps=[step(2, "batch", [share()], exit_code=3 << 8)]),
    job(3, [share()], name="sig", state="FAILED", exit_code=9, steps=[step(3, "batch", [share()], exit_code=9)]),
    job(5, [share("n1")], name="victim", state="CANCELLED", killed_by=0, exit_code=15,
        steps=[step(5, "batch", [share("n1")], exit_code=15)]),
    job(7, name="pendcan", state="CANCELLED", killed_by=0, eligible_time=0.0, start_time=NOON + 9, end_time=NOON + 9),
]  # fmt: skip
NOW_ON = [
    job(6, name="arr", array_job_id=6, array_tasks=[3, 4, 5], array_limit=2),
    job(10, [share()], name="arr", array_job_id=6, array_task_id=1),
    job(11, [share()], name="arr", array_job_id=6, array_task_id=2, state="RUNNING", end_time=0.0,
        steps=[step(11, "batch", [share()], end_time=0.0, state="RUNNING", ended_nodes=[])]),
    job(16, [share()], name="het", het_job_id=16, het_size=2, steps=[step(16, "0", [share()], name="sleep")]),
    job(17, [share("n1", 2)], name="het", het_job_id=16, het_offset=1, het_size=2),
]  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, NOW_ON, JOBS)


def run(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, *argv: str, **environ: str) -> tuple[int, str, str]:
    monkeypatch.setattr("time.time", lambda: NOON + 60)
    monkeypatch.setattr("os.geteuid", lambda: 0)  # whose rows these are, and who sees everybody's
    return command(monkeypatch, ledger, sacct, *argv, **environ)


def out(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, *argv: str, **environ: str) -> list[str]:
    status, text, errors = run(monkeypatch, ledger, *argv, **environ)
    assert (status, errors) == (0, "")
    return text.splitlines()


def test_the_table(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    assert out(monkeypatch, ledger, "-j", "1,2,3,5,7") == [
        "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode ",
        "------------ ---------- ---------- ---------- ---------- ---------- -------- ",
        "1                  work        gpu default_a+          4  COMPLETED      0:0 ",
        "1.batch           batch            default_a+          3  COMPLETED      0:0 ",
        "1.0            hostname            default_a+          3  COMPLETED      0:0 ",
        "1.1            stepname            default_a+          4     FAILED      1:0 ",
        "2                   bad        gpu                     1     FAILED      3:0 ",
        "2.batch           batch                                1     FAILED      3:0 ",
        "3                   sig        gpu                     1     FAILED      0:9 ",
        "3.batch           batch                                1  CANCELLED      0:9 ",
        "5                victim        gpu                     1 CANCELLED+      0:0 ",
        "5.batch           batch                                1  CANCELLED     0:15 ",
        "7               pendcan        gpu                     1 CANCELLED+      0:0 ",
    ]


def test_arrays_stand_together_behind_the_others(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    rows = out(monkeypatch, ledger, "-X", "-n", "-P", "-S", "1970-01-01-00:00:01", "-o", "jobid,jobidraw,state,nodelist,end")
    assert [row.split("|")[0] for row in rows] == ["1", "2", "3", "5", "16+0", "16+1", "6_1", "6_2", "6_[3-5%2]"]
    assert rows[-2:] == ["6_2|11|RUNNING|n0|Unknown", "6_[3-5%2]|6|PENDING|None assigned|Unknown"]


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        ("1.0", ["1.0"]),
        ("1.batch,2", ["1.batch", "2", "2.batch"]),
        ("6_2", ["6_2", "6_2.batch"]),
        ("10", ["6_1"]),
        ("16", ["16+0", "16+0.0", "16+1"]),
        ("16+1", ["16+1"]),
        ("17", ["16+1"]),
        ("16.0", ["16+0.0"]),
        ("999", []),
        ("1,,", ["1", "1.batch", "1.0", "1.1"]),
    ],
)
def test_ids(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, ids: str, shown: list[str]) -> None:
    assert out(monkeypatch, ledger, "-n", "-P", "-o", "jobid", "-j", ids) == shown


def test_tasks_that_wait(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    assert out(monkeypatch, ledger, "-nPo", "jobid,state", "-j", "6_[2-3]", "-X", MGPU_COMPAT="26.05") == [
        "6_2|RUNNING", "6_3|PENDING",
    ]  # fmt: skip
    assert out(monkeypatch, ledger, "-nPo", "jobid", "-j", "6", "-X", "--array")[2:] == ["6_3", "6_4", "6_5"]
    # the array is named as a whole besides one of its tasks
    assert out(monkeypatch, ledger, "-nPo", "jobid", "-j", "6,6_4", "-X")[2:] == ["6_[3-5%2]"]


@pytest.mark.parametrize(("word", "shown"), [("yes", ["16+0", "16+1"]), ("no", ["16+1"])])
def test_whole_hetjob(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, word: str, shown: list[str]) -> None:
    assert out(monkeypatch, ledger, "-nXPo", "jobid", f"--whole-hetjob={word}", "-j", "17") == shown


def test_het_leader_from_the_store_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert out(monkeypatch, Ledger(tmp_path, gone=NOW_ON), "-nXPo", "jobid", "-j", "16") == ["16+0", "16+1"]


def test_resources_and_use(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    fields = "jobid,alloctres,reqtres,reqmem,ntasks,nnodes,maxrss,maxrssnode,totalcpu,avecpu,cputime,timelimit,derivedexitcode"
    assert out(monkeypatch, ledger, "-n", "-P", "-j", "1", "-o", fields) == [
        "1|billing=4,cpu=4,gres/gpu=2,mem=400M,node=2|billing=4,cpu=4,gres/gpu=2,mem=400M,node=2|400M||2|||00:20.663||00:00:08"
        "|00:05:00|1:0",
        "1.batch|cpu=3,gres/gpu=1,mem=300M,node=1|||1|1|10644K|n0|00:00.053|00:00:00|00:00:06||",
        "1.0|cpu=3,gres/gpu=1,mem=300M,node=1|||2|1|38412K|n1|00:20.610|00:00:10|00:00:06||",
        "1.1|cpu=4,gres/gpu=2,mem=400M,node=2|||4|2|||00:00:00||00:00:08||",
    ]


@pytest.mark.parametrize(
    ("fields", "options", "shown"),
    [
        ("averss,avevmsize,maxvmsize,maxvmsizetask", (), ["30920K", "36626K", "44188K", "1"]),
        ("maxdiskread,avediskread,maxdiskwrite,avediskwrite", (), ["9.58M", "7.20M", "6.00G", "3.00G"]),
        ("maxdiskread,maxdiskwrite,maxpages,avecpufreq", ("--noconvert",), ["9.58M", "6144.00M", "3000", "2596K"]),
        ("maxdiskread,maxpages,avecpufreq,maxdiskwrite", ("--units=K",), ["9809.97K", "2.93K", "2596K", "6291456.00K"]),
        ("avecpufreq,mincpu,mincpunode,mincputask,maxpagesnode", (), ["2.60M", "00:00:10", "n0", "0", "n0"]),
        ("tresusageinmax", (), ["cpu=00:00:10,energy=0,fs/disk=10045412,mem=38412K,pages=3000,vmem=44188K"]),
        ("tresusageinmax", ("--units=K",), ["cpu=00:00:10,energy=0,fs/disk=9809.97K,mem=38412K,pages=2.93K,vmem=44188K"]),
        ("tresusageinmin", (), ["cpu=00:00:10,energy=0,fs/disk=5045412,mem=23428K,pages=0,vmem=29064K"]),
        ("tresusageinmaxn", (), ["cpu=n1,energy=n0,fs/disk=n1,mem=n1,pages=n0,vmem=n1"]),
        ("tresusageinmaxt", (), ["cpu=1,fs/disk=1,mem=1,pages=0,vmem=1"]),
        ("tresusageouttot,tresusageoutmint", (), ["energy=0,fs/disk=6442450945", "fs/disk=0"]),
        ("tresusageoutminn", (), ["energy=n0,fs/disk=n0"]),
    ],
)  # fmt: skip
def test_use(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, fields: str, options: tuple[str, ...], shown: list[str]) -> None:
    assert out(monkeypatch, ledger, "-nPj", "1.0", "-o", fields, *options) == ["|".join(shown)]


def test_use_that_is_not_known(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    fields = "avecpu,maxrss,avecpufreq,tresusageinave,tresusageinmax,tresusageouttot,tresusageoutminn"
    assert out(monkeypatch, ledger, "-nPj", "1.1", "-o", fields) == ["||0|energy=0||energy=0|"]
    assert out(monkeypatch, ledger, "-nPXj", "1", "-o", fields) == ["||||||"]


def test_gpus_are_among_the_use_since_23(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    (shown,) = out(monkeypatch, ledger, "-nPj", "1.0", "-o", "tresusageinmax", MGPU_COMPAT="26.05")
    assert shown == "cpu=00:00:10,energy=0,fs/disk=10045412,gres/gpumem=1G,mem=38412K,pages=3000,vmem=44188K"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], ["10644K", "400M"]),
        (["--noconvert"], ["10899456", "400M"]),
        (["--units=G"], ["0.01G", "0.39G"]),
        (["--units=g"], ["0.01G", "0.39G"]),
    ],
)
def test_units(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, options: list[str], shown: list[str]) -> None:
    rows = out(monkeypatch, ledger, "-nPj", "1", "-o", "maxrss,reqmem", *options)
    assert [rows[1].split("|")[0], rows[0].split("|")[1]] == shown


def test_widths(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    assert out(monkeypatch, ledger, "-X", "-j", "1", "-o", "jobid,state%-5,elapsed%4,jobname%0,user%1") == [
        "JobID        State Elap  U ", "------------ ----- ----  - ", "1            COMP+ 00:00:02  + ",
    ]  # fmt: skip
    assert out(monkeypatch, ledger, "-nX", "-j", "1", "-o", "jobid,jobid%-3,start%4") == ["1   1   2026 "]
    assert out(monkeypatch, ledger, "-X", "-j", "1", "-o", "") == ["", "", ""]


def test_parsable(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    assert out(monkeypatch, ledger, "-pXj", "2", "-b") == ["JobID|State|ExitCode|", "2|FAILED|3:0|"]
    assert out(monkeypatch, ledger, "-PXj", "2", "-b", "--delimiter=@@") == ["JobID@@State@@ExitCode", "2@@FAILED@@3:0"]
    assert out(monkeypatch, ledger, "-PXj", "2", "-b", "--delimiter=") == ["JobIDStateExitCode", "2FAILED3:0"]
    assert out(monkeypatch, ledger, "-PXj", "2", "-o", "state,,jobid") == ["State", "FAILED"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], "1 2 3 5 16+0 16+1 6_1 6_2 6_[3-5%2]"),
        (["-s", "R"], "6_2"),
        (["-s", "PD"], "6_[3-5%2]"),
        (["-s", "CD,F"], ""),
        (["-s", "CD,F", "-S", "00:00"], ""),
        (["-s", "CA", "-S", "00:00", "-E", "now"], "5 7"),
        (["-s", "F", "-S", "00:00", "-E", "now"], "2 3"),
        (["-S", "now"], "6_2 6_[3-5%2]"),
        (["-E", "now-58"], ""),
        (["-N", "n1"], "1 5 16+1"),
        (["-r", "debug"], ""),
        (["--name", "bad,sig"], "2 3"),
        (["-A", "DEFAULT_ACCT"], "1"),
        (["-i", "2"], "1"),
        (["-I", "2-4"], "1 16+1"),
        (["-k", "2"], ""),
        (["-k", "2", "-K", "10"], "1"),
        (["-k", "unlimited"], "2 3 5 16+0 16+1 6_1 6_2"),
        (["-k", "2", "-K", "unlimited", "-i", "2"], "1"),
        (["-i", "1", "-N", "n1"], "5 16+1"),
        (["-i", "0"], "1 2 3 5 16+0 16+1 6_1 6_2 6_[3-5%2]"),
        (["-i", ""], "1 2 3 5 16+0 16+1 6_1 6_2"),
        (["-A", ""], "2 3 5 16+0 16+1 6_1 6_2 6_[3-5%2]"),
        (["--name="], ""),
        (["-r", ""], ""),
        (["-M", ""], ""),
        (["-F", ""], ""),
        (["-N", ""], ""),
        (["-N", "n["], ""),
        (["-W", "", "-r", "GPU", "-I", "2-9"], "1 16+1"),
        (["-q", "normal", "-s", "F", "-S", "00:00", "-E", "now"], "2 3"),
        (["-q", "high"], ""),
        (["-F", "startrecieved", "-j", "2"], "2"),
        (["-x", "0"], ""),
        (["-u", "1", "-a", "-j", "2"], "2"),
        (["-a", "-u", "1", "-j", "2"], ""),
        (["-j", "0", "-s", "R"], "6_2"),
        (["-j", "1.batch"], "1"),
        (["-j", "1.0.7"], "1"),
        (["-j", "4294967298"], "2"),
        (["-j", "99999999999"], ""),
        (["-j", "7,2", "-E", "now"], "2 7"),
        (["-j", "7,2", "-E", "now-58"], ""),
        (["-j", "2", "-S", ""], "2"),
        (["-j", "2", "-E", "1970-01-01"], "2"),
        (["-u", "root"], "1 2 3 5 16+0 16+1 6_1 6_2 6_[3-5%2]"),
        (["-u", "1"], ""),
        (["-M", "other"], ""),
        (["-M", "oracle", "-j", "2"], "2"),
        (["-L", "-j", "2"], "2"),
        (["-D", "-j", "2"], "2"),
    ],
)
def test_filters(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, options: list[str], shown: str) -> None:
    monkeypatch.setenv("TZ", "UTC")
    assert " ".join(out(monkeypatch, ledger, "-nXPo", "jobid", *options)) == shown


def test_truncate(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    rows = out(monkeypatch, ledger, "-nXPTo", "jobid,start,end,elapsed", "-S", "now-30", SLURM_TIME_FORMAT="%s")
    at = int(NOON)
    assert rows == [f"6_2|{at + 30}|{at + 60}|00:00:30", "6_[3-5%2]|Unknown|Unknown|00:00:00"]


def test_a_job_that_never_started(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    rows = out(monkeypatch, ledger, "-nXPj", "7", "-o", "state,start,elapsed,nodelist,allocnodes,eligible")
    assert rows == ["CANCELLED by 0|None|00:00:00|None assigned|0|Unknown"]


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["extra"], 1, "sacct: error: Unknown arguments:\nsacct: error:  extra\n"),
        (["-Q"], 1, "sacct: invalid option -- 'Q'\n"),
        (["--bogus"], 1, "sacct: unrecognized option '--bogus'\n"),
        (["-o", "job,foo"], 1, 'sacct: error: Invalid field requested: "foo"\n'),
        (["-o", "allocgres"], 1, "sacct: fatal: AllocGRES has been removed, please use AllocTRES\n"),
        (["-j", "abc"], 1, "sacct: fatal: Bad job/step specified: abc\n"),
        (["-j", "6_[1-3]"], 1, "sacct: fatal: Bad job array element specified: 6\n"),
        (["-j", "1_a"], 1, "sacct: fatal: Bad job array element specified: 1\n"),
        (["-j", "1.x"], 1, "sacct: fatal: Bad step specified: 1\n"),
        (["-s", "cg"], 1, "sacct: fatal: job state cg is not supported / accounted\n"),
        (["-u", ""], 1, ""),
        (["-g", ","], 1, ""),
        (["-N", "n[2-1]"], 22, "sacct: error: Invalid argument\n"),
        (["-K", "0"], 1, "sacct: fatal: Invalid time limit specification\n"),
        (["-f", "/nonexistent"], 1, "/nonexistent is not a valid file\n"),
        (["-f", "/dev/null"], 1, "Slurm job completion is disabled\n"),
        (["-F", "x"], 1, "sacct: error: str_2_job_flags: Invalid job flag x\n"),
        (["--whole-hetjob="], 1, 'sacct: error: Invalid --whole-hetjob value "". Valid values: [yes|no].\n'),
        (["-s", "foo"], 1, "sacct: fatal: unrecognized job state value 'foo'\n"),
        (["-u", "4123456"], 1, "sacct: error: Invalid user id: 4123456\n"),
        (["-g", "4123456"], 1, "sacct: error: Invalid group id: 4123456\n"),
        (["-lo", "state"], 1,
         "sacct: fatal: Options -o(--format) and -l(--long) are mutually exclusive. Please remove one and retry.\n"),
        (["-u", "nosuch"], 1, "sacct: error: Invalid user id: nosuch\n"),
        (["-g", "nosuchg"], 1, "sacct: error: Invalid group id: nosuchg\n"),
        (["-S", "bogus"], 1, "Invalid time specification (pos=0): bogus\n"),
        (["-S", "now", "-E", "now-10"], 1,
         "sacct: error: Start time (2026-11-24T00:01:00) requested is after end time (2026-11-24T00:00:50).\n"),
        (["-i", "x"], 1, 'sacct: error: Invalid numeric value "x" for requested node range.\n'),
        (["-k", "x"], 1, "sacct: fatal: Invalid time limit specification\n"),
        (["--units=Z"], 1,
         "sacct: error: Invalid unit type 'Z'. Possible options are 'KMGTP'\nsacct: fatal: Invalid unit type\n"),
        (["-c"], 1, "Slurm job completion is disabled\n"),
        (["-B"], 1, "sacct: fatal: When requesting job scripts you must also request specific jobs with the '-j' option.\n"),
        (["--whole-hetjob=foo"], 1, 'sacct: error: Invalid --whole-hetjob value "foo". Valid values: [yes|no].\n'),
    ],
)  # fmt: skip
def test_refusals(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, argv: list[str], status: int, said: str) -> None:
    monkeypatch.setenv("TZ", "UTC")
    assert run(monkeypatch, ledger, *argv) == (status, "", said)


def test_environment_format(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    assert out(monkeypatch, ledger, "-nXj", "2", SACCT_FORMAT="jobid%3,state%7") == ["  2  FAILED "]


def test_every_name_of_the_list_is_a_field(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    for compat in (OLD, NEW):
        names = listed(COLUMNS, compat).split()
        made = accounted.parse(",".join(names), COLUMNS, compat)
        assert [column.name for column in made.columns] == names
        shown = out(monkeypatch, ledger, "-P", "-o", ",".join(names), "-j", "1", MGPU_COMPAT="{}.{:02d}".format(*compat))
        assert {row.count("|") for row in shown} == {len(names) - 1}


def test_a_name_may_be_cut_short() -> None:
    found = {word: find(COLUMNS, word, OLD) for word in ("job", "sub", "nod", "tresusageinmaxn", "Planned", "res", "xyz")}
    assert {word: row.name if row else "" for word, row in found.items()} == {
        "job": "JobID", "sub": "Submit", "nod": "NodeList", "tresusageinmaxn": "TRESUsageInMaxNode",
        "Planned": "Planned", "res": "Reservation", "xyz": "",
    }  # fmt: skip


def test_json(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    document = json.loads("\n".join(out(monkeypatch, ledger, "--json", "-j", "1,5,6", MGPU_COMPAT="26.05")))
    first = document["jobs"][0]
    assert first["job_id"] == 1
    assert first["state"] == {"current": ["COMPLETED"], "reason": "None"}
    assert first["time"]["limit"] == {"set": True, "infinite": False, "number": 5}
    assert [one["step"]["id"] for one in first["steps"]] == ["1.batch", "1.0", "1.1"]
    assert first["steps"][0]["state"] == ["COMPLETED"]
    assert {row["type"]: row["count"] for row in first["tres"]["allocated"]} == {
        "cpu": 4, "mem": 400, "node": 2, "billing": 4, "gres": 2,
    }  # fmt: skip
    assert [(row["type"], row["id"]) for row in first["tres"]["allocated"]] == [
        ("cpu", 1), ("mem", 2), ("node", 4), ("billing", 5), ("gres", 1001),
    ]  # fmt: skip
    used = {row["type"]: row["count"] for row in first["steps"][0]["tres"]["consumed"]["total"]}
    assert used["energy"] == 0
    assert first["flags"] == ["STARTED_ON_SCHEDULE", "START_RECEIVED"]
    assert document["jobs"][1]["kill_request_user"] == "root"
    assert document["jobs"][-1]["array"]["task"] == "3-5"
    assert document["errors"] == []
