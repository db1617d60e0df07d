"""up, add and upgrade: from hosts that answer to a cluster whose nodes are idle.

In this order, each over all hosts at once: look, bring the programs, ask the machines what they are, write the
configuration, start the controller, start the nodes, wait. What each host needs is actions.plan's decision.
"""

from __future__ import annotations

import copy
import hashlib
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.deploy import actions, checks, configuration, joining, scripts
from mgpu_slurm.deploy.actions import MOVES, STILL, Action, Kind, Wish
from mgpu_slurm.deploy.bundle import Bundles, Release
from mgpu_slurm.deploy.connection import HostError
from mgpu_slurm.deploy.contents import BundleError
from mgpu_slurm.deploy.hosts import Facts, Word
from mgpu_slurm.deploy.nodes import member_of, node_states, roles_of, serves, withdrawn
from mgpu_slurm.deploy.orders import Order, Refused
from mgpu_slurm.deploy.record import Home, Record
from mgpu_slurm.deploy.site import Site
from mgpu_slurm.intake import conf

POLL = 0.15
UNPACK_SECONDS = 600.0


class BringingUp:
    """One run of up, add or upgrade over a site."""

    def __init__(self, site: Site, record: Record, home: Home, bundles: Bundles, order: Order) -> None:
        self.site = site
        self.record = record
        self.home = home
        self.bundles = bundles
        self.order = order
        self.releases: dict[str, Release] = {}
        self.changed: set[str] = set()
        self.key = home.key(make=not order.dry_run)

    def run(self) -> int:
        """All of it. The exit status: 1 where a host failed. Refused, RecordError."""
        joining.join(self.site, self.record, self.order)
        new = [member.name for member in self.record.members if not member.joined and member.name in self.site.hosts]
        joining.check(self.site, self.record, new, digest(self.key))
        self._need_controller()
        self._choose_releases()
        if self.order.dry_run:
            return self._dry_run()
        # who was found unfit is not remembered, whose disk is written to from here on is
        self.record.members = [one for one in self.record.members if one.joined or one.name in self.site.hosts]
        validate(self._expected())
        self.home.save(self.record)
        names = list(self.site.hosts)
        self.site.progress.begin(names)
        lines = self.site.each(names, self._bring)
        self.site.progress.end()
        self._need_controller()
        self._configure(new, lines)
        self._apply()
        return self._conclude(self._wait())

    def _need_controller(self) -> None:
        if self.record.controller not in self.site.hosts:
            raise Refused(f"the controller's host {self.record.controller} failed, nothing more is done")

    # --- programs ---------------------------------------------------------------------------------------------------

    def _choose_releases(self) -> None:
        """Which release each host gets: a host that has one keeps it, unless this is an upgrade."""
        for name, host in list(self.site.hosts.items()):
            member = self.record.member(name)
            assert member is not None
            current = host.facts.existing.get("current", "")
            try:
                release = self.bundles.release(host.facts)
                note = "" if release.id in host.facts.releases else self.bundles.note(host.facts)
            except BundleError as error:
                self.site.fail(name, str(error))
                continue
            if note:
                self.site.progress.say(f"{name}: {note}")
            if current in host.facts.releases and current != release.id and not self.order.upgrade and member.joined:
                self.site.progress.say(f"{name}: has release {current}, here is {release.id}: `mgpu_cluster upgrade` brings it")
                release = Release(release.kind, current, ())
            if release.id not in host.facts.releases:
                need = release.unpacked + sum(piece.size for piece in release.pieces)
                joining.take(self.site, checks.room(name, host.facts, need))
            self.releases[name] = release
        self._need_controller()

    def _bring(self, name: str) -> str:
        """Copy and unpack what the host lacks; the machine in mgpu.conf's words, "" for one that runs no jobs. HostError."""
        site, release, host = self.site, self.releases[name], self.site.hosts[name]
        base = host.facts.base
        runs_jobs = member_of(self.record, name).runs_jobs
        prepare = scripts.prepare(base, name, host.facts.root)
        ask = scripts.hardware(base, name, release.id) if runs_jobs else ""
        if release.id in host.facts.releases:
            said = site.run(name, prepare + ask, "asking for the machine's hardware")
        else:
            rows = site.run(name, prepare + scripts.arrived(base, name, release), "making directories").splitlines()
            there = {path: (int(size), digest) for path, size, digest in (row.split() for row in rows)}
            for piece in release.pieces:
                path = scripts.part(base, name, piece)
                site.copy(name, piece, path, site.right(piece, *there[path]) if path in there else 0)
            site.progress.host(name, "unpacking")
            said = site.run(name, scripts.install(base, name, release) + ask, "unpacking", UNPACK_SECONDS)
            host.facts = replace(host.facts, releases=(*host.facts.releases, release.id))
            self.changed.add(name)
            site.progress.host(name, "has the programs")
        if not runs_jobs:
            return ""
        try:
            return configuration.hardware(said)
        except ValueError as error:
            raise HostError(str(error)) from None

    # --- configuration ----------------------------------------------------------------------------------------------

    def _configure(self, new: list[str], lines: dict[str, str]) -> None:
        """Complete the record: addresses, ports, hardware; and see that the configuration can be read. Refused."""
        record, facts = self.record, self.site.facts()
        new = [name for name in new if name in facts]
        ways = {member.name: member.host for member in record.members}
        found = configuration.addresses(facts, ways)
        for member in record.members:
            line = lines.get(member.name, "")
            if line:
                member.line = configuration.newer_line(member.line, line) if member.line else line
            if member.name in new or (member.name in found and not member.address):
                member.address = found[member.name]
        portless = [member.name for member in record.members if member.name in facts and not member.node_port]
        configuration.ports(record, facts, portless)
        for name in new:
            member_of(record, name).joined = True
        validate(record)
        self.home.save(record)

    def wish(self, name: str) -> Wish:
        """What the host should be."""
        member, release = member_of(self.record, name), self.releases[name]
        content = configuration.text(self.record, member, f"{member.base}/etc/mgpu.key")
        pieces = tuple((piece.name, piece.digest, piece.size) for piece in release.pieces)
        how = self.site.manner(name) if not self.order.dry_run else actions.manner(self.site.hosts[name].facts)
        conf, key = digest(content.encode()), digest(self.key)
        return Wish(name, roles_of(self.record, member), release.id, pieces, conf, key, how, self.record.links)

    # --- doing it ---------------------------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Carry out the plans: everywhere what lies there, then the controller, then the nodes."""
        site = self.site
        wishes = site.each(list(site.hosts), self.wish)
        plans = {name: actions.plan(wishes[name], site.hosts[name].facts) for name in wishes}
        still = {name: [one for one in plan if one.kind in STILL] for name, plan in plans.items()}
        moves = {name: [one for one in plan if one.kind in MOVES] for name, plan in plans.items()}
        site.each(plans, lambda name: self._carry_out(name, wishes[name], still[name]))
        self._need_controller()
        controller = self.record.controller
        self.site.each([controller], lambda name: self._carry_out(name, wishes[name], moves[name]))
        self._need_controller()
        others = [name for name in moves if name != controller and name in site.hosts]
        site.each(others, lambda name: self._carry_out(name, wishes[name], moves[name]))

    def _carry_out(self, name: str, wish: Wish, todo: list[Action]) -> None:
        if todo:
            self.changed.add(name)
            script = "".join(f"(\n{self._script(name, wish, action)}) || exit 1\n" for action in todo)
            self.site.run(name, script, ", ".join(action.told for action in todo), 240.0)

    def _script(self, name: str, wish: Wish, action: Action) -> str:
        member, facts, cluster = member_of(self.record, name), self.site.hosts[name].facts, self.record.name
        base, run_dir = member.base, run_directory(self.record, facts)
        if action.kind is Kind.WRITE_KEY:
            return scripts.write(f"{base}/etc/mgpu.key", self.key.decode(), "600")
        if action.kind is Kind.WRITE_CONF:
            mode = "644" if facts.root else "600"
            text = configuration.text(self.record, member, f"{base}/etc/mgpu.key")
            gres = scripts.write(f"{base}/etc/gres.conf", configuration.GRES, mode)
            kept = configuration.cgroup(self.record)
            limits = scripts.write(f"{base}/etc/cgroup.conf", kept, mode) if kept else f"rm -f {base}/etc/cgroup.conf\n"
            return gres + limits + scripts.write(f"{base}/etc/mgpu.conf", text, mode)
        if action.kind is Kind.SWITCH:
            return scripts.switch(base, wish.release)
        if action.kind is Kind.LINK:
            return scripts.link(base, facts.root)
        if action.kind is Kind.RELOAD:
            return scripts.reload(cluster, base, name, wish.mark)
        start = scripts.start(cluster, base, name, wish.mark, run_dir, facts.cron)
        if action.kind is Kind.RESTART:
            return f"(\n{scripts.stop(cluster, base, name)})\n{start}"
        assert action.kind is Kind.START
        return start

    # --- the end ----------------------------------------------------------------------------------------------------

    def _wait(self) -> dict[str, str]:
        """States of the nodes, when all are in service or time is up."""
        site, wanted = self.site, {member.name for member in self.record.nodes}
        awaited = {name for name in wanted if name in site.hosts}
        end = time.monotonic() + self.order.seconds
        states: dict[str, str] = {}
        site.progress.begin(awaited)
        while True:
            states = node_states(site, self.record)
            for name in awaited:
                site.progress.host(name, states.get(name) or "waiting for the node", passing=True)
            states_of = {name: states.get(name, "") for name in awaited if name in site.hosts}
            late = {name for name, state in states_of.items() if not serves(state) and not withdrawn(state)}
            if not late or time.monotonic() > end or self.record.controller not in site.hosts:
                break
            time.sleep(POLL)
        site.progress.end()
        site.each(late, self._why_late)
        return states

    def _why_late(self, name: str) -> None:
        """Find out why a node does not serve, and fail with that."""
        site, record = self.site, self.record
        member, controller = member_of(record, name), member_of(record, record.controller)
        base, there = member.base, member_of(record, record.controller).base
        script = f"{base}/current/bin/mgpu_cluster reach {controller.address} {record.port}"
        done = site.hosts[name].connection.run(script)
        if done.status != 0:
            raise HostError(f"cannot reach the controller: {done.reason()}")
        if controller.name in site.hosts:
            script = f"{there}/current/bin/mgpu_cluster reach {member.address} {member.node_port}"
            done = site.hosts[controller.name].connection.run(script)
            if done.status != 0:
                raise HostError(f"the controller cannot reach it: {done.reason()}")
        said = site.hosts[name].connection.run(f"tail -q -n 3 {base}/nodes/{name}/node.log {base}/nodes/{name}/node.out").out
        last = [line for line in said.splitlines() if line.strip()]
        ends = f"; its log ends: {last[-1]}" if last else ""
        raise HostError(f"does not come into service within {self.order.seconds:.0f} s{ends}")

    def _conclude(self, states: dict[str, str]) -> int:
        site, record = self.site, self.record
        say = site.progress.say
        serving = [name for name in site.hosts if serves(states.get(name, ""))]
        what = "nothing to do, " if not self.changed and not site.failed else ""
        counts = ", ".join(f"{sum(1 for n in serving if states[n] == s)} {s}" for s in sorted({states[n] for n in serving}))
        say(f'{what}cluster "{record.name}": {len(serving)} of {len(record.nodes)} nodes in service ({counts or "none"})')
        if self.changed:
            for line in self._next_steps():
                say(line)
        kept = [name for name in site.hosts if withdrawn(states.get(name, ""))]
        for name in kept:
            say(f"{name}: is {states[name]}; `mgpu_scontrol update NodeName={name} State=RESUME` takes it back")
        for name, reason in site.failed.items():
            say(f"{name}: FAILED: {reason}")
        return 1 if site.failed or len(serving) + len(kept) < len(record.nodes) else 0

    def _next_steps(self) -> list[str]:
        controller = member_of(self.record, self.record.controller)
        facts = self.site.hosts[controller.name].facts
        port = f"-p {controller.port} " if controller.port else ""
        base = controller.base
        lines = ["", f"Log in and use it:  ssh {port}{Word(controller.host, controller.user)}"]
        if facts.foreign or not self.record.links:
            lines.append(f"there:              export MGPU_CONF={base}/etc/mgpu.conf PATH={base}/current/bin:$PATH")
        elif not facts.root:
            lines.append('there:              export PATH="$HOME/.local/bin:$PATH"   # where your login does not do so')
        lines += ["                    mgpu_sinfo; mgpu_srun -N 2 hostname; mgpu_sbatch job.sh"]
        lines.append("From here:          mgpu_cluster status | add HOST | remove NAME | upgrade | logs | down")
        fleeting = [
            name for name, host in self.site.hosts.items() if not actions.comes_back(host.facts, self.site.manner(name))
        ]
        if fleeting:
            lines.append(f"After a reboot of {', '.join(fleeting)}: mgpu_cluster up (there is neither systemd nor cron to do it)")
        return lines

    def _expected(self) -> Record:
        """The record as it will be, as far as the survey tells."""
        record, facts = copy.deepcopy(self.record), self.site.facts()
        found = configuration.addresses(facts, {member.name: member.host for member in record.members})
        for member in record.members:
            if member.name in facts:
                member.line = member.line or (configuration.estimated(facts[member.name]) if member.runs_jobs else "")
                member.address = member.address or found[member.name]
                member.joined = True
        record.members = [member for member in record.members if member.joined]
        configuration.ports(record, facts, [member.name for member in record.members if not member.node_port])
        return record

    def _dry_run(self) -> int:
        """Print what would be done."""
        self.record = record = self._expected()
        facts = self.site.facts()
        validate(record)
        for name, one in facts.items():
            head = f"{name}: {one.described()}"
            self.site.progress.say(head + (" (controller)" if name == record.controller else ""))
            todo = actions.plan(self.wish(name), one)
            for action in todo:
                self.site.progress.say(f"    {action.told}")
            if not todo:
                self.site.progress.say("    nothing to do")
        for name, reason in self.site.failed.items():
            self.site.progress.say(f"{name}: FAILED: {reason}")
        return 1 if self.site.failed else 0


