"""scontrol show against the records that Slurm 22.05.8 printed for the same jobs, nodes and partitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.commands import scontrol
from tests.commands.fake import FakeSession, call

RUNNER = """\
JobId=1222 JobName=runner
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=1 Nice=0 Account=acc1 QOS=(null)
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   DerivedExitCode=0:0
   RunTime=00:00:02 TimeLimit=00:20:00 TimeMin=N/A
   SubmitTime=2026-11-24T00:00:10 EligibleTime=2026-11-24T00:00:10
   AccrueTime=2026-11-24T00:00:10
   StartTime=2026-11-24T00:00:11 EndTime=2026-11-24T00:20:11 Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=2026-11-24T00:00:11 Scheduler=Main
   Partition=gpu AllocNode:Sid=localhost:0
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=n[0-1]
   BatchHost=n0
   NumNodes=2 NumCPUs=2 NumTasks=2 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   TRES=cpu=2,mem=400M,node=2,billing=2
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   JOB_GRES=gpu:a100:2
     Nodes=n[0-1] CPU_IDs=0 Mem=200 GRES=gpu:a100:1(IDX:0)
   MinCPUsNode=1 MinMemoryNode=200M MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=/tmp/q/r.sh
   WorkDir=/tmp/q
   Comment=hello there\x20
   StdErr=/tmp/q/1222.out
   StdIn=/dev/null
   StdOut=/tmp/q/1222.out
   Power=
   TresPerNode=gres:gpu:a100:1
   MailUser=a@b MailType=END
   \n
"""
DETAILS = "   DerivedExitCode=0:0\n", "   JOB_GRES=gpu:a100:2\n     Nodes=n[0-1] CPU_IDs=0 Mem=200 GRES=gpu:a100:1(IDX:0)\n"

BEGIN = """\
   RunTime=00:00:00 TimeLimit=00:10:00 TimeMin=00:02:00
   SubmitTime=2026-11-24T00:00:10 EligibleTime=2026-11-24T01:00:10
   AccrueTime=2026-11-24T01:00:10
   StartTime=2026-11-24T01:00:10 EndTime=2026-11-24T01:10:10 Deadline=2026-11-24T03:00:10
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=2026-11-24T00:00:11 Scheduler=Main
"""

STEP = """\
StepId=1222.0 UserId=0 StartTime=2026-11-24T00:00:11 TimeLimit=UNLIMITED
   State=RUNNING Partition=gpu NodeList=n0
   Nodes=1 CPUs=1 Tasks=1 Name=sleep Network=(null)
   TRES=cpu=1,mem=200M,node=1
   ResvPorts=(null)
   CPUFreqReq=Default Dist=Cyclic
   SrunHost:Pid=vm:4096
   TresPerNode=gres:gpu:a100:1

"""
BATCH_STEP = """\
StepId=1222.batch UserId=0 StartTime=2026-11-24T00:00:11 TimeLimit=UNLIMITED
   State=RUNNING Partition=gpu NodeList=n0
   Nodes=1 CPUs=0 Tasks=1 Name=batch Network=(null)
   TRES=(null)
   ResvPorts=(null)
   CPUFreqReq=Default
   SrunHost:Pid=(null):0

"""

NODE = """\
NodeName=n1 Arch=x86_64 CoresPerSocket=8\x20
   CPUAlloc=1 CPUEfctv=8 CPUTot=8 CPULoad=0.11
   AvailableFeatures=(null)
   ActiveFeatures=(null)
   Gres=gpu:a100:4
   GresDrain=N/A
   GresUsed=gpu:a100:1(IDX:0)
   NodeAddr=127.0.0.1 NodeHostName=vm Port=17001 Version=22.05.8
   OS=Linux 6\x20
   RealMemory=16000 AllocMem=200 FreeMem=23630 Sockets=1 Boards=1
   State=MIXED ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=gpu\x20
   BootTime=2026-11-23T23:58:31 SlurmdStartTime=2026-11-23T23:59:21
   LastBusyTime=2026-11-24T00:00:06
   CfgTRES=cpu=8,mem=16000M,billing=8
   AllocTRES=cpu=1,mem=200M
   CapWatts=n/a
   CurrentWatts=0 AveWatts=0
   ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s

"""

PARTITION = """\
PartitionName=gpu
   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL
   AllocNodes=ALL Default=YES QoS=N/A
   DefaultTime=NONE DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO
   MaxNodes=UNLIMITED MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED
   Nodes=n[0-3]
   PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO
   OverTimeLimit=NONE PreemptMode=OFF
   State=UP TotalCPUs=32 TotalNodes=4 SelectTypeParameters=NONE
   JobDefaults=(null)
   DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED
   TRES=cpu=32,mem=62.50G,node=4,billing=32

