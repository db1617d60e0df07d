"""scontrol's verbs that change something or ask the controller about itself; `update` is in scontrol_update."""

from __future__ import annotations

import time

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import (
    ESLURM_INVALID_JOB_ID,
    ESLURM_NOT_SUPPORTED,
    SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR,
    SlurmError,
    strerror,
)
from mgpu_slurm.base.ids import listed
from mgpu_slurm.commands import scontrol_update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mgpu_slurm.commands.scontrol import Desk

ACTIONS = {
    "hold": "hold", "holdu": "uhold", "uhold": "uhold", "release": "release", "requeue": "requeue",
    "requeuehold": "requeuehold", "suspend": "suspend", "resume": "resume", "top": "top",
}  # fmt: skip

POLL_FIRST, POLL_LONGEST = 0.1, 2.0
"""Seconds between looks of wait_job: doubled from the first to the longest."""


def do(desk: Desk, name: str, rest: Sequence[str]) -> None:
    """Carry out one verb; what fails is written."""
    if name in ACTIONS:
        action(desk, name, rest)
    elif name == "update":
        scontrol_update.update(desk, rest)
    elif name == "create":
        create(desk, rest)
    elif name == "delete":
        delete(desk, rest)
    elif name == "ping":
        ping(desk)
    elif name in ("abort", "reconfigure", "shutdown", "takeover"):
        control(desk, name, rest)
    elif name == "version":
        from mgpu_slurm.intake import manual

        if rest:
            desk.complain("too many arguments for version keyword")
        desk.say(manual.version(desk.session().compat))
    elif name == "errnumstr":
        if rest[0].lstrip("-").isdecimal():
            desk.say(strerror(int(rest[0]), desk.session().compat) + "\n")
        else:
            desk.complain("numeric arguments required for keyword:errnumstr")
    elif name == "completing":
        completing(desk)
    elif name == "wait_job":
        wait_job(desk, rest[0])
    elif name == "write":
        write(desk, rest)
    else:
        desk.complain(f"scontrol: error: {name} is not supported by this cluster")


# --- jobs -----------------------------------------------------------------------------------------------------------


NAMED = ("name=", "jobname=")
HOLDS = ("hold", "holdu", "uhold", "release")


def action(desk: Desk, name: str, rest: Sequence[str]) -> None:
    """hold and its kin, one word after the other so that one refusal does not hide the next."""
    if name == "top":
        # the one verb that takes a single id, as it is
        if len(rest) > 1:
            desk.complain("too many arguments for keyword:top")
            return
        act(desk, name, [rest[0]], ACTIONS[name])
        return
    special = False
    for word in rest:
        if name != "requeuehold" or not word.lower().startswith("state="):
            ids = [word] if word.lower().startswith(NAMED) else listed(word)
            act(desk, name, ids, "requeuehold_special" if special else ACTIONS[name])
        elif word.lower().partition("=")[2] in ("specialexit", "se"):
            special = True
        else:
            desk.refused(f"{strerror(ESLURM_INVALID_JOB_ID)} for job {word}")


def act(desk: Desk, name: str, ids: list[str], what: str) -> None:
    """What one word means: several ids between commas, or the jobs of a name. `what` is the action of the verb `name`."""
    if name in HOLDS:
        named = [word for word in ids if word.lower().startswith(NAMED) or ("=" not in word and not word[:1].isdigit())]
        ids = [word for word in ids if word not in named] + ids_by_name(desk, named)
    if not ids:
        return
    try:
        answer = desk.session().call({"kind": "job_action", "action": what, "ids": ids})
    except SlurmError as error:
        desk.refused(f"slurm_{'suspend' if name != 'requeue' else 'requeue'} error: {error.text}")
        return
    rows: Any = answer.get("rows") or []
    last = ""
    for text, code, why in rows:
        if "_" in text and name != "top":
            # parts of an array, those that it worked for among them
            if why:
                desk.refused(f"{text}: {why}")
        elif code:
            desk.refused(f"{why} for job {text}")
            last = why
    if last and name in HOLDS:
        desk.refused(f"slurm_suspend error: {last}")


