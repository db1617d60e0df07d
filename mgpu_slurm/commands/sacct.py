"""sacct: what jobs and their steps were, held and used, also long after their end."""

from __future__ import annotations

import os
import time

from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import accounted, query_options, sacct_filters
from mgpu_slurm.commands.query_options import Given, compat_without_cluster, document_wanted, query, told, words
from mgpu_slurm.facts.fields.accounted import AccountView, job_name, listed
from mgpu_slurm.facts.fields.sacct import COLUMNS, ID, REMOVED
from mgpu_slurm.facts.queries import sacct as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.session import Session

LISTS = frozenset(
    ("accounts", "clusters", "constraints", "flags", "format", "groups", "jobs", "names", "partitions")
    + ("qos", "reasons", "states", "users", "wckeys")
)
"""Options that add to what was given before."""

IDS = ID.split()
"""Columns that make up a job's name."""


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(argv, environ, cluster)
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sacct", version, streams):
        return 0
    if _lists(given, environ, cluster, streams):
        return 0
    _refuse(given)
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    filters = sacct_filters.wanted(given, session.compat, time.time(), streams)
    if given.has("script") or given.has("environment"):
        return scripts(session, given, filters, streams)
    view = AccountView(
        style=environ.get("SLURM_TIME_FORMAT", ""),
        compat=session.compat,
        raw_units=given.has("noconvert"),
        cluster=session.cluster_name,
        unit=given.text("units")[:1].upper(),
    )
    view.warn = lambda text: streams.err.write(f"sacct: error: {text}\n")
    if wanted := document_wanted(given):
        from mgpu_slurm.commands import sacct_json

        return sacct_json.jobs(session, _elsewhere(given, session), filters, wanted == "yaml", streams)
    made = accounted.parse(_format(given), COLUMNS, session.compat)
    return show(session, given, made, filters, view, streams)


# --- options --------------------------------------------------------------------------------------------------------


def read(argv: Sequence[str], environ: Mapping[str, str], cluster: str = "-") -> Given:
    """The options; lists are added up. Raises UsageError."""
    checks = sacct_filters.checks(lambda: compat_without_cluster(environ, cluster), time.time())
    checks["units"] = lambda text, _given: _unit(text)
    try:
        return query_options.read(table.ROWS, argv, environ, "sacct", lists=LISTS, checks=checks)
    except UsageError as error:
        raise accounted.without_hint(error) from None


def _unit(text: str) -> None:
    if not text or text[0].upper() not in "KMGTP":
        raise UsageError([f"Invalid unit type '{text}'. Possible options are 'KMGTP'", ("fatal", "Invalid unit type")], 1)


def _lists(given: Given, environ: Mapping[str, str], cluster: str, streams: Streams) -> bool:
    """--helpformat, --helpstate, --helpreason."""
    if given.has("helpformat"):
        streams.out.write(listed(COLUMNS, compat_without_cluster(environ, cluster)))
    elif given.has("helpstate"):
        from mgpu_slurm.facts.states import VALID_STATES_TEXT

        streams.out.write(VALID_STATES_TEXT.replace(",", "\n") + "\n")
    elif given.has("helpreason"):
        from mgpu_slurm.facts.reasons import REASONS

        streams.out.write("".join(f"{word}\n" for word in REASONS))
    else:
        return False
    return True


def _refuse(given: Given) -> None:
    """What is wrong whatever the cluster. Raises UsageError."""
    if given.operands:
        raise UsageError(["Unknown arguments:", *(f" {word}" for word in given.operands)], 1)
    if given.has("completion"):
        raise UsageError([("", "Slurm job completion is disabled")], 1)
    if given.has("file"):
        # records of finished jobs in a text file are not made here, so no file is one
        there = os.path.exists(given.text("file"))
        text = "Slurm job completion is disabled" if there else f"{given.text('file')} is not a valid file"
        raise UsageError([("", text)], 1)
    for word in given.text("format").split(","):
        old = REMOVED.get(word.strip().lower().partition("%")[0])
        if old is not None:
            raise UsageError([("fatal", f"{old[0]} has been removed, please use {old[1]}")], 1)
    for name, what in (("script", "scripts"), ("environment", "environment")):
        if given.has(name) and not given.text("jobs"):
            text = f"When requesting job {what} you must also request specific jobs with the '-j' option."
            raise UsageError([("fatal", text)], 1)
    if given.has("format") and given.has("long"):
        text = "Options -o(--format) and -l(--long) are mutually exclusive. Please remove one and retry."
        raise UsageError([("fatal", text)], 1)
    if "whole_het" in given.texts and given.text("whole_het").lower() not in ("yes", "no"):
        raise UsageError(f'Invalid --whole-hetjob value "{given.text("whole_het")}". Valid values: [yes|no].', 1)


