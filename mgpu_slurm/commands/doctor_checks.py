"""mgpu_doctor's verdicts: from facts about a machine and its cluster to PASS, WARN or FAIL, with the mend. Pure.

FAIL: jobs cannot run, or not safely, until it is mended. WARN: something works less well than it could, or will soon not
work. A check that lacks its facts, such as those that only a running controller has, gives no verdict.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

PASS, WARN, FAIL = "PASS", "WARN", "FAIL"

CLOCK_WARN, CLOCK_FAIL = 2.0, 150.0
"""Seconds between two clocks: times in listings look odd; credentials, which are good for 300 s, begin to be refused."""

DISK_WARN, DISK_FAIL = 1024, 100
"""MiB that should be free where daemons keep their state."""

SHOWN = 5
"""So many of a kind are named, the others counted."""


class Verdict:
    """`level` is PASS, WARN or FAIL, `text` what was found, `mend` what to do ("" where nothing is)."""

    __slots__ = ("level", "mend", "text")

    def __init__(self, level: str, text: str, mend: str = "") -> None:
        self.level = level
        self.text = text
        self.mend = mend

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and (self.level, self.text, self.mend) == (other.level, other.text, other.mend)

    def __repr__(self) -> str:
        return f"{self.level} {self.text} [{self.mend}]"


class Key:
    """The cluster key's file as the caller sees it. `size` and `mode` are -1 where the caller may not look."""

    __slots__ = ("mode", "owner", "path", "regular", "size", "there")

    def __init__(
        self, path: str, there: bool | None = True, mode: int = 0o600, owner: int = 0, size: int = 65, regular: bool = True
    ) -> None:
        self.path = path
        self.there = there
        self.mode = mode
        self.owner = owner
        self.size = size
        self.regular = regular


class Device:
    """A device file of the driver. `usable`: the caller may read and write it."""

    __slots__ = ("mode", "path", "usable")

    def __init__(self, path: str, mode: int = 0o666, usable: bool = True) -> None:
        self.path = path
        self.mode = mode
        self.usable = usable


class Facts:
    """What is known. Attributes that were not found out keep their defaults, and the checks on them stay silent.

    `rows` and `nodes` are the controller's tables "inspection" and "nodes" as dicts by column; `pong` its answer to a ping.
    """

    def __init__(self, **known: Any) -> None:
        # this machine
        self.version = ""
        self.hostname = ""
        self.uid = 0
        self.daemon_status: int | None = None  # of mgpu_node -C; -1: its packages are not there
        self.daemon_said = ""
        self.gres = ""  # what mgpu_node -C would offer
        self.nvidia_hardware = False
        self.driver = ""
        self.nvml_said = ""
        self.devices: list[Device] = []
        self.plain: dict[str, tuple[str, bool]] = {}  # plain name -> first on PATH, whether it is this suite's
        # the cluster
        self.where = ""  # path of the configuration; "embedded:DIR"; "first:HOST:PORT"
        self.config_error = ""
        self.unknown: list[str] = []
        self.warnings: list[str] = []
        self.relative: list[str] = []  # keys whose paths are not full ones
        self.slurm_uid = 0
        self.master_here = False  # this machine is (one of) the configured controller's
        self.key: Key | None = None
        self.daemons_here = False
        self.ports: dict[str, str] = {}  # "host:port" -> why it cannot be reached, "" for well
        self.stale: list[str] = []
        self.disks: dict[str, int] = {}  # directory of a daemon of this machine -> MiB free
        # what the controller says
        self.pong: dict[str, Any] | None = None
        self.unreachable = ""
        self.nodes: list[dict[str, Any]] | None = None
        self.rows: list[dict[str, Any]] | None = None
        self.clock: tuple[float, float] | None = None  # of this machine: ahead of the controller's, doubt
        self.unresolved: list[str] = []
        self.uids: dict[str, int] = {}
        self.home: list[int] = []
        for name, value in known.items():
            if name not in self.__dict__:
                raise AttributeError(name)
            setattr(self, name, value)

    @property
    def embedded(self) -> bool:
        return self.where.startswith("embedded:")

    @property
    def file(self) -> str:
        """The configuration file; "" where the cluster has none."""
        return "" if self.where.startswith(("embedded:", "first:")) else self.where

    def answered(self) -> list[dict[str, Any]]:
        """Rows of nodes that have answered."""
        return [row for row in self.rows or () if row["node"] and row["version"]]


