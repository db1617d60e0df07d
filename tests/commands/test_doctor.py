"""Every check of mgpu_doctor by a table of facts, and how verdicts are printed."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from mgpu_slurm.commands import doctor, doctor_cluster, doctor_look
from mgpu_slurm.commands.doctor_checks import CHECKS, judge
from mgpu_slurm.commands.doctor_facts import FAIL, PASS, WARN, Device, Facts, Key, Place, Verdict, some

PONG = {"cluster": "lab", "hostname": "head", "version": "1.0"}


def node(name: str, state: str = "IDLE", flags: tuple[str, ...] = (), reason: str = "") -> dict[str, Any]:
    return {"name": name, "state": state, "flags": list(flags), "reason": reason, "address": name, "hostname": name, "port": 1}


def row(name: str, **more: Any) -> dict[str, Any]:
    known = {
        "node": name, "version": "1.0", "uid": 0, "offset": 0.0, "doubt": 0.01, "uids": {"ann": 1000}, "unresolved": [],
        "home": [2, 3], "spool": "/spool", "spool_free": 50000, "cgroup": "", "gpus": 4, "notes": [],
    }  # fmt: skip
    assert set(more) <= set(known)
    return {**known, **more}


FILE = "/etc/mgpu/mgpu.conf"
QUIET: dict[str, Any] = {}
Case = tuple[str, dict[str, Any], str | None, str]
TABLE: list[Case] = [
    ("programs", {}, None, ""),
    ("programs", {"daemon_status": 0, "version": "1.0"}, PASS, "1.0"),
    ("programs", {"daemon_status": -1, "daemon_said": "packages are missing"}, WARN, "packages are missing"),
    ("programs", {"daemon_status": 1, "daemon_said": "No module named numpy"}, FAIL, "No module named numpy"),
    ("path", {}, PASS, "no other Slurm"),
    ("path", {"plain": {"srun": ("/o/bin/slurm/srun", True)}}, PASS, "this suite's"),
    ("path", {"plain": {"srun": ("/usr/bin/srun", False)}}, PASS, "/usr/bin"),
    ("path", {"plain": {"srun": ("/usr/bin/srun", False), "sbatch": ("/o/sbatch", True)}}, WARN, "srun from /usr/bin, sbatch"),
    ("gpus", {}, PASS, "no NVIDIA GPU here"),
    ("gpus", {"gres": "gpu:a100:4", "driver": "550.54"}, PASS, "finds gpu:a100:4 here, driver 550.54"),
    ("gpus", {"rows": [row(""), row("a"), row("b")]}, PASS, "offer 8"),
    ("gpus", {"nvidia_cards": 1}, WARN, "no driver"),
    ("gpus", {"nvml_said": "no library"}, WARN, "no library"),
    ("gpus", {"nvml_said": "version mismatch", "driver": "550.54"}, FAIL, "version mismatch"),
    ("gpus", {"rows": [row("a", notes=["GPU 2 fell off"])]}, WARN, "a: GPU 2 fell off"),
    ("gpus", {"nvidia_cards": 2, "driver": "5.4", "daemon_status": 0}, FAIL, "finds none of 2 GPUs"),
    ("gpus", {"nvidia_cards": 2, "driver": "5.4", "daemon_status": 0, "gres": "gpu:2"}, PASS, "finds gpu:2"),
    ("permissions", {}, None, ""),
    ("permissions", {"places": [Place("/etc/mgpu/mgpu.conf", 0o644)]}, PASS, "1 files"),
    ("permissions", {"places": [Place("/state", 0o700, 7, True)], "slurm_uid": 7}, PASS, "1 files"),
    ("permissions", {"places": [Place("/state", 0o700, 7)]}, FAIL, "/state (user 7)"),
    ("permissions", {"places": [Place("/a"), Place("/b", 0o777)]}, FAIL, "everybody may write to /b (mode 0777)"),
    ("permissions", {"places": [Place("/a"), Place("/b", 0o755, private=True)]}, WARN, "look into /b"),
    ("devices", {}, None, ""),
    ("devices", {"gres": "gpu:1", "devices": [Device("/dev/nvidiactl"), Device("/dev/nvidia-uvm")]}, FAIL, "no /dev/nvidia0"),
    ("devices", {"driver": "550.54"}, FAIL, "nvidiactl"),
    ("devices", {"driver": "5.4", "devices": [Device("/dev/nvidiactl"), Device("/dev/nvidia-uvm")]}, PASS, "2 device files"),
    ("devices", {"driver": "5.4", "devices": [Device("/dev/nvidiactl")]}, WARN, "uvm"),
    ("devices", {"devices": [Device("/dev/nvidia0", 0o600, False)]}, FAIL, "/dev/nvidia0 (mode 0600)"),
    ("sockets", {}, PASS, "left over"),
    ("sockets", {"stale": ["/run/x.sock"]}, WARN, "/run/x.sock"),
    ("configuration", {"config_error": f"{FILE}:3: no number"}, FAIL, f"{FILE}:3"),
    ("configuration", {"where": "embedded:/home/a/x"}, PASS, "of one's own in /home/a/x"),
    ("configuration", {"where": "first:head:8080"}, PASS, "master at head:8080"),
    ("configuration", {"where": FILE}, PASS, FILE),
    ("configuration", {"where": FILE, "relative": ["StateSaveLocation=state"]}, FAIL, "StateSaveLocation=state"),
    ("configuration", {"where": FILE, "unknown": ["NodeNmae"]}, WARN, "NodeNmae"),
    ("configuration", {"where": FILE, "warnings": ["two defaults"]}, WARN, "two defaults"),
    ("key", {}, None, ""),
    ("key", {"key": Key("/k")}, PASS, "/k, mode 0600"),
    ("key", {"key": Key("/k", None)}, PASS, "as it should be"),
    ("key", {"key": Key("/k", False)}, PASS, "not here"),
    ("key", {"key": Key("/k", False), "daemons_here": True}, FAIL, "missing"),
    ("key", {"key": Key("/k", regular=False)}, FAIL, "not a regular file"),
    ("key", {"key": Key("/k", mode=0o640)}, FAIL, "0640"),
    ("key", {"key": Key("/k", owner=7)}, FAIL, "user 7"),
    ("key", {"key": Key("/k", owner=7), "slurm_uid": 7}, PASS, "/k"),
    ("key", {"key": Key("/k", size=10)}, FAIL, "10 bytes"),
    ("controller", {"config_error": "x"}, None, ""),
    ("controller", {"pong": PONG}, PASS, "lab on head, primary"),
    ("controller", {"where": "embedded:/x"}, PASS, "starts it"),
    ("controller", {"where": "embedded:/x", "unreachable": "no room"}, FAIL, "no room"),
    ("controller", {"where": FILE, "unreachable": "refused"}, FAIL, "refused"),
    ("versions", {}, None, ""),
    ("versions", {"version": "1.0", "pong": PONG, "rows": [row(""), row("a")]}, PASS, "all are 1.0"),
    ("versions", {"version": "1.0", "pong": PONG, "rows": [row("a", version="0.9")]}, WARN, "0.9: a; 1.0: the commands, the con"),
    ("nodes", {}, None, ""),
    ("nodes", {"nodes": []}, FAIL, "no node"),
    ("nodes", {"nodes": [node("a"), node("b", "MIXED")]}, PASS, "2, all in service"),
    ("nodes", {"nodes": [node("a"), node("b", "DOWN", ("NOT_RESPONDING",))]}, WARN, "no word from b"),
    ("nodes", {"nodes": [node("b", "IDLE", ("NOT_RESPONDING",))]}, FAIL, "no word from b"),
    ("nodes", {"nodes": [node("a"), node("b", "IDLE", ("DRAIN",), "fan")]}, WARN, "b (fan)"),
    ("nodes", {"nodes": [node("b", "DOWN", (), "")]}, FAIL, "b (no reason given)"),
    ("clocks", {}, None, ""),
    ("clocks", {"clock": (0.1, 0.2), "rows": [row("a", offset=1.9)]}, PASS, "within 2 s"),
    ("clocks", {"clock": (-3.0, 0.2)}, WARN, "this machine is 3.0 s behind"),
    ("clocks", {"clock": (0.0, 0.0), "rows": [row("a", offset=5.0, doubt=4.0)]}, PASS, "within"),
    ("clocks", {"clock": (0.0, 0.0), "rows": [row("a", offset=200.0)]}, FAIL, "a is 200.0 s ahead of"),
    ("names", {"where": "embedded:/x"}, None, ""),
    ("names", {"where": FILE}, PASS, "have addresses here"),
    ("names", {"where": FILE, "rows": [row("a")]}, PASS, "everywhere"),
    ("names", {"where": FILE, "unresolved": ["b"]}, FAIL, "this machine knows no address for b"),
    ("names", {"rows": [row("", unresolved=["b"]), row("a", unresolved=["b", "c"])]}, FAIL, "controller's machine knows no"),
    ("ports", {}, None, ""),
    ("ports", {"where": "embedded:/x"}, PASS, "none are needed"),
    ("ports", {"ports": {"h:1": "", "n:2": ""}}, PASS, "2 of"),
    ("ports", {"ports": {"h:1": "", "n:2": "Connection refused"}}, FAIL, "n:2 (Connection refused)"),
    ("users", {"uids": {"ann": 1000}}, None, ""),
    ("users", {"uids": {"ann": 1000}, "rows": [row(""), row("a")]}, PASS, "1 user with"),
    ("users", {"uids": {"ann": 1000}, "rows": [row(""), row("a", uids={})]}, FAIL, "a does not know ann"),
    ("users", {"uids": {"ann": 1000}, "rows": [row("a", uids={"ann": 1007})]}, FAIL, "on a ann is 1007 and not 1000"),
    ("users", {"uids": {"ann": 1000}, "rows": [row("a", version="", uids={})]}, PASS, "1 user"),
    ("users", {"uids": {"ann": 1000}, "known_here": ["ann"], "rows": [row("a", uids={})]}, WARN, "does not know ann"),
    ("users", {"uids": {"ann": 1000}, "known_here": ["ann"], "rows": [row("a", uids={"ann": 7})]}, FAIL, "ann is 7"),
    ("rights", {}, None, ""),
    ("rights", {"rows": [row(""), row("a")], "uid": 7}, PASS, "run as root"),
    ("rights", {"rows": [row("a", uid=7)], "uid": 7}, PASS, "only this user's"),
    ("rights", {"rows": [row("a"), row("b", uid=8)], "uid": 7}, FAIL, "b (uid 8)"),
    ("rights", {"rows": [row("a"), row("b", uid=8)], "uid": 0}, WARN, "b (uid 8)"),
    ("directories", {"home": [2, 3]}, None, ""),
    ("directories", {"home": [2, 3], "rows": [row(""), row("a")]}, PASS, "the same"),
    ("directories", {"home": [2, 3], "rows": [row("a", home=[9, 9]), row("b", home=[])]}, WARN, "a, b"),
    ("disk", {}, None, ""),
    ("disk", {"rows": [row("a"), row("b")]}, PASS, "48 GiB"),
    ("disk", {"rows": [row("a", spool_free=900)]}, WARN, "a:/spool (900 MiB)"),
    ("disk", {"disks": {"/state": 5}, "rows": [row("a", spool_free=900)]}, FAIL, "/state (5 MiB), a:/spool"),
    ("disk", {"rows": [row("a", spool_free=0)]}, FAIL, "a:/spool (nothing: df"),
    ("controller", {"where": FILE, "unreachable": "no", "refused": True}, FAIL, "does not know this machine"),
    ("cgroups", {}, None, ""),
    ("cgroups", {"rows": [row("a")]}, PASS, "each step"),
    ("cgroups", {"rows": [row("a", cgroup="no v2")]}, WARN, "a: no v2"),
    ("cgroups", {"rows": [row("a", cgroup="not root", uid=7)]}, PASS, "without root"),
]


@pytest.mark.parametrize(("name", "known", "level", "text"), TABLE)
def test_verdict(name: str, known: dict[str, Any], level: str | None, text: str) -> None:
    verdict = dict(CHECKS)[name](Facts(**known))
    assert (verdict.level if verdict else None) == level
    if verdict is not None:
        assert text in verdict.text
        assert bool(verdict.mend) == (level != PASS), "what is wrong has a mend, and only that"


def test_every_check_is_seen_well_and_not_well() -> None:
    seen = {(name, level) for name, _, level, _ in TABLE}
    for name, _ in CHECKS:
        assert (name, PASS) in seen
        assert (name, WARN) in seen or (name, FAIL) in seen


@pytest.mark.parametrize(
    ("known", "start"),
    [
        ({"where": FILE, "master_here": True}, f"mgpu_master -f {FILE}"),
        ({"where": "first:head:8080", "master_here": True}, "mgpu_master --host"),
        ({"where": FILE}, "firewall"),
    ],
)
def test_mend_of_a_silent_controller_is_one_for_this_machine(known: dict[str, Any], start: str) -> None:
    verdict = doctor_cluster.controller(Facts(unreachable="refused", **known))
    assert verdict is not None
    assert start in verdict.mend


def test_checks_without_facts_say_nothing() -> None:
    assert {name for name, _ in judge(Facts(where=FILE, unreachable="x"))} == {
        "configuration", "controller", "names", "gpus", "sockets", "path",
    }  # fmt: skip


def test_unknown_facts_are_a_mistake() -> None:
    with pytest.raises(AttributeError):
        Facts(nonsense=1)


def test_long_lists_are_counted() -> None:
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
    assert some("abcde") == "a, b, c, d, e"


def test_text_and_json_say_the_same() -> None:
    verdicts = [("disk", Verdict(PASS, "fine")), ("key", Verdict(FAIL, "open " * 40, "chmod 600"))]
    text = doctor.as_text(verdicts)
    assert all(len(line) <= doctor.WIDTH for line in text.splitlines())
    assert text.startswith("PASS  disk           fine\nFAIL  key            open open")
    assert text.endswith("mend: chmod 600\n1 PASS, 1 FAIL\n")
    assert doctor.as_text(verdicts, quiet=True).startswith("FAIL  key")
    assert doctor.as_text(verdicts[:1], quiet=True) == ""
    told = json.loads(doctor.as_json(verdicts))
    assert told["summary"] == {"PASS": 1, "WARN": 0, "FAIL": 1}
    assert told["checks"][0] == {"name": "disk", "verdict": "PASS", "text": "fine", "mend": ""}


def test_ports_are_tried_together() -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = [one.getsockname()[1] for one in (open_, closed)]
        closed.close()
        said = doctor_look.try_ports([("127.0.0.1", ports[0]), ("127.0.0.1", ports[1]), ("no such host.invalid", 1)])
    assert said[f"127.0.0.1:{ports[0]}"] == ""
    assert said[f"127.0.0.1:{ports[1]}"] == "Connection refused"
    assert said["no such host.invalid:1"]
