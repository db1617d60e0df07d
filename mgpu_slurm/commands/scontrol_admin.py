"""scontrol's verbs for administrators: messages to jobs, processes on this host, reboots, and what is set while daemons run.

Settings of Slurm's daemons that have no counterpart here (levels of their logs, the dampening of fair share) are checked as
Slurm checks them, and change nothing.
"""

from __future__ import annotations

import os
import time

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import ESLURM_DISABLED, SlurmError, strerror
from mgpu_slurm.facts.queries.scontrol import DEBUG_FLAGS, DEBUG_LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mgpu_slurm.commands.scontrol import Desk


def do(desk: Desk, name: str, rest: Sequence[str]) -> bool:
    """Carry out one verb; False where it is none of these."""
    verb = _VERBS.get(name)
    if verb is None:
        return False
    verb(desk, rest)
    return True


# --- jobs and their processes ---------------------------------------------------------------------------------------


def notify(desk: Desk, rest: Sequence[str]) -> None:
    """notify ID WORD...: to the srun, the salloc or the output of the job."""
    job = rest[0].replace(".", "_").partition("_")[0]
    if not job.isdecimal():
        desk.streams.err.write(f"Invalid job_id {rest[0]}")
        desk.complain("job notify failure: No error")
        return
    try:
        desk.session().call({"kind": "notify_job", "job_id": int(job), "text": " ".join(rest[1:])})
    except SlurmError as error:
        desk.complain(f"job notify failure: {error.text}")


class _Process:
    """A process of a step on this host, as its environment tells."""

    __slots__ = ("job", "local", "pid", "rank", "step")

    def __init__(self, pid: int, values: dict[str, str]) -> None:
        self.pid = pid
        self.job = values["SLURM_JOB_ID"]
        step = values.get("SLURM_STEP_ID", "")
        self.step = step if step.isdecimal() else "batch"
        self.local = values.get("SLURM_LOCALID", "-") if step else "0"
        self.rank = values.get("SLURM_PROCID", "-") if step else "0"


_WANTED = frozenset(("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_LOCALID", "SLURM_PROCID", "SLURMD_NODENAME"))


def _process(pid: int, node: str | None = None) -> _Process | None:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = [part.decode("utf-8", "replace").partition("=") for part in file.read().split(b"\0")]
    except OSError:
        return None
    values = {name: value for name, _, value in pairs if name in _WANTED}
    if "SLURM_JOB_ID" not in values or (node is not None and values.get("SLURMD_NODENAME") != node):
        return None
    return _Process(pid, values)


def _processes(node: str | None) -> Iterator[_Process]:
    for name in os.listdir("/proc"):
        found = _process(int(name), node) if name.isdecimal() else None
        if found is not None:
            yield found


def listpids(desk: Desk, rest: Sequence[str]) -> None:
    """listpids [JOB[.STEP] [NODE]]: processes of steps on this host."""
    from mgpu_slurm.commands.query_options import query

    wanted = rest[0] if rest and rest[0] != "*" else ""
    node = rest[1] if len(rest) > 1 else None
    job, dot, step = wanted.partition(".")
    if wanted and not job.isdecimal():
        desk.complain(f'"{wanted}" does not look like a jobid')
        return
    if dot and not step.isdecimal():
        desk.complain(f'"{wanted}" does not look like a stepid')
        desk.say(_PIDS_HEADER)
        return
    columns, _, _ = query(desk.session(), "jobs", ["job_id"], {"states": ["RUNNING", "SUSPENDED", "COMPLETING"]})
    known = {str(number) for number in columns["job_id"]}
    found = [one for one in _processes(node) if one.job in known]
    chosen = [one for one in found if not wanted or (one.job == job and (not dot or one.step == step))]
    if not chosen:
        place = f"on node {node or '(null)'}."
        if not wanted:
            text = "No job steps exist on this node."
        elif found and not dot:
            text = f"There are no steps for job {wanted} {place}"
        else:
            text = f"{'StepId' if dot else 'JobId'}={wanted} does not exist {place}"
        desk.complain(text)
    desk.say(_PIDS_HEADER)
    for one in sorted(chosen, key=lambda one: (int(one.job), one.step, one.pid)):
        desk.say(f"{one.pid:<8} {one.job:<8} {one.step:<8} {one.local:<7} {one.rank:<8}\n")