def some(words: Iterable[str]) -> str:
    """a, b, c, d, e and 7 more."""
    found = list(words)
    more = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {more} more" if more > 0 else "")


# --- this machine ---------------------------------------------------------------------------------------------------


def programs(facts: Facts) -> Verdict | None:
    if facts.daemon_status is None:
        return None
    if facts.daemon_status < 0:
        return Verdict(WARN, facts.daemon_said, "run bin/.venv-make; else the next start of a daemon does it, and takes longer")
    if facts.daemon_status != 0:
        mend = "run bin/.venv-make in a checkout, or pip install mgpu-slurm, with Python 3.11 or later"
        return Verdict(FAIL, f"the daemons' program does not start: {facts.daemon_said or 'no message'}", mend)
    return Verdict(PASS, f"mgpu_slurm {facts.version}, and its daemons can start")


def path(facts: Facts) -> Verdict:
    ours = sorted(name for name, (_, own) in facts.plain.items() if own)
    other = {name: place for name, (place, own) in facts.plain.items() if not own}
    if not other:
        return Verdict(PASS, "no other Slurm is on PATH" + (", plain names are this suite's" if ours else ""))
    places = some(sorted({place.rpartition("/")[0] for place in other.values()}))
    if ours:
        text = f"two suites are mixed on PATH: {some(sorted(other))} from {places}, {some(ours)} from this one"
        return Verdict(WARN, text, "put bin/slurm of this suite before all others on PATH, or take it off PATH")
    return Verdict(PASS, f"plain names (srun, sbatch, ...) are another Slurm's in {places}; this suite's begin with mgpu_")


def gpus(facts: Facts) -> Verdict:
    notes = [f"{row['node']}: {note}" for row in facts.answered() for note in row["notes"]]
    if facts.nvidia_hardware and not facts.driver and not facts.devices:
        return Verdict(WARN, "there is an NVIDIA device but no driver", "install NVIDIA's driver, then see nvidia-smi")
    if facts.nvml_said:
        mend = "make nvidia-smi work: driver and libnvidia-ml must be of one version; then restart mgpu_node"
        return Verdict(FAIL if facts.driver else WARN, f"NVML: {facts.nvml_said}", mend)
    if notes:
        return Verdict(WARN, f"nodes report: {some(notes)}", "look at nvidia-smi there, then restart mgpu_node")
    counted = sum(row["gpus"] for row in facts.answered())
    here = f"NVML finds {facts.gres} here" if facts.gres else "no NVIDIA GPU here"
    driver = f", driver {facts.driver}" if facts.driver else ""
    return Verdict(PASS, f"{here}{driver}" + (f"; the nodes offer {counted}" if facts.answered() else ""))


def devices(facts: Facts) -> Verdict | None:
    names = {device.path for device in facts.devices}
    if facts.driver and "/dev/nvidiactl" not in names:
        return Verdict(FAIL, "the driver is loaded but /dev/nvidiactl is missing", "run nvidia-modprobe, or nvidia-smi as root")
    if not facts.devices:
        return None
    closed = [f"{device.path} (mode {device.mode:04o})" for device in facts.devices if not device.usable]
    if closed:
        mend = "let users read and write them: NVreg_DeviceFileMode=0666 for the driver, or a group all users are in"
        return Verdict(FAIL, f"this user may not use {some(closed)}", mend)
    if facts.driver and not any(name.startswith("/dev/nvidia-uvm") for name in names):
        return Verdict(WARN, "/dev/nvidia-uvm is missing, which CUDA needs", "run nvidia-modprobe -u -c0 at boot")
    return Verdict(PASS, f"{len(names)} device files, all open to this user")


