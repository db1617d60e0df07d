"""mgpu_doctor's verdicts on what the machines of a cluster have to agree on, and on what its daemons say. Pure."""

from __future__ import annotations

from mgpu_slurm.commands.doctor_facts import FAIL, PASS, WARN, Facts, Verdict, some

CLOCK_WARN, CLOCK_FAIL = 2.0, 150.0
"""Seconds between two clocks: times in listings look odd; credentials, which are good for 300 s, begin to be refused."""

DISK_WARN, DISK_FAIL = 1024, 100
"""MiB that should be free where daemons keep their state."""


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
    if facts.refused:
        mend = "a daemon of this cluster must run here (mgpu_master or mgpu_node), with the controller's key and about its clock"
        return Verdict(FAIL, f"answers, but does not know this machine: {facts.unreachable}", mend)
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
    if facts.config_error:
        return None
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
    told, level = [], WARN
    for row in facts.rows:
        if not row["version"]:
            continue
        who = row["node"] or "the controller's machine"
        known: dict[str, int] = row["uids"]
        missing = [name for name in facts.uids if name not in known]
        other = [f"{name} is {known[name]} and not {uid}" for name, uid in facts.uids.items() if known.get(name, uid) != uid]
        if missing:
            told.append(f"{who} does not know {some(missing)}")
            level = level if set(missing) <= set(facts.known_here) else FAIL
        if other:
            told.append(f"on {who} {some(other)}")
            level = FAIL
    if told:
        mend = "give users the same name and number on all machines (LDAP, or the same /etc/passwd)"
        return Verdict(level, some(told), mend)
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
        ordered = sorted(short.items(), key=lambda one: one[1])
        told = some(f"{where} ({f'{mib} MiB' if mib else 'nothing: df, df -i and mount say why'})" for where, mib in ordered)
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
