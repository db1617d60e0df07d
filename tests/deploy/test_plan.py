"""What is decided about hosts, by tables: from words, surveys and wishes to facts, findings and actions."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.deploy import actions, checks, configuration, hosts, scripts, survey, units
from mgpu_slurm.deploy.actions import KEEPER, SYSTEM, USER, Kind, Mark, Wish
from mgpu_slurm.deploy.bringing_up import validate
from mgpu_slurm.deploy.bundle import BINARY, PYTHON, Piece, Release
from mgpu_slurm.deploy.checks import FAIL, WARN
from mgpu_slurm.deploy.hosts import Facts, Word, WordError
from mgpu_slurm.deploy.orders import Refused
from mgpu_slurm.deploy.record import Member, Record, unique_name

GIB = 1 << 20
BASE = "/home/ann/.local/share/mgpu/lab"
PLAIN = Facts(
    user="ann", uid=1000, home="/home/ann", hostname="gpu01", kernel="Linux 6.1", arch="x86_64", libc="glibc 2.36", boot_id="a",
    cpus=8, memory=64 * GIB, base=BASE, disk_free=100 * GIB, pythons=(("/usr/bin/python3.11", 3, 11),),
    addresses=("10.0.0.11",), reached_at="10.0.0.11",
)  # fmt: skip
WISH = Wish("gpu01", "controller,node", "1.0-abc", (("program", "d1", 100), ("packages", "d2", 900)), "c1", "k1", KEEPER)
DONE = replace(
    PLAIN,
    releases=("1.0-abc",),
    existing={"current": "1.0-abc", "conf": "c1", "key": "k1", "links": "yes", "started gpu01": str(WISH.mark)},
    nodes=("gpu01",),
    running=frozenset({"gpu01"}),
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("gpu01", Word("gpu01")),
        ("ann@gpu01", Word("gpu01", "ann")),
        ("ann@gpu01:2222", Word("gpu01", "ann", 2222)),
        ("n1=ann@10.0.0.1", Word("10.0.0.1", "ann", 0, "n1")),
        ("ssh://ann@gpu01:22/", Word("gpu01", "ann", 22)),
        ("[fd00::1]:2222", Word("fd00::1", "", 2222)),
        ("ann@fd00::1", Word("fd00::1", "ann")),
        ("a@b@host", Word("host", "a@b")),
    ],
)
def test_host_words(text: str, word: Word) -> None:
    assert hosts.parse(text) == word
    assert hosts.parse(word.written()) == word


@pytest.mark.parametrize(
    "text",
    ["", "@host", "host:0x1", "host:70000", "-oProxyCommand=x", "a b", "n 1=host", "[fd00::1", "x=;rm@h", "ALL=h", "h$(x)"],
)
def test_words_that_say_nothing(text: str) -> None:
    if text == "host:":
        assert hosts.parse(text) == Word("host")
        return
    with pytest.raises(WordError):
        hosts.parse(text)


@given(st.text(max_size=30))
def test_a_word_is_read_or_refused(text: str) -> None:
    try:
        word = hosts.parse(text)
    except WordError:
        return
    assert hosts.parse(word.written()) == word
    assert not set(word.host) & set(" '\"`$;|&<>")


INSTALL, WRITE_KEY, WRITE_CONF, SWITCH, LINK, START, RESTART, RELOAD = Kind


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (PLAIN, [INSTALL, WRITE_KEY, WRITE_CONF, SWITCH, LINK, START]),
        (DONE, []),
        (replace(DONE, running=frozenset()), [START]),
        (replace(DONE, existing={**DONE.existing, "conf": "old"}), [WRITE_CONF]),
        (replace(DONE, existing={**DONE.existing, "started gpu01": str(replace(WISH.mark, conf="old"))}), [RELOAD]),
        (replace(DONE, existing={**DONE.existing, "key": "old"}), [WRITE_KEY]),
        (replace(DONE, existing={**DONE.existing, "started gpu01": str(replace(WISH.mark, key="old"))}), [RESTART]),
        (replace(DONE, existing={**DONE.existing, "started gpu01": str(replace(WISH.mark, release="0.9-x"))}), [RESTART]),
        (replace(DONE, existing={**DONE.existing, "started gpu01": str(replace(WISH.mark, roles="node"))}), [RESTART]),
        (replace(DONE, existing={**DONE.existing, "started gpu01": str(replace(WISH.mark, manner=USER))}), [RESTART]),
        (replace(DONE, existing={**DONE.existing, "started gpu01": "what is this"}), [RESTART]),
        (replace(DONE, existing={**DONE.existing, "current": "0.9-x"}), [SWITCH]),
        (replace(DONE, releases=()), [INSTALL]),
        (replace(DONE, existing={k: v for k, v in DONE.existing.items() if k != "links"}), [LINK]),
        (replace(DONE, existing={k: v for k, v in DONE.existing.items() if k != "links"}, foreign=("/etc/mgpu/mgpu.conf",)), []),
    ],
)
def test_plan(facts: Facts, expected: list[Kind]) -> None:
    todo = actions.plan(WISH, facts)
    assert [action.kind for action in todo] == expected
    assert all(action.told for action in todo)


def test_no_links_where_none_are_wanted() -> None:
    wish = replace(WISH, links=False)
    assert LINK not in [action.kind for action in actions.plan(wish, PLAIN)]


@pytest.mark.parametrize(
    ("facts", "manner", "comes_back"),
    [
        (PLAIN, KEEPER, False),
        (replace(PLAIN, cron=True), KEEPER, True),
        (replace(PLAIN, manager=True), KEEPER, False),
        (replace(PLAIN, manager=True, user_manager=True), KEEPER, False),
        (replace(PLAIN, manager=True, user_manager=True, linger=True), USER, True),
        (replace(PLAIN, uid=0, manager=True), SYSTEM, True),
        (replace(PLAIN, uid=0), KEEPER, False),
    ],
)
def test_manner(facts: Facts, manner: str, comes_back: bool) -> None:
    assert actions.manner(facts) == manner
    assert actions.comes_back(facts, manner) == comes_back


@pytest.mark.parametrize(
    ("facts", "level", "text"),
    [
        (replace(PLAIN, kernel="Darwin 23"), FAIL, "only Linux"),
        (replace(PLAIN, missing=("tar", "gzip")), FAIL, "has no tar, gzip"),
        (replace(PLAIN, hindrance="/home is full of noexec"), FAIL, "noexec"),
        (replace(PLAIN, base="/home/ann's/mgpu"), FAIL, "--directory"),
        (replace(PLAIN, memory=0), FAIL, "/proc"),
        (replace(PLAIN, foreign=("/etc/mgpu/mgpu.conf",)), WARN, "another cluster"),
    ],
)
def test_a_host_alone(facts: Facts, level: str, text: str) -> None:
    (finding,) = checks.host("gpu01", facts)
    assert (finding.level, finding.host) == (level, "gpu01")
    assert text in finding.text
    assert checks.host("gpu01", PLAIN) == []


@pytest.mark.parametrize(
    ("skew", "error", "level"),
    [(0.0, 0.1, ""), (1.9, 0.1, ""), (2.5, 0.1, WARN), (-4.0, 0.1, WARN), (3.0, 2.0, ""), (400.0, 0.5, FAIL), (9e9, 0.0, FAIL)],
)
def test_clocks(skew: float, error: float, level: str) -> None:
    found = checks.clocks({"head": PLAIN, "gpu01": replace(PLAIN, skew=skew, skew_error=error)}, "head")
    assert [finding.level for finding in found] == ([level] if level else [])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, ["the same machine"]),
        ({"boot_id": "b"}, []),
        ({"boot_id": "a", "hostname": "container"}, []),
        ({"boot_id": "b", "uid": 1001}, ["uid 1001"]),
        ({"boot_id": "b", "uid": 0}, ["as root"]),
    ],
)
def test_hosts_together(other: dict[str, object], words: list[str]) -> None:
    found = checks.together({"head": PLAIN, "gpu01": replace(PLAIN, **other)}, "head", ("head", "gpu01"))  # type: ignore[arg-type]
    assert len(found) == len(words)
    for finding, word in zip(found, words, strict=True):
        assert word in finding.text
        assert finding.host == "gpu01"


def test_accounts_of_a_cluster_for_all() -> None:
    head = replace(PLAIN, uid=0, users=(("ann", 1000), ("bob", 1001)))
    other = replace(head, boot_id="b", users=(("ann", 1000), ("bob", 1007), ("eve", 1001)))
    (finding,) = checks.together({"head": head, "gpu01": other}, "head", ("head", "gpu01"))
    assert finding.level == WARN
    assert "bob (1007 there, 1001 on head)" in finding.text
    assert "ann" not in finding.text


def test_room() -> None:
    assert checks.room("gpu01", PLAIN, 50 << 20) == []
    (finding,) = checks.room("gpu01", replace(PLAIN, disk_free=1000), 50 << 20)
    assert "124 MB are needed" in finding.text


@pytest.mark.parametrize(
    ("reached", "own", "expected"),
    [
        ({"a": "10.0.0.1", "b": "10.0.0.2"}, {}, {"a": "10.0.0.1", "b": "10.0.0.2"}),
        ({"a": "127.0.0.1", "b": "127.0.0.1"}, {"a": ["10.0.0.1"]}, {"a": "127.0.0.1", "b": "127.0.0.1"}),
        ({"a": "127.0.0.1", "b": "10.0.0.2"}, {"a": ["172.17.0.1", "10.0.0.1"]}, {"a": "10.0.0.1", "b": "10.0.0.2"}),
        ({"a": "::1", "b": "fd00::2"}, {"a": ["fe80::1", "192.0.2.1", "fd00::1"]}, {"a": "fd00::1", "b": "fd00::2"}),
        ({"a": "", "b": "10.0.0.2"}, {}, {"a": "host-a", "b": "10.0.0.2"}),
        ({"a": "127.0.0.1", "b": "10.9.0.2"}, {"a": ["192.168.1.5"]}, {"a": "192.168.1.5", "b": "10.9.0.2"}),
    ],
)
def test_addresses(reached: dict[str, str], own: dict[str, list[str]], expected: dict[str, str]) -> None:
    facts = {name: replace(PLAIN, reached_at=at, addresses=tuple(own.get(name, ()))) for name, at in reached.items()}
    assert configuration.addresses(facts, {name: f"host-{name}" for name in facts}) == expected


def record(*names: str) -> Record:
    made = Record("lab", controller=names[0])
    made.members = [
        Member(name, f"{name}.lan", "ann", 0, BASE, name, f"10.0.0.{at}", line="CPUs=8 RealMemory=64000", joined=True)
        for at, name in enumerate(names, 1)
    ]
    return made


def test_ports_are_free_and_differ_on_one_machine() -> None:
    made = record("a", "b", "c")
    facts = {
        "a": replace(PLAIN, ports=frozenset({6817, 22})),  # somebody's slurmctld
        "b": PLAIN,  # the same machine as a
        "c": replace(PLAIN, boot_id="other", ports=frozenset({6818})),
    }
    configuration.ports(made, facts, ["a", "b", "c"])
    assert made.port == 17170
    assert [member.node_port for member in made.members] == [6818, 17171, 17170]
    before = [(member.name, member.node_port) for member in made.members]
    made.members.append(Member("d", "d.lan", address="10.0.0.9"))
    configuration.ports(made, {**facts, "d": PLAIN}, ["d"])  # known ones keep theirs
    assert [(member.name, member.node_port) for member in made.members] == [*before, ("d", 17172)]


def test_configuration_is_one_that_can_be_read(tmp_path: pytest.TempPathFactory) -> None:
    from mgpu_slurm.intake import conf

    made = record("gpu02", "gpu01")
    made.port = 6817
    made.settings = ["DefMemPerCPU=100", "PartitionName=short Nodes=ALL MaxTime=10 Default=YES"]
    for member in made.members:
        member.node_port = 6818
    file = tmp_path / "mgpu.conf"  # type: ignore[operator]
    file.write_text(configuration.text(made, made.members[0], f"{BASE}/etc/mgpu.key"))
    found = conf.load(str(file))
    assert found.controllers == [("gpu02", "10.0.0.1")]
    assert [(node.name, node.addr, node.port, node.cpus) for node in found.nodes] == [
        ("gpu01", "10.0.0.2", 6818, 8),
        ("gpu02", "10.0.0.1", 6818, 8),
    ]
    assert [partition.name for partition in found.partitions] == ["short"]
    assert (found.get("DefMemPerCPU"), found.key_file(), found.unknown) == (100, f"{BASE}/etc/mgpu.key", [])


def test_what_steps_are_kept_to_has_a_file_of_its_own(tmp_path: Path) -> None:
    from mgpu_slurm.intake import conf

    made = record("gpu02", "gpu01")
    made.port = 6817
    for member in made.members:
        member.node_port = 6818
    before = configuration.text(made, made.members[0], "/key")
    assert configuration.cgroup(made) == ""
    made.settings = ["ConstrainDevices=yes", "DefMemPerCPU=100", "constrainramspace=yes"]
    validate(made)
    text = configuration.text(made, made.members[0], "/key")
    assert text != before
    (tmp_path / "mgpu.conf").write_text(text)
    (tmp_path / "cgroup.conf").write_text(configuration.cgroup(made))
    found = conf.load(str(tmp_path / "mgpu.conf"))
    assert (found.cgroup, found.unknown) == ({"devices": True, "ram": True}, [])
    assert found.get("TaskPlugin") == "task/affinity,task/cgroup"
    made.settings = ["ConstrainDevices=maybe"]
    with pytest.raises(Refused, match=r"the configuration would not do: .* \(ConstrainDevices=maybe\)"):
        validate(made)


@pytest.mark.parametrize(
    ("old", "found", "expected"),
    [
        ("CPUs=8 RealMemory=1000", "CPUs=8 RealMemory=1001", "CPUs=8 RealMemory=1000"),
        ("CPUs=8 RealMemory=1000", "CPUs=8 RealMemory=985", "CPUs=8 RealMemory=1000"),
        ("CPUs=8 RealMemory=1000", "CPUs=8 RealMemory=900", "CPUs=8 RealMemory=900"),
        ("CPUs=8 RealMemory=1000", "CPUs=8 RealMemory=2000", "CPUs=8 RealMemory=2000"),
        ("CPUs=8 RealMemory=1000", "CPUs=16 RealMemory=1000", "CPUs=16 RealMemory=1000"),
        ("CPUs=8 RealMemory=1000", "CPUs=8 RealMemory=1000 Gres=gpu:2", "CPUs=8 RealMemory=1000 Gres=gpu:2"),
    ],
)
def test_a_known_machine_keeps_its_line_until_it_changes(old: str, found: str, expected: str) -> None:
    assert configuration.newer_line(old, found) == expected


def test_hardware_line() -> None:
    printed = "NodeName=n1 CPUs=2 Boards=1 RealMemory=1000 Gres=gpu:a100:2\nUpTime=0-1:00:00\n"
    assert configuration.hardware(printed) == "CPUs=2 Boards=1 RealMemory=980 Gres=gpu:a100:2"
    with pytest.raises(ValueError):
        configuration.hardware("Segmentation fault\n")


def test_names_of_nodes() -> None:
    assert unique_name("GPU01", set()) == "gpu01"
    assert unique_name("gpu01", {"gpu01", "gpu01-2"}) == "gpu01-3"
    assert unique_name("ein höst!", set()) == "ein-höst" or hosts.valid_name(unique_name("ein host!", set()))
    assert unique_name("", set()) == "node"


def test_survey_of_this_machine() -> None:
    import os
    import time

    sent = time.time()
    done = subprocess.run(["sh"], input=survey.script("lab", "/tmp/no/such"), capture_output=True, text=True, check=True)
    facts = survey.read(f"Welcome!\n{done.stdout}", sent, time.time())
    assert done.stderr == ""
    assert (facts.uid, facts.arch, facts.hostname) == (os.getuid(), os.uname().machine, os.uname().nodename.partition(".")[0])
    assert facts.cpus >= 1
    assert facts.memory > 1000
    assert facts.disk_free > 0
    assert facts.base == "/tmp/no/such"
    assert facts.missing == ()
    assert facts.skew == 0.0
    assert any(os.path.exists(path) for path, _, _ in facts.pythons)


def test_what_is_no_survey() -> None:
    with pytest.raises(survey.SurveyError, match="This account is not available"):
        survey.read("This account is not available.\n", 0.0, 1.0)


PIECES = (Piece("program", "/x", "d" * 64, 10, 100), Piece("packages-3.11", "/y", "e" * 64, 10, 100))
RELEASES = (Release(PYTHON, "1-a", PIECES, "/usr/bin/python3.11"), Release(BINARY, "1-b", PIECES[:1]))


def every_script() -> list[str]:
    mark = Mark("1-a", "c", "k", "controller,node", KEEPER)
    made = [survey.script("lab"), scripts.linger(BASE), scripts.switch(BASE, "1-a"), scripts.unresolved(["a", "b"])]
    made += [scripts.write(f"{BASE}/f", "a 'b' $c\n", "600"), scripts.logs(BASE, "n", 5, True), scripts.logs(BASE, "n", 5, False)]
    for release in RELEASES:
        made += [scripts.arrived(BASE, "n", release), scripts.install(BASE, "n", release)]
    for root in (True, False):
        made += [scripts.prepare(BASE, "n", root), scripts.link(BASE, root), scripts.unlink(BASE, root)]
        made += [scripts.erase("lab", BASE, "n", root, "/tmp/mgpu-1/lab-1", keep, keep) for keep in (True, False)]
    for manner in (KEEPER, USER, SYSTEM):
        each = replace(mark, manner=manner)
        made += [scripts.start("lab", BASE, "n", each, "/tmp/mgpu-1/lab-1", True), scripts.reload("lab", BASE, "n", each)]
    return [*made, scripts.stop("lab", BASE, "n")]


def test_scripts_are_shell() -> None:
    for text in every_script():
        done = subprocess.run(["sh", "-n"], input="{\n" + text + "\n}\n", capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_hosts_that_share_a_directory_do_not_meet_in_it(tmp_path: Path) -> None:
    """As with a home directory on NFS: all of them write the same files and links at the same moment."""
    base = tmp_path / "base"
    for place in ("releases/1-a/bin", "etc", "home"):
        (base / place).mkdir(parents=True)
    for name in ("mgpu_srun", "mgpu_sbatch", "mgpu_cluster"):
        (base / "releases/1-a/bin" / name).touch()
    once = [scripts.write(f"{base}/etc/mgpu.key", "secret\n", "600"), scripts.switch(str(base), "1-a")]
    once.append(scripts.link(str(base), False))
    ready = f"until [ -e {tmp_path}/go ]; do :; done\n"
    script = ready + "".join(f"(\n{text}) || exit 1\n" for text in once * 3)
    environ = {"PATH": "/usr/bin:/bin", "HOME": f"{base}/home"}
    hosts_at_once = [
        subprocess.Popen(["sh", "-c", script], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(8)
    ]
    (tmp_path / "go").touch()
    said = [host.communicate(timeout=60)[0] for host in hosts_at_once]
    assert [(host.returncode, text) for host, text in zip(hosts_at_once, said, strict=True)] == [(0, "")] * 8
    assert (base / "etc/mgpu.key").read_text() == "secret\n"
    assert (base / "home/.local/bin/mgpu_srun").resolve() == base / "releases/1-a/bin/mgpu_srun"
    assert sorted(file.name for file in (base / "etc").iterdir()) == ["mgpu.key"]
    assert sorted(file.name for file in (base / "home/.local/bin").iterdir()) == ["mgpu_sbatch", "mgpu_srun"]


@pytest.mark.parametrize("manner", [SYSTEM, USER])
def test_units_leave_jobs_alone_and_come_back(manner: str) -> None:
    node = units.text("lab", BASE, "node", "gpu01", manner)
    controller = units.text("lab", BASE, "controller", "gpu01", manner)
    assert "KillMode=process" in node
    for text in (node, controller):
        assert "Restart=on-failure" in text
        assert f"WantedBy={'multi-user' if manner == SYSTEM else 'default'}.target" in text
    assert f"ExecStart={BASE}/current/bin/mgpu_node -f {BASE}/etc/mgpu.conf -N gpu01" in node