def sockets(facts: Facts) -> Verdict:
    if facts.stale:
        mend = "start the daemon again, or remove the file if its node is no longer of this machine"
        return Verdict(WARN, f"nobody listens on {some(facts.stale)}", mend)
    return Verdict(PASS, "no socket is left over")


# --- configuration and key ------------------------------------------------------------------------------------------


def configuration(facts: Facts) -> Verdict:
    if facts.config_error:
        return Verdict(FAIL, facts.config_error, "mend that line; mgpu.conf(5) lists the keys and what they take")
    if facts.embedded:
        return Verdict(PASS, f"none: a cluster of one's own in {facts.where.partition(':')[2]}")
    if not facts.file:
        return Verdict(PASS, f"none: the cluster of the master at {facts.where.partition(':')[2]}")
    if facts.relative:
        mend = "write the full path: daemons and the processes of jobs have other working directories"
        return Verdict(FAIL, f"{facts.file}: not full paths: {some(facts.relative)}", mend)
    if facts.unknown:
        mend = "correct the spelling if one of them was meant; keys that Slurm has and this suite does not need are harmless"
        return Verdict(WARN, f"{facts.file}: unknown keys: {some(facts.unknown)}", mend)
    if facts.warnings:
        return Verdict(WARN, f"{facts.file}: {some(facts.warnings)}", "see mgpu.conf(5)")
    return Verdict(PASS, facts.file)


def key(facts: Facts) -> Verdict | None:
    found = facts.key
    if found is None:
        return None
    if not found.there:
        if found.there is None:
            return Verdict(PASS, f"{found.path}: this user may not look, which is as it should be")
        if facts.daemons_here:
            mend = "copy it from the controller's machine, mode 0600; the controller makes it at its first start"
            return Verdict(FAIL, f"{found.path} is missing", mend)
        return Verdict(PASS, f"{found.path} is not here, and no daemon of this machine needs it")
    if not found.regular:
        return Verdict(FAIL, f"{found.path} is not a regular file", "put the key itself there, not a link")
    if found.mode & 0o077:
        mend = f"chmod 600 {found.path}; if others may have read it, remove it everywhere, restart and copy the new one"
        return Verdict(FAIL, f"{found.path} is open to others (mode {found.mode:04o})", mend)
    if found.owner not in (0, facts.slurm_uid):
        return Verdict(FAIL, f"{found.path} belongs to user {found.owner}", f"chown it to user {facts.slurm_uid}")
    if 0 <= found.size < 32:
        mend = "remove it and restart the controller, which makes a new one; copy that to the nodes"
        return Verdict(FAIL, f"{found.path} holds {found.size} bytes, too few for a key", mend)
    return Verdict(PASS, f"{found.path}, mode {found.mode:04o}")


# --- the cluster ----------------------------------------------------------------------------------------------------


def controller(facts: Facts) -> Verdict | None:
    if facts.config_error:
        return None
    if facts.pong is not None:
        return Verdict(PASS, f"{facts.pong['cluster']} on {facts.pong['hostname']}, {facts.pong.get('mode', 'primary')}")
    if facts.embedded and not facts.unreachable:
        return Verdict(PASS, "not running; the next command that needs it starts it")
    if facts.embedded:
        return Verdict(FAIL, facts.unreachable, "read log/controller.out in its directory")
    start = f"mgpu_master -f {facts.file}" if facts.file else "mgpu_master --host 0.0.0.0 --port PORT"
    here = f"start it: systemctl start mgpu-master, or {start}; then read its log"
    mend = here if facts.master_here else "see whether mgpu_master runs on its machine and whether a firewall closes its port"
    return Verdict(FAIL, f"does not answer: {facts.unreachable}", mend)


