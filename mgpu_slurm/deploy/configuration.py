"""The configuration that a host of the cluster gets: names, addresses, ports, hardware. Pure.

The text is the same on every host except for the directory, which may lie elsewhere for each.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from mgpu_slurm.deploy.hosts import Facts
from mgpu_slurm.deploy.record import Member, Record
from mgpu_slurm.facts.cgroupkeys import CGROUP_KEYS, UNSHOWN_KEYS

CONTROLLER_PORT, NODE_PORT = 6817, 6818
OTHER_PORTS = 17170
"""Where ports are looked for when those of Slurm are taken."""

MEMORY_SHARE = 0.98
"""How much of the memory that is found is configured: a kernel's own part differs from boot to boot, and a node with less
than its line says gets no jobs."""


def text(record: Record, member: Member, key_file: str) -> str:
    """mgpu.conf as `member` gets it."""
    controller = record.member(record.controller)
    assert controller is not None
    base = member.base
    lines = [
        "# Written by mgpu_cluster, which replaces it: `mgpu_cluster up --set KEY=VALUE` changes it on every host.",
        f"ClusterName={record.name}",
        f"SlurmctldHost={controller.name}({controller.address})",
        f"SlurmctldPort={record.port}",
        f"StateSaveLocation={base}/state",
        f"SlurmdSpoolDir={base}/nodes/%n/spool",
        f"SlurmctldLogFile={base}/nodes/{controller.name}/controller.log",
        f"SlurmdLogFile={base}/nodes/%n/node.log",
        f"MgpuKeyFile={key_file}",
    ]
    given = {_key(setting) for setting in record.settings}
    defaults = {
        "GresTypes": "gpu", "AccountingStorageTRES": "gres/gpu", "SelectTypeParameters": "CR_Core_Memory", "ReturnToService": "2",
    }  # fmt: skip
    if kept := _of_cgroup(record):
        # The file beside is known by what is written here.
        lines.append(f"# cgroup.conf: {' '.join(kept)}")
        defaults["TaskPlugin"] = "task/affinity,task/cgroup"
    lines += [f"{key}={value}" for key, value in defaults.items() if key.lower() not in given]
    if "defmempercpu" not in given and "defmempernode" not in given:
        shares = [share for one in record.nodes if (share := _memory_share(one.line))]
        if shares:
            lines.append(f"DefMemPerCPU={min(shares)}")
    lines += [setting for setting in record.settings if not _is_partition(setting) and _key(setting) not in _CGROUP]
    for one in sorted(record.nodes, key=lambda one: one.name):
        hostname = f"NodeHostname={one.hostname} " if one.hostname not in ("", one.name) else ""
        lines.append(f"NodeName={one.name} {hostname}NodeAddr={one.address} Port={one.node_port} {one.line} State=UNKNOWN")
    partitions = [setting for setting in record.settings if _is_partition(setting)]
    lines += partitions or ["PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"]
    return "\n".join(lines) + "\n"


GRES = "# Written by mgpu_cluster. The GPUs are those that NVML finds.\nAutoDetect=nvml\n"


_CGROUP = {row[0].lower() for row in (*CGROUP_KEYS, *UNSHOWN_KEYS)}


def cgroup(record: Record) -> str:
    """cgroup.conf, which the nodes get where a setting is one of its keys; else nothing."""
    lines = _of_cgroup(record)
    return "\n".join(["# Written by mgpu_cluster.", *lines, ""]) if lines else ""


def _of_cgroup(record: Record) -> list[str]:
    return [setting for setting in record.settings if _key(setting) in _CGROUP]


def _key(setting: str) -> str:
    return setting.partition("=")[0].strip().lower()


def _is_partition(setting: str) -> bool:
    return _key(setting) == "partitionname"


def _memory_share(line: str) -> int:
    """MiB of memory for each CPU of a node's line: what a job that names no memory gets for each."""
    words = dict(word.partition("=")[::2] for word in line.split())
    try:
        return int(words["RealMemory"]) // int(words["CPUs"])
    except (KeyError, ValueError, ZeroDivisionError):
        return 0


