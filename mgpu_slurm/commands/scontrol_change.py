"""scontrol's verbs that change something or ask the controller about itself."""

from __future__ import annotations

import time

from mgpu_slurm.base.errors import SlurmError, strerror
from mgpu_slurm.base.ids import listed
from mgpu_slurm.facts.queries.scontrol import JOB_COUNTS, JOB_KEYS, JOB_MOMENTS, JOB_TRUTHS, NODE_STATES_TEXT, SUBJECTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mgpu_slurm.commands.scontrol import Desk

ACTIONS = {
    "hold": "hold", "holdu": "uhold", "uhold": "uhold", "release": "release", "requeue": "requeue",
    "requeuehold": "requeuehold", "suspend": "suspend", "resume": "resume", "top": "top",
}  # fmt: skip

NODE_STATES = (
    "DOWN", "DRAIN", "FAIL", "FUTURE", "IDLE", "NORESP", "POWER_DOWN", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE", "POWER_UP",
    "RESUME", "UNDRAIN", "CANCEL_REBOOT",
)  # fmt: skip

NO_SUBJECT = 'Input line must include "NodeName", "PartitionName", "Reservation", "JobId", or "SlurmctldDebug"'

POLL_FIRST, POLL_LONGEST = 0.1, 2.0
"""Seconds between looks of wait_job: doubled from the first to the longest."""


def do(desk: Desk, name: str, rest: Sequence[str]) -> None:
    """Carry out one verb; what fails is written."""
    if name in ACTIONS:
        action(desk, name, rest)
    elif name == "update":
        update(desk, rest)
    elif name == "create":
        create(desk, rest)
    elif name == "delete":
        delete(desk, rest)
    elif name == "ping":
        ping(desk)
    elif name in ("reconfigure", "shutdown", "takeover"):
        control(desk, name)
    elif name == "version":
        from mgpu_slurm.intake import manual

        desk.say(manual.version(desk.session().compat))
    elif name == "errnumstr":
        text = rest[0]
        number = int(text) if text.lstrip("-").isdecimal() else 0
        desk.say(strerror(number, desk.session().compat) + "\n")
    elif name == "completing":
        completing(desk)
    elif name == "wait_job":
        wait_job(desk, rest[0])
    elif name == "write":
        write(desk, rest)
    else:
        desk.complain(f"scontrol: error: {name} is not supported by this cluster")


# --- jobs -----------------------------------------------------------------------------------------------------------


HOLDS = ("hold", "holdu", "uhold", "release")


def action(desk: Desk, name: str, rest: Sequence[str]) -> None:
    """hold and its kin, one word after the other so that one refusal does not hide the next."""
    if name == "top":
        # the one verb that takes a single id, as it is
        if len(rest) > 1:
            desk.complain("too many arguments for keyword:top")
            return
        act(desk, name, [rest[0]])
        return
    for word in rest:
        if name != "requeuehold" or not word.lower().startswith("state="):
            act(desk, name, listed(word))


def act(desk: Desk, name: str, ids: list[str]) -> None:
    """What one word means: several ids between commas, or the jobs of a name."""
    if name in HOLDS:
        named = [word for word in ids if "=" in word or not word[:1].isdigit()]
        ids = [word for word in ids if word not in named] + ids_by_name(desk, named)
    if not ids:
        return
    try:
        answer = desk.session().call({"kind": "job_action", "action": ACTIONS[name], "ids": ids})
    except SlurmError as error:
        desk.complain(f"slurm_{'suspend' if name != 'requeue' else 'requeue'} error: {error.text}")
        return
    rows: Any = answer.get("rows") or []
    last = ""
    for text, code, why in rows:
        if "_" in text and name != "top":
            # parts of an array, those that it worked for among them
            if why:
                desk.complain(f"{text}: {why}")
        elif code:
            desk.complain(f"{why} for job {text}")
            last = why
    if last and name in HOLDS:
        desk.complain(f"slurm_suspend error: {last}")


