"""sacct: what jobs and their steps were, held and used, also long after their end."""

from __future__ import annotations

import os
import time

from mgpu_slurm.base import hostlist, ids
from mgpu_slurm.base.errors import NEWEST, SlurmError, UsageError
from mgpu_slurm.commands import accounted
from mgpu_slurm.commands.query_options import Given, compat_without_cluster, query, told, uid_of, words
from mgpu_slurm.facts.fields.accounted import AccountView, listed
from mgpu_slurm.facts.fields.sacct import COLUMNS, REMOVED
from mgpu_slurm.facts.option import NONE
from mgpu_slurm.facts.queries import sacct as table
from mgpu_slurm.facts.states import parse_state
from mgpu_slurm.intake import argv as getopt
from mgpu_slurm.intake import dates

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

UNBOUND = 1 << 62


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(argv, environ)
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sacct", version, streams):
        return 0
    if _lists(given, environ, cluster, streams):
        return 0
    _refuse(given)
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    filters = wanted(given, session.compat, time.time(), streams)
    if given.has("script") or given.has("environment"):
        return scripts(session, given, filters, streams)
    view = AccountView(
        style=environ.get("SLURM_TIME_FORMAT", ""),
        compat=session.compat,
        raw_units=given.has("noconvert"),
        cluster=session.cluster_name,
        unit=given.text("units").upper(),
    )
    if given.has("json") or given.has("yaml"):
        from mgpu_slurm.commands import sacct_json

        return sacct_json.jobs(session, _elsewhere(given, session), filters, given.has("yaml"), streams)
    made = accounted.parse(_format(given), COLUMNS, session.compat)
    return show(session, given, made, filters, view, streams)


# --- options --------------------------------------------------------------------------------------------------------


def read(argv: Sequence[str], environ: Mapping[str, str]) -> Given:
    """The options; lists are added up. Raises UsageError."""
    given = Given()
    try:
        parsed = getopt.parse(table.ROWS, argv, True, "sacct", NEWEST, 1)
    except UsageError as error:
        raise accounted.without_hint(error) from None
    for row, value in parsed.options:
        before = given.texts.get(row.sets)
        given.counts[row.sets] = given.counts.get(row.sets, 0) + 1
        given.order.append(row.sets)
        if value is not None:
            given.texts[row.sets] = f"{before},{value}" if before is not None and row.sets in LISTS else value
    for row in table.ROWS:
        if isinstance(row.env, str) and row.env in environ and row.sets not in given.counts:
            given.counts[row.sets] = 1
            if row.arg != NONE:
                given.texts[row.sets] = environ[row.env]
    given.operands = parsed.operands
    return given


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
        raise UsageError([("", f"{given.text('file')} is not a valid file")], 1)
    unknown = [word for word in words(given.text("flags")) if word not in table.FLAGS]
    if unknown:
        raise UsageError(f"str_2_job_flags: Invalid job flag {unknown[0]}", 1)
    unit = given.text("units")
    if given.has("units") and (len(unit) != 1 or unit.upper() not in "KMGTP"):
        raise UsageError([f"Invalid unit type '{unit}'. Possible options are 'KMGTP'", ("fatal", "Invalid unit type")], 1)
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
    if given.has("whole_het") and given.text("whole_het").lower() not in ("", "yes", "no"):
        raise UsageError(f'Invalid --whole-hetjob value "{given.text("whole_het")}". Valid values: [yes|no].', 1)


def _format(given: Given) -> str:
    """What --format, --brief and --long name, one behind the other."""
    asked = [given.text("format")] if given.has("format") else []
    asked += [fields for name, fields in (("brief", table.BRIEF), ("long", table.LONG)) if given.has(name)]
    return ",".join(asked) if asked else table.DEFAULT


def wanted(given: Given, compat: tuple[int, int], now: float, streams: Streams) -> dict[str, list[str]]:
    """The filters for the controller (controller/accounting.py). Raises UsageError."""
    filters: dict[str, list[str]] = {}
    for name in ("accounts", "constraints", "flags", "names", "partitions", "qos", "reasons", "wckeys"):
        if given.has(name):
            filters[name] = words(given.text(name))
    if given.text("jobs"):
        filters["ids"] = _ids(given.text("jobs"), compat)
    if given.has("groups"):
        filters["gids"] = [_group(word) for word in words(given.text("groups"))]
    if given.has("nodes"):
        filters["nodes"] = hostlist.expand(given.text("nodes"))
    users = _users(given, "ids" in filters or "nodes" in filters)
    if users is not None:
        filters["uids"] = users
    if given.has("states"):
        filters["states"] = [_state(word) for word in words(given.text("states"))]
    for name, what in (("num_nodes", "node"), ("num_cpus", "cpu")):
        if given.has(name):
            filters[name] = _bounds(given.text(name), what)
    if given.has("least_limit"):
        low = _minutes(given.text("least_limit"))
        high = _minutes(given.text("most_limit")) if given.has("most_limit") else low
        filters["minutes"] = [str(low), str(high)]
    for flag, name in (("allocations", "allocations"), ("array", "array"), ("duplicates", "attempts")):
        if given.has(flag):
            filters[name] = ["1"]
    if given.has("whole_het"):
        filters["whole_het"] = [given.text("whole_het").lower() or "yes"]
    _window(given, filters, now, compat, streams)
    return filters