def hardware(printed: str) -> str:
    """The part of `mgpu_node -C`'s output that describes the machine, memory a little less. ValueError: it is no such line."""
    words = printed.split("\n", 1)[0].split()
    if not words or not words[0].startswith("NodeName=") or not any(word.startswith("CPUs=") for word in words):
        raise ValueError("mgpu_node -C does not describe the machine")
    kept = []
    for word in words[1:]:
        key, _, value = word.partition("=")
        kept.append(f"{key}={int(int(value) * MEMORY_SHARE)}" if key == "RealMemory" else word)
    return " ".join(kept)


def estimated(facts: Facts) -> str:
    """About what the hardware line will be, from the survey."""
    gpus = f" Gres=gpu:{len(facts.gpus)}" if facts.gpus else ""
    return f"CPUs={max(1, facts.cpus)} RealMemory={int(facts.memory // 1024 * MEMORY_SHARE)}{gpus}"


def newer_line(old: str, found: str) -> str:
    """Which line holds for a known host: the old one, unless the machine has changed. Memory counts only where it has shrunk
    or grown by more than a tenth."""
    before, now = (dict(word.partition("=")[::2] for word in line.split()) for line in (old, found))
    was, has = (int(line.pop("RealMemory", "0")) for line in (before, now))
    return old if before == now and was <= has / MEMORY_SHARE and has <= was * 1.1 else found


def addresses(facts: Mapping[str, Facts], hosts: Mapping[str, str]) -> dict[str, str]:
    """The address by which each host is to be reached by the others, by name of the host.

    That is where ssh came in, which is the side of the host's network that others see; where it came in over loopback,
    an address of the host in the network of one of the others. If all came in over loopback they are all here.
    `hosts` is what ssh was told, by name.
    """
    came = {name: _address(one.reached_at) for name, one in facts.items()}
    outside = [address for address in came.values() if address is not None and not address.is_loopback]
    chosen = {}
    for name, one in facts.items():
        address = came[name]
        if address is not None and (not address.is_loopback or not outside):
            chosen[name] = str(address)
            continue
        own = [found for text in one.addresses if (found := _address(text)) and not found.is_loopback and not found.is_link_local]
        near = [found for found in own if any(_together(found, other) for other in outside)]
        chosen[name] = str((near or own)[0]) if near or own else str(address or hosts[name])
    return chosen


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _together(one: ipaddress.IPv4Address | ipaddress.IPv6Address, other: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether two addresses look like one network: the same /24, or /64."""
    shift = 8 if one.version == 4 else 64
    return bool(one.version == other.version and int(one) >> shift == int(other) >> shift)


def free_port(first: int, taken: Iterable[int]) -> int:
    """A port that nobody has: `first`, or one of those above OTHER_PORTS."""
    used = set(taken)
    choice: int = next(port for port in (first, *range(OTHER_PORTS, 32768)) if port not in used)
    return choice


def ports(record: Record, facts: Mapping[str, Facts], new: Sequence[str]) -> None:
    """Give the controller and the `new` members their ports, none of which is taken on their machine."""
    machines: dict[str, set[int]] = {}

    def machine(name: str) -> set[int]:
        one = facts.get(name)
        member = record.member(name)
        return machines.setdefault((one.boot_id if one else "") or (member.address if member else name), set())

    for name, one in facts.items():
        machine(name).update(one.ports)
    for member in record.members:
        if member.node_port and member.name not in new:
            machine(member.name).add(member.node_port)
    if not record.port:
        record.port = free_port(CONTROLLER_PORT, machine(record.controller))
    machine(record.controller).add(record.port)
    for member in record.members:
        name = member.name
        if name not in new or not member.runs_jobs:
            continue
        member.node_port = free_port(NODE_PORT, machine(name))
        machine(name).add(member.node_port)