def ids_by_name(desk: Desk, words: Sequence[str]) -> list[str]:
    """Jobs of these names (`jobname=x`, `name=x`, or the bare name); a word without any is its own, to be refused."""
    if not words:
        return []
    from mgpu_slurm.commands.query_options import query

    found = []
    for word in words:
        name = word.partition("=")[2] or word
        columns, _, _ = query(desk.session(), "jobs", ["job_id"], {"names": [name], "states": ["PENDING", "RUNNING"]})
        some = [str(one) for one in columns["job_id"]]
        found += some or ([] if "=" in word else [word])
    return found


def wait_job(desk: Desk, text: str) -> None:
    """Until the job has its nodes, which are ready then."""
    if not text.partition("_")[0].isdecimal():
        desk.streams.err.write(f"Invalid job_id {text}")
        desk.status = 1
        return
    from mgpu_slurm.commands.query_options import query

    pause = POLL_FIRST
    while True:
        try:
            columns, count, _ = query(desk.session(), "jobs", ["state", "flags"], {"ids": [text]})
        except SlurmError:
            count = 0
        state = columns["state"][0] if count else ""
        if state != "PENDING" and not (state == "RUNNING" and "CONFIGURING" in columns["flags"][0]):
            break
        time.sleep(pause)
        pause = min(pause * 2, POLL_LONGEST)
    if state in ("RUNNING", "SUSPENDED"):
        desk.streams.err.write(f"scontrol: Nodes are ready for job {text}\n")
    else:
        desk.complain(f"scontrol: Job {text} no longer running" if count else f"scontrol: Problem running job {text}")


def completing(desk: Desk) -> None:
    from mgpu_slurm.commands.query_options import query

    columns, count, _ = query(
        desk.session(), "jobs", ["job_id", "end_time", "nodes"], {"states": ["COMPLETING"]}
    )
    for row in range(count):
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(columns["end_time"][row]))
        job, nodes = columns["job_id"][row], columns["nodes"][row]
        desk.say(f"JobId={job} EndTime={end} CompletingTime=00:00:00 Nodes(COMPLETING)={nodes} \n")


def write(desk: Desk, rest: Sequence[str]) -> None:
    """write batch_script ID [FILE|-]."""
    what = rest[0].lower()
    if len(what) < 5 or not "batch_script".startswith(what):
        desk.complain(f"invalid write argument:{rest[0]}")
        return
    if len(rest) < 2:
        desk.complain("too few arguments for keyword:write batch_script")
        return
    number = rest[1].partition("_")[0]
    try:
        if not number.isdecimal():
            raise SlurmError(2017)
        text = str(desk.session().call({"kind": "get_script", "job_id": int(number)}).get("text") or "")
    except SlurmError as error:
        # a failure that Slurm reports with status 0
        desk.streams.err.write(f"job script retrieval failed: {error.text}\n")
        return
    name = rest[2] if len(rest) > 2 else f"slurm-{rest[1]}.sh"
    if name == "-":
        desk.say(text)
        return
    try:
        with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except OSError as error:
        desk.complain(f"failed to open file `{name}`: {error.strerror}")
        return
    if not desk.quiet:
        desk.say(f"batch script for job {rest[1]} written to {name}\n")


# --- update ---------------------------------------------------------------------------------------------------------


def update(desk: Desk, rest: Sequence[str]) -> None:
    if not rest:
        desk.complain("too few arguments for update keyword")
        return
    what, name, changes = "", "", []
    words = iter(rest)
    for word in words:
        key, equals, text = word.partition("=")
        if not what and equals and meant(key, SUBJECTS) in ("partition", "reservation"):
            _entity(meant(key, SUBJECTS)).update(desk, rest)
            return
        subject = meant(key, SUBJECTS) if not what else ""
        following = next(words, None) if subject == "job" and not equals else None
        if following is not None:
            what, name = subject, following  # `update job 5 ...` is `update jobid=5 ...`
            continue
        if not equals and key.lower() != "resetaccruetime":
            desk.complain(f"Invalid input: {word}")
            desk.complain("Request aborted")
            return
        if subject or (what == "job" and meant(key, SUBJECTS) == "job"):
            what, name = subject or what, text  # the last job named is the one that is meant
        else:
            changes.append((key, text))
    if not what:
        desk.complain("No valid entity in update command")
        desk.complain(NO_SUBJECT)
        return
    if what == "jobname":
        update_by_name(desk, name, changes)
        return
    sent = checked(desk, what, changes)
    if sent is not None:
        send_update(desk, what, name, sent)