def versions(facts: Facts) -> Verdict | None:
    if facts.pong is None:
        return None
    found: dict[str, list[str]] = {}
    for who, what in [
        ("the commands", facts.version), ("the controller", str(facts.pong["version"])),
        *((row["node"], row["version"]) for row in facts.answered()),
    ]:  # fmt: skip
        found.setdefault(what, []).append(who)
    if len(found) > 1:
        told = "; ".join(f"{version}: {some(who)}" for version, who in sorted(found.items()))
        return Verdict(WARN, told, "bring all to one version: the controller first, then the nodes, then the commands")
    return Verdict(PASS, f"all are {facts.version}")


def nodes(facts: Facts) -> Verdict | None:
    if facts.nodes is None:
        return None
    if not facts.nodes:
        return Verdict(FAIL, "no node has joined", "start mgpu_node on each machine")
    silent = [node["name"] for node in facts.nodes if "NOT_RESPONDING" in node["flags"]]
    down = [node["name"] for node in facts.nodes if node["state"] == "DOWN" and node["name"] not in silent]
    off = {node["name"]: node["reason"] for node in facts.nodes if node["state"] == "DOWN" or "DRAIN" in node["flags"]}
    why = [f"{name} ({reason or 'no reason given'})" for name, reason in off.items() if name not in silent]
    level = FAIL if len(silent) + len(down) == len(facts.nodes) else WARN
    if silent:
        mend = "see whether mgpu_node runs there, has the controller's key and reaches its port; its log says what fails"
        return Verdict(level, f"no word from {some(silent)}", mend)
    if off:
        mend = "mend the reason, then mgpu_scontrol update NodeName=... State=RESUME"
        return Verdict(level, f"out of service: {some(why)}", mend)
    return Verdict(PASS, f"{len(facts.nodes)}, all in service")


def clocks(facts: Facts) -> Verdict | None:
    if facts.clock is None:
        return None
    ahead = {"this machine": facts.clock, **{row["node"]: (row["offset"], row["doubt"]) for row in facts.answered()}}
    wrong = {who: offset for who, (offset, doubt) in ahead.items() if abs(offset) - doubt > CLOCK_WARN}
    if wrong:
        told = some(f"{who} is {abs(by):.1f} s {'ahead of' if by > 0 else 'behind'} the controller" for who, by in wrong.items())
        level = FAIL if max(map(abs, wrong.values())) > CLOCK_FAIL else WARN
        return Verdict(level, told, "set the clocks by NTP there (chrony, or timedatectl set-ntp true)")
    return Verdict(PASS, "all within 2 s of the controller's")


def names(facts: Facts) -> Verdict | None:
    lost = {"this machine": facts.unresolved} if facts.unresolved else {}
    for row in facts.rows or ():
        if row["unresolved"]:
            lost[row["node"] or "the controller's machine"] = row["unresolved"]
    if lost:
        told = some(f"{who} knows no address for {some(hosts)}" for who, hosts in lost.items())
        mend = "add them to DNS or /etc/hosts on all machines, or give NodeAddr= in the configuration"
        return Verdict(FAIL, told, mend)
    if facts.embedded or (facts.rows is None and not facts.file):
        return None
    return Verdict(PASS, "the controller and all nodes have addresses" + (" everywhere" if facts.rows else " here"))


def ports(facts: Facts) -> Verdict | None:
    if facts.embedded:
        return Verdict(PASS, "none are needed: everything is on this machine's Unix sockets")
    closed = {where: why for where, why in facts.ports.items() if why}
    if closed:
        told = some(f"{where} ({why})" for where, why in closed.items())
        mend = "start the daemon there, or let the firewall pass the port: SlurmctldPort, SlurmdPort, Port= of nodes"
        return Verdict(FAIL, f"cannot connect to {told}", mend)
    return Verdict(PASS, f"{len(facts.ports)} of controller and nodes accept connections") if facts.ports else None


def users(facts: Facts) -> Verdict | None:
    if not facts.rows or not facts.uids:
        return None
    told = []
    for row in facts.rows:
        if not row["version"]:
            continue
        who = row["node"] or "the controller's machine"
        known: dict[str, int] = row["uids"]
        missing = [name for name in facts.uids if name not in known]
        other = [f"{name} is {known[name]} and not {uid}" for name, uid in facts.uids.items() if known.get(name, uid) != uid]
        if missing:
            told.append(f"{who} does not know {some(missing)}")
        if other:
            told.append(f"on {who} {some(other)}")
    if told:
        mend = "give users the same name and number on all machines (LDAP, or the same /etc/passwd)"
        return Verdict(FAIL, some(told), mend)
    return Verdict(PASS, f"{len(facts.uids)} user{'s' * (len(facts.uids) > 1)} with the same ids on all machines")


