"""Configuration files: keys, lines, places. Expected values are those that slurmctld 22.05.8 took from the same lines."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts.confkeys import HUGE, KEYS
from mgpu_slurm.intake import conf, conf_made

HEAD = "ClusterName=test\nSlurmctldHost=vm(127.0.0.1)\n"
ROOT = Path(__file__).parent.parent.parent


def load(tmp_path: Path, text: str | bytes, head: str = HEAD) -> conf.Config:
    path = tmp_path / "mgpu.conf"
    path.write_bytes(head.encode() + (text if isinstance(text, bytes) else text.encode()))
    return conf.load(str(path))


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("defmempercpu = 2k", "DefMemPerCPU", 2048),
        ("KillWait=10 # c", "KillWait", 10),
        ("", "KillWait", 30),
        ("", "MinJobAge", 300),
        ("", "MaxArraySize", 1001),
        ("KILLWAIT=7", "killwait", 7),
        ('Prolog="/a b/c d"', "Prolog", "/a b/c d"),
        ("TmpFS=/x\\#y", "TmpFS", "/x#y"),
        ("TmpFS=/x\\ay\\\\z", "TmpFS", "/xay\\z"),
        ("SchedulerParameters=a,\\\nb", "SchedulerParameters", "a,b"),
        ("SchedulerParameters=a\nSchedulerParameters=c", "SchedulerParameters", "c"),
        ("DebugFlags=backfill,gres", "DebugFlags", ("Backfill", "Gres")),
        ("PriorityMaxAge=1-0", "PriorityMaxAge", 86400),
        ("PriorityCalcPeriod=10", "PriorityCalcPeriod", 600),
        ("OverTimeLimit=UNLIMITED", "OverTimeLimit", UNLIMITED),
        ("MaxJobCount=UNLIMITED", "MaxJobCount", HUGE),
        ("SuspendTime=-1", "SuspendTime", UNLIMITED),
        ("SlurmdDebug=3", "SlurmdDebug", "info"),
        ("SlurmctldDebug=Debug2", "SlurmctldDebug", "debug2"),
        ("SlurmctldPort=6817-6820", "SlurmctldPort", 6817),
        ("SrunPortRange=5000-6000", "SrunPortRange", (5000, 6000)),
        ("DisableRootJobs=yes", "DisableRootJobs", True),
        ("UsePAM=0", "UsePAM", False),
        ("GresTypes=gpu,,mps", "GresTypes", ("gpu", "mps")),
        ("SelectTypeParameters=CR_Core_Memory", "SelectTypeParameters", ("CR_CORE_MEMORY",)),
        ("PriorityUsageResetPeriod=weekly", "PriorityUsageResetPeriod", "WEEKLY"),
        ('MailDomain=""', "MailDomain", None),
        ("TmpFS=/a\r\n", "TmpFS", "/a"),
        ("TmpFS=/caf\u00e9", "TmpFS", "/caf\u00e9"),
        ("PriorityWeightTRES=CPU=1,,GRES/gpu=2k\nAccountingStorageTRES=gres/gpu", "PriorityWeightTRES", "CPU=1,,GRES/gpu=2k"),
        ("", "MgpuLease", None),
        ("", "NoSuchKey", None),
    ],
)  # fmt: skip
def test_values(tmp_path: Path, text: str, key: str, value: object) -> None:
    config = load(tmp_path, text)
    assert config.get(key) == value
    if key != "NoSuchKey":
        assert getattr(config, key) == value


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("KillWait=abc", 3, 'KillWait value "abc" is not a valid number'),
        ("KillWait=-1", 3, "KillWait value (-1) is less than zero"),
        ("\n\nMessageTimeout=5.5", 5, 'MessageTimeout value "5.5" is not a valid number'),
        ("DisableRootJobs=maybe", 3, '"maybe" is not a valid option for "DisableRootJobs"'),
        ("EnforcePartLimits=x", 3, 'Bad value "x" for EnforcePartLimits'),
        ("RequeueExit=1-x", 3, 'Bad value "1-x" for RequeueExit'),
        ("MaxArraySize=9000000", 3, "MaxArraySize value (9000000) is greater than 4000001"),
        ("MaxJobCount=99999999999999999999", 3, 'MaxJobCount value "99999999999999999999" is not a valid number'),
        ("KillWait=\u0665", 3, 'KillWait value "\u0665" is not a valid number'),
        ("SlurmctldDebug=foo", 3, "Invalid SlurmctldDebug foo"),
        ("PriorityMaxAge=x", 3, 'Bad value "x" for PriorityMaxAge'),
        ("DebugFlags=gres,nono", 3, 'Bad value "nono" for DebugFlags'),
        ("SlurmctldPort=99999", 3, 'SlurmctldPort value "99999" is not a valid port'),
        ("SrunPortRange=5-1", 3, 'SrunPortRange value "5-1" is not a valid port range'),
        ("MgpuCompat=new", 3, 'MgpuCompat value "new" is not a version such as 22.05'),
        ("MaxJobCount=", 3, 'Parse error: "MaxJobCount="'),
        ("stray words", 3, 'Parse error: "stray words"'),
        ("KillWait=1 MinJobAge=2", 3, "MinJobAge needs a line of its own"),
        ('Prolog="/a b/c#d"', 3, 'Parse error: "Prolog="/a b/c"'),
        ('Prolog="/a"b', 3, 'Parse error: "Prolog="/a"b"'),
        ("TmpFS=a\\\nb\\\nc\nKillWait=x", 6, 'KillWait value "x" is not a valid number'),
        ("ClusterName=a/b", 3, 'Bad value "a/b" for ClusterName'),
        ("SlurmctldHost=vm(", 3, 'Bad value "vm(" for SlurmctldHost'),
        ("PriorityWeightAge=1.5", 3, 'PriorityWeightAge value "1.5" is not a valid number'),
        ("PartitionName=a PriorityJobFactor=x", 3, 'PriorityJobFactor value "x" is not a valid number'),
        ("\nPriorityWeightTRES=CPU=x\nKillWait=2", 4,
         "Bad value \"CPU=x\" for PriorityWeightTRES: Invalid unit type 'x'. Possible options are 'KMGTP'"),
        ("PriorityWeightTRES=CPU=5,Mem", 3,
         'Bad value "CPU=5,Mem" for PriorityWeightTRES: "Mem" is an invalid TRES weight entry'),
        ("PriorityWeightTRES=GRES/gpu=5", 3,
         "Bad value \"GRES/gpu=5\" for PriorityWeightTRES: TRES weight 'GRES/gpu' is not a configured TRES type."),
        ("PartitionName=DEFAULT TRESBillingWeights=CPU=1\nPartitionName=a\nPartitionName=b TRESBillingWeights=foo=1", 5,
         "Bad value \"foo=1\" for TRESBillingWeights: TRES weight 'foo' is not a configured TRES type."),
    ],
)  # fmt: skip
def test_errors_say_where(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert (caught.value.line, caught.value.reason) == (line, reason)
    assert str(caught.value) == f"{tmp_path}/mgpu.conf:{line}: {reason}"


def test_unknown_and_repeated_keys_are_listed(tmp_path: Path) -> None:
    config = load(tmp_path, "Frob=1 Nicate=2\nKillWait=1\nKillWait=2\nPartitionName=a Wild=1\n")
    path = f"{tmp_path}/mgpu.conf"
    assert config.unknown == [("Frob", path, 3), ("Wild", path, 6)]
    assert config.warnings == ["KillWait specified more than once, latest value used"]
    assert config.get("Frob", "x") == "x"
    with pytest.raises(AttributeError):
        _ = config.Frob


def test_controllers(tmp_path: Path) -> None:
    assert load(tmp_path, "SlurmctldHost=bk\n").controllers == [("vm", "127.0.0.1"), ("bk", "bk")]
    old = load(tmp_path, "ControlMachine=a\nControlAddr=10.0.0.1\nBackupController=b\n", head="")
    assert old.controllers == [("a", "10.0.0.1"), ("b", "b")]
    with pytest.raises(ConfigError, match="SlurmctldHost is not set"):
        load(tmp_path, "", head="")


def test_include(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.conf").write_text("KillWait=4\ninclude last.conf\n")
    (tmp_path / "last.conf").write_text("# nothing\nMinJobAge=x\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "Include sub/more.conf\n")
    assert (caught.value.file, caught.value.line) == (f"{tmp_path}/last.conf", 2)
    (tmp_path / "last.conf").write_text("MinJobAge=9\n")
    config = load(tmp_path, "Include sub/more.conf\n")
    assert (config.KillWait, config.MinJobAge) == (4, 9)
    (tmp_path / "last.conf").write_text("Include sub/more.conf\n")
    with pytest.raises(ConfigError, match="in a circle"):
        load(tmp_path, "Include sub/more.conf\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "Include nofile\n")
    assert caught.value.line == 3


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read: No such file"):
        conf.load(str(tmp_path / "none.conf"))
    with pytest.raises(ConfigError, match="cannot read"):
        conf.load("a\0b")
    with pytest.raises(ConfigError, match="cannot read"):
        conf.load(str(tmp_path))


def test_places(tmp_path: Path) -> None:
    config = load(tmp_path, "SlurmctldPort=7000\nSlurmdSpoolDir=/s/%n-%h-%%n\n")
    config.owner_uid = 0
    assert config.run_dir() == "/run/mgpu/test-7000"
    config.owner_uid = 1000
    assert config.controller_socket() == "/tmp/mgpu-1000/test-7000/controller.sock"
    assert config.node_socket("n1") == "/tmp/mgpu-1000/test-7000/node.n1.sock"
    assert config.key_file() == str(tmp_path / "mgpu.key")
    assert config.node_path("SlurmdSpoolDir", "n1", "h1") == "/s/n1-h1-%n"
    assert config.node_path("SlurmdLogFile", "n1") == ""
    own = load(tmp_path, "MgpuRunDir=/x\nMgpuKeyFile=/k\nMgpuCompat=22.05\n")
    assert (own.run_dir(), own.key_file(), own.compat) == ("/x", "/k", (22, 5))
    assert config.compat == (26, 5)
    with pytest.raises(ConfigError, match="too long for a socket"):
        load(tmp_path, f"MgpuRunDir=/{'x' * 100}\n")


def test_words_of_a_list_key(tmp_path: Path) -> None:
    config = load(tmp_path, "SchedulerParameters=defer,bf_interval=5\nSlurmdParameters=config_overrides\n")
    assert config.parameter("SchedulerParameters", "BF_INTERVAL") == "5"
    assert config.parameter("SchedulerParameters", "defer") == ""
    assert config.parameter("SchedulerParameters", "none") is None
    assert config.parameter("SlurmdParameters", "config_overrides") == ""
    assert config.parameter("LaunchParameters", "x") is None


def test_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / ".config" / "mgpu" / "mgpu.conf"
    own.parent.mkdir(parents=True)
    own.write_text("")
    uid = os.getuid()
    home = str(tmp_path)
    assert conf.find({"MGPU_CONF": "/none", "SLURM_CONF": "/etc"}, uid, home) == "/none"
    assert conf.find({"SLURM_CONF": "/etc/passwd"}, uid, home) == str(own)
    exists = {"/etc/mgpu/mgpu.conf"}
    monkeypatch.setattr(os.path, "exists", exists.__contains__)
    own.unlink()
    assert conf.find({}, uid, home) == "/etc/mgpu/mgpu.conf"
    exists.clear()
    assert conf.find({}, uid, home) is None
    assert conf.find({}, uid, "") is None


def test_a_home_of_somebody_else_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / ".config" / "mgpu" / "mgpu.conf"
    own.parent.mkdir(parents=True)
    own.write_text("")
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    monkeypatch.setattr(os, "stat", lambda _path, **_more: os.stat_result((0, 0, 0, 0, 4242, 0, 0, 0, 0, 0)))
    assert conf.find({}, 4243, str(tmp_path)) is None
    assert conf.find({}, 4242, str(tmp_path)) == str(own)


def test_embedded() -> None:
    config = conf_made.embedded("/s", "box", 8, uid=5, cores_per_socket=4, threads_per_core=2, real_memory=900, gres="gpu:2")
    assert (config.cluster_name, config.embedded_dir, config.owner_uid) == ("mgpu", "/s", 5)
    assert (config.controller_socket(), config.node_socket("box")) == ("/s/controller.sock", "/s/node.sock")
    assert config.directory() == "/s"
    (node,) = config.nodes
    assert (node.name, node.cpus, node.sockets, node.real_memory, node.gres) == ("box", 8, 1, 900, "gpu:2")
    (main,) = config.partitions
    assert (main.name, main.default, main.max_time, main.nodes) == ("main", True, UNLIMITED, ["box"])
    assert config.gres_of("box")[0].autodetect == "nvml"
    assert conf_made.embedded("/s", "box", compat="22.05").compat == (22, 5)


def test_first_generation() -> None:
    config = conf_made.from_first_generation("0.0.0.0", 8080, "/home/u", node="node001")
    assert config.SlurmctldPort == 8080
    assert config.controllers == [("localhost", "0.0.0.0")]
    assert config.key_file() == "/home/u/.config/mgpu/mgpu.key"
    assert config.StateSaveLocation == "/home/u/.local/state/mgpu/first/8080"
    assert config.node_socket("node001") == "/home/u/.local/state/mgpu/first/8080/node.node001.sock"
    assert config.partitions[0].all_nodes
    with pytest.raises(ConfigError):
        conf_made.from_first_generation("0.0.0.0", 0, "/home/u")


def test_reading_keys_alone_leaves_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "mgpu.conf"
    path.write_text(HEAD + "NodeName=n0 CPUs=bad\nKillWait=3\n")
    config = conf.load(str(path), keys_only=True)
    assert (config.nodes, config.KillWait) == ([], 3)


def test_is_light() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import mgpu_slurm.intake.conf as c; "
        "import mgpu_slurm.facts.configshow, mgpu_slurm.intake.conf_gres; "
        "heavy = {'re', 'typing', 'dataclasses', 'pathlib', 'logging', 'asyncio', 'subprocess', 'inspect', 'msgspec'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=True, timeout=30
    )
    assert found.stdout.strip() == "[]"


_CHECKED = ("ClusterName", "SlurmctldHost", "MgpuRunDir", "PriorityWeightTRES")
_TEXT_KEYS = [row[0] for row in KEYS if row[1] in ("str", "path") and row[0] not in _CHECKED]
_NUMBER_KEYS = [row[0] for row in KEYS if row[1] in ("sec", "int", "usec") and row[4] is None]
_words = st.text(st.characters(codec="utf-8", exclude_characters='"#\\\n\r', exclude_categories=("Cc", "Cs")), min_size=1)
_fixture = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(
    texts=st.dictionaries(st.sampled_from(_TEXT_KEYS), _words, max_size=8),
    numbers=st.dictionaries(st.sampled_from(_NUMBER_KEYS), st.integers(0, 10**9), max_size=8),
)
@_fixture
def test_what_is_written_is_read(tmp_path: Path, texts: dict[str, str], numbers: dict[str, int]) -> None:
    lines = [f'{key} = "{value}"' for key, value in texts.items()] + [f"{key}={value}" for key, value in numbers.items()]
    config = load(tmp_path, "\n".join(lines))
    assert {key: config.get(key) for key in texts} == texts
    assert {key: config.get(key) for key in numbers} == numbers
    assert not config.unknown


_names = st.sampled_from(
    [row[0] for row in KEYS] + ["NodeName", "PartitionName", "NodeSet", "DownNodes", "Nodes", "CPUs", "Port", "Include", "X"]
)
_values = st.one_of(
    st.sampled_from(["n[0-3]", "n[0-", "n0,n1", "DEFAULT", "ALL", "INFINITE", "-1", "0", "99999", "1:2", "YES", "a[1-2]b", '""']),
    st.text(max_size=12).filter(lambda text: "\n" not in text),
)
_pair = st.tuples(_names, st.sampled_from(["=", " = ", " ", "=="]), _values).map("".join)


@given(lines=st.lists(st.lists(_pair, min_size=1, max_size=4).map(" ".join), max_size=6))
@_fixture
def test_any_lines_are_read_or_refused(tmp_path: Path, lines: list[str]) -> None:
    with contextlib.suppress(ConfigError):
        load(tmp_path, "\n".join(lines).encode("utf-8", "replace"))


@given(data=st.binary(max_size=200))
@_fixture
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    with contextlib.suppress(ConfigError):
        load(tmp_path, data)