def _window(given: Given, filters: dict[str, list[str]], now: float, compat: tuple[int, int], streams: Streams) -> None:
    """The default is today; with states this moment; with jobs all time. Raises UsageError."""
    named, states = "ids" in filters, "states" in filters
    since = _instant(given.text("start"), now, compat) if given.has("start") else None
    before = _instant(given.text("end"), now, compat) if given.has("end") else None
    if before is None:
        before = since if states and since is not None else now
    if since is None:
        since = 0.0 if named else before if states else _midnight(now)
    if since > before:
        first, last = (time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at)) for at in (since, before))
        raise UsageError(f"Start time ({first}) requested is after end time ({last}).", 1)
    if given.has("verbose"):
        shown = [time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(at)) if at else "Epoch 0" for at in (since, before)]
        streams.err.write(f"sacct: Jobs Eligible in the time window from {shown[0]} to {shown[1]}\n")
    if named and not given.has("start") and not given.has("end") and not states:
        return  # also jobs that may not start yet
    filters["since"], filters["before"] = [repr(since)], [repr(before)]


def _midnight(now: float) -> float:
    today = time.localtime(now)
    return time.mktime((today.tm_year, today.tm_mon, today.tm_mday, 0, 0, 0, 0, 0, -1))


def _instant(text: str, now: float, compat: tuple[int, int]) -> float:
    try:
        return dates.parse(text, now, True, compat)
    except dates.DateError as error:
        raise UsageError([("", str(error))], 1) from None


def _ids(text: str, compat: tuple[int, int]) -> list[str]:
    found = []
    for word in (one.strip() for one in ids.listed(text)):
        head, _, step = word.partition(".")
        job, underscore, task = head.partition("_")
        if not job.partition("+")[0].isdecimal():
            raise UsageError([("fatal", f"Bad job/step specified: {word}")], 1)
        if underscore and not task.isdecimal() and (compat < (23, 2) or not task.startswith("[")):
            raise UsageError([("fatal", f"Bad job array element specified: {job}")], 1)
        try:
            found.append(str(ids.parse_job(word)))
        except ValueError:
            what = "Bad step specified" if step else "Bad job/step specified"
            raise UsageError([("fatal", f"{what}: {job if step else word}")], 1) from None
    return found


def _users(given: Given, all_by_default: bool) -> list[str] | None:
    """Numbers of users; None: everybody. Without a word of it: oneself, but everybody for root and where jobs are named."""
    if given.text("users"):
        found = []
        for word in words(given.text("users")):
            uid = uid_of(word)
            if uid is None or not _is_user(uid):
                raise UsageError(f"Invalid user id: {word}", 1)
            found.append(str(uid))
        return found
    if given.has("all_users") or all_by_default or os.geteuid() == 0:
        return None
    return [str(os.geteuid())]


def _is_user(uid: int) -> bool:
    import pwd

    try:
        pwd.getpwuid(uid)
    except KeyError:
        return uid == os.geteuid()
    return True


def _group(word: str) -> str:
    import grp

    try:
        if word.isascii() and word.isdecimal():
            return str(grp.getgrgid(int(word)).gr_gid)
        return str(grp.getgrnam(word).gr_gid)
    except KeyError:
        raise UsageError(f"Invalid group id: {word}", 1) from None


def _state(word: str) -> str:
    try:
        return parse_state(word)
    except ValueError:
        raise UsageError([("fatal", f"unrecognized job state value '{word}'")], 1) from None


def _bounds(text: str, what: str) -> list[str]:
    low, dash, high = text.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise UsageError(f'Invalid numeric value "{text}" for requested {what} range.', 1)
    return [low, high if dash else low]


def _minutes(text: str) -> int:
    from mgpu_slurm.base import units

    try:
        minutes = units.parse_minutes(text)
    except ValueError:
        raise UsageError([("fatal", "Invalid time limit specification")], 1) from None
    return UNBOUND if minutes == units.UNLIMITED else minutes


# --- the listing ----------------------------------------------------------------------------------------------------


def _elsewhere(given: Given, session: Session) -> bool:
    """Whether only clusters other than this one, or associations that nobody has, are asked for."""
    named = [word.lower() for word in words(given.text("clusters"))]
    other = bool(named) and not {"all", "-1", session.cluster_name.lower()} & set(named) and not given.has("all_clusters")
    return other or bool(given.text("associations") and "0" not in words(given.text("associations")))


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
    separator = (given.text("delimiter") or "|") if bare or ended else ""
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


def scripts(session: Session, given: Given, filters: dict[str, list[str]], streams: Streams) -> int:
    """--batch-script and --env-vars. Scripts are kept while the job is; environments are not given out."""
    columns, count, _ = query(session, "history", ["job_id"], {**filters, "allocations": ["1"]})
    for row in range(count):
        job_id = columns["job_id"][row]
        text = "NONE\n"
        if given.has("script"):
            streams.out.write(f"Batch Script for {job_id}\n{'-' * 80}\n")
            try:
                text = str(session.call({"kind": "get_script", "job_id": job_id})["text"])
            except SlurmError:
                pass  # gone, or not the caller's: shown as none
        else:
            streams.out.write(f"Environment used for {job_id} (must be batch to display)\n{'-' * 80}\n")
        streams.out.write(f"{text}\n")
    return 0