def digest(content: bytes) -> str:
    """How the survey tells a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]


def run_directory(record: Record, facts: Facts) -> str:
    """Config.run_dir() on a host."""
    base = "/run/mgpu" if facts.root else f"/tmp/mgpu-{facts.uid}"
    given = next((line.partition("=")[2] for line in record.settings if line.lower().startswith("mgpurundir=")), "")
    return given or f"{base}/{record.name}-{record.port}"


def validate(record: Record) -> None:
    """See that the configuration can be read. Refused, with the line that is wrong."""
    controller = member_of(record, record.controller)
    texts = {"mgpu.conf": configuration.text(record, controller, f"{controller.base}/etc/mgpu.key")}
    if kept := configuration.cgroup(record):
        texts["cgroup.conf"] = kept
    with tempfile.TemporaryDirectory() as place:
        for name, text in texts.items():
            Path(place, name).write_text(text)
        try:
            found = conf.load(os.path.join(place, "mgpu.conf"))
        except ConfigError as error:
            line = texts[os.path.basename(error.file)].splitlines()[error.line - 1] if error.line else ""
            raise Refused(f"the configuration would not do: {error.reason}{f' ({line})' if line else ''}") from None
        if found.unknown:
            raise Refused(f"{found.unknown[0][0]} is no key of the configuration")
