"""sstat, sprio and sdiag: their tables and refusals as Slurm 22.05.8 prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.base.errors import ESLURM_INVALID_JOB_ID, SlurmError
from mgpu_slurm.commands import accounted, sdiag, sprio, sstat
from mgpu_slurm.facts.fields.accounted import listed
from mgpu_slurm.facts.fields.sstat import COLUMNS
from tests.kit.ledger import Ledger, command, job

KIB = 1024
USE = {
    "cpu": [6200, 0, 6000, 1, 12200, 2, "n0", "n1"], "rss": [62312 * KIB, 1, 62232 * KIB, 0, 124544 * KIB, 2, "n1", "n0"],
    "vsize": [65400 * KIB, 0, 65400 * KIB, 0, 130800 * KIB, 2, "n0", "n0"], "pages": [1, 1, 0, 0, 1, 2, "n1", "n0"],
    "read": [1685836, 0, 1685836, 0, 3371672, 2, "n0", "n0"], "written": [1695, 0, 1695, 0, 3390, 2, "n0", "n0"],
    "clock": [2596146, 0, 2596146, 0, 5192292, 2, "n0", "n0"],
}  # fmt: skip
BATCH = {"rss": [10732 * KIB, 0, 10732 * KIB, 0, 10732 * KIB, 1, "n0", "n0"],
         "vsize": [219452 * KIB, 0, 219452 * KIB, 0, 219452 * KIB, 1, "n0", "n0"]}  # fmt: skip


class Running(Ledger):
    """Job 29 runs a batch script and step 0 of two tasks; job 1 has ended."""

    def call(self, message: Mapping[str, Any], timeout: float | None = None) -> dict[str, Any]:
        if message["table"] != "sstat":
            return super().call(message, timeout)
        [ref] = message["filters"]["ids"]
        if ref.partition(".")[0] not in ("29", "1"):
            raise SlurmError(ESLURM_INVALID_JOB_ID)
        two = [["n0", [20591]], ["n1", [20592, 20593]]]
        rows = [("batch", 1, BATCH, [["n0", [20571, 20568]]]), ("0", 2, USE, two)] if ref.startswith("29") else []
        made = [
            {
                "job_id": 29, "step_id": step, "tasks": tasks, "nodes": "n[0-1]", "pids": pids, "use": use,
            }
            for step, tasks, use, pids in rows
            if ref in ("29", f"29.{step}")
        ]  # fmt: skip
        return {"columns": [[row[name] for row in made] for name in message["columns"]], "now": 1.0}


@pytest.fixture
def ledger(tmp_path: Path) -> Running:
    waiting = [job(19, name="big", priority=7), job(20, partition="gpu,debug"), job(21)]
    return Running(tmp_path, waiting, eligible=[19, 20])


@pytest.mark.parametrize(
    ("argv", "out", "err"),
    [
        (["-j", "29", "-o", "jobid,maxrss,averss,avecpu,mincpu,mincputask,maxrsstask,ntasks"],
         "29.0|62312K|62272K|00:00:06|00:00:06|1|1|2\n", ""),
        (["-j", "29.0", "-o", "tresusageintot"], "cpu=00:00:12,energy=0,fs/disk=3371672,mem=124544K,pages=1,vmem=130800K\n", ""),
        (["-j", "29.0", "-o", "tresusageinmaxn,tresusageinmaxt,tresusageouttot"],
         "cpu=n0,energy=n0,fs/disk=n0,mem=n1,pages=n1,vmem=n0|cpu=0,fs/disk=0,mem=1,pages=1,vmem=0|energy=0,fs/disk=3390\n", ""),
        (["-a", "-j", "29", "-i"], "29.batch|n0|20571,20568\n29.0|n0|20591\n29.0|n1|20592,20593\n", ""),
        (["-j", "29", "-o", "maxdiskread,avediskwrite,avecpufreq,maxpagesnode"], "1685836|1695|2.60M|n1\n", ""),
        (["-j", "29.batch", "--noconvert", "-o", "jobid,maxrss,maxvmsize"], "29.batch|10989568|224718848\n", ""),
        (["-j", "1"], "", "sstat: error: No steps running for job 1\n"),
        (["-j", "29.5"], "", "sstat: error: StepId=29.5 not found running.\n"),
        (["-o", "jobid", "-j", "29.batch", "-j", "29.0,29.batch"], "29.batch\n29.0\n", ""),
        (["-o", "jobid", "-j", "29.0.7"], "29.0\n", ""),
        (["-o", "jobid", "29.0", "1"], "29.0\n", ""),
        (["-i", "-o", "ntasks", "29.batch"], "29.batch|n0|20571,20568|1\n", ""),
        (["-o", "jobid,,ntasks", "29"], "29.0\n", ""),
        (["999,1"], "", "sstat: error: couldn't get steps for job 999\nsstat: error: No steps running for job 1\n"),
    ],
)  # fmt: skip
def test_sstat(monkeypatch: pytest.MonkeyPatch, ledger: Running, argv: list[str], out: str, err: str) -> None:
    assert command(monkeypatch, ledger, sstat, "-n", "-P", *argv) == (0, out, err)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "sstat: error: You didn't give me any jobs to stat.\n"),
        (["-j", "abc"], "sstat: fatal: Bad job/step specified: abc\n"),
        (["-j", "4.x"], "sstat: fatal: Bad step specified: 4\n"),
        (["-j", "4", "-o", "foo"], 'sstat: error: Invalid field requested: "foo"\n'),
        (["-Q"], "sstat: invalid option -- 'Q'\n"),
    ],
)
def test_sstat_refuses(monkeypatch: pytest.MonkeyPatch, ledger: Running, argv: list[str], said: str) -> None:
    assert command(monkeypatch, ledger, sstat, *argv) == (1, "", said)


def test_sstat_table(monkeypatch: pytest.MonkeyPatch, ledger: Running) -> None:
    assert command(monkeypatch, ledger, sstat, "-j", "29", "-o", "jobid,jobid%-5,maxrss%4")[1].splitlines() == [
        "JobID JobID MaxR ", "----- ----- ---- ", "29.0  29.0  623+ ",
    ]  # fmt: skip
    names = listed(COLUMNS, (22, 5)).split()
    assert [column.name for column in accounted.parse(",".join(names), COLUMNS, (22, 5)).columns] == names


HEADER = "          JOBID PARTITION   PRIORITY       SITE\n"


@pytest.mark.parametrize(
    ("argv", "out"),
    [
        ([], HEADER + "             19 gpu                7          0\n"
         "             20 gpu                1          0\n             20 debug              1          0\n"),
        (["-h", "-j", "19"], "             19 gpu                7          0\n"),
        (["-w"], HEADER + "        Weights                               1\n"),
        (["-n", "-j", "19"], "          JOBID PARTITION PRIORITY  \n             19 gpu       0.00000000\n"),
        (["-j", "21"], "Unable to find jobs matching user/id(s) specified\n"),
        (["-p", "nope"], HEADER),
        (["-u", "root", "-j", "19"],
         "          JOBID PARTITION     USER   PRIORITY       SITE\n             19 gpu           root          7          0\n"),
        (["-o", "%i|%Y|%a|%A|%u|%r|%y", "-S", "-i", "-p", "gpu"],
         "JOBID|PRIORITY|AGE|AGE|USER|PARTITION|PRIORITY\n20|1|0.0000000|0|root|gpu|0.00000000023283\n"
         "19|7|0.0000000|0|root|gpu|0.00000000162981\n"),
        (["-l", "-j", "19"],
         "          JOBID PARTITION     USER   PRIORITY       SITE        AGE      ASSOC  FAIRSHARE    JOBSIZE  PARTITION"
         "        QOS        NICE                 TRES\n"
         "             19 gpu           root          7          0          0          0          0          0          0"
         "          0           0                     \n"),
        (["-w", "-l"],
         "          JOBID PARTITION     USER   PRIORITY       SITE        AGE      ASSOC  FAIRSHARE    JOBSIZE  PARTITION"
         "        QOS        NICE                 TRES\n"
         "        Weights                                        1          0          0          0          0          0"
         "          0                           (null)\n"),
    ],
)  # fmt: skip
def test_sprio(monkeypatch: pytest.MonkeyPatch, ledger: Running, argv: list[str], out: str) -> None:
    assert command(monkeypatch, ledger, sprio, *argv) == (0, out, "")


@pytest.mark.parametrize(
    ("argv", "status", "out", "err"),
    [
        (["-u", "nosuch", "-h"], 0, "", "sprio: error: Invalid user: nosuch\n\n"),
        (["-o", "%i %Z", "-j", "19"], 0, "JOBID \n19 \n", "sprio: error: Invalid job format specification: Z\n"),
        (["extra"], 1, "Usage: sprio [-j jid[s]] [-u user_name[s]] [-o format] [-p partitions]\n"
         "   [--federation] [--local] [--sibling] [--usage] [-hlnvVw]\n", "sprio: error: Unrecognized option: extra\n"),
        (["-M", "foo"], 1, "", "sprio: error: No cluster 'foo' known by database.\n"
         "sprio: error: 'foo' can't be reached now, or it is an invalid entry for --cluster.  "
         "Use 'sacctmgr list clusters' to see available clusters.\n"),
    ],
)  # fmt: skip
def test_sprio_complains(
    monkeypatch: pytest.MonkeyPatch, ledger: Running, argv: list[str], status: int, out: str, err: str
) -> None:
    assert command(monkeypatch, ledger, sprio, *argv) == (status, out, err)


def test_sdiag(monkeypatch: pytest.MonkeyPatch, ledger: Running) -> None:
    ledger.statistics.cycle(0.0002, 3)
    ledger.statistics.cycle(0.0004, 5)
    status, text, _ = command(monkeypatch, ledger, sdiag)
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == lines[3] == "*" * 55
    assert lines[1].startswith("sdiag output at ")
    shown = ("Jobs pending:   3", "\tLast cycle:   400", "\tTotal cycles: 2", "\tMean cycle:   300", "\tLast queue length: 5")
    for line in shown:
        assert line in lines
    assert command(monkeypatch, ledger, sdiag, "-r")[1] == "Reset scheduling statistics\n"
    assert "\tTotal cycles: 0" in command(monkeypatch, ledger, sdiag)[1].splitlines()
    document = json.loads(command(monkeypatch, ledger, sdiag, "--json")[1])
    assert document["statistics"]["jobs_pending"] == 3
    assert command(monkeypatch, ledger, sdiag, "--usage")[1] == "Usage: sdiag [-M cluster] [-aritT]\n"
