"""What mgpu_doctor finds out: about this machine, about the configuration, and from the controller. Nothing is changed.

Everything here may be missing, forbidden or broken: that is what is looked for. So a look that fails leaves its fact as it
is, or notes why, and the next one goes on.
"""

from __future__ import annotations

import glob
import os
import stat
import time

from mgpu_slurm import __version__, boot
from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import ConfigError, SlurmError
from mgpu_slurm.commands.doctor_facts import Device, Facts, Key, Place
from mgpu_slurm.wire import client, machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.commands.session import Session
    from mgpu_slurm.intake.conf import Config

PLAIN = ("srun", "sbatch", "salloc", "squeue", "scancel", "sinfo", "scontrol", "sacct")
NODE_COLUMNS = ("name", "state", "flags", "reason", "address", "hostname", "port")
ROW_COLUMNS = (
    "node", "version", "uid", "offset", "doubt", "uids", "unresolved", "home", "spool", "spool_free", "cgroup", "gpus", "notes",
)  # fmt: skip

FULL_PATHS = ("StateSaveLocation", "SlurmdSpoolDir", "MgpuRunDir", "MgpuKeyFile")
"""Keys of directories that processes with other working directories use as well."""

PORT_SECONDS = 3.0
"""How long all ports together have to accept a connection."""

SURVEY_SECONDS = 90.0
"""How long mgpu_node -C may take: a driver that sleeps takes several seconds to wake, one that hangs is given up after 60."""

REFUSALS = (errors.SLURM_PROTOCOL_AUTHENTICATION_ERROR,)
"""Codes with which a controller answers somebody whose credential it does not take."""

NVIDIA = "0x10de"
_DRIVER = "/proc/driver/nvidia/version"


def look(environ: Mapping[str, str], cluster: str, users: Sequence[str]) -> Facts:
    """All facts. Takes as long as the slowest of name service, NVML and nodes; seconds where something is wrong."""
    facts = Facts(version=__version__, hostname=os.uname().nodename.partition(".")[0], uid=os.getuid())
    _programs(facts, environ)
    _gpus(facts)
    session = _cluster(facts, environ, cluster)
    if session is None:
        return facts
    wanted = _users(facts, users)
    facts.uids = machine.uids(wanted)
    own = _name_of(facts.uid)
    facts.home = machine.home_mark(own) if own else []
    hosts = _hosts(facts, session)
    if _controller(facts, session):
        hosts = list(dict.fromkeys([*hosts, *(node["address"] or node["name"] for node in facts.nodes or ())]))
        _inspection(facts, session, list(facts.uids), hosts)
    facts.unresolved = machine.unresolved(hosts)
    _ports(facts, session)
    return facts


# --- this machine ---------------------------------------------------------------------------------------------------


def _programs(facts: Facts, environ: Mapping[str, str]) -> None:
    for name in PLAIN:
        for place in environ.get("PATH", "").split(":"):
            file = f"{place}/{name}"
            if place and os.access(file, os.X_OK) and os.path.isfile(file):
                facts.plain[name] = (file, _ours(file))
                break
    words: list[str] = []
    if not boot.FROZEN and os.path.exists(f"{boot.ROOT}/bin/.venv-make") and not boot.stamped(boot.ROOT):
        # boot would now install packages; a doctor takes what is there
        python = f"{boot.ROOT}/.venv/bin/python"
        if not os.access(python, os.X_OK):
            facts.daemon_status, facts.daemon_said = -1, f"the daemons' packages are not yet in {boot.ROOT}/.venv"
            return
        words = [python, "-I", "-X", "utf8", f"{boot.ROOT}/mgpu_slurm/boot.py", "node", "-"]
    try:
        status, out, err = _output([*(words or boot.python_command("node")), "-C"], environ)
    except (OSError, SystemExit) as error:
        facts.daemon_status, facts.daemon_said = 1, str(error)
        return
    lines = err.strip().splitlines()
    facts.daemon_status = status
    facts.daemon_said = lines[-1] if status and lines else ""
    facts.gres = next((word.partition("=")[2] for word in out.split() if word.startswith("Gres=")), "")
    facts.nvml_said = "; ".join(line.partition("warning: ")[2] for line in lines if "warning: " in line)


def _ours(file: str) -> bool:
    """Whether a plain name belongs to this suite: each such file, or what its link leads to, names it near its top."""
    try:
        if os.path.basename(os.path.realpath(file)) == "mgpu":
            return True
        with open(file, "rb") as text:
            return b"mgpu" in text.read(1024)
    except OSError:
        return False