def _entity(kind: str) -> Any:
    if kind == "partition":
        from mgpu_slurm.commands import scontrol_partition

        return scontrol_partition
    from mgpu_slurm.commands import scontrol_reservation

    return scontrol_reservation


def create(desk: Desk, rest: Sequence[str]) -> None:
    """create partition or reservation: told by the first word, whose name may be left out of a reservation's."""
    kind = meant(rest[0].partition("=")[0], MADE)
    if kind:
        _entity(kind).create(desk, rest)
    else:
        desk.complain(f"scontrol: error: Invalid creation entity: {rest[0]}")


def delete(desk: Desk, rest: Sequence[str]) -> None:
    """delete ENTITY=ID or delete ENTITY ID."""
    key, equals, name = rest[0].partition("=")
    if not equals:
        if len(rest) < 2:
            desk.complain("scontrol: error: Proper format is 'delete <ENTITY>=<ID>' or 'delete <ENTITY> <ID>'")
            return
        name = rest[1]
    kind = meant(key, MADE)
    if not kind:
        desk.complain(f"Invalid deletion entity: {rest[0]}")
        return
    try:
        desk.session().call({"kind": "update", "what": kind, "name": name, "changes": [], "action": "delete"})
    except SlurmError as error:
        desk.complain(f"delete_{kind} {rest[0]}: {error.text}")


MADE = (("PartitionName", 3, "partition"), ("ReservationName", 3, "reservation"))
"""What is created and deleted."""


def meant(key: str, table: Sequence[tuple[str, int, str]]) -> str:
    """What a key stands for, "" when it is none of the table."""
    lowered = key.lower()
    for name, least, value in table:
        if name.lower() == lowered or (len(lowered) >= least and name.lower().startswith(lowered)):
            return value or name.lower()
    return ""


def checked(desk: Desk, what: str, changes: Sequence[tuple[str, str]]) -> list[tuple[str, str]] | None:
    """The changes under the controller's names; None after a complaint."""
    if what == "job":
        return checked_job(desk, changes)
    if what == "node":
        return checked_node(desk, changes)
    return [(signed(key, text)[0].lower(), signed(key, text)[1]) for key, text in changes]


def signed(key: str, text: str) -> tuple[str, str]:
    """`Key+=5` is `Key=+5`."""
    return (key[:-1], key[-1] + text) if key[-1:] in ("+", "-") else (key, text)


def checked_job(desk: Desk, changes: Sequence[tuple[str, str]]) -> list[tuple[str, str]] | None:
    sent = []
    for key, text in changes:
        plain, value = signed(key, text)
        name = meant(plain, JOB_KEYS)
        if not name:
            desk.complain(f"Update of this parameter is not supported: {key}={text}")
            desk.complain("Request aborted")
            return None
        if name in ("timelimit", "timemin") and not is_duration(value.lstrip("+-")) and value != "-1":
            desk.complain(f"scontrol: error: Invalid {'TimeLimit' if name == 'timelimit' else 'TimeMin'} value")
            return None
        if name in JOB_MOMENTS and not is_moment(value):
            # said, and left out of the changes
            desk.complain(f"Invalid time specification (pos=0): {value}")
            continue
        if not _is_count(name, value):
            desk.complain(f"scontrol: error: Invalid {JOB_COUNTS[name]} value: {value}")
            return None
        if name == "numnodes" and not all(part.isdecimal() for part in value.split("-")):
            desk.complain(f'scontrol: error: Invalid numeric value "{value}" for requested node count.')
            return None
        sent.append((name, value))
    if not sent:
        desk.complain("No changes specified")
        return None
    return sent


def _is_count(name: str, text: str) -> bool:
    if name not in JOB_COUNTS or not text:
        return True
    if name in JOB_TRUTHS and text.lower() in ("yes", "no", "y", "n"):
        return True
    return text.lstrip("+-").rstrip("KMGTkmgt").isdecimal()


def is_moment(text: str) -> bool:
    from mgpu_slurm.intake import dates

    try:
        dates.parse(text, time.time())
    except ValueError:
        return False
    return True


