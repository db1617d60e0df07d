"""What sacct's options choose: filters for the controller (controller/accounting.py), read as Slurm reads them.

A list that is given but empty names what nothing is called: no row passes. The window of time without a word is today, with
states this moment, and with jobs all time; jobs that are named count from their submission, others from the moment they might
have started.
"""

from __future__ import annotations

import os
import time

from mgpu_slurm.base import hostlist, ids
from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.commands.query_options import Given, uid_of, words
from mgpu_slurm.facts.queries import sacct as table
from mgpu_slurm.facts.states import ACCOUNTED, parse_state
from mgpu_slurm.intake import dates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.__main__ import Streams

UNBOUND = "inf"
_ID_BITS = 32

EXACT = ("accounts", "names", "partitions", "qos", "reasons", "wckeys")
"""Filters that are a list of names."""


def checks(version: Callable[[], tuple[int, int]], now: float) -> dict[str, Callable[[str, Given], object]]:
    """What looks at the options' texts where they stand (query_options.read): each raises UsageError."""
    return {
        "end": lambda text, _given: _instant(text, now, version()),
        "flags": lambda text, _given: flags(text),
        "groups": lambda text, _given: [_group(word) for word in _words(text)],
        "jobs": lambda text, _given: job_ids(text, version()),
        "least_limit": lambda text, _given: _minutes(text),
        "most_limit": lambda text, _given: _minutes(text),
        "num_cpus": lambda text, _given: _bounds(text, "cpu"),
        "num_nodes": lambda text, _given: _bounds(text, "node"),
        "start": lambda text, _given: _instant(text, now, version()),
        "states": lambda text, _given: [_state(word) for word in words(text)],
        "users": lambda text, _given: [_user(word) for word in _words(text)],
    }


def wanted(given: Given, compat: tuple[int, int], now: float, streams: Streams) -> dict[str, list[str]]:
    """Raises UsageError."""
    filters: dict[str, list[str]] = {}
    for name in EXACT:
        if given.has(name):
            filters[name] = words(given.text(name)) or [""]
    if given.text("constraints"):
        filters["constraints"] = words(given.text("constraints"))
    if given.has("flags"):
        filters["flags"] = flags(given.text("flags")) or [""]
    if given.has("jobs"):
        found = job_ids(given.text("jobs"), compat)
        if found is not None:
            filters["ids"] = found
    if given.has("groups"):
        filters["gids"] = [_group(word) for word in _words(given.text("groups"))]
    if given.has("nodes"):
        filters["nodes"] = _nodes(given.text("nodes"))
    users = _users(given, "ids" in filters or "nodes" in filters)
    if users is not None:
        filters["uids"] = users
    if given.text("states"):
        filters["states"] = [_state(word) for word in words(given.text("states"))]
    for name, what in (("num_nodes", "node"), ("num_cpus", "cpu")):
        if given.has(name):
            bounds = _bounds(given.text(name), what)
            if bounds != ["0", "0"]:
                filters[name] = bounds
    _limits(given, filters)
    for flag, name in (("allocations", "allocations"), ("array", "array"), ("duplicates", "attempts")):
        if given.has(flag):
            filters[name] = ["1"]
    if given.has("whole_het"):
        filters["whole_het"] = [given.text("whole_het").lower() or "yes"]
    _window(given, filters, now, compat, streams)
    return filters


def _words(text: str) -> list[str]:
    """Of a list that must name something: Slurm ends without a word where it does not. Raises UsageError."""
    found = words(text)
    if not found:
        raise UsageError([], 1)
    return found


def flags(text: str) -> list[str]:
    """In Slurm's spelling, whatever the case. Raises UsageError."""
    known = {name.lower(): name for name in table.FLAGS}
    for word in words(text):
        if word.lower() not in known:
            raise UsageError(f"str_2_job_flags: Invalid job flag {word}", 1)
    return [known[word.lower()] for word in words(text)]


# --- time -----------------------------------------------------------------------------------------------------------


def _window(given: Given, filters: dict[str, list[str]], now: float, compat: tuple[int, int], streams: Streams) -> None:
    """Raises UsageError. An instant that is nothing, or 1970, is none."""
    named, states = "ids" in filters, "states" in filters
    since = _instant(given.text("start"), now, compat)
    before = _instant(given.text("end"), now, compat)
    if not before:
        before = since if states and since else now
    if not since:
        since = 0.0 if named else before if states else _midnight(now)
    if since > before:
        first, last = (time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at)) for at in (since, before))
        raise UsageError(f"Start time ({first}) requested is after end time ({last}).", 1)
    if given.has("verbose"):
        shown = [time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(at)) if at else "Epoch 0" for at in (since, before)]
        streams.err.write(f"sacct: Jobs Eligible in the time window from {shown[0]} to {shown[1]}\n")
    if named and not given.has("start") and not given.has("end") and not states:
        return
    filters["since"], filters["before"] = [repr(since)], [repr(before)]