_PIDS_HEADER = "PID      JOBID    STEPID   LOCALID GLOBALID\n"


def pidinfo(desk: Desk, rest: Sequence[str]) -> None:
    """pidinfo PID: the job of a process on this host, and the time it has left."""
    from mgpu_slurm.commands.query_options import query

    found = _process(int(rest[0])) if rest[0].isdecimal() else None
    count = 0
    if found is not None:
        states = {"ids": [found.job], "states": ["RUNNING", "SUSPENDED", "COMPLETING"]}
        try:
            columns, count, now = query(desk.session(), "jobs", ["job_id", "end_time"], states)
        except SlurmError:
            count = 0
    if found is None or not count:
        desk.complain("Failed to locate job for requested pid")
        return
    end = columns["end_time"][0]
    desk.say(f"Slurm JobId={found.job} ends at {time.ctime(end)}\n" if end else f"Slurm JobId={found.job} has no time limit\n")
    if end:
        desk.say(f"slurm_get_rem_time is {max(int(end - now), 0)}\n")


def getent(desk: Desk, rest: Sequence[str]) -> None:
    """getent [NODE]: whom each step on a node of this host knows: its user and, where the configuration has
    LaunchParameters=enable_nss_slurm, that user's groups. Without a node's name the first node of this host is meant."""
    from mgpu_slurm.commands.query_options import query

    host = os.uname().nodename.partition(".")[0]
    session = desk.session()
    table, count, _ = query(session, "nodes", ["name", "hostname"])
    here = [table["name"][row] for row in range(count) if host in (table["name"][row], table["hostname"][row])]
    wanted = rest[0] if rest else (here or [host])[0]
    if wanted not in here:
        place = session.config.node_path("SlurmdSpoolDir", wanted, host) if session.config is not None else wanted
        # Slurm tells of it with status 0
        desk.streams.err.write(f"scontrol: error: Domain socket directory {place}: No such file or directory\n")
        return
    known = session.config is not None and session.config.parameter("LaunchParameters", "enable_nss_slurm") is not None
    columns = ["job_id", "step_id", "uid", "gid", "user_name", "state", "nodes"]
    steps, count, _ = query(session, "steps", columns)
    for row in range(count):
        one = {name: steps[name][row] for name in columns}
        if wanted in hostlist.expand(one["nodes"]) and one["state"] == "RUNNING":
            user, members = _entries(one["uid"], one["gid"], one["user_name"])
            desk.say(f"JobId={one['job_id']}.{one['step_id']}:\nUser:\n{user}\nGroups:\n")
            desk.say("".join(f"{line}\n" for line in (members if known else [])) + "\n")


def _entries(uid: int, gid: int, name: str) -> tuple[str, list[str]]:
    """A line as in passwd, and one as in group for each group that the user's tasks run with on this host."""
    import grp
    import pwd

    gecos, home, shell, gids = "", "/", "/bin/sh", [gid]
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        pass  # as for the tasks: known by the name that was signed, at home nowhere
    else:
        name, gecos, home, shell = entry.pw_name, entry.pw_gecos, entry.pw_dir, entry.pw_shell
        gids = os.getgrouplist(name, gid)
    groups = []
    for number in gids:
        try:
            group = grp.getgrgid(number).gr_name
        except KeyError:
            group = str(number)
        groups.append(f"{group}:x:{number}:{name}")
    return f"{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}", groups


# --- nodes ----------------------------------------------------------------------------------------------------------