def is_duration(text: str) -> bool:
    from mgpu_slurm.base.units import parse_minutes

    try:
        parse_minutes(text)
    except ValueError:
        return False
    return True


def checked_node(desk: Desk, changes: Sequence[tuple[str, str]]) -> list[tuple[str, str]] | None:
    sent = [(key.lower(), text) for key, text in changes]
    given = dict(sent)
    weight = given.get("weight", "0")
    if not weight.isdecimal():
        desk.complain(f"scontrol: error: Weight value ({weight}) is not a valid number")
        sent = [(key, text) for key, text in sent if key != "weight"]
    if not sent:
        desk.complain("No changes specified")
        return None
    state = given.get("state", "").upper()
    if "state" in given:
        full = next((word for word in NODE_STATES if state and word.startswith(state)), "")
        if not full:
            key = next(key for key, _ in changes if key.lower() == "state")
            for line in (f"Invalid input: {key}={given['state']}", "Request aborted", *NODE_STATES_TEXT):
                desk.complain(line)
            return None
        sent = [(key, full if key == "state" else text) for key, text in sent]
        if full in ("DOWN", "DRAIN", "FAIL") and not given.get("reason"):
            desk.complain("You must specify a reason when DOWNING or DRAINING a node. Request denied")
            return None
    return sent


def update_by_name(desk: Desk, name: str, changes: list[tuple[str, str]]) -> None:
    """JobName= as selector: all jobs of that name, of UserId= where given."""
    from mgpu_slurm.commands.query_options import query

    user = next((text for key, text in changes if meant(key, (("UserId", 3, "user"),))), "")
    rest = [(key, text) for key, text in changes if not meant(key, (("UserId", 3, "user"),))]
    filters = {"names": [name], "states": ["live"]}
    if user:
        filters["users"] = [user]
    columns, count, _ = query(desk.session(), "jobs", ["job_id"], filters)
    if not count:
        desk.complain("scontrol: error: No job with name " + name)
        return
    sent = checked_job(desk, rest)
    if sent is not None:
        send_update(desk, "job", ",".join(str(one) for one in columns["job_id"]), sent)


def send_update(desk: Desk, what: str, name: str, changes: Sequence[tuple[str, str]]) -> None:
    try:
        answer = desk.session().call(
            {"kind": "update", "what": what, "name": name, "changes": [list(change) for change in changes]}
        )
    except SlurmError as error:
        if error.text.startswith("Update of this parameter is not supported"):
            desk.complain(error.text)
            desk.complain("Request aborted")
        else:
            desk.complain(f"slurm_update error: {error.text}")
        return
    rows: Any = answer.get("rows") or []
    for text, code, why in rows:
        if "_" in text and what == "job":
            if why:
                desk.complain(f"{text}: {why}")
        elif code:
            desk.complain(f"{why} for job {text}" if what == "job" else f"slurm_update error: {why}")


# --- the controller -------------------------------------------------------------------------------------------------


def ping(desk: Desk) -> None:
    session = desk.session()
    try:
        answer = session.call({"kind": "ping"})
    except SlurmError:
        host = next((name for name, _ in session.config.controllers), "") if session.config is not None else ""
        if desk.json or desk.yaml:
            from mgpu_slurm.commands import records_json

            records_json.ping(session, host or "localhost", "primary", False, desk.yaml, desk.streams)
            desk.status = 1
            return
        desk.say(f"Slurmctld(primary) at {host or 'localhost'} is DOWN\n")
        star = "*" * 41
        desk.say(f"{star}\n** RESTORE SLURMCTLD DAEMON TO SERVICE **\n{star}\n")
        desk.status = 1
        return
    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        mode, host = str(answer.get("mode") or "primary"), str(answer.get("hostname"))
        records_json.ping(session, host, mode, True, desk.yaml, desk.streams)
        return
    desk.say(f"Slurmctld({answer.get('mode') or 'primary'}) at {answer.get('hostname')} is UP\n")


def control(desk: Desk, name: str) -> None:
    try:
        desk.session().call({"kind": "control", "action": name})
    except SlurmError as error:
        desk.complain(f"slurm_{name} error: {error.text}")
