"""scontrol's keywords, complaints and requests, as measured with Slurm 22.05.8."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands import scontrol
from tests.commands.fake import FakeSession, call

HOSTS = [
    (["show", "hostnames", "n[1-3],x"], "n1\nn2\nn3\nx\n", ""),
    (["show", "hostname", "None"], "None\n", ""),
    (["show", "hostnames=n[0-2]"], "n0\nn1\nn2\n", ""),
    (["sho", "hostn", "a[1-2]"], "a1\na2\n", ""),
    (["show", "hostnames"], "", "scontrol: error: host list is empty\n"),
    (["show", "hostnames", "n[3-1]"], "",
     "scontrol: error: _parse_single_range: Invalid range: `3-1'\nInvalid hostlist: n[3-1]\n"),
    (["show", "hostnames", "n[1-3]x"], "", "Invalid hostlist: n[1-3]x\n"),
    (["show", "hostlist", "n1,n2,n3"], "n[1-3]\n", ""),
    (["show", "hostlistsorted", "n3,n1,n2,n2"], "n[1-2,2-3]\n", ""),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "out", "err"), HOSTS)
def test_host_lists(session: FakeSession, argv: list[str], out: str, err: str) -> None:
    assert list(call(scontrol, session, *argv)) == [0, out, err]


def test_host_lists_come_from_the_job(session: FakeSession, tmp_path: Path) -> None:
    assert call(scontrol, session, "show", "hostnames", environ={"SLURM_NODELIST": "b[1-2]"}).out == "b1\nb2\n"
    (tmp_path / "hosts").write_text("n1\nn2,n3\n")
    assert call(scontrol, session, "show", "hostlist", str(tmp_path / "hosts")).out == "n[1-3]\n"


def test_host_names_need_no_cluster_and_little_else() -> None:
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); import io\n"
        "from mgpu_slurm.__main__ import Streams\nfrom mgpu_slurm.commands import scontrol\n"
        "out = io.StringIO(); scontrol.run(['show', 'hostnames', 'n[1-2]'], {}, '/', Streams(out, out))\n"
        "assert out.getvalue() == 'n1\\nn2\\n'\n"
        "print(sorted(m for m in sys.modules if m.startswith('mgpu_slurm.') or m in ('re', 'json', 'socket', '_socket')))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(done.stdout)
    assert not [name for name in loaded if not name.startswith("mgpu_slurm.")], loaded
    assert not [name for name in loaded if ".wire" in name or ".intake" in name or "session" in name], loaded


REFUSED = [
    (["show"], "too few arguments for keyword:show\n"),
    (["show", "foo"], "invalid entity:foo for keyword:show \n"),
    (["foo"], "invalid keyword: foo\n"),
    (["hold"], "too few arguments for keyword:hold\n"),
    (["show", "job", "1", "2"], "too many arguments for keyword:show\n"),
    (["show", "job", "999999"], "slurm_load_jobs error: Invalid job id specified\n"),
    (["sho", "j", "999999"], "slurm_load_jobs error: Invalid job id specified\n"),
    (["show", "job", "abc"], "scontrol_print_job error: Invalid job id specified\n"),
    (["show", "step", "99999.0"], "slurm_get_job_steps error: Invalid job id specified\n"),
    (["update"], "too few arguments for update keyword\n"),
    (["update", "job=5", "foo=3"], "Update of this parameter is not supported: foo=3\nRequest aborted\n"),
    (["update", "job=5", "timelimit=zz"], "scontrol: error: Invalid TimeLimit value\n"),
    (["update", "node=n0", "state=drain"],
     "You must specify a reason when DOWNING or DRAINING a node. Request denied\n"),
    (["update", "timelimit=3"],
     "No valid entity in update command\n"
     'Input line must include "NodeName", "PartitionName", "Reservation", "JobId", or "SlurmctldDebug"\n'),
    (["update", "node=n0", "state=foo"],
     "Invalid input: state=foo\nRequest aborted\n"
     "Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN\n"
     "Not all states are valid given a node's prior state\n"),
    (["--foo"], "scontrol: unrecognized option '--foo'\nTry \"scontrol --help\" for more information\n"),
    (["wait_job", "999999"], "scontrol: Problem running job 999999\n"),
    (["wait_job", "x"], "Invalid job_id x"),
    (["create"], "too few arguments for create keyword\n"),
    (["create", "foo=1"], "scontrol: error: Invalid creation entity: foo=1\n"),
    (["delete", "job=1"], "Invalid deletion entity: job=1\n"),
    (["delete", "partition"], "scontrol: error: Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'\n"),
    (["create", "partition=p", "nosuch=1"],
     "scontrol: error: Update of this parameter is not supported: nosuch=1\n\nscontrol: error: Request aborted\n"),
    (["update", "partition=p", "state=x"],
     "scontrol: error: Invalid input: state=x\n"
     "scontrol: error: Acceptable State values are UP, DOWN, DRAIN and INACTIVE\nslurm_update error: No error\n"),
    (["update", "partition=p", "maxtime=x"], "scontrol: error: Invalid input maxtime=x\nslurm_update error: No error\n"),
    (["update", "partition=p", "lln=x"],
     "scontrol: error: Invalid input: lln=x\nscontrol: error: Acceptable LLN values are YES and NO\n"
     "slurm_update error: No error\n"),
    (["update", "partition=p", "prioritytier=x"],
     "scontrol: error: Invalid PriorityTier value: x\nslurm_update error: No error\n"),
    (["update", "partition=p", "maxnodes=x"], 'scontrol: error: Invalid numeric value "x" for MaxNodes.\n'),
    (["update", "partition=p"], "scontrol: error: No changes specified\n"),
    (["create", "res", "users=a", "nodes=n1"], "scontrol: error: A start time must be given.  No reservation created.\n"),
    (["create", "res", "start=now", "users=a", "nodes=n1"],
     "scontrol: error: An end time or duration must be given.  No reservation created.\n"),
    (["create", "res", "start=now", "dur=5", "nodes=n1"],
     "scontrol: error: Either Users/Groups and/or Accounts must be specified.  No reservation created.\n"),
    (["create", "res", "start=x", "dur=5"],
     "Invalid time specification (pos=0): x\nscontrol: error: Invalid start time start=x.  No reservation created.\n"),
    (["create", "res", "start=now", "dur=5", "flags=nosuch"],
     "scontrol: error: Error parsing flags nosuch.  No reservation created.\n"),
    (["update", "res=r", "nosuch=1"],
     "scontrol: error: Unknown parameter nosuch=1.  No reservation update.\nslurm_update error: No error\n"),
    (["update", "node=n0", "weight=x"],
     "scontrol: error: Weight value (x) is not a valid number\nNo changes specified\n"),
    (["update", "job=5", "numtasks=x"], "scontrol: error: Invalid NumTasks value: x\n"),
    (["update", "job=5", "starttime=x"], "Invalid time specification (pos=0): x\nNo changes specified\n"),
    (["update", "jobid"], "Invalid input: jobid\nRequest aborted\n"),
    (["notify", "x", "hello"], "Invalid job_id xjob notify failure: No error\n"),
    (["listpids", "x"], '"x" does not look like a jobid\n'),
    (["setdebug", "99"], "invalid debug level: 99\n"),
    (["reboot"], "Missing node list. Specify ALL|<NodeList>\n"),
    (["pidinfo"], "missing argument for keyword:pidinfo\n"),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "text"), REFUSED)
def test_refusals(session: FakeSession, argv: list[str], text: str) -> None:
    assert list(call(scontrol, session, *argv)) == [1, "", text]
    assert session.asked == []


def test_getent_tells_no_groups_without_its_parameter(session: FakeSession) -> None:
    session.state.nodes["n0"].hostname = os.uname().nodename.partition(".")[0]
    told = call(scontrol, session, "getent", "n0").out
    assert told.startswith("JobId=1222.batch:\nUser:\nroot:x:0:0:"), told
    assert "\nGroups:\n\n" in told
    assert call(scontrol, session, "getent", "zz").err.startswith("scontrol: error: Domain socket directory ")


SAID = [
    (["show", "node", "zz"], 1, "Node zz not found\n"),
    (["show", "partition", "zz"], 1, "Partition zz not found\n"),
    (["show", "job", "1223_99"], 1, "Job 1223_99 not found\n"),
    (["show", "step", "1222.77"], 1, "Job step 1222.77 not found\n"),
    (["show", "res"], 0, "No reservations in the system\n"),
    (["show", "res", "zz"], 1, "Reservation zz not found\n"),
    (["show", "lic"], 0, "No licenses configured in Slurm.\n"),
    (["errnumstr", "2017"], 0, "Invalid job id specified\n"),
    (["completing"], 0, ""),
]


@pytest.mark.parametrize(("argv", "status", "text"), SAID)
def test_said(session: FakeSession, argv: list[str], status: int, text: str) -> None:
    assert list(call(scontrol, session, *argv)) == [status, text, ""]


REQUESTS = [
    (["hold", "5,6,7_[1-2]"], {"kind": "job_action", "action": "hold", "ids": ["5", "6", "7_[1-2]"]}),
    (["uhold", "5"], {"kind": "job_action", "action": "uhold", "ids": ["5"]}),
    (["rel", "5"], {"kind": "job_action", "action": "release", "ids": ["5"]}),
    (["requeue", "5"], {"kind": "job_action", "action": "requeue", "ids": ["5"]}),
    (["requeuehold", "State=SpecialExit", "5"], {"kind": "job_action", "action": "requeuehold_special", "ids": ["5"]}),
    (["hold", "jobname=arr"], {"kind": "job_action", "action": "hold", "ids": ["1223", "1232", "1233"]}),
    (["top", "5"], {"kind": "job_action", "action": "top", "ids": ["5"]}),
    (["reconfig"], {"kind": "control", "action": "reconfigure"}),
    (["shutdown"], {"kind": "control", "action": "shutdown"}),
    (["update", "job=5", "TimeLimit+=5", "comment=x y", "ReqNodes=2"],
     {"kind": "update", "what": "job", "name": "5", "changes": [["timelimit", "+5"], ["comment", "x y"], ["numnodes", "2"]]}),
    (["update", "JobName=dep", "nice=3"],
     {"kind": "update", "what": "job", "name": "1225", "changes": [["nice", "3"]]}),
    (["update", "nodename=n[0-1]", "state=drain", "reason=bad fan"],
     {"kind": "update", "what": "node", "name": "n[0-1]", "changes": [["state", "DRAIN"], ["reason", "bad fan"]]}),
    (["update", "partition=gpu", "State=DOWN"],
     {"kind": "update", "what": "partition", "name": "gpu", "changes": [["state", "DOWN"]], "action": "update"}),
    (["update", "stepid=5.0", "timelimit=3"],
     {"kind": "update", "what": "step", "name": "5.0", "changes": [["timelimit", "3"]]}),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "expected"), REQUESTS)
def test_requests(session: FakeSession, argv: list[str], expected: dict[str, object]) -> None:
    result = call(scontrol, session, *argv)
    assert (result.status, result.err) == (0, "")
    assert session.asked == [expected]


def test_what_the_controller_refuses(session: FakeSession) -> None:
    unknown = {"rows": [["999999", 2017, "Invalid job id specified"]]}
    session.answers = {"job_action": unknown, "update": unknown}
    line = "Invalid job id specified for job 999999\n"
    assert call(scontrol, session, "hold", "999999").err == line + "slurm_suspend error: Invalid job id specified\n"
    assert call(scontrol, session, "requeue", "999999").err == line
    assert list(call(scontrol, session, "update", "job=999999", "timelimit=5")) == [1, "", line]
    session.answers["update"] = SlurmError(2018)
    text = call(scontrol, session, "update", "node=zz", "state=drain", "reason=x").err
    assert text == "slurm_update error: Invalid node name specified\n"
    session.answers["get_script"] = SlurmError(2017)
    result = call(scontrol, session, "write", "batch_script", "999999")
    assert list(result) == [0, "", "job script retrieval failed: Invalid job id specified\n"]


def test_scripts_are_written(session: FakeSession, tmp_path: Path) -> None:
    session.answers["get_script"] = {"text": "#!/bin/sh\ntrue\n"}
    assert call(scontrol, session, "write", "batch_script", "5", "-").out == "#!/bin/sh\ntrue\n"
    name = str(tmp_path / "s.sh")
    assert call(scontrol, session, "write", "batch_script", "5", name).out == f"batch script for job 5 written to {name}\n"
    assert (tmp_path / "s.sh").read_text() == "#!/bin/sh\ntrue\n"


def test_ping(session: FakeSession) -> None:
    session.answers["ping"] = {"hostname": "vm", "mode": "primary"}
    assert list(call(scontrol, session, "ping")) == [0, "Slurmctld(primary) at vm is UP\n", ""]


def test_a_conversation(session: FakeSession) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"show hostnames a[1-2]\nbad\n!!\nquit\nshow job\n")
    os.close(writer)
    try:
        result = call(scontrol, session, stdin_fd=reader)
    finally:
        os.close(reader)
    shown = "scontrol: show hostnames a[1-2]\na1\na2\nscontrol: bad\nscontrol: !!\nscontrol: quit\n"
    assert list(result) == [1, shown, "invalid keyword: bad\n" * 2]