def reboot(desk: Desk, rest: Sequence[str]) -> None:
    """reboot [ASAP] [nextstate=...] [reason=...] NODES: refused, since no program is configured that could do it."""
    words = [word for word in rest if word.lower() != "asap"]
    for word in words:
        key, equals, text = word.partition("=")
        if equals and "nextstate".startswith(key.lower()) and text.upper() not in ("DOWN", "RESUME"):
            desk.complain(f"Invalid state: {text}")
            desk.complain("Valid states: DOWN, RESUME")
            return
    lists = [word for word in words if "=" not in word]
    if len(lists) != 1:
        many = "too many arguments for keyword:reboot"
        desk.complain(many if lists else "Missing node list. Specify ALL|<NodeList>")
        return
    # Only an administrator's program can reboot a machine, and the configuration names none: RebootProgram is not read.
    desk.complain("scontrol: error: RebootProgram isn't defined")
    desk.complain("scontrol_reboot_nodes error: Unspecified error")


def cancel_reboot(desk: Desk, rest: Sequence[str]) -> None:
    from mgpu_slurm.commands.scontrol_update import send

    send(desk, "node", ",".join(rest), [("state", "CANCEL_REBOOT")])


# --- the daemons ----------------------------------------------------------------------------------------------------


def setdebug(desk: Desk, rest: Sequence[str]) -> None:
    text = rest[0].lower()
    if text not in DEBUG_LEVELS and not (text.isdecimal() and int(text) < len(DEBUG_LEVELS)):
        desk.complain(f"invalid debug level: {rest[0]}")


def setdebugflags(desk: Desk, rest: Sequence[str]) -> None:
    word = rest[0]
    if word[:1] not in ("+", "-"):
        desk.complain(f"invalid debug flag: {word}")
        desk.complain("Usage: setdebugflags [+|-]NAME")
    elif word[1:].lower() not in DEBUG_FLAGS:
        desk.complain(f"scontrol: error: Invalid DebugFlag: {word[1:]}")
        desk.complain(f"invalid debug flag: {word}")


def schedloglevel(desk: Desk, rest: Sequence[str]) -> None:
    if rest[0] not in ("0", "1", "disable", "enable"):
        desk.complain(f"invalid schedlog level: {rest[0]}")
    else:
        desk.complain(f"slurm_set_schedlog_level error: {strerror(ESLURM_DISABLED, desk.session().compat)}")


def fsdampeningfactor(desk: Desk, rest: Sequence[str]) -> None:
    if not rest[0].isdecimal() or not 0 < int(rest[0]) < 65535:
        # a failure that Slurm reports with status 0
        desk.streams.err.write(f"invalid dampening factor: {rest[0]}\n")


def token(desk: Desk, rest: Sequence[str]) -> None:
    """Tokens are an authentication of Slurm's that this suite has not."""
    for word in rest:
        if word.partition("=")[0].lower() not in ("lifespan", "username"):
            desk.complain(f"Invalid option: `{word}`")
            return
    desk.complain("Error fetching token")


def cluster(desk: Desk, rest: Sequence[str]) -> None:
    """Another cluster: without a database of clusters there is none."""
    if not rest:
        return
    desk.complain("scontrol: error: Problem talking to database")
    desk.complain(
        f"scontrol: error: '{rest[0]}' can't be reached now, or it is an invalid entry for --cluster.  "
        "Use 'sacctmgr list clusters' to see available clusters."
    )


_VERBS: dict[str, Callable[[Desk, Sequence[str]], None]] = {
    "cancel_reboot": cancel_reboot,
    "cluster": cluster,
    "fsdampeningfactor": fsdampeningfactor,
    "getent": getent,
    "listpids": listpids,
    "notify": notify,
    "pidinfo": pidinfo,
    "reboot": reboot,
    "schedloglevel": schedloglevel,
    "setdebug": setdebug,
    "setdebugflags": setdebugflags,
    "token": token,
}
