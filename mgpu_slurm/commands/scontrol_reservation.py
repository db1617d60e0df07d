"""scontrol create, update and delete of reservations: what can be said against the words before the controller sees them."""

from __future__ import annotations

import time

from mgpu_slurm.base.errors import ESLURM_INVALID_TIME_VALUE, ESLURM_NODES_BUSY, SlurmError, strerror
from mgpu_slurm.facts import reservation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mgpu_slurm.commands.scontrol import Desk

Changes = list[tuple[str, str]]

NOT_MADE, NOT_CHANGED = "No reservation created.", "No reservation update."

BUSY_NOTE = (
    "Note, unless nodes are directly requested a reservation must exist in a single partition.",
    "If no partition is requested the default partition is assumed.",
)


class _Wrong(Exception):
    """A word that cannot be; its text is the complaint, `outcome` what an update ends with."""

    def __init__(self, text: str, outcome: str = "No error") -> None:
        super().__init__(text)
        self.outcome = outcome


def create(desk: Desk, rest: Sequence[str]) -> None:
    try:
        name, changes = read([word for word in rest if "=" in word], NOT_MADE)
        _check_whole(dict(changes))
    except _Wrong as problem:
        desk.complain(f"{problem}")
        return
    try:
        answer = send(desk, "create", name, changes)
    except SlurmError as error:
        desk.complain(f"Error creating the reservation: {error.text}")
        if error.code == ESLURM_NODES_BUSY:
            for line in BUSY_NOTE:
                desk.say(line + "\n")
        return
    rows: Any = answer.get("rows") or [[name]]
    desk.say(f"Reservation created: {rows[0][0]}\n")


def update(desk: Desk, rest: Sequence[str]) -> None:
    try:
        name, changes = read(rest, NOT_CHANGED)
    except _Wrong as problem:
        desk.complain(f"{problem}")
        desk.complain(f"slurm_update error: {problem.outcome}")
        return
    try:
        send(desk, "update", name, changes)
    except SlurmError as error:
        desk.complain(f"Error updating the reservation: {error.text}")
        desk.complain(f"slurm_update error: {error.text}")
        return
    desk.say("Reservation updated.\n")


def send(desk: Desk, action: str, name: str, changes: Changes) -> dict[str, object]:
    """Raises SlurmError."""
    sent = [list(change) for change in changes]
    return desk.session().call({"kind": "update", "what": "reservation", "name": name, "changes": sent, "action": action})


def read(words: Sequence[str], end: str) -> tuple[str, Changes]:
    """The name and the changes under the controller's names. Raises _Wrong with the text of the complaint."""
    name, changes = "", []
    for word in words:
        key, _, text = word.partition("=")
        sign = key[-1:] if key[-1:] in ("+", "-") else ""
        known = _meant(key.rstrip("+-"))
        if known == "name":
            name = text
        elif not known:
            raise _Wrong(f"scontrol: error: Unknown parameter {word}.  {end}")
        elif known == "tres":
            changes += _tres(text)
        else:
            changes.append((known, sign + text))
            _check(known, sign, word, text, end)
    return name, changes


def _meant(key: str) -> str:
    lowered = key.lower()
    for name, least, value in reservation.KEYS:
        if len(lowered) >= least and name.lower().startswith(lowered):
            return value or name.lower()
    return ""


def _check(key: str, sign: str, word: str, text: str, end: str) -> None:
    if key in ("starttime", "endtime"):
        which = key.removesuffix("time")
        try:
            _instant(text)
        except ValueError:
            raise _Wrong(f"Invalid time specification (pos=0): {text}\n"
                         f"scontrol: error: Invalid {which} time {word}.  {end}",
                         strerror(ESLURM_INVALID_TIME_VALUE)) from None  # fmt: skip
    elif key in ("duration", "maxstartdelay"):
        from mgpu_slurm.base.units import parse_minutes

        try:
            if text.lower() not in ("infinite", "unlimited"):
                parse_minutes(text)
        except ValueError:
            raise _Wrong(f"scontrol: error: Invalid duration {word}.  {end}") from None
    elif key == "flags" and text and not all(map(_is_flag, f"{sign}{text}".split(","))):
        raise _Wrong(f"scontrol: error: Error parsing flags {sign}{text}.  {end}")
    elif key == "nodecnt" and not all(_is_count(one) for one in text.split(",")):
        raise _Wrong(f"scontrol: error: Invalid node count {text}")
    elif key == "corecnt" and not all(one.isdecimal() for one in text.split(",")):
        raise _Wrong(f"scontrol: error: Invalid core count {text}")
    elif key == "watts" and not _is_count(text):
        raise _Wrong(f"scontrol: error: Invalid Watts value: {text}")
    elif key == "nodes" and sign:
        raise _Wrong(f"scontrol: error: The +=/-= notation is not supported when updating nodes.  {end}")


def _is_flag(word: str) -> bool:
    """Whether it can be set, or taken with a minus."""
    name = reservation.flag(word.lstrip("+-"))
    return name is not None and not (name == "TIME_FLOAT" and word.startswith("-"))


def _is_count(text: str) -> bool:
    from mgpu_slurm.intake import gres

    return gres.count(text) is not None


def _tres(text: str) -> Changes:
    """TRES=cpu=4,node=2 as what it says. Raises _Wrong."""
    found: Changes = []
    for part in text.split(","):
        name, equals, number = part.partition("=")
        known = {"cpu": "corecnt", "node": "nodecnt"}.get(name.lower())
        if not equals:
            raise _Wrong(f"scontrol: error: invalid TRES '{part}'")
        if known is None:
            raise _Wrong(f"scontrol: error: couldn't identify configured TRES '{name}'")
        found.append((known, number))
    return found


def _instant(text: str) -> float:
    from mgpu_slurm.intake import dates

    return dates.parse(text, time.time())


def _check_whole(given: dict[str, str]) -> None:
    """What a new reservation needs. Raises _Wrong."""
    flags = [reservation.flag(word) for word in given.get("flags", "").split(",")]
    if "starttime" not in given:
        problem = "A start time must be given."
    elif "endtime" not in given and "duration" not in given:
        problem = "An end time or duration must be given."
    elif "endtime" in given and _instant(given["endtime"]) < _instant(given["starttime"]):
        problem = "Start time cannot be after end time."
    elif "PART_NODES" in flags and ("partition" not in given or given.get("nodes", "").upper() != "ALL"):
        problem = "PART_NODES flag requires specifying a Partition and ALL nodes."
    elif not {"nodes", "nodecnt", "corecnt", "licenses"} & given.keys():
        problem = "CoreCnt, Nodes, NodeCnt, BurstBuffer, Licenses or Watts must be specified."
    elif given.get("watts"):
        problem = "A power reservation must be empty and set the LICENSE_ONLY flag."
    elif given.get("users") and given.get("groups"):
        problem = "Users and Groups are mutually exclusive.  You can have one or the other, but not both."
    elif not any(given.get(key) for key in ("users", "groups", "accounts")):
        problem = "Either Users/Groups and/or Accounts must be specified."
    else:
        return
    raise _Wrong(f"scontrol: error: {problem}  {NOT_MADE}")
