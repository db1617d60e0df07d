"""Who takes part: hosts are entered and get names, one of them is to run the controller, and the unfit are left out."""

from __future__ import annotations

from mgpu_slurm.deploy import checks, hosts, scripts
from mgpu_slurm.deploy.checks import FAIL, Finding
from mgpu_slurm.deploy.hosts import Word
from mgpu_slurm.deploy.orders import Order, Refused
from mgpu_slurm.deploy.record import Member, Record, unique_name
from mgpu_slurm.deploy.site import Site


def join(site: Site, record: Record, order: Order) -> None:
    """Connect to all hosts, those of the record and new ones, which get a name; settle who runs the controller. Refused.

    The controller's host is that which was asked for, else that of the record, else the first that was named. One that was
    asked for and is not among the hosts runs the controller and no jobs, until `add` makes it a node as well.
    """
    known = {member.name: member.word for member in record.members}
    fresh: dict[str, Word] = {}
    for word in order.words:
        found = record.find(word)
        if found is not None:
            found.runs_jobs = True
        elif word not in fresh.values():
            fresh[word.written()] = word
    site.connect({key: word for key, word in {**known, **fresh}.items() if key not in site.hosts})
    names = _name(site, record, fresh)
    if order.controller:
        chosen = _called(order.controller, record, fresh, names)
        if record.controller not in ("", chosen):
            raise Refused(f"the controller runs on {record.controller}; it moves only with its state: down, then up")
        record.controller = chosen or _beside(site, record, order.controller)
    elif not record.controller:
        first = next(iter(fresh), "")
        if first not in names:
            raise Refused(f"{first or 'no host'} was to run the controller, nothing is started")
        record.controller = names[first]


def _name(site: Site, record: Record, fresh: dict[str, Word], runs_jobs: bool = True) -> dict[str, str]:
    """Give names to the new hosts that were entered, and note them; names by the hosts' words."""
    taken = {member.name for member in record.members}
    names: dict[str, str] = {}
    for key, word in fresh.items():
        host = site.hosts.get(key)
        if host is None:
            continue
        name = word.name or unique_name(host.facts.hostname, taken)
        if name in taken:
            site.fail(key, f'the name "{name}" belongs to another host')
            continue
        taken.add(name)
        names[key] = name
    site.rename(names)
    for key, name in names.items():
        word, facts = fresh[key], site.hosts[name].facts
        member = Member(name, word.host, word.user, word.port, facts.base, facts.hostname, runs_jobs=runs_jobs)
        record.members.append(member)
    return names


def _called(wanted: str, record: Record, fresh: dict[str, Word], names: dict[str, str]) -> str:
    """The name of the host that `wanted` means, by its name, its address or its whole word; "" where it is none of these.
    Refused: it is one that could not be entered."""
    if record.member(wanted) is not None or wanted in names.values():
        return wanted
    try:
        word = hosts.parse(wanted)
    except hosts.WordError as error:
        raise Refused(f"--controller: {error}") from None
    for key, other in fresh.items():
        same = word.host == other.host and word.port in (0, other.port) and word.user in ("", other.user)
        if same or wanted in (key, other.name):
            if key not in names:
                raise Refused(f"{key} was to run the controller, nothing is started")
            return names[key]
    found = record.find(word)
    return found.name if found else ""


def _beside(site: Site, record: Record, wanted: str) -> str:
    """Enter a host that runs the controller and no jobs; its name. Refused."""
    word = hosts.parse(wanted)
    key = word.written()
    site.connect({key: word})
    names = _name(site, record, {key: word}, runs_jobs=False)
    if key not in names:
        raise Refused(f"{key} was to run the controller, nothing is started")
    return names[key]


def check(site: Site, record: Record, new: list[str], key: str) -> None:
    """Look whether the hosts are fit, alone and together. `new` are those that do not belong yet, `key` is the key's digest."""
    facts = site.facts()
    found: list[Finding] = []
    for name, one in facts.items():
        found += checks.host(name, one, record.links)
        other = one.existing.get("key")
        if name in new and other and other != key and one.nodes:
            text = f'belongs to a cluster "{record.name}" that was set up from elsewhere; take another name with --name'
            found.append(Finding(name, FAIL, text))
    nodes = [member.name for member in record.members if member.runs_jobs]
    found += checks.clocks(facts, record.controller) + checks.together(facts, record.controller, nodes)
    known = sorted({member.hostname for member in record.members if member.hostname})
    unknown = site.each(list(facts), lambda name: site.hosts[name].connection.run(scripts.unresolved(known)).out.split())
    for name, names in unknown.items():
        found += checks.resolution(name, names)
    take(site, found)


def take(site: Site, found: list[Finding]) -> None:
    """Leave out whom a finding fails, and tell of the others."""
    for finding in found:
        if finding.level == FAIL:
            site.fail(finding.host, finding.text)
        elif not site.failed.get(finding.host):
            site.progress.say(f"{finding.host}: warning: {finding.text}")
