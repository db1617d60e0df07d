"""remove and down: hosts leave the cluster, and nothing is left on them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from mgpu_slurm.deploy import scripts
from mgpu_slurm.deploy.bringing_up import BringingUp, run_directory, validate
from mgpu_slurm.deploy.bundle import Bundles
from mgpu_slurm.deploy.nodes import command
from mgpu_slurm.deploy.orders import Order, Refused
from mgpu_slurm.deploy.record import Home, Member, Record
from mgpu_slurm.deploy.site import Site

POLL = 0.3
CANCEL_SECONDS = 60.0


@dataclass
class Leaving:
    """What was asked for about jobs and state."""

    force: bool = False
    wait: bool = False
    keep_state: bool = False
    dry_run: bool = False


def remove(site: Site, record: Record, home: Home, bundles: Bundles, names: list[str], leaving: Leaving, order: Order) -> int:
    """Take hosts out of the cluster. The exit status. Refused."""
    members = [named(record, name) for name in names]
    if any(member.name == record.controller for member in members):
        raise Refused(f"{record.controller} runs the controller; `mgpu_cluster down` ends the whole cluster")
    if len({member.name for member in members}) != len(members):
        raise Refused("a host is named twice")
    rest = replace(record, members=[member for member in record.members if member not in members])
    validate(rest)
    site.connect({member.name: member.word for member in record.members})
    if record.controller not in site.hosts:
        raise Refused(f"the controller's host {record.controller} cannot be entered, nothing is done")
    if leaving.dry_run:
        for member in members:
            jobs = _jobs(site, record, f"-w {member.name}")
            site.progress.say(f"{member.name}: drain, end {len(jobs)} jobs, stop the daemon, remove {member.base}")
        return 0
    done: list[Member] = []
    for member in members:
        if member.name not in site.hosts and not leaving.force:
            site.progress.say(f"{member.name}: with --force it is forgotten, and what lies there stays")
        elif member.joined and not _drained(site, record, member, leaving):
            site.failed[member.name] = "jobs run there"
        else:
            done.append(member)
    reachable = [member.name for member in done if member.name in site.hosts]
    gone = site.each(reachable, lambda name: _erase(site, record, name, False))
    for member in done:
        if member.name in gone or leaving.force:
            site.hosts.pop(member.name, None)
            site.failed.pop(member.name, None)
            record.members.remove(member)
            home.save(record)
            site.progress.say(f"{member.name}: removed")
    left = len(members) - sum(1 for member in members if member not in record.members)
    if left < len(members):
        order.words = []
        left += BringingUp(site, record, home, bundles, order).run()
    return 1 if left else 0


def named(record: Record, name: str) -> Member:
    """The host of that name. Refused."""
    from mgpu_slurm.deploy import hosts

    try:
        member = record.find(hosts.parse(name))
    except hosts.WordError as error:
        raise Refused(str(error)) from None
    if member is None:
        raise Refused(f'"{name}" is not in the cluster (there are: {", ".join(one.name for one in record.members)})')
    return member


def _drained(site: Site, record: Record, member: Member, leaving: Leaving) -> bool:
    """No job runs on the node and none will; False after a line that says which do."""
    controller = record.member(record.controller)
    assert controller is not None
    site.hosts[controller.name].connection.run(
        command(controller, f"scontrol update NodeName={member.name} State=DRAIN Reason='leaves the cluster'")
    )
    where = f"-w {member.name}"
    jobs = _jobs(site, record, where)
    if jobs and leaving.force:
        _cancel(site, record, jobs)
    if jobs and (leaving.force or leaving.wait):
        what = "cancelled jobs end" if leaving.force else "jobs end"
        return _emptied(site, record, where, what, CANCEL_SECONDS if leaving.force else None)
    if jobs:
        text = f"{_listed(jobs)} there; it gets no more. --wait waits for their end, --force cancels them, "
        site.progress.say(f"{member.name}: {text}`mgpu_scontrol update NodeName={member.name} State=RESUME` takes it back")
    return not jobs


def _jobs(site: Site, record: Record, which: str = "") -> list[str]:
    """Ids of jobs that run on a node, or of all that run or wait. Refused: the controller does not answer."""
    controller = record.member(record.controller)
    assert controller is not None
    states = " -t R,CG,S" if which else ""
    done = site.hosts[controller.name].connection.run(command(controller, f"squeue -h -o %A {which}{states}"))
    if done.status != 0:
        raise Refused(f"the controller does not tell which jobs there are ({done.reason()}); --force ends them all the same")
    return sorted(set(done.out.split()), key=int)


def _cancel(site: Site, record: Record, jobs: list[str]) -> None:
    controller = record.member(record.controller)
    assert controller is not None
    site.hosts[controller.name].connection.run(command(controller, f"scancel {' '.join(jobs)}"))


def _emptied(site: Site, record: Record, which: str, what: str, seconds: float | None) -> bool:
    """Wait until no job is left; False when time is up."""
    end = None if seconds is None else time.monotonic() + seconds
    site.progress.begin([record.controller])
    try:
        while jobs := _jobs(site, record, which):
            site.progress.host(record.controller, f"waiting until {what}: {', '.join(jobs[:8])}")
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(POLL)
    finally:
        site.progress.end()
    return True


def _listed(jobs: list[str]) -> str:
    if len(jobs) == 1:
        return f"job {jobs[0]} runs"
    return f"jobs {', '.join(jobs[:8])}{' ...' if len(jobs) > 8 else ''} run"


def _erase(site: Site, record: Record, name: str, keep_state: bool) -> None:
    """Stop the daemons and remove what lies there. HostError."""
    member, facts = record.member(name), site.hosts[name].facts
    assert member is not None
    base = member.base or facts.base
    site.progress.host(name, "stopping")
    site.run(name, scripts.stop(record.name, base, name), "stopping the daemons", 180.0)
    run_dir, controller = run_directory(record, facts), name == record.controller
    erase = scripts.erase(record.name, base, name, facts.root, run_dir, keep_state, controller)
    site.run(name, erase, "removing the programs" if keep_state else "removing the cluster's files", 180.0)


def down(site: Site, record: Record, home: Home, leaving: Leaving) -> int:
    """End the cluster. The exit status: 1 where a host could not be cleaned, which stays in the record. Refused."""
    site.connect({member.name: member.word for member in record.members})
    running = any(host.facts.running for host in site.hosts.values())
    if record.controller in site.hosts and (running or not leaving.force):
        _end_jobs(site, record, leaving)
    elif running and not leaving.force:
        text = f"the controller's host {record.controller} cannot be entered, so nobody knows which jobs run"
        raise Refused(f"{text}; --force ends them all the same")
    if leaving.dry_run:
        for member in record.members:
            what = "programs" if leaving.keep_state else "everything"
            site.progress.say(f"{member.name}: stop the daemons, remove {what} below {member.base}")
        return 0
    site.progress.begin(site.hosts)
    nodes = [name for name in site.hosts if name != record.controller]
    gone = site.each(nodes, lambda name: _erase(site, record, name, leaving.keep_state))
    if record.controller in site.hosts:
        gone |= site.each([record.controller], lambda name: _erase(site, record, name, leaving.keep_state))
    site.progress.end()
    if leaving.keep_state:
        site.progress.say(f"{len(gone)} hosts stopped, their state is kept; `mgpu_cluster up` starts the cluster again")
        return 1 if site.failed else 0
    record.members = [member for member in record.members if member.name not in gone]
    if record.members:
        home.save(record)
        for name, reason in site.failed.items():
            site.progress.say(f"{name}: FAILED: {reason}")
        site.progress.say(f"{len(gone)} hosts are clean, {len(record.members)} are not; run it again when they can be entered")
        return 1
    home.erase()
    site.progress.say(f'cluster "{record.name}" is gone from {len(gone)} hosts')
    return 0


def _end_jobs(site: Site, record: Record, leaving: Leaving) -> None:
    """See that no job is left, as was asked for. Refused."""
    facts = site.hosts[record.controller].facts
    if record.controller not in facts.running:
        if not leaving.force and any(host.facts.running for host in site.hosts.values()):
            raise Refused("the controller does not run, so nobody knows which jobs do; --force ends them all the same")
        return
    try:
        jobs = _jobs(site, record)
    except Refused:
        if leaving.force:
            return
        raise
    if not jobs or leaving.dry_run:
        return
    if leaving.force:
        _cancel(site, record, jobs)
        _emptied(site, record, "", "cancelled jobs end", CANCEL_SECONDS)
    elif leaving.wait:
        _emptied(site, record, "", "jobs end", None)
    else:
        raise Refused(f"{len(jobs)} jobs run or wait; --wait waits for their end, --force cancels them")
