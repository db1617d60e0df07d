"""The configuration of a cluster: found, read and checked; or made in memory where there is no file.

The grammar is slurm.conf's, gres.conf and cgroup.conf lie beside it (conf_lines: lines, conf_values: values,
conf_nodes: nodes and partitions, conf_gres: devices, conf_cgroup). SLURM_CONF is never read: that names the other
suite's file. A wrong value of a known key is a ConfigError with file and line; keys that are not known are accepted and
listed in `Config.unknown`. A key that is given twice holds its last value, and `Config.warnings` says so.
"""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import NEWEST, ConfigError
from mgpu_slurm.facts.confkeys import BY_NAME, LINE_KEYS, PROGRAMS, REPEATED, SEVERAL, prolog_flags
from mgpu_slurm.intake.conf_lines import lines
from mgpu_slurm.intake.conf_values import pairs, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mgpu_slurm.intake.conf_gres import GresDef
    from mgpu_slurm.intake.conf_nodes import NodeDef, PartitionDef

_LINE_KEYS = frozenset(key.lower() for key in LINE_KEYS)
_OLD_HOSTS = (("ControlMachine", "ControlAddr"), ("BackupController", "BackupAddr"))
NO_TIMEOUT = 65534
"""What PrologEpilogTimeout= is where nobody has set it."""
_LONGEST_SOCKET = 107  # bytes of sun_path without its final NUL, Linux


class Config:
    """A cluster's configuration.

    `get(key)` or an attribute of the key's name gives a value, any case: the file's, else the table's default.
    `values` has only what the file sets, by the table's spelling. `controllers` are (name, address) pairs, the first
    is the primary. `owner_uid` is the owner of the file, or of the state directory of an embedded cluster;
    `embedded_dir` is that directory, empty otherwise.
    """

    __slots__ = (
        "cgroup", "controllers", "embedded_dir", "gres", "nodes", "owner_uid", "partitions", "path", "programs", "unknown",
        "values", "warnings",
    )  # fmt: skip

    def __init__(self, path: str, owner_uid: int) -> None:
        self.path = path
        self.owner_uid = owner_uid
        self.values: dict[str, Any] = {}
        self.controllers: list[tuple[str, str]] = []
        self.nodes: list[NodeDef] = []
        self.partitions: list[PartitionDef] = []
        self.gres: list[GresDef] = []
        self.cgroup: dict[str, Any] = {}
        self.unknown: list[tuple[str, str, int]] = []
        self.warnings: list[str] = []
        self.programs: dict[str, list[str]] = {}
        self.embedded_dir: str = ""

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key (any case): the file's, else the table's default, else `default`."""
        row = BY_NAME.get(key.lower())
        if row is None:
            return default
        value = self.values.get(row[0], row[2])
        return default if value is None else value

    def __getattr__(self, name: str) -> Any:
        row = BY_NAME.get(name.lower())
        if row is None:
            raise AttributeError(name)
        return self.values.get(row[0], row[2])

    def is_set(self, key: str) -> bool:
        """Whether the file sets the key."""
        row = BY_NAME.get(key.lower())
        return row is not None and row[0] in self.values

    @property
    def cluster_name(self) -> str:
        """The cluster's name, lower case as Slurm makes it."""
        return str(self.get("ClusterName"))

    @property
    def compat(self) -> tuple[int, int]:
        """The Slurm version to look like: MgpuCompat as numbers, the newest without it."""
        text = self.values.get("MgpuCompat")
        if text is None:
            return NEWEST
        year, _, month = text.partition(".")
        return int(year), int(month.partition(".")[0])

    def programs_of(self, key: str) -> list[str]:
        """The patterns of a key that names programs around jobs, in the order of its lines."""
        given = [pattern for pattern in self.programs.get(key, ()) if pattern]
        return given if self.compat >= SEVERAL else given[-1:]

    def program_seconds(self, key: str) -> float:
        """How long such a program may take, 0 for ever: PrologTimeout= or EpilogTimeout= (`key`), else PrologEpilogTimeout=."""
        seconds = self.get(key)
        if seconds is None:
            seconds = self.get("PrologEpilogTimeout")
        return 0.0 if seconds in (None, NO_TIMEOUT) else float(seconds)

    def directory(self) -> str:
        """The directory of the configuration file; of an embedded cluster its state directory."""
        return self.embedded_dir or os.path.dirname(os.path.abspath(self.path))

    def key_file(self) -> str:
        """The cluster's key: MgpuKeyFile, or mgpu.key beside the configuration."""
        return str(self.values.get("MgpuKeyFile") or os.path.join(self.directory(), "mgpu.key"))

    def slurm_uid(self) -> int:
        """The uid of SlurmUser, under which the controller runs, where the file names one; else the file's owner."""
        if not self.is_set("SlurmUser"):
            return self.owner_uid
        name = str(self.get("SlurmUser"))
        if name.isdigit():
            return int(name)
        import pwd

        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return self.owner_uid

    def run_dir(self) -> str:
        """The directory of the Unix sockets, the same for every user who reads the same file.

        MgpuRunDir, or a directory below /run/mgpu when root owns the file, below /tmp/mgpu-UID when another user does.
        """
        if self.embedded_dir:
            return self.embedded_dir
        given = self.values.get("MgpuRunDir")
        if given:
            return str(given)
        base = "/run/mgpu" if self.owner_uid == 0 else f"/tmp/mgpu-{self.owner_uid}"
        return f"{base}/{self.cluster_name}-{self.get('SlurmctldPort')}"

    def controller_socket(self) -> str:
        """Path of the controller's Unix socket."""
        return os.path.join(self.run_dir(), "controller.sock")

    def node_socket(self, name: str) -> str:
        """Path of a node daemon's Unix socket. An embedded cluster has one node only."""
        return os.path.join(self.run_dir(), "node.sock" if self.embedded_dir else f"node.{name}.sock")

    def node(self, name: str) -> NodeDef | None:
        """The node of that name."""
        for node in self.nodes:
            if node.name == name:
                return node
        return None

    def gres_of(self, name: str) -> list[GresDef]:
        """The gres.conf lines that hold for a node."""
        return [entry for entry in self.gres if not entry.nodes or name in entry.nodes]

    def node_path(self, key: str, name: str, hostname: str = "") -> str:
        """A path key of the node daemon (SlurmdSpoolDir, SlurmdLogFile, ...) with %n and %h filled in; or nothing."""
        text = self.get(key)
        if not text:
            return ""
        if not hostname:
            node = self.node(name)
            hostname = node.hostname if node else name
        made = str(text).replace("%%", "\0").replace("%n", name).replace("%h", hostname)
        return made.replace("\0", "%")

    def parameter(self, key: str, name: str) -> str | None:
        """One word of a comma list such as SchedulerParameters: the text after `name=`, "" for a bare name, or None."""
        text = self.get(key)
        found = None
        for word in text if isinstance(text, tuple) else (text or "").split(","):
            head, _, value = word.strip().partition("=")
            if head.lower() == name.lower():
                found = value
        return found


