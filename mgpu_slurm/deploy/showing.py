"""status and logs: what the hosts of a cluster are at."""

from __future__ import annotations

import threading
from typing import TextIO

from mgpu_slurm.deploy import checks, scripts
from mgpu_slurm.deploy.actions import Mark
from mgpu_slurm.deploy.connection import HostError
from mgpu_slurm.deploy.nodes import node_states, roles_of, serves
from mgpu_slurm.deploy.orders import Refused
from mgpu_slurm.deploy.record import Record
from mgpu_slurm.deploy.site import Site

HEADS = ("NODE", "HOST", "ROLES", "STATE", "DAEMONS", "RELEASE", "HARDWARE")


def status(site: Site, record: Record, out: TextIO) -> int:
    """A table of hosts, and below it what is wrong. The exit status: 0 when every node serves."""
    from tabulate import tabulate

    site.connect({member.name: member.word for member in record.members})
    states = node_states(site, record)
    rows = []
    for member in sorted(record.members, key=lambda member: (member.name != record.controller, member.name)):
        host = site.hosts.get(member.name)
        state = "no node" if not member.runs_jobs else states.get(member.name, "unknown") if member.joined else "not joined"
        roles = roles_of(record, member)
        if host is None:
            rows.append([member.name, str(member.word), roles, state, "unreachable", "", ""])
            continue
        facts = host.facts
        started = Mark.read(facts.existing.get(f"started {member.name}", ""))
        daemons = f"running ({started.manner})" if member.name in facts.running else "stopped"
        rows.append([member.name, str(member.word), roles, state, daemons, started.release, facts.described()])
    out.write(tabulate(rows, HEADS, tablefmt="plain", disable_numparse=True) + "\n")
    known, nodes = site.facts(), [member.name for member in record.members if member.runs_jobs]
    found = [finding for name, one in known.items() for finding in checks.host(name, one, record.links)]
    found += checks.clocks(known, record.controller) + checks.together(known, record.controller, nodes)
    for finding in found:
        out.write(f"{finding.host}: warning: {finding.text}\n")
    if record.controller in site.hosts and nodes and not states:
        out.write("the controller does not answer; `mgpu_cluster up` starts what is stopped, `mgpu_cluster logs` tells why\n")
    well = all(serves(states.get(name, "")) for name in nodes) and (states or not nodes)
    return 0 if well and not site.failed else 1


def logs(site: Site, record: Record, names: list[str], lines: int, follow: bool, out: TextIO) -> int:
    """The latest lines of the daemons' logs, each with the node's name where there are several. Refused."""
    from mgpu_slurm.deploy.taking_down import named

    members = [named(record, name) for name in names] or record.members
    site.connect({member.name: member.word for member in members})
    if not site.hosts:
        raise Refused("no host can be entered")
    several = len(members) > 1
    lock = threading.Lock()
    ended = threading.Event()

    def one(name: str) -> None:
        base = next(member.base for member in members if member.name == name)
        script = scripts.logs(base, name, lines, follow)
        if follow:
            site.hosts[name].connection.follow(script, lambda line: show(name, line), ended.is_set)
            return
        done = site.hosts[name].connection.run(script)
        for line in done.out.splitlines():
            show(name, line)

    def show(name: str, line: str) -> None:
        with lock:
            try:
                out.write(f"{name}: {line}\n" if several else f"{line}\n")
                out.flush()
            except BrokenPipeError:
                ended.set()
                raise HostError("nobody listens") from None

    try:
        if follow:
            site.parallel = max(site.parallel, len(members))
        site.each(list(site.hosts), one)
    except KeyboardInterrupt:
        ended.set()
        raise
    return 1 if site.failed else 0
