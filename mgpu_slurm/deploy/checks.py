"""Whether hosts are fit for a cluster: from their facts to findings. Pure.

A `FAIL` keeps a host out, a `WARN` is told. Each says what is wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mgpu_slurm.deploy.hosts import SAFE_PATH, Facts

FAIL, WARN = "FAIL", "WARN"

SKEW_TOLD = 2.0
"""Seconds between two clocks from which on it is worth a word: logs and `--begin` go by them."""

SKEW_MOST = 150.0
"""Seconds; half of what the signature of a request allows (wire/credential.py: 300)."""

ROOM = 1.2
"""How much more room than the files' sizes is asked for: blocks are not filled to the last byte."""

STATE_ROOM = 64 << 10
"""KiB for state, spool and logs to begin with."""


@dataclass(frozen=True)
class Finding:
    """What was found about a host; `level` is FAIL or WARN."""

    host: str
    level: str
    text: str


def host(name: str, facts: Facts, links: bool = True) -> list[Finding]:
    """What can be said about a host alone. `links`: the cluster is to be the default there."""
    found = []

    def fail(text: str) -> None:
        found.append(Finding(name, FAIL, text))

    if not facts.kernel.startswith("Linux "):
        fail(f"runs {facts.kernel or 'no Linux'}; only Linux can be a node")
        return found
    if facts.missing:
        fail(f"has no {', '.join(facts.missing)}")
    if facts.hindrance:
        fail(f"{facts.hindrance}; choose another place with --directory")
    if not facts.base.startswith("/") or set(facts.base) - SAFE_PATH:
        fail(f"the directory {facts.base} has characters that shells and units do not take plainly; choose one with --directory")
    if not facts.cpus or not facts.memory:
        fail("does not tell its CPUs or memory (/proc is missing?)")
    for place in facts.foreign if links else ():
        found.append(Finding(name, WARN, f"{place} belongs to another cluster and stays the default there"))
    return found


def room(name: str, facts: Facts, unpacked: int) -> list[Finding]:
    """Whether `unpacked` bytes find room."""
    need = int(unpacked / 1024 * ROOM) + STATE_ROOM
    if facts.disk_free >= need:
        return []
    text = f"{need // 1024} MB are needed at {facts.base}, {facts.disk_free // 1024} MB are free"
    return [Finding(name, FAIL, f"{text}; --directory chooses another place")]


def clocks(facts: Mapping[str, Facts], controller: str) -> list[Finding]:
    """Clocks against the controller's."""
    found: list[Finding] = []
    if controller not in facts:
        return found
    base = facts[controller]
    for name, one in facts.items():
        off, doubt = one.skew - base.skew, one.skew_error + base.skew_error
        sure = abs(off) - doubt
        words = f"its clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the controller's"
        if sure > SKEW_MOST:
            found.append(Finding(name, FAIL, f"{words}, requests would be refused as stale; set it (NTP)"))
        elif sure > SKEW_TOLD:
            found.append(Finding(name, WARN, f"{words} (NTP?)"))
    return found


def together(facts: Mapping[str, Facts], controller: str, nodes: Collection[str]) -> list[Finding]:
    """What can be said only of several hosts: accounts, machines that are listed twice among the `nodes`."""
    found: list[Finding] = []
    if controller not in facts:
        return found
    base = facts[controller]
    seen: dict[tuple[str, str], str] = {}
    for name, one in facts.items():
        if one.root != base.root:
            who, whose = ("root", base.user) if one.root else (one.user, "root")
            text = f"is entered as {who}, the controller's host as {whose}: all by root (jobs of all users) or none (your own)"
            found.append(Finding(name, FAIL, text))
        elif not one.root and one.uid != base.uid:
            text = f"{one.user} has the uid {one.uid} there and {base.uid} on {controller}: jobs need one uid everywhere"
            found.append(Finding(name, FAIL, text))
        machine = (one.boot_id, one.hostname)
        if name in nodes and one.boot_id and machine in seen:
            text = f"is the same machine as {seen[machine]}: its CPUs and GPUs are counted twice"
            found.append(Finding(name, WARN, text))
        if name in nodes:
            seen.setdefault(machine, name)
        found += _accounts(name, one, controller, base)
    return found


def _accounts(name: str, one: Facts, controller: str, base: Facts) -> list[Finding]:
    """Users of a cluster of root's whose numbers differ."""
    here = dict(base.users)
    wrong = [f"{user} ({uid} there, {here[user]} on {controller})" for user, uid in one.users if here.get(user, uid) != uid]
    if not wrong:
        return []
    shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return [Finding(name, WARN, f"these users have other numbers, so their jobs fail or are somebody else's there: {shown}")]


def resolution(name: str, unknown: list[str]) -> list[Finding]:
    """Names of nodes that a host cannot resolve: the cluster works by addresses, but programs of jobs may use names."""
    if not unknown:
        return []
    shown = ", ".join(unknown[:4]) + (" ..." if len(unknown) > 4 else "")
    return [Finding(name, WARN, f"cannot resolve {shown}; MPI or torchrun may need that (/etc/hosts or DNS)")]