def _controller(text: str) -> tuple[str, str]:
    """`name(address)` or `name` -> name and address. Raises ValueError."""
    name, opened, rest = text.partition("(")
    address, closed, after = rest.partition(")")
    if not name or (opened and (not closed or after or not address)) or any(char in name for char in ")[], "):
        raise ValueError(f'Bad value "{text}" for SlurmctldHost')
    return name, address or name


def _setting(config: Config, seen: set[str], key: str, text: str) -> None:
    """Take over one plain setting. Raises ValueError."""
    row = BY_NAME[key.lower()]
    name = row[0]
    value = read(name, row[1], row[4], text)
    if name == "SlurmctldHost":
        config.controllers.append(_controller(text))
    elif name == "ClusterName":
        if not text or any(char in "/\0 \t" for char in text):
            raise ValueError(f'Bad value "{text}" for ClusterName')
        value = text.lower()
    if name in PROGRAMS:
        config.programs.setdefault(name, []).append(text)
    if name not in REPEATED:
        if name in seen and not (name in PROGRAMS and config.compat >= SEVERAL):
            config.warnings.append(f"{name} specified more than once, latest value used")
        seen.add(name)
    if value == "" and row[1] in ("str", "path"):
        config.values.pop(name, None)
        return
    if name in REPEATED:
        config.values.setdefault(name, value)
    else:
        config.values[name] = value