"""


def shown(session: FakeSession, *argv: str) -> str:
    result = call(scontrol, session, *argv)
    assert (result.status, result.err) == (0, "")
    return result.out


def test_job(session: FakeSession) -> None:
    assert shown(session, "-d", "show", "job", "1222") == RUNNER
    plain = RUNNER
    for part in DETAILS:
        plain = plain.replace(part, "")
    assert shown(session, "show", "job", "1222") == plain


def test_job_on_one_line(session: FakeSession) -> None:
    line = shown(session, "-o", "show", "job", "1222")
    assert line.startswith("JobId=1222 JobName=runner UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=1 ")
    assert line.endswith(" Comment=hello there  StdErr=/tmp/q/1222.out StdIn=/dev/null StdOut=/tmp/q/1222.out Power= "
                         "TresPerNode=gres:gpu:a100:1 MailUser=a@b MailType=END \n")  # fmt: skip
    assert shown(session, "show", "job", "1222", "-o") == line


def test_job_that_waits_for_its_time(session: FakeSession) -> None:
    assert BEGIN in shown(session, "show", "job", "1228")


def test_array(session: FakeSession) -> None:
    heads = [line for line in shown(session, "show", "job", "1223").splitlines() if line.startswith("JobId")]
    assert heads == [
        "JobId=1223 ArrayJobId=1223 ArrayTaskId=3-6%2 ArrayTaskThrottle=2 JobName=arr",
        "JobId=1233 ArrayJobId=1223 ArrayTaskId=2 ArrayTaskThrottle=2 JobName=arr",
        "JobId=1232 ArrayJobId=1223 ArrayTaskId=1 ArrayTaskThrottle=2 JobName=arr",
    ]
    assert shown(session, "show", "job", "1223_5").startswith("JobId=1223 ArrayJobId=1223 ArrayTaskId=5 ")


def test_heterogeneous_job(session: FakeSession) -> None:
    assert shown(session, "show", "job", "1231").startswith(
        "JobId=1231 HetJobId=1230 HetJobOffset=1 JobName=hetB\n   HetJobIdSet=1230-1231\n   UserId="
    )
    assert "StdOut=/tmp/q/slurm-1230.out\n" in shown(session, "show", "job", "1230+0")


def test_later_versions_say_what_is_held_apart(session: FakeSession) -> None:
    session.compat = (26, 5)
    text = shown(session, "show", "job", "1222")
    assert "   ReqTRES=cpu=2,mem=400M,node=2,billing=2\n   AllocTRES=cpu=2,mem=400M,node=2,billing=2\n" in text
    assert "Power=" not in text
    assert "TresPerNode=gres/gpu:a100:1\n" in text
    assert "AllocTRES=(null)" in shown(session, "show", "job", "1227")


def test_steps(session: FakeSession) -> None:
    assert shown(session, "show", "step", "1222.0") == STEP
    assert shown(session, "show", "step", "1222").startswith(BATCH_STEP + STEP)
    assert shown(session, "-o", "show", "step", "1222.0") == " ".join(STEP.split()) + "\n"


def test_nodes(session: FakeSession) -> None:
    assert shown(session, "-d", "show", "node", "n1") == NODE
    assert shown(session, "show", "node").count("NodeName=") == 4
    both = call(scontrol, session, "show", "node", "n1,zz")
    assert both.out.endswith("ExtSensorsTemp=n/s\n\nNode zz not found\n")
    assert both.status == 1


def test_a_drained_node_says_why(session: FakeSession) -> None:
    node = session.state.nodes["n3"]
    node.flags, node.reason, node.reason_time = ["DRAIN"], "bad fan", 1795478411.0
    text = shown(session, "show", "node", "n3")
    assert "   State=IDLE+DRAIN " in text
    assert "   Reason=bad fan [root@2026-11-24T00:00:11]\n" in text


def test_partitions(session: FakeSession) -> None:
    assert shown(session, "show", "partition", "gpu") == PARTITION
    assert "MaxTime=01:00:00 MinNodes=0" in shown(session, "-o", "show", "part", "debug")
    assert shown(session, "show", "partitions").count("PartitionName=") == 2


def test_json(session: FakeSession) -> None:
    import json

    assert json.loads(shown(session, "show", "job", "1222", "--json"))["jobs"][0]["name"] == "runner"
    assert next(node["state"] for node in json.loads(shown(session, "show", "node", "--json"))["nodes"]) == ["MIXED"]
    parts = json.loads(shown(session, "--json", "show", "partition"))["partitions"]
    assert [part["name"] for part in parts] == ["gpu", "debug"]


def _keys(record: dict[str, Any], front: str = "") -> Iterator[str]:
    for key, value in record.items():
        yield front + key
        if isinstance(value, dict):
            yield from _keys(value, f"{front}{key}.")


@pytest.mark.parametrize(("record", "which"), [("job", "1222"), ("node", "n0"), ("partition", "gpu")])
def test_documents_have_the_keys_of_slurms(session: FakeSession, record: str, which: str) -> None:
    import json

    table = Path(__file__).parents[1] / "data" / "json-keys.tsv"
    known = dict(line.split("\t") for line in table.read_text().splitlines() if not line.startswith("#"))
    shown_one = json.loads(shown(session, "show", record, which, "--json"))[f"{record}s"][0]
    assert set(known[record].split()) <= set(_keys(shown_one))
