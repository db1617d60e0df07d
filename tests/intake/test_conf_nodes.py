"""Node, partition and device lines. Expected values are those that slurmctld 22.05.8 showed for the same lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts.conflines import GRES_KEYS, NODE_KEYS, PARTITION_KEYS
from mgpu_slurm.intake import conf
from mgpu_slurm.intake.conf_gres import GresDef
from mgpu_slurm.intake.conf_nodes import NodeDef, PartitionDef

HEAD = "SlurmctldHost=vm(127.0.0.1)\n"

# The file of a test cluster with several nodes on one host.
FOUR_NODES = """\
ClusterName=oracle
SlurmctldHost=vm(127.0.0.1)
SlurmctldPort=18817
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool/%n
SlurmctldLogFile={dir}/log/master.log
SlurmdLogFile={dir}/log/node.%n.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
MaxJobCount=200000
MaxArraySize=100001
KillWait=5
DefMemPerCPU=100
SlurmdParameters=config_overrides
MgpuCompat=22.05
NodeName=n[0-3] NodeHostname=vm NodeAddr=127.0.0.1 Port=[18000-18003] CPUs=8 Boards=1 SocketsPerBoard=1 \
CoresPerSocket=8 ThreadsPerCore=1 RealMemory=16000 Gres=gpu:a100:4 State=UNKNOWN
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=debug Nodes=n0 MaxTime=01:00:00 State=UP
"""
FOUR_GRES = "NodeName=n[0-3] Name=gpu Type=a100 File={dir}/dev/nvidia[0-3]\n"


def load(tmp_path: Path, text: str, gres: str | None = None, head: str = HEAD) -> conf.Config:
    (tmp_path / "mgpu.conf").write_text(head + text)
    if gres is not None:
        (tmp_path / "gres.conf").write_text(gres)
    return conf.load(str(tmp_path / "mgpu.conf"))


def test_four_nodes_on_one_host(tmp_path: Path) -> None:
    config = load(tmp_path, FOUR_NODES.format(dir="/d"), FOUR_GRES.format(dir="/d"), head="")
    assert not config.unknown
    assert not config.warnings
    assert [(node.name, node.hostname, node.addr, node.port) for node in config.nodes] == [
        (f"n{at}", "vm", "127.0.0.1", 18000 + at) for at in range(4)
    ]
    node = config.nodes[3]
    assert (node.cpus, node.boards, node.sockets, node.cores_per_socket, node.threads_per_core) == (8, 1, 1, 8, 1)
    assert (node.real_memory, node.gres, node.state) == (16000, "gpu:a100:4", "UNKNOWN")
    gpu, debug = config.partitions
    assert (gpu.name, gpu.nodes) == ("gpu", ["n0", "n1", "n2", "n3"])
    assert (gpu.all_nodes, gpu.default, gpu.max_time) == (True, True, UNLIMITED)
    assert (debug.name, debug.nodes, debug.default, debug.max_time, debug.state) == ("debug", ["n0"], False, 60, "UP")
    (entry,) = config.gres_of("n2")
    assert (entry.name, entry.type, entry.count, entry.files[3]) == ("gpu", "a100", 4, "/d/dev/nvidia3")
    assert config.gres_of("elsewhere") == []
    assert (config.SlurmctldPort, config.compat, config.DefMemPerCPU) == (18817, (22, 5), 100)
    assert config.node_path("SlurmdSpoolDir", "n1") == "/d/spool/n1"
    assert config.parameter("SlurmdParameters", "config_overrides") == ""


@pytest.mark.parametrize(
    ("text", "cpus", "boards", "sockets", "cores", "threads", "warned"),
    [
        ("CPUs=8 CoresPerSocket=4", 8, 1, 2, 4, 1, False),
        ("CPUs=8 Sockets=2", 2, 1, 2, 1, 1, True),
        ("CPUs=8 ThreadsPerCore=2", 8, 1, 4, 1, 2, False),
        ("CPUs=8 Boards=2", 8, 2, 8, 1, 1, False),
        ("Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 CPUs=8", 8, 1, 2, 4, 2, False),
        ("Boards=2 SocketsPerBoard=2 CoresPerSocket=4 ThreadsPerCore=2", 32, 2, 4, 4, 2, False),
        ("CPUs=8 CoresPerSocket=3", 6, 1, 2, 3, 1, True),
        ("CPUs=3 Sockets=2 CoresPerSocket=2", 4, 1, 2, 2, 1, True),
        ("Sockets=2 Boards=4", 2, 1, 2, 1, 1, True),
        ("Procs=4", 4, 1, 4, 1, 1, False),
        ("", 1, 1, 1, 1, 1, False),
    ],
)
def test_shape(tmp_path: Path, text: str, cpus: int, boards: int, sockets: int, cores: int, threads: int, warned: bool) -> None:
    config = load(tmp_path, f"NodeName=x {text}\n")
    (node,) = config.nodes
    assert (node.cpus, node.boards, node.sockets, node.cores_per_socket, node.threads_per_core) == (
        cpus, boards, sockets, cores, threads,
    )  # fmt: skip
    assert bool(config.warnings) == warned


def test_names_go_along_with_addresses(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "NodeName=DEFAULT CPUs=4 RealMemory=1000 State=UNKNOWN\n"
        "NodeName=n[0-1],m3 NodeAddr=127.0.0.[1-3] Port=[17100-17102] Sockets=2 CoresPerSocket=2\n"
        "NodeName=m[4-5] NodeHostname=h[1-2]\n",
    )
    assert [(node.name, node.hostname, node.addr, node.port) for node in config.nodes] == [
        ("n0", "n0", "127.0.0.1", 17100),
        ("n1", "n1", "127.0.0.2", 17101),
        ("m3", "m3", "127.0.0.3", 17102),
        ("m4", "h1", "h1", 0),
        ("m5", "h2", "h2", 0),
    ]
    assert config.node("n1") is config.nodes[1]
    assert config.node("n9") is None


def test_defaults_add_up(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "NodeName=a CPUs=2\nnodename=default realmemory=500\nNodeName=DEFAULT CPUs=3 Port=7000\nNodeName=b\n"
        "NodeName=c RealMemory=7 Feature=x,y Weight=5\n"
        "PartitionName=DEFAULT MaxTime=60 State=DRAIN\nPartitionName=DEFAULT DefaultTime=5\n"
        "PartitionName=p\nPartitionName=q MaxTime=2-0\n",
    )
    assert [(node.cpus, node.real_memory, node.port) for node in config.nodes] == [(2, 1, 0), (3, 500, 7000), (3, 7, 7000)]
    assert (config.nodes[2].features, config.nodes[2].weight) == (("x", "y"), 5)
    assert "features" in config.nodes[2].given
    assert "tmp_disk" not in config.nodes[2].given
    assert [(p.max_time, p.default_time, p.state) for p in config.partitions] == [(60, 5, "DRAIN"), (2880, 5, "DRAIN")]


def test_partition_of_everything(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "NodeSet=ns Nodes=n0,n1\nNodeSet=fs Feature=big\nNodeName=n[0-3] Feature=big\nNodeName=m0\n"
        "PartitionName=a Nodes=ns,m0 AllowGroups=root,adm AllowAccounts=x,y OverSubscribe=FORCE:3 PreemptMode=off Hidden=YES "
        "RootOnly=YES ExclusiveUser=YES GraceTime=5 LLN=YES MaxCPUsPerNode=3 MaxNodes=2 MinNodes=1 OverTimeLimit=4 "
        'PriorityJobFactor=3 PriorityTier=4 ReqResv=YES State=DRAIN TRESBillingWeights="CPU=1.0,Mem=0.25G" DefMemPerNode=10 '
        "MaxMemPerCPU=20 DefCpuPerGPU=3 DefMemPerGPU=100 DisableRootJobs=YES MaxTime=UNLIMITED DefaultTime=1-0 AllocNodes=n0 "
        "Alternate=c SelectTypeParameters=CR_Core\n"
        "PartitionName=c Nodes=fs DenyAccounts=v Default=YES AllowGroups=ALL\n"
        "PartitionName=e Nodes=ALL Default=YES\n"
        "PartitionName=h Nodes=n[0-3],n0 Shared=EXCLUSIVE Priority=7\n"
        "PartitionName=i Shared=YES:6 MaxTime=0 MaxNodes=0\n"
        "PartitionName=j OverSubscribe=YES DefaultTime=UNLIMITED\n",
    )
    a, c, e, h, i, j = config.partitions
    assert (a.nodes, a.node_sets) == (["n0", "n1", "m0"], ("ns",))
    assert (a.allow_groups, a.allow_accounts, a.alloc_nodes) == (("root", "adm"), ("x", "y"), ("n0",))
    assert (a.oversubscribe, a.preempt_mode, a.hidden, a.root_only, a.exclusive_user) == ("FORCE:3", "OFF", True, True, True)
    assert (a.grace_time, a.lln, a.max_cpus_per_node, a.max_nodes, a.min_nodes) == (5, True, 3, 2, 1)
    assert (a.over_time_limit, a.priority_job_factor, a.priority_tier, a.req_resv, a.state) == (4, 3, 4, True, "DRAIN")
    assert (a.def_mem_per_node, a.max_mem_per_cpu, a.def_cpus_per_gpu, a.def_mem_per_gpu) == (10, 20, 3, 100)
    assert (a.disable_root, a.max_time, a.default_time, a.alternate) == (True, UNLIMITED, 1440, "c")
    assert (a.tres_billing_weights, a.select_type_parameters) == ("CPU=1.0,Mem=0.25G", "CR_Core")
    assert (c.nodes, c.deny_accounts, c.default, c.allow_groups) == (["n0", "n1", "n2", "n3"], ("v",), False, ())
    assert (e.default, e.all_nodes, len(e.nodes)) == (True, True, 5)
    assert (h.oversubscribe, h.priority_tier, h.priority_job_factor) == ("EXCLUSIVE", 7, 7)
    assert h.nodes == ["n0", "n1", "n2", "n3"]
    assert (i.oversubscribe, i.max_time, i.max_nodes, i.nodes) == ("YES:6", 0, 0, [])
    assert (j.oversubscribe, j.default_time, j.max_time) == ("YES:4", UNLIMITED, UNLIMITED)


def test_down_nodes(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        'NodeName=n[0-2]\nDownNodes=n1 State=DOWN Reason="bad disk"\nDownNodes=n2 State=DRAIN\n'
        'NodeName=b State="DRAIN" Reason="a b"\n',
    )
    assert [(node.state, node.reason) for node in config.nodes] == [
        ("UNKNOWN", ""), ("DOWN", "bad disk"), ("DRAIN", "Set in slurm.conf"), ("DRAIN", "a b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("NodeName=n0\nNodeName=n[0-1]", 3, "Duplicated NodeName n0, first in {conf}:2"),
        ("NodeName=n0,n0", 2, "Duplicated NodeName n0, first in {conf}:2"),
        ("NodeName=n[0-", 2, "NodeName=n[0-: Invalid hostlist: n[0-"),
        ("NodeName=n[0-99999999]", 2, "NodeName=n[0-99999999]: Too many hosts in range `0-99999999'"),
        ("NodeName=n0 CPUs=a", 2, 'CPUs value "a" is not a valid number'),
        ("NodeName=n0 Weight=-2", 2, "Weight value (-2) is less than zero"),
        ("NodeName=n0 RealMemory=INFINITE", 2, 'RealMemory value "INFINITE" is not a valid number'),
        ("NodeName=n0 State=FOO", 2, 'Bad value "FOO" for State'),
        ("NodeName=n0 Port=17x", 2, 'Port value "17x" is not a valid port'),
        ("NodeName=x[1-3] NodeAddr=a[1-2]", 2, "NodeAddr=a[1-2] stands for 2, NodeName for 3"),
        ("NodeName=DEFAULT NodeAddr=a", 2, "NodeAddr, NodeHostname and BcastAddr are not allowed with NodeName=DEFAULT"),
        ('NodeName=""', 2, "NodeName names no node"),
        ("PartitionName=a\nPartitionName=a", 3, "duplicate entry for partition a, first in {conf}:2"),
        ("NodeName=n0\n\nPartitionName=q Nodes=n0,zz", 4, "Invalid node name zz in partition q"),
        ("PartitionName=q MaxTime=foo", 2, 'Bad value "foo" for MaxTime'),
        ("PartitionName=q Default=x", 2, '"x" is not a valid option for "Default"'),
        ("PartitionName=q OverSubscribe=FORCE:x", 2, 'Bad value "FORCE:x" for OverSubscribe'),
        ("PartitionName=q PriorityTier=70000", 2, "PriorityTier value (70000) is greater than 65535"),
        ("PartitionName=a,b", 2, 'PartitionName "a,b" is not a name'),
        ("PartitionName=a Nodes", 2, 'Parse error: "Nodes"'),
        ("NodeSet=s Nodes=n1\nPartitionName=a Nodes=s", 2, "Invalid node name n1 in NodeSet s"),
        ("DownNodes=n7", 2, "Invalid node name n7 in DownNodes"),
    ],
)  # fmt: skip
def test_errors(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert (caught.value.line, caught.value.reason) == (line, reason.format(conf=tmp_path / "mgpu.conf"))


def test_gres(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "NodeName=n[0-1]\n",
        "AutoDetect=nvml # everywhere\n"
        "NodeName=n0 Name=gpu Type=a100 File=/dev/nvidia[0-1] Cores=0-3,8 Links=-1,4 Flags=a,b\n"
        "Name=shard Count=8 File=/dev/nvidia0\nName=bandwidth Count=2K Odd=1\nNodeName=n1 AutoDetect=off\n",
    )
    whole, gpu, shard, bandwidth, off = config.gres
    assert (whole.name, whole.autodetect, whole.nodes) == ("", "nvml", ())
    assert (gpu.nodes, gpu.count, gpu.files) == (("n0",), 2, ("/dev/nvidia0", "/dev/nvidia1"))
    assert (gpu.cores, gpu.links, gpu.flags) == ("0-3,8", (-1, 4), ("a", "b"))
    assert (shard.count, bandwidth.count, off.autodetect) == (8, 2048, "off")
    assert config.gres_of("n1") == [whole, shard, bandwidth, off]
    assert config.unknown == [("Odd", str(tmp_path / "gres.conf"), 4)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Type=a100", "a line needs Name or AutoDetect"),
        ("Name=gpu Count=3 File=/dev/nvidia[0-1]", "Count=3 does not match the 2 of File"),
        ("Name=gpu Count=x", 'Count value "x" is not a valid number'),
        ("Name=gpu Cores=a", 'Cores value "a" is not a list of numbers'),
        ("Name=gpu Links=1,x", 'Links value "1,x" is not a list of numbers'),
        ("AutoDetect=magic", 'Bad value "magic" for AutoDetect'),
        ("NodeName=n[ Name=gpu", "NodeName=n[: Invalid hostlist: n["),
    ],
)
def test_gres_errors(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "", f"\n{text}\n")
    assert (caught.value.file, caught.value.line, caught.value.reason) == (str(tmp_path / "gres.conf"), 2, reason)


def test_tables_and_records_agree() -> None:
    assert {row[1] for row in NODE_KEYS} - {""} <= set(NodeDef.__slots__)
    assert {row[1] for row in PARTITION_KEYS} - {"", "priority"} <= set(PartitionDef.__slots__)
    assert {row[1] for row in GRES_KEYS} - {"", "node_text", "file"} <= set(GresDef.__slots__)