def _old_hosts(config: Config) -> None:
    """ControlMachine, ControlAddr and their backups: what SlurmctldHost replaced."""
    if config.controllers:
        return
    for name, address in _OLD_HOSTS:
        host = config.values.get(name)
        if host:
            config.controllers.append((host, config.values.get(address) or host))


def _weights(config: Config, file: str, line: int) -> None:
    """Whether weights of resources are some, of the cluster and of its partitions. What AccountingStorageTRES adds may stand
    behind them. Raises ConfigError."""
    given = [("PriorityWeightTRES", str(config.get("PriorityWeightTRES") or ""), file, line)]
    given += [("TRESBillingWeights", one.tres_billing_weights, one.file, one.line) for one in config.partitions]
    if not any(text for _, text, _, _ in given):
        return
    from mgpu_slurm.base import billing
    from mgpu_slurm.facts import trackable

    more = trackable.words(config.get("AccountingStorageTRES"))
    for key, text, file, line in given:
        try:
            billing.check(text, more)
        except ValueError as error:
            raise ConfigError(file, line, f'Bad value "{text}" for {key}: {error}') from None


def load(path: str, keys_only: bool = False) -> Config:
    """Read and check a configuration file, and the gres.conf and cgroup.conf beside it.

    keys_only leaves nodes, partitions and those files out, which a command that only wants to reach its controller need
    not know; on a large cluster that is most of the work. Raises ConfigError.
    """
    try:
        owner = os.stat(path).st_uid
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(path, 0, f"cannot read: {reason}") from None
    config = Config(path, owner)
    seen: set[str] = set()
    cluster = None
    if not keys_only:
        from mgpu_slurm.intake.conf_nodes import Cluster

        cluster = Cluster()
    weighed: tuple[str, int] = (path, 0)
    for line in lines(path):
        file, number, text = line
        try:
            head = text.split("=", 1)[0].strip().lower()
            if keys_only and head in _LINE_KEYS:
                continue
            found = pairs(text)
            if cluster is not None and head in _LINE_KEYS:
                cluster.line(line, found)
            elif head not in BY_NAME:
                config.unknown.append((found[0][0], file, number))
            elif len(found) > 1:
                raise ValueError(f"{found[1][0]} needs a line of its own")
            else:
                _setting(config, seen, *found[0])
                if head == "priorityweighttres":
                    weighed = file, number
        except ValueError as error:
            raise ConfigError(file, number, str(error)) from None
    _old_hosts(config)
    if not config.controllers:
        raise ConfigError(path, 0, "SlurmctldHost is not set")
    flags = prolog_flags(config.get("PrologFlags"))
    if "NoHold" in flags and "Contain" in flags:
        raise ConfigError(path, 0, "PrologFlags invalid combination: NoHold cannot be combined with Contain and/or X11")
    if len(os.fsencode(config.controller_socket())) > _LONGEST_SOCKET:
        raise ConfigError(path, 0, f"MgpuRunDir {config.run_dir()} is too long for a socket")
    if cluster is not None:
        cluster.finish()
        config.nodes, config.partitions = cluster.nodes, cluster.partitions
        config.unknown += cluster.unknown
        config.warnings += cluster.warnings
        beside = os.path.join(os.path.dirname(path), "gres.conf")
        if os.path.exists(beside):
            from mgpu_slurm.intake.conf_gres import load_gres

            config.gres = load_gres(beside, config.unknown)
        from mgpu_slurm.intake import conf_cgroup

        config.cgroup = conf_cgroup.beside(path, config.unknown)
    _weights(config, *weighed)
    return config


def find(environ: Mapping[str, str], uid: int, home: str) -> str | None:
    """The configuration file of this user, or None: $MGPU_CONF, ~/.config/mgpu/mgpu.conf, /etc/mgpu/mgpu.conf.

    A file that MGPU_CONF names is the answer even if it is missing, so that the mistake shows. One below `home` counts
    only if `uid` or root owns it: HOME may be another user's.
    """
    named = environ.get("MGPU_CONF")
    if named:
        return named
    if home:
        own = os.path.join(home, ".config/mgpu/mgpu.conf")
        try:
            if os.stat(own).st_uid in (uid, 0):
                return own
        except (OSError, ValueError):
            pass  # not there, or not to be seen: the next place
    system = "/etc/mgpu/mgpu.conf"
    return system if os.path.exists(system) else None