def _midnight(now: float) -> float:
    today = time.localtime(now)
    return time.mktime((today.tm_year, today.tm_mon, today.tm_mday, 0, 0, 0, 0, 0, -1))


def _instant(text: str, now: float, compat: tuple[int, int]) -> float:
    if not text:
        return 0.0
    try:
        return dates.parse(text, now, True, compat)
    except dates.DateError as error:
        raise UsageError([("", str(error))], 1) from None


# --- jobs, users, groups, nodes -------------------------------------------------------------------------------------


def job_ids(text: str, compat: tuple[int, int]) -> list[str] | None:
    """JOB, JOB_TASK, JOB+COMPONENT, each with .STEP; None where no job is named. Slurm takes 32 bits of a number, and what
    follows a second dot is nothing. Raises UsageError."""
    found = []
    for word in (one.strip() for one in ids.listed(text)):
        head, _, step = word.partition(".")
        job, underscore, task = head.partition("_")
        number, plus, component = job.partition("+")
        if not number.isdecimal():
            raise UsageError([("fatal", f"Bad job/step specified: {word}")], 1)
        if underscore and not task.isdecimal() and (compat < (23, 2) or not task.startswith("[")):
            raise UsageError([("fatal", f"Bad job array element specified: {job}")], 1)
        number = str(min(int(number) % (1 << _ID_BITS), ids.MAX_JOB_ID))
        if number == "0":
            continue
        whole = number + plus + component + underscore + task + (f".{step.partition('.')[0]}" if step else "")
        try:
            found.append(str(ids.parse_job(whole)))
        except ValueError:
            what = "Bad step specified" if step else "Bad job/step specified"
            raise UsageError([("fatal", f"{what}: {job if step else word}")], 1) from None
    return found or None


def _users(given: Given, all_by_default: bool) -> list[str] | None:
    """Numbers of users; None: everybody. Without a word of it: oneself, but everybody for root and where jobs are named."""
    asked = [name for name in given.order if name in ("users", "all_users")]
    if asked and asked[-1] == "users":
        return [_user(word) for word in _words(given.text("users"))]
    if asked or all_by_default or os.geteuid() == 0:
        return None
    return [str(os.geteuid())]


def _user(word: str) -> str:
    uid = uid_of(word)
    if uid is None or not _is_user(uid):
        raise UsageError(f"Invalid user id: {word}", 1)
    return str(uid)


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


def _nodes(text: str) -> list[str]:
    """A list without an end has no node in it. Raises UsageError."""
    try:
        return hostlist.expand(text) or [""]
    except hostlist.HostlistError:
        if text.count("[") == text.count("]"):
            raise UsageError("Invalid argument", 22) from None
        return [""]


# --- states and bounds ----------------------------------------------------------------------------------------------


def _state(word: str) -> str:
    try:
        state = parse_state(word)
    except ValueError:
        raise UsageError([("fatal", f"unrecognized job state value '{word}'")], 1) from None
    if state not in ACCOUNTED:
        raise UsageError([("fatal", f"job state {word} is not supported / accounted")], 1)
    return state


def _bounds(text: str, what: str) -> list[str]:
    if not text:
        return ["0", UNBOUND]
    low, dash, high = text.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise UsageError(f'Invalid numeric value "{text}" for requested {what} range.', 1)
    return [low, high if dash else low]


def _limits(given: Given, filters: dict[str, list[str]]) -> None:
    bounds = {name: _minutes(given.text(name)) for name in ("least_limit", "most_limit") if given.has(name)}
    if "least_limit" in bounds:
        low = bounds["least_limit"]
        filters["minutes"] = [low, bounds.get("most_limit", low)]


def _minutes(text: str) -> str:
    from mgpu_slurm.base import units

    try:
        minutes = units.parse_minutes(text)
    except ValueError:
        minutes = 0
    if not minutes:
        raise UsageError([("fatal", "Invalid time limit specification")], 1)
    return UNBOUND if minutes == units.UNLIMITED else str(minutes)