def rights(facts: Facts) -> Verdict | None:
    """Whether the nodes can run jobs of the caller, and of others."""
    if not facts.answered():
        return None
    strange = {row["node"]: row["uid"] for row in facts.answered() if row["uid"] not in (0, facts.uid)}
    if strange:
        told = some(f"{node} (uid {uid})" for node, uid in strange.items())
        mend = "start mgpu_node as root there, or submit as the user it runs as: without root it starts no other user's jobs"
        return Verdict(WARN if facts.uid == 0 else FAIL, f"mgpu_node runs as another user on {told}", mend)
    if any(row["uid"] for row in facts.answered()):
        return Verdict(PASS, "nodes run as this user, and only this user's jobs")
    return Verdict(PASS, "nodes run as root, and each job as its own user")


def directories(facts: Facts) -> Verdict | None:
    if not facts.answered() or not facts.home:
        return None
    other = [row["node"] for row in facts.answered() if row["home"] != facts.home]
    if other:
        mend = "mount one directory on all machines, or submit with -D and -o to one that all have, or use mgpu_sbcast"
        return Verdict(WARN, f"your home directory is another one on {some(other)}", mend)
    return Verdict(PASS, "your home directory is the same on all nodes")


def disk(facts: Facts) -> Verdict | None:
    free = dict(facts.disks)
    for row in facts.rows or ():
        if row["version"] and row["spool_free"] >= 0:
            free[f"{row['node'] or 'controller'}:{row['spool']}"] = row["spool_free"]
    if not free:
        return None
    short = {where: mib for where, mib in free.items() if mib < DISK_WARN}
    if short:
        told = some(f"{where} ({mib} MiB)" for where, mib in sorted(short.items(), key=lambda one: one[1]))
        level = FAIL if min(short.values()) < DISK_FAIL else WARN
        mend = "make room, or move StateSaveLocation or SlurmdSpoolDir: without room no job can be accepted or started"
        return Verdict(level, f"little is free: {told}", mend)
    return Verdict(PASS, f"at least {min(free.values()) >> 10} GiB free for state and spool")


def cgroups(facts: Facts) -> Verdict | None:
    rows = facts.answered()
    if not rows:
        return None
    without = [row for row in rows if row["cgroup"] and row["uid"] == 0]
    if without:
        mend = "mount cgroup v2 and run mgpu_node under a unit with Delegate=yes; without, processes are found by their parents"
        return Verdict(WARN, some(f"{row['node']}: {row['cgroup']}" for row in without), mend)
    if not any(row["uid"] == 0 for row in rows):
        return Verdict(PASS, "none: the node runs without root, and finds the processes of a job by their parents")
    return Verdict(PASS, "each step has one of its own")


CHECKS: Sequence[tuple[str, Callable[[Facts], Verdict | None]]] = (
    ("programs", programs),
    ("configuration", configuration),
    ("controller", controller),
    ("nodes", nodes),
    ("versions", versions),
    ("key", key),
    ("ports", ports),
    ("clocks", clocks),
    ("names", names),
    ("users", users),
    ("rights", rights),
    ("directories", directories),
    ("disk", disk),
    ("gpus", gpus),
    ("devices", devices),
    ("cgroups", cgroups),
    ("sockets", sockets),
    ("path", path),
)
"""In the order in which they are printed: what most often explains the others comes first."""


def judge(facts: Facts) -> list[tuple[str, Verdict]]:
    """All verdicts, by name of the check; a check without facts has none."""
    found = ((name, check(facts)) for name, check in CHECKS)
    return [(name, verdict) for name, verdict in found if verdict is not None]