def _format(given: Given) -> str:
    """What --format, --brief and --long name, one behind the other."""
    asked = [given.text("format")] if given.has("format") else []
    asked += [fields for name, fields in (("brief", table.BRIEF), ("long", table.LONG)) if given.has(name)]
    return ",".join(asked) if asked else table.DEFAULT


# --- the listing ----------------------------------------------------------------------------------------------------


def _elsewhere(given: Given, session: Session) -> bool:
    """Whether only clusters other than this one, or associations that nobody has, are asked for."""
    named = {word.lower() for word in words(given.text("clusters"))}
    asked = given.has("clusters") and not given.has("all_clusters")
    return (asked and not {"all", "-1", session.cluster_name.lower()} & named) or given.has("associations")


def show(
    session: Session, given: Given, made: accounted.Layout, filters: dict[str, list[str]], view: AccountView, streams: Streams
) -> int:
    clip = given.has("truncate") and "since" in filters
    names = made.needed() + ["start", "end", "elapsed", "suspended"] * clip
    # one that every row has tells how many there are, whatever is shown of them
    names = list(dict.fromkeys([*names, "job_id"]))
    columns: dict[str, list[Any]] = {name: [] for name in names}
    count = 0
    if not _elsewhere(given, session):
        try:
            columns, count, view.now = query(session, "history", names, filters)
        except SlurmError as error:
            streams.err.write(f"sacct: error: {error.text}\n")
            return 1
    if clip:
        truncate(columns, float(filters["since"][0]), float(filters["before"][0]))
    bare, ended = given.has("parsable2"), given.has("parsable")
    if bare and ended:
        last = next(name for name in reversed(given.order) if name in ("parsable", "parsable2"))
        ended = last == "parsable"
    separator = (given.text("delimiter") if given.has("delimiter") else "|") if bare or ended else None
    if not given.has("noheader"):
        streams.out.write(accounted.header(made, separator, ended))
    streams.out.write(accounted.lines(made, columns, count, view, separator, ended))
    return 0


def truncate(columns: dict[str, list[Any]], since: float, before: float) -> None:
    """Cut starts, ends and what lies between to the window."""
    for row, start in enumerate(columns["start"]):
        if not start:
            continue
        first = max(start, since)
        last = min(columns["end"][row] or before, before)
        columns["start"][row], columns["end"][row] = first, last
        columns["elapsed"][row] = max(int(last) - int(first) - columns["suspended"][row], 0)


NOTHING_KEPT = "NONE\n"


def scripts(session: Session, given: Given, filters: dict[str, list[str]], streams: Streams) -> int:
    """--batch-script and --env-vars: of jobs that are kept, and of others as AccountingStoreFlags= says."""
    columns, count, _ = query(session, "history", IDS, {**filters, "allocations": ["1"]})
    for row in range(count):
        job_id = columns["job_id"][row]
        shown = job_name(*(columns[name][row] for name in IDS))
        environment = not given.has("script")
        what = f"Environment used for {shown} (must be batch to display)" if environment else f"Batch Script for {shown}"
        try:
            asked = {"kind": "get_script", "job_id": job_id, "past": True, "environment": environment}
            text = str(session.call(asked).get("text") or "")
        except SlurmError:
            text = ""  # not kept, or not the caller's
        streams.out.write(f"{what}\n{'-' * 80}\n{text or NOTHING_KEPT}\n")
    return 0
