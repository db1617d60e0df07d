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
from dataclasses import dataclass, replace
from pathlib import Path

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.deploy import actions, checks, configuration, scripts
from mgpu_slurm.deploy.actions import Action, Link, Reload, Restart, Start, Switch, Wish, WriteConf, WriteKey
from mgpu_slurm.deploy.bundle import BundleError, Bundles, Release
from mgpu_slurm.deploy.checks import FAIL, Finding
from mgpu_slurm.deploy.hosts import Facts, Word
from mgpu_slurm.deploy.nodes import member_of, node_states, serves, withdrawn
from mgpu_slurm.deploy.record import Home, Member, Record, unique_name
from mgpu_slurm.deploy.site import Site
from mgpu_slurm.deploy.ssh import HostError
from mgpu_slurm.intake import conf

POLL = 0.15
UNPACK_SECONDS = 600.0


class Refused(Exception):
    """Nothing can be done. The text is for the user."""


@dataclass
class Order:
    """What was asked for."""

    words: list[Word]
    controller: str = ""
    dry_run: bool = False
    upgrade: bool = False
    seconds: float = 120.0


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
        self._join()
        new = [member.name for member in self.record.members if not member.joined and member.name in self.site.hosts]
        self._check(new)
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

    # --- who takes part ---------------------------------------------------------------------------------------------

    def _join(self) -> None:
        """Connect to all hosts, those of the record and new ones; new ones get a name. Refused."""
        words: dict[str, Word] = {member.name: member.word for member in self.record.members}
        fresh: dict[str, Word] = {}
        for word in self.order.words:
            if self.record.find(word) is None and word not in fresh.values():
                fresh[word.written()] = word
        self.site.connect({key: word for key, word in {**words, **fresh}.items() if key not in self.site.hosts})
        taken = set(words)
        names = {}
        for key, word in fresh.items():
            host = self.site.hosts.get(key)
            if host is None:
                continue
            name = word.name or unique_name(host.facts.hostname, taken)
            if name in taken:
                self.site.fail(key, f'the name "{name}" belongs to another host')
                continue
            taken.add(name)
            names[key] = name
        self.site.rename(names)
        for key, name in names.items():
            word, facts = fresh[key], self.site.hosts[name].facts
            self.record.members.append(Member(name, word.host, word.user, word.port, facts.base, facts.hostname))
        self._choose_controller(fresh, names)

    def _choose_controller(self, fresh: dict[str, Word], names: dict[str, str]) -> None:
        """The host that was asked for, else that of the record, else the first that was named. Refused."""
        wanted = self.order.controller
        if wanted:
            called = ((names.get(key, ""), (key, word.host, word.name)) for key, word in fresh.items())
            found = next((name for name, calls in called if name and wanted in calls), "")
            member = self.record.member(wanted)
            found = found or (member.name if member else "") or (wanted if wanted in names.values() else "")
            if not found:
                raise Refused(f'the controller\'s host "{wanted}" is not one of the hosts that can be entered')
            if self.record.controller not in ("", found):
                raise Refused(f"the controller runs on {self.record.controller}; it moves only with its state: down, then up")
            self.record.controller = found
        elif not self.record.controller:
            first = next(iter(fresh), "")
            if first not in names:
                raise Refused(f"{first or 'no host'} was to run the controller, nothing is started")
            self.record.controller = names[first]

    def _check(self, new: list[str]) -> None:
        facts = self.site.facts()
        controller = self.record.controller
        found: list[Finding] = []
        for name, one in facts.items():
            found += checks.host(name, one, self.record.links)
            other = one.existing.get("key")
            if name in new and other and other != digest(self.key) and one.nodes:
                text = f'belongs to a cluster "{self.record.name}" that was set up from elsewhere; take another name with --name'
                found.append(Finding(name, FAIL, text))
        found += checks.clocks(facts, controller) + checks.together(facts, controller)
        known = sorted({member.hostname for member in self.record.members if member.hostname})
        for name, unknown in self.site.each(list(facts), lambda name: self._unresolved(name, known)).items():
            found += checks.resolution(name, unknown)
        self._take(found)

    def _unresolved(self, name: str, known: list[str]) -> list[str]:
        return self.site.hosts[name].connection.run(scripts.unresolved(known)).out.split()

    def _take(self, found: list[Finding]) -> None:
        for finding in found:
            if finding.level == FAIL:
                self.site.fail(finding.host, finding.text)
            elif not self.site.failed.get(finding.host):
                self.site.progress.say(f"{finding.host}: warning: {finding.text}")

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
            except BundleError as error:
                self.site.fail(name, str(error))
                continue
            if current in host.facts.releases and current != release.id and not self.order.upgrade and member.joined:
                self.site.progress.say(f"{name}: has release {current}, here is {release.id}: `mgpu_cluster upgrade` brings it")
                release = Release(release.kind, current, ())
            if release.id not in host.facts.releases:
                self._take(checks.room(name, host.facts, release.unpacked + sum(piece.size for piece in release.pieces)))
            self.releases[name] = release
        self._need_controller()

    def _bring(self, name: str) -> str:
        """Copy and unpack what the host lacks; the machine in mgpu.conf's words. HostError."""
        site, release, host = self.site, self.releases[name], self.site.hosts[name]
        base = host.facts.base
        prepare, ask = scripts.prepare(base, name, host.facts.root), scripts.hardware(base, name, release.id)
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
            if member.name in lines:
                line = lines[member.name]
                member.line = configuration.newer_line(member.line, line) if member.line else line
            if member.name in new or (member.name in found and not member.address):
                member.address = found[member.name]
        configuration.ports(record, facts, [name for name in new if not member_of(record, name).node_port])
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
        return Wish(name, name == self.record.controller, release.id, pieces, conf, key, how, self.record.links)

    # --- doing it ---------------------------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Carry out the plans: everywhere what lies there, then the controller, then the nodes."""
        site = self.site
        wishes = site.each(list(site.hosts), self.wish)
        plans = {name: actions.plan(wishes[name], site.hosts[name].facts) for name in wishes}
        still = (WriteKey, WriteConf, Switch, Link)
        site.each(plans, lambda name: self._carry_out(name, wishes[name], [one for one in plans[name] if isinstance(one, still)]))
        self._need_controller()
        controller = self.record.controller
        moves: dict[str, list[Action]] = {
            name: [one for one in plan if isinstance(one, Start | Restart | Reload)] for name, plan in plans.items()
        }
        self.site.each([controller], lambda name: self._carry_out(name, wishes[name], moves[name]))
        self._need_controller()
        others = [name for name in moves if name != controller and name in site.hosts]
        site.each(others, lambda name: self._carry_out(name, wishes[name], moves[name]))

    def _carry_out(self, name: str, wish: Wish, todo: list[Action]) -> None:
        if todo:
            self.changed.add(name)
            script = "".join(f"(\n{self._script(name, wish, action)}) || exit 1\n" for action in todo)
            self.site.run(name, script, ", ".join(action.told() for action in todo), 240.0)

    def _script(self, name: str, wish: Wish, action: Action) -> str:
        member, facts, cluster = member_of(self.record, name), self.site.hosts[name].facts, self.record.name
        base, run_dir = member.base, run_directory(self.record, facts)
        if isinstance(action, WriteKey):
            return scripts.write(f"{base}/etc/mgpu.key", self.key.decode(), "600")
        if isinstance(action, WriteConf):
            mode = "644" if facts.root else "600"
            text = configuration.text(self.record, member, f"{base}/etc/mgpu.key")
            gres = scripts.write(f"{base}/etc/gres.conf", configuration.GRES, mode)
            return gres + scripts.write(f"{base}/etc/mgpu.conf", text, mode)
        if isinstance(action, Switch):
            return scripts.switch(base, action.release)
        if isinstance(action, Link):
            return scripts.link(base, facts.root)
        if isinstance(action, Reload):
            return scripts.reload(cluster, base, name, wish.mark)
        start = scripts.start(cluster, base, name, wish.mark, run_dir, facts.cron)
        if isinstance(action, Restart):
            return f"(\n{scripts.stop(cluster, base, name)})\n{start}"
        assert isinstance(action, Start)
        return start

    # --- the end ----------------------------------------------------------------------------------------------------

    def _wait(self) -> dict[str, str]:
        """States of the nodes, when all are in service or time is up."""
        site, wanted = self.site, {member.name for member in self.record.joined}
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
        say(f'{what}cluster "{record.name}": {len(serving)} of {len(record.joined)} nodes in service ({counts or "none"})')
        if self.changed:
            for line in self._next_steps():
                say(line)
        kept = [name for name in site.hosts if withdrawn(states.get(name, ""))]
        for name in kept:
            say(f"{name}: is {states[name]}; `mgpu_scontrol update NodeName={name} State=RESUME` takes it back")
        for name, reason in site.failed.items():
            say(f"{name}: FAILED: {reason}")
        return 1 if site.failed or len(serving) + len(kept) < len(record.joined) else 0

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
                member.line = member.line or configuration.estimated(facts[member.name])
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
                self.site.progress.say(f"    {action.told()}")
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
    text = configuration.text(record, controller, f"{controller.base}/etc/mgpu.key")
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "mgpu.conf")
        Path(path).write_text(text)
        try:
            found = conf.load(path)
        except ConfigError as error:
            line = text.splitlines()[error.line - 1] if error.line else ""
            raise Refused(f"the configuration would not do: {error.reason}{f' ({line})' if line else ''}") from None
        if found.unknown:
            raise Refused(f"{found.unknown[0][0]} is no key of the configuration")
