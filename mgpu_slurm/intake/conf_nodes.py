"""The lines NodeName=, PartitionName=, NodeSet= and DownNodes= of a configuration -> nodes and partitions.

Rules, as slurmctld 22.05.8 shows them: DEFAULT lines add up and hold for the lines after them; a node name belongs to
one line only, and so does a partition's; NodeAddr, NodeHostname and Port are one for all names of the line or one for
each; of several partitions with Default=YES the last is it. Sockets counts those of the whole node. Where CPUs is none
of sockets, sockets*cores, sockets*cores*threads it is set to the last of these, with a warning.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.base.hostlist import HostlistError, expand
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts.conflines import NODE_KEYS, PARTITION_KEYS
from mgpu_slurm.intake.conf_values import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from mgpu_slurm.intake.conf_lines import Line

    Settings = dict[str, Any]

_NODE = {row[0].lower(): row for row in NODE_KEYS}
_PARTITION = {row[0].lower(): row for row in PARTITION_KEYS}
# attribute -> key of what may differ from node to node of a line
_SPREAD = {"hostname": "NodeHostname", "addr": "NodeAddr", "bcast_addr": "BcastAddr", "port": "Port"}
MOST_NODES = 65536
FROM_FILE = "Set in slurm.conf"


class NodeDef:
    """A node as configured. Memory and disk in MiB; `gres` is the text, `sockets` those of the whole node.

    `state` is UNKNOWN, or what the file says: CLOUD, DOWN, DRAIN, FAIL, FUTURE, ...; `port` is 0 for SlurmdPort;
    `given` holds the attributes of hardware and properties that the file sets, so that what a node finds fills the others.
    """

    __slots__ = (
        "addr", "bcast_addr", "boards", "core_spec", "cores_per_socket", "cpu_bind", "cpu_spec_list", "cpus",
        "features", "file", "given", "gres", "gres_conf", "hostname", "line", "mem_spec", "name", "port", "real_memory",
        "reason", "restricted_cores_per_gpu", "sockets", "sockets_per_board", "state", "threads_per_core", "tmp_disk",
        "topology", "weight",
    )  # fmt: skip

    def __init__(self, name: str, settings: Settings | None = None, file: str = "", line: int = 0) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.hostname: str = name
        self.addr: str = ""
        self.bcast_addr: str = ""
        self.port: int = 0
        self.cpus: int = 0
        self.boards: int = 1
        self.sockets: int = 0
        self.sockets_per_board: int = 0
        self.cores_per_socket: int = 1
        self.threads_per_core: int = 1
        self.real_memory: int = 1
        self.tmp_disk: int = 0
        self.features: tuple[str, ...] = ()
        self.gres: str = ""
        self.gres_conf: str = ""
        self.weight: int = 1
        self.state: str = "UNKNOWN"
        self.reason: str = ""
        self.core_spec: int = 0
        self.mem_spec: int = 0
        self.cpu_spec_list: str = ""
        self.cpu_bind: str = ""
        self.restricted_cores_per_gpu: int = 0
        self.topology: str = ""
        self.given: frozenset[str] = frozenset(settings or ())
        for attribute, value in (settings or {}).items():
            setattr(self, attribute, value)

    def __repr__(self) -> str:
        return f"NodeDef({self.name})"


class PartitionDef:
    """A partition as configured: names of its nodes in the file's order, times in minutes (grace_time: seconds).

    UNLIMITED is -1; None means that nothing is set and the cluster's value holds; an empty allow_ list is ALL.
    """

    __slots__ = (
        "all_nodes", "alloc_nodes", "allow_accounts", "allow_groups", "allow_qos", "alternate", "cpu_bind",
        "def_cpus_per_gpu", "def_mem_per_cpu", "def_mem_per_gpu", "def_mem_per_node", "default", "default_time",
        "deny_accounts", "deny_qos", "disable_root", "exclusive_topo", "exclusive_user", "file", "grace_time", "hidden",
        "line", "lln", "max_cpus_per_node", "max_cpus_per_socket", "max_mem_per_cpu", "max_mem_per_node", "max_nodes",
        "max_time", "min_nodes", "name", "node_sets", "node_text", "nodes", "over_time_limit", "oversubscribe",
        "preempt_mode", "priority_job_factor", "priority_tier", "qos", "req_resv", "resume_timeout", "root_only",
        "select_type_parameters", "state", "suspend_time", "suspend_timeout", "tres_billing_weights",
    )  # fmt: skip

    def __init__(self, name: str, settings: Settings | None = None, file: str = "", line: int = 0) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.node_text: str = ""
        self.nodes: list[str] = []
        self.all_nodes: bool = False
        self.node_sets: tuple[str, ...] = ()
        self.default: bool = False
        self.state: str = "UP"
        self.max_time: int = UNLIMITED
        self.default_time: int | None = None
        self.min_nodes: int = 0
        self.max_nodes: int = UNLIMITED
        self.max_cpus_per_node: int = UNLIMITED
        self.max_cpus_per_socket: int = UNLIMITED
        self.def_mem_per_cpu: int | None = None
        self.def_mem_per_node: int | None = None
        self.max_mem_per_cpu: int | None = None
        self.max_mem_per_node: int | None = None
        self.def_cpus_per_gpu: int | None = None
        self.def_mem_per_gpu: int | None = None
        self.allow_groups: tuple[str, ...] = ()
        self.allow_accounts: tuple[str, ...] = ()
        self.deny_accounts: tuple[str, ...] = ()
        self.allow_qos: tuple[str, ...] = ()
        self.deny_qos: tuple[str, ...] = ()
        self.alloc_nodes: tuple[str, ...] = ()
        self.alternate: str = ""
        self.hidden: bool = False
        self.root_only: bool = False
        self.disable_root: bool = False
        self.req_resv: bool = False
        self.exclusive_user: bool = False
        self.exclusive_topo: bool = False
        self.lln: bool = False
        self.oversubscribe: str = "NO"
        self.priority_tier: int = 1
        self.priority_job_factor: int = 1
        self.preempt_mode: str = ""
        self.grace_time: int = 0
        self.over_time_limit: int | None = None
        self.qos: str = ""
        self.cpu_bind: str = ""
        self.select_type_parameters: str = ""
        self.tres_billing_weights: str = ""
        self.suspend_time: int | None = None
        self.suspend_timeout: int | None = None
        self.resume_timeout: int | None = None
        for attribute, value in (settings or {}).items():
            setattr(self, attribute, value)
        for attribute in ("allow_groups", "allow_accounts", "allow_qos", "alloc_nodes"):
            if [word.upper() for word in getattr(self, attribute)] == ["ALL"]:
                setattr(self, attribute, ())

    def __repr__(self) -> str:
        return f"PartitionDef({self.name})"


def settings_of(table: dict[str, Any], found: list[tuple[str, str]], unknown: list[str]) -> Settings:
    """Pairs of a line -> attribute and value by a table of keys; a key that is not in it goes to `unknown`.

    Raises ValueError with a sentence about the key.
    """
    settings: Settings = {}
    for key, text in found:
        row = table.get(key.lower())
        if row is None:
            unknown.append(key)
        elif row[1]:
            settings[row[1]] = read(row[0], row[2], row[3], text)
    return settings


def hosts(key: str, text: str) -> list[str]:
    """The names of a host list. Raises ValueError with a sentence about `key`."""
    try:
        return expand(text, MOST_NODES)
    except HostlistError as error:
        raise ValueError(f"{key}={text}: {error.detail or error}") from None


def _spread(key: str, text: str, names: list[str]) -> list[str]:
    """The values of a host list that goes along with `names`: one for all or one for each."""
    values = hosts(key, text)
    if len(values) == 1:
        return values * len(names)
    if len(values) != len(names):
        raise ValueError(f"{key}={text} stands for {len(values)}, NodeName for {len(names)}")
    return values


def shape(node: NodeDef) -> str:
    """Fill in what the file leaves open of boards, sockets, cores, threads and CPUs. Returns a warning or nothing."""
    warning = ""
    if node.sockets_per_board:
        if node.sockets:
            warning = f"NodeNames={node.name} Sockets and SocketsPerBoard are both given, using SocketsPerBoard"
        node.sockets = node.sockets_per_board * max(1, node.boards)
    cores, threads = max(1, node.cores_per_socket), max(1, node.threads_per_core)
    if not node.sockets:
        node.sockets = max(1, node.cpus // (cores * threads), node.boards)
    node.cores_per_socket, node.threads_per_core = cores, threads
    if not 1 <= node.boards <= node.sockets:
        warning = f"NodeNames={node.name} Sockets({node.sockets}) < Boards({node.boards}) resetting Boards=1"
        node.boards = 1
    node.sockets_per_board = node.sockets // node.boards
    most = node.sockets * cores * threads
    if not node.cpus:
        node.cpus = most
    elif node.cpus not in (node.sockets, node.sockets * cores, most):
        warning = (
            f"NodeNames={node.name} CPUs={node.cpus} match no Sockets, Sockets*CoresPerSocket or "
            "Sockets*CoresPerSocket*ThreadsPerCore. Resetting CPUs."
        )
        node.cpus = most
    return warning


class Cluster:
    """Gathers nodes and partitions line by line; `finish` resolves what lines say about each other.

    Attributes: nodes, partitions, unknown (key, file, line), warnings. Every method raises ConfigError.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeDef] = []
        self.partitions: list[PartitionDef] = []
        self.unknown: list[tuple[str, str, int]] = []
        self.warnings: list[str] = []
        self._index: dict[str, NodeDef] = {}
        self._node_default: Settings = {}
        self._partition_default: Settings = {}
        self._sets: dict[str, list[tuple[Line, str, str]]] = {}
        self._down: list[tuple[Line, str, Settings]] = []

    def line(self, line: Line, found: list[tuple[str, str]]) -> None:
        """Take one line whose first key is one of confkeys.LINE_KEYS."""
        head, value = found[0]
        take = {
            "nodename": self._node_line, "partitionname": self._partition_line, "nodeset": self._set_line,
            "downnodes": self._down_line, "frontendname": self._other_line,
        }[head.lower()]  # fmt: skip
        try:
            take(line, value, found[1:])
        except ValueError as error:
            raise ConfigError(line[0], line[1], str(error)) from None

    def _settings(self, table: dict[str, Any], line: Line, found: list[tuple[str, str]]) -> Settings:
        unknown: list[str] = []
        settings = settings_of(table, found, unknown)
        self.unknown += [(key, line[0], line[1]) for key in unknown]
        return settings

    def _other_line(self, line: Line, value: str, found: list[tuple[str, str]]) -> None:
        self.unknown.append(("FrontendName", line[0], line[1]))

    def _node_line(self, line: Line, value: str, found: list[tuple[str, str]]) -> None:
        settings = self._settings(_NODE, line, found)
        if value.upper() == "DEFAULT":
            for key in ("addr", "hostname", "bcast_addr"):
                if key in settings:
                    raise ValueError("NodeAddr, NodeHostname and BcastAddr are not allowed with NodeName=DEFAULT")
            self._node_default.update(settings)
            return
        merged = {**self._node_default, **settings}
        names = hosts("NodeName", value)
        if not names:
            raise ValueError("NodeName names no node")
        if len(self.nodes) + len(names) > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES} nodes")
        each: dict[str, list[Any]] = {}
        for attribute, key in _SPREAD.items():
            if merged.get(attribute):
                each[attribute] = _spread(key, merged[attribute], names)
        each["port"] = [read("Port", "port", None, text) for text in each.get("port", ())]
        common = {attribute: value for attribute, value in merged.items() if attribute not in _SPREAD}
        for at, name in enumerate(names):
            if name in self._index:
                raise ValueError(f"Duplicated NodeName {name}, first in {self._where(self._index[name])}")
            node = NodeDef(name, common, line[0], line[1])
            for attribute, values in each.items():
                if values:
                    setattr(node, attribute, values[at])
            node.addr = node.addr or node.hostname
            warning = shape(node)
            if warning and at == 0:
                self.warnings.append(warning)
            self._index[name] = node
            self.nodes.append(node)

    @staticmethod
    def _where(item: NodeDef | PartitionDef) -> str:
        return f"{item.file}:{item.line}"

    def _partition_line(self, line: Line, value: str, found: list[tuple[str, str]]) -> None:
        settings = self._settings(_PARTITION, line, found)
        both = settings.pop("priority", None)
        if both is not None:
            settings.setdefault("priority_tier", both)
            settings.setdefault("priority_job_factor", both)
        if value.upper() == "DEFAULT":
            self._partition_default.update(settings)
            return
        if not value or any(char in value for char in ", \t"):
            raise ValueError(f'PartitionName "{value}" is not a name')
        for other in self.partitions:
            if other.name == value:
                raise ValueError(f"duplicate entry for partition {value}, first in {self._where(other)}")
        self.partitions.append(PartitionDef(value, {**self._partition_default, **settings}, line[0], line[1]))

    def _set_line(self, line: Line, value: str, found: list[tuple[str, str]]) -> None:
        entries = self._sets.setdefault(value, [])
        for key, text in found:
            if key.lower() not in ("nodes", "feature"):
                self.unknown.append((key, line[0], line[1]))
            else:
                entries.append((line, key.lower(), text))

    def _down_line(self, line: Line, value: str, found: list[tuple[str, str]]) -> None:
        self._down.append((line, value, self._settings(_NODE, line, found)))

    def _members(self, name: str) -> list[str]:
        """The nodes of a NodeSet."""
        members: list[str] = []
        for line, key, text in self._sets[name]:
            if key == "feature":
                members += [node.name for node in self.nodes if text in node.features]
                continue
            try:
                names = [node.name for node in self.nodes] if text.upper() == "ALL" else hosts("Nodes", text)
            except ValueError as error:
                raise ConfigError(line[0], line[1], str(error)) from None
            for node in names:
                if node not in self._index:
                    raise ConfigError(line[0], line[1], f"Invalid node name {node} in NodeSet {name}")
            members += names
        return members

    def _resolve(self, partition: PartitionDef) -> None:
        names: dict[str, None] = {}
        sets: list[str] = []
        for word in hosts("Nodes", partition.node_text):
            if word in self._index:
                names[word] = None
            elif word.upper() == "ALL":
                partition.all_nodes = True
                names.update(dict.fromkeys(self._index))
            elif word in self._sets:
                sets.append(word)
                names.update(dict.fromkeys(self._members(word)))
            else:
                raise ValueError(f"Invalid node name {word} in partition {partition.name}")
        partition.nodes = list(names)
        partition.node_sets = tuple(sets)

    def finish(self) -> None:
        """Give partitions their nodes, nodes the states of DownNodes, and one partition the default."""
        default = None
        for partition in self.partitions:
            try:
                self._resolve(partition)
            except ValueError as error:
                raise ConfigError(partition.file, partition.line, str(error)) from None
            if partition.default:
                if default is not None:
                    default.default = False
                    self.warnings.append(f"Default partition is {partition.name}, not {default.name}: the last is it")
                default = partition
        for line, value, settings in self._down:
            try:
                names = hosts("DownNodes", value)
            except ValueError as error:
                raise ConfigError(line[0], line[1], str(error)) from None
            for name in names:
                if name not in self._index:
                    raise ConfigError(line[0], line[1], f"Invalid node name {name} in DownNodes")
                node = self._index[name]
                node.state = settings.get("state", "DOWN")
                node.reason = settings.get("reason") or FROM_FILE