def _output(words: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a program."""
    import subprocess

    try:
        done = subprocess.run(
            words, env=dict(environ), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=SURVEY_SECONDS
        )
    except subprocess.TimeoutExpired:
        return 1, "", f"no end within {SURVEY_SECONDS:.0f} seconds"
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def _gpus(facts: Facts) -> None:
    for file in glob.glob("/sys/bus/pci/devices/*/class"):
        # 0x0300xx and 0x0302xx: something that draws or computes
        if _text(file)[:6] in ("0x0300", "0x0302") and _text(file[:-5] + "vendor") == NVIDIA:
            facts.nvidia_cards += 1
    words = _text(_DRIVER).split()
    facts.driver = next((word for word in words if word.count(".") in (1, 2) and word.replace(".", "").isdigit()), "")
    for path in sorted(glob.glob("/dev/nvidia*")):
        try:
            found = os.stat(path)
        except OSError:
            continue
        if stat.S_ISCHR(found.st_mode):
            facts.devices.append(Device(path, stat.S_IMODE(found.st_mode), os.access(path, os.R_OK | os.W_OK)))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


# --- the configuration ----------------------------------------------------------------------------------------------


def _cluster(facts: Facts, environ: Mapping[str, str], cluster: str) -> Session | None:
    """The session, with one try for each request; None where the configuration cannot be read."""
    from mgpu_slurm.commands.session import find_session
    from mgpu_slurm.intake import conf

    try:
        session = find_session(environ, cluster)
        session.retries = 0
        config = session.config
        if config is not None and not cluster.startswith("first:"):
            config = session.config = conf.load(config.path)
    except ConfigError as error:
        facts.config_error, facts.where = str(error), error.file
        return None
    except SlurmError as error:  # no directory for an embedded cluster
        facts.where, facts.unreachable = "embedded:", error.text
        return None
    if config is None:
        facts.where = f"embedded:{session.embedded_dir}"
        facts.disks[session.embedded_dir] = machine.free_mib(session.embedded_dir)
    else:
        facts.where = cluster if cluster.startswith("first:") else config.path
        _configured(facts, config)
    return session


def _configured(facts: Facts, config: Config) -> None:
    facts.unknown = [f"{name} ({file} line {line})" for name, file, line in config.unknown]
    facts.warnings = list(config.warnings)
    facts.relative = [f"{key}={config.get(key)}" for key in FULL_PATHS if not str(config.get(key) or "/").startswith("/")]
    facts.slurm_uid = config.slurm_uid()
    facts.master_here = any(
        facts.hostname == name.partition(".")[0] or address.startswith("127.") for name, address in config.controllers
    )
    here = [node.name for node in config.nodes if facts.hostname in (node.name, node.hostname)]
    facts.daemons_here = facts.master_here or bool(here)
    facts.key = _key(config.key_file())
    spools = [config.node_path("SlurmdSpoolDir", node.name, node.hostname) for node in config.nodes if node.name in here]
    for path, private in (
        (config.path, False), (f"{os.path.dirname(config.path)}/gres.conf", False),
        (f"{os.path.dirname(config.path)}/cgroup.conf", False), (config.run_dir(), False),
        *((path, False) for path in spools), *([(str(config.get("StateSaveLocation")), True)] if facts.master_here else []),
    ):  # fmt: skip
        found = _place(path, private)
        if found is not None:
            facts.places.append(found)
    if facts.master_here:
        state = str(config.get("StateSaveLocation"))
        facts.disks[state] = machine.free_mib(state)
    for socket in sorted(glob.glob(f"{glob.escape(config.run_dir())}/*.sock")):
        try:
            client.connect(client.Endpoint(path=socket)).close()
        except client.ControllerUnreachable as error:
            if isinstance(error.__cause__, ConnectionRefusedError):
                facts.stale.append(socket)


def _key(path: str) -> Key:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return Key(path, there=False)
    except OSError:
        return Key(path, there=None)
    return Key(path, True, stat.S_IMODE(found.st_mode), found.st_uid, found.st_size, stat.S_ISREG(found.st_mode))


def _place(path: str, private: bool) -> Place | None:
    """None where there is none, or it may not be looked at. The sticky bit makes a directory nobody else's to change."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    mode = stat.S_IMODE(found.st_mode)
    return Place(path, mode & ~0o002 if mode & stat.S_ISVTX else mode, found.st_uid, private)


def _users(facts: Facts, asked: Sequence[str]) -> list[str]:
    """The caller, SlurmUser, and those asked for; "all" are the people whom this machine knows. Where nodes run as root the
    jobs of all of them, and nobody has said whom to ask for, these as well."""
    import pwd

    names = [_name_of(facts.uid), _name_of(facts.slurm_uid)]
    if facts.uid == 0 and not asked:
        facts.known_here = [one.pw_name for one in pwd.getpwall() if 1000 <= one.pw_uid < 65534]
        names += facts.known_here
    for name in asked:
        names += [one.pw_name for one in pwd.getpwall() if 1000 <= one.pw_uid < 65534] if name == "all" else [name]
    return [name for name in dict.fromkeys(names) if name][: machine.MOST_NAMES // 2]


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _hosts(facts: Facts, session: Session) -> list[str]:
    """Names that machines of this cluster call each other by, as far as the configuration knows them."""
    if session.config is None:
        return []
    found = [address for _, address in session.config.controllers if not facts.where.startswith("first:")]
    found += [node.addr or node.name for node in session.config.nodes]
    return list(dict.fromkeys(found))[: machine.MOST_NAMES // 2]


# --- what the controller says ---------------------------------------------------------------------------------------


def _controller(facts: Facts, session: Session) -> bool:
    """Whether it answers; its nodes, and how this machine's clock compares with its own."""
    try:
        facts.pong = session.call({"kind": "ping"})
        began = time.time()
        answer = session.call({"kind": "query", "table": "nodes", "columns": list(NODE_COLUMNS), "filters": {}})
    except SlurmError as error:
        detail = str(getattr(error, "detail", "")).replace("Endpoint(", "").replace("):", ":")
        quiet = session.embedded_dir and isinstance(error, client.ControllerUnreachable)
        facts.refused = error.code in REFUSALS
        facts.unreachable = "" if quiet else f"{error.text}: {detail}" if detail else error.text
        return False
    came = time.time()
    facts.clock = ((began + came) / 2 - float(answer["now"]), (came - began) / 2)
    facts.nodes = _rows(NODE_COLUMNS, answer["columns"])
    return True


def _inspection(facts: Facts, session: Session, users: list[str], hosts: list[str]) -> None:
    filters = {"users": users, "hosts": hosts[: machine.MOST_NAMES - len(users)]}
    message = {"kind": "query", "table": "inspection", "columns": list(ROW_COLUMNS), "filters": filters}
    try:
        facts.rows = _rows(ROW_COLUMNS, session.call(message, max(session.request_timeout, 10.0))["columns"])
    except SlurmError as error:
        facts.unreachable = error.text  # a controller of another version: what nodes say stays unknown


def _rows(names: Sequence[str], columns: Sequence[Sequence[object]]) -> list[dict[str, object]]:
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _ports(facts: Facts, session: Session) -> None:
    """Try all at once: a firewall that swallows packets costs its whole patience only once."""
    if session.config is None:
        return
    wanted = [(str(address), int(session.config.get("SlurmctldPort"))) for _, address in session.config.controllers]
    for node in facts.nodes or ():
        if node["port"] and "NOT_RESPONDING" not in node["flags"]:
            wanted.append((node["address"] or node["name"], int(node["port"])))
    facts.ports = try_ports([(host, port) for host, port in wanted if port and host not in facts.unresolved])


def try_ports(wanted: Sequence[tuple[str, int]], seconds: float = PORT_SECONDS) -> dict[str, str]:
    """"host:port" -> "" where a connection is accepted, else what the system said."""
    import select
    import socket

    said: dict[str, str] = {}
    waiting: dict[int, tuple[str, socket.socket]] = {}
    poll = select.poll()
    for host, port in dict.fromkeys(wanted):
        where = f"{host}:{port}"
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        except OSError as error:
            said[where] = error.strerror or str(error)
            continue
        error_number = sock.connect_ex(address)
        said[where] = f"no answer within {seconds:g} s"
        waiting[sock.fileno()] = (where, sock)
        if error_number == 0:
            said[where] = ""
        poll.register(sock, select.POLLOUT)
    end = time.monotonic() + seconds
    while waiting and (left := end - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000):
            where, sock = waiting.pop(descriptor)
            poll.unregister(descriptor)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            said[where] = os.strerror(number) if number else ""
            sock.close()
    for _, sock in waiting.values():
        sock.close()
    return said