def ids_by_name(desk: Desk, words: Sequence[str]) -> list[str]:
    """Jobs of these names (`jobname=x`, `name=x`, or the bare name); a word without any is its own, to be refused."""
    if not words:
        return []
    from mgpu_slurm.commands.query_options import query

    found = []
    for word in words:
        name = word.partition("=")[2] or word
        columns, _, _ = query(desk.session(), "jobs", ["job_id"], {"names": name.split(","), "states": ["PENDING", "RUNNING"]})
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
    """write batch_script ID [FILE|-], write config [FILE]."""
    what = rest[0].lower()
    if what == "config":
        write_config(desk, rest[1] if len(rest) > 1 else "")
        return
    if len(what) < 5 or not "batch_script".startswith(what):
        desk.complain(f"invalid write argument:{rest[0]}")
        return
    if len(rest) < 2:
        return  # nothing to write, and nothing to say about it
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
        desk.streams.err.write(f"failed to open file `{name}`: {error.strerror}\n")
        return
    if not desk.quiet:
        desk.say(f"batch script for job {rest[1]} written to {name}\n")


def write_config(desk: Desk, name: str) -> None:
    """The configuration as this host has it, in a file whose name ends in the time; beside its own file where none is named."""
    from mgpu_slurm.facts import configshow

    config = desk.session().config
    if config is None:
        desk.complain(f"slurm_write_ctl_conf error: {strerror(ESLURM_NOT_SUPPORTED, desk.session().compat)}")
        return
    now = time.strftime("%Y-%m-%dT%H:%M:%S")
    path = f"{name or config.path}.{now}"
    try:
        with open(config.path, encoding="utf-8", errors="surrogateescape") as given:
            text = given.read()
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(configshow.written(text, now))
    except OSError as error:
        desk.complain(f"scontrol: error: can't write {error.filename}: {error.strerror}")
        return
    desk.say(f"Slurm config saved to {path}\n")


# --- partitions and reservations ------------------------------------------------------------------------------------


def create(desk: Desk, rest: Sequence[str]) -> None:
    """create partition or reservation: told by the first word, whose name may be left out of a reservation's."""
    kind = scontrol_update.meant(rest[0].partition("=")[0], MADE)
    if kind:
        scontrol_update.entity(kind).create(desk, rest)
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
    kind = scontrol_update.meant(key, (*MADE, ("NodeName", 3, "node")))
    if not kind or len(rest) > 1 + (not equals):
        desk.complain(f"Invalid deletion entity: {rest[0]}")
        return
    try:
        answer: Any = desk.session().call({"kind": "update", "what": kind, "name": name, "changes": [], "action": "delete"})
        if kind == "node" and answer["rows"]:
            left = hostlist.fold([row[0] for row in answer["rows"]])
            desk.refused(f"scontrol: error: failed to delete nodes {left}")
            desk.refused(f"delete_node {rest[0]}: {answer['rows'][-1][2]}")
    except SlurmError as error:
        desk.refused(f"delete_{kind} {rest[0]}: {error.text}")


MADE = (("PartitionName", 3, "partition"), ("ReservationName", 3, "reservation"))
"""What is created and deleted."""


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


def control(desk: Desk, name: str, rest: Sequence[str]) -> None:
    if name == "takeover":
        # there is one controller, and none beside it that could take over
        index = int(rest[0]) if rest and rest[0].isdecimal() else 0
        away = strerror(SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR, desk.session().compat)
        desk.complain(f"takeover: invalid backup controller index ({index})" if rest else f"slurm_takeover error: {away}")
        return
    try:
        desk.session().call({"kind": "control", "action": name})
    except SlurmError as error:
        desk.complain(f"slurm_{name} error: {error.text}")
