"""scontrol update: what is meant to be changed, and the request that says so to the controller.

The words of jobs are read by scontrol_job, those of nodes by scontrol_node, of partitions and reservations by the modules of
their names.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.facts.queries.scontrol_keys import SUBJECTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mgpu_slurm.commands.scontrol import Desk

    Changes = list[tuple[str, str]]

NO_SUBJECT = 'Input line must include "NodeName", "PartitionName", "Reservation", "JobId", or "SlurmctldDebug"'


def update(desk: Desk, rest: Sequence[str]) -> None:
    if not rest:
        desk.complain("too few arguments for update keyword")
        return
    what, name = subject(rest)
    if not what:
        desk.complain("No valid entity in update command")
        desk.complain(NO_SUBJECT)
    elif what in ("partition", "reservation"):
        entity(what).update(desk, rest)
    elif what == "node":
        from mgpu_slurm.commands import scontrol_node

        scontrol_node.update(desk, rest)
    elif what == "step":
        _step(desk, rest)
    elif what == "debug":
        _debug(desk, name)
    else:
        from mgpu_slurm.commands import scontrol_job

        scontrol_job.update(desk, rest, name if what == "jobname" else None)


def subject(words: Sequence[str]) -> tuple[str, str]:
    """What the first word that names something names, and its value; ("", "") where none does."""
    for word in words:
        key, equals, text = word.partition("=")
        found = meant(key, SUBJECTS)
        # `update job 5 ...` is `update jobid=5 ...`
        if found and (equals or found == "job"):
            return found, text
    return "", ""


def entity(kind: str) -> Any:
    """The module that reads the words of a partition or a reservation."""
    if kind == "partition":
        from mgpu_slurm.commands import scontrol_partition

        return scontrol_partition
    from mgpu_slurm.commands import scontrol_reservation

    return scontrol_reservation


def meant(key: str, table: Sequence[tuple[str, int, str]]) -> str:
    """What a key stands for, "" when it is none of the table."""
    lowered = key.lower()
    for name, least, value in table:
        if name.lower() == lowered or (len(lowered) >= least and name.lower().startswith(lowered)):
            return value or name.lower()
    return ""


def row_of(key: str, table: Sequence[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The row of a table of keys (name, fewest letters, ...) that a key may be short for."""
    lowered = key.lower()
    for row in table:
        if len(lowered) >= row[1] and row[0].lower().startswith(lowered):
            return row
    return None


def unsupported(desk: Desk, word: str) -> None:
    desk.complain(f"Update of this parameter is not supported: {word}")
    desk.complain("Request aborted")


def _step(desk: Desk, rest: Sequence[str]) -> None:
    """StepId=JOB[.STEP] TimeLimit=TIME."""
    from mgpu_slurm.base import units

    name, changes = "", []
    for word in rest:
        key, _, text = word.partition("=")
        if meant(key, SUBJECTS) == "step":
            name = text
            if text and not text[0].isdigit():
                desk.complain(f"Invalid StepID parameter: {word}")
                desk.complain("Request aborted")
                return
        elif row_of(key, (("TimeLimit", 5),)):
            try:
                units.parse_minutes(text)
            except ValueError:
                desk.complain("scontrol: error: Invalid TimeLimit value")
                return
            changes.append(("timelimit", text))
        else:
            unsupported(desk, word)
            return
    if not changes:
        desk.complain("No changes specified")
        return
    send(desk, "step", name, changes)


def _debug(desk: Desk, level: str) -> None:
    """SlurmctldDebug=LEVEL: the level of Slurm's own log, checked and without an effect."""
    from mgpu_slurm.facts.queries.scontrol import DEBUG_LEVELS

    if level.lower() not in DEBUG_LEVELS and not (level.isdecimal() and int(level) < len(DEBUG_LEVELS)):
        desk.complain(f"invalid debug level: {level}")
        desk.complain("slurm_update error: No error")


def send(desk: Desk, what: str, name: str, changes: Changes) -> None:
    """Ask for the changes; what the controller refuses is written."""
    try:
        answer = desk.session().call(
            {"kind": "update", "what": what, "name": name, "changes": [list(change) for change in changes]}
        )
    except SlurmError as error:
        if error.text.startswith("Update of this parameter is not supported"):
            desk.complain(error.text)
            desk.complain("Request aborted")
        else:
            desk.refused(f"slurm_update error: {error.text}")
        return
    rows: Any = answer.get("rows") or []
    for text, code, why in rows:
        if "_" in text and what == "job":
            if why:
                desk.refused(f"{text}: {why}")
        elif code:
            desk.refused(f"{why} for job {text}" if what == "job" else f"slurm_update error: {why}")
