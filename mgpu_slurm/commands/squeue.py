"""squeue: what waits, runs and has lately ended."""

from __future__ import annotations

import os
import time

from mgpu_slurm.base import hostlist, ids
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import listing
from mgpu_slurm.commands.query_options import (
    compat_without_cluster,
    date_line,
    document_wanted,
    interval,
    known_user,
    look_at_clusters,
    query,
    read,
    told,
    uids,
    words,
    wrong_interval,
)
from mgpu_slurm.commands.squeue_order import TIE_COLUMNS, ordered, per_partition, selected, selects, sort_columns, ties
from mgpu_slurm.facts.fields.field import View
from mgpu_slurm.facts.queries import squeue as table
from mgpu_slurm.facts.states import FLAG_CODE, VALID_STATES_TEXT, parse_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Asks, Given
    from mgpu_slurm.facts.fields.field import Fields

NOT_SORT_KEYS = frozenset("oZsY")
"""Letters that squeue prints and does not sort by."""

LISTS = ("partitions", "names", "accounts", "qos", "licenses", "reservation")
"""Options that are a list of words, as the controller's filters are called. Of those of a job only the first counts for steps."""


class Request:
    """What to ask for and how to show it."""

    __slots__ = (
        "at_least", "below", "fields", "filters", "format", "header", "long", "nobody", "not_uid", "sort", "split", "steps",
        "verbose", "view", "wait", "wrong_sort",
    )  # fmt: skip

    def __init__(self, steps: bool = False) -> None:
        self.fields = _fields(steps)
        self.format = listing.Format()
        self.sort: list[tuple[str, bool, bool]] = []
        self.view = View()
        self.filters: dict[str, list[str]] = {}
        self.steps = steps
        self.header = True
        self.long = False
        self.nobody = False  # a filter that nothing can pass
        self.at_least: int | None = None  # seconds of running
        self.below: int | None = None
        self.not_uid: int | None = None  # whose jobs are left out
        self.split = False  # a line per partition
        self.verbose = False
        self.wait = 0  # seconds between repetitions, 0 = once
        self.wrong_sort = ""  # a letter that nothing can be sorted by, told where the sorting begins


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    checks = {
        "users": lambda text, _given: uids(text, known_user, "squeue", streams),
        "states": lambda text, _given: _states_named(text), "iterate": lambda text, _given: _wait(text),
        "format": _one_format, "names_format": _one_format,
        "clusters": look_at_clusters(environ, cluster, "squeue", streams),
    }  # fmt: skip
    given = read(table.ROWS, argv, environ, "squeue", checks=checks)
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "squeue", version, streams):
        return 0
    if help_lists(given, streams):
        return 0
    asked = request(given, environ, streams)
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    headline = ""
    if given.has("clusters"):
        from mgpu_slurm.commands import clusters

        headline = clusters.headline(given, session.cluster_name, "squeue", streams)
    if given.has("verbose"):
        from mgpu_slurm.commands import parameters

        streams.out.write(parameters.squeue(given))
        asked.verbose = True
    asked.view = view(given, environ, session.compat, session.cluster_name)
    asked.view.warn = lambda text: streams.err.write(f"squeue: error: {text}\n")
    if wanted := document_wanted(given):
        from mgpu_slurm.commands import records_json

        return records_json.jobs(session, asked.filters, wanted == "yaml", streams)
    while True:
        if asked.wait or asked.verbose or (asked.long and not given.has("noheader")):
            streams.out.write(date_line())
        streams.out.write(headline)
        status = show(session, asked, streams)
        if not asked.wait or status:
            return status
        streams.out.write("\n")
        streams.out.flush()
        time.sleep(asked.wait)


def view(given: Given, environ: Mapping[str, str], compat: tuple[int, int], cluster: str) -> View:
    length = environ.get("SLURM_BITSTR_LEN")
    return View(
        style=environ.get("SLURM_TIME_FORMAT", ""),
        compat=compat,
        raw_units=given.has("noconvert"),
        list_length=int(length) if length is not None and length.isdecimal() else None,
        cluster=cluster,
        array=given.has("array"),
    )


def help_lists(given: Given, streams: Streams) -> bool:
    """--helpstate, --helpformat, --helpFormat."""
    if given.has("helpstate"):
        streams.out.write("".join(f"{word}\n" for word in VALID_STATES_TEXT.split(",")))
    elif given.has("helpformat"):
        streams.out.write("".join(f"{letter}\n" for letter in listing.LETTERS if letter in _fields(False).letters))
    elif given.has("helpnames"):
        streams.out.write("".join(f"{row.names[0]}\n" for row in _fields(False).rows if row.names))
    else:
        return False
    return True


def _fields(steps: bool) -> Fields:
    if steps:
        from mgpu_slurm.facts.fields.step import STEP

        return STEP
    from mgpu_slurm.facts.fields.job import JOB

    return JOB


# --- options --------------------------------------------------------------------------------------------------------


def request(given: Given, environ: Mapping[str, str], streams: Streams) -> Request:
    """The options, checked. Raises UsageError; what Slurm only complains about is written at once."""
    asked = Request(given.has("steps"))
    _operands(given, asked, streams)
    if given.has("names_format") and given.has("format"):
        if given.from_environment >= {"names_format", "format"} or "names_format" in given.from_environment:
            del given.counts["names_format"]
        else:
            del given.counts["format"]
    if given.has("long") and given.has("format") and "format" not in given.from_environment:
        text = "Options -o(--format) and -l(--long) are mutually exclusive. Please remove one and retry."
        raise UsageError([("fatal", text)], 1)
    if given.has("iterate"):
        asked.wait = _wait(given.text("iterate"))
    asked.header = not given.has("noheader")
    asked.split = given.has("priority")
    _filters(given, asked, streams)
    _layout(given, asked, streams)
    return asked


def _one_format(_text: str, given: Given) -> None:
    if {"format", "names_format"} <= given.counts.keys():
        second, first = ("-o (--format)", "-O (--Format)")[:: 1 if given.order[-1] == "format" else -1]
        raise UsageError(f"{second} is incompatible with {first}", 1)


def _wait(text: str) -> int:
    wait = interval(text)
    if wait is None:
        raise wrong_interval(text)
    return wait


def _operands(given: Given, asked: Request, streams: Streams) -> None:
    """A bare word is the list of --jobs or --steps given without one."""
    for name in table.BARE_LISTS:
        if given.operands and given.has(name) and not given.text(name):
            given.texts[name] = given.operands.pop(0)
    if given.operands:
        streams.out.write(table.USAGE)
        raise UsageError(f"Unrecognized option: {given.operands[0]}", 1)


def _filters(given: Given, asked: Request, streams: Streams) -> None:
    filters = asked.filters
    for name in ("partitions",) if asked.steps else LISTS:
        if given.has(name):
            filters[name] = words(given.text(name))
    if given.has("array"):
        filters["array"] = ["1"]
    jobs = _jobs_asked(given.text("jobs")) if given.text("jobs") else []
    ids_wanted = (_steps_asked(given.text("steps")) if asked.steps else []) or jobs
    if ids_wanted:
        filters["ids"] = ids_wanted
    elif any(name in given.texts for name in table.BARE_LISTS):
        asked.nobody = True  # a list of none
    if given.has("nodes"):
        filters["nodes"] = _nodes_asked(given.text("nodes"))
    if given.has("notme"):
        asked.not_uid = os.geteuid()
    asked.at_least = _duration(given, "running_over")
    asked.below = _duration(given, "running_under")
    _users(given, asked, streams)
    _states(given, asked)


def _duration(given: Given, name: str) -> int | None:
    if not given.has(name):
        return None
    from mgpu_slurm.base import units

    try:
        return units.parse_seconds(given.text(name))
    except ValueError:
        raise UsageError(f"Invalid time specification --{name.replace('_', '-')}={given.text(name)}", 1) from None


def _users(given: Given, asked: Request, streams: Streams) -> None:
    last = next((name for name in reversed(given.order) if name in ("users", "me")), "users")
    if last == "me" or (given.has("me") and not given.has("users")):
        asked.filters["users"] = [str(os.geteuid())]
        return
    if not given.has("users"):
        return
    # a command line's users have been looked at where they stand
    found = uids(given.text("users"), known_user, "squeue", streams if "users" in given.from_environment else None)
    asked.filters["users"] = found
    asked.nobody = not found


def _states(given: Given, asked: Request) -> None:
    if asked.steps and not given.has("states"):
        return
    if not given.has("states"):
        asked.filters["states"] = ["PENDING", *FLAG_CODE] if given.has("start") else ["live"]
        return
    found = _states_named(given.text("states"))
    asked.nobody = asked.nobody or (not found and not asked.steps)
    if found and (not asked.steps or found == ["all"]):
        asked.filters["states"] = found


def _states_named(text: str) -> list[str]:
    """Raises UsageError."""
    if text.lower() == "all":
        return ["all"]
    found = []
    for word in words(text):
        try:
            found.append(parse_state(word))
        except ValueError:
            first, second = f"Invalid job state specified: {word}", f"Valid job states include: {VALID_STATES_TEXT}"
            raise UsageError([first, second, ("", "")], 1) from None
    return found


def _jobs_asked(text: str) -> list[str]:
    """The list of --jobs as the controller reads it. Raises UsageError."""
    found = []
    for word in _id_words(text):
        try:
            ref = ids.parse_job(word)
        except ValueError:
            raise UsageError(f"Invalid job id: {word}", 1) from None
        found.append(str(ids.JobRef(ref.job, ref.tasks, ref.het)))
    return found


def _steps_asked(text: str) -> list[str]:
    found = []
    for word in _id_words(text):
        try:
            ref = ids.parse_job(word)
            if ref.step is None:
                raise ValueError(word)
        except ValueError:
            shown = word if "." in word else f"{word}.??"
            raise UsageError(f"Invalid job_step id: {shown}", 1) from None
        found.append(str(ref))
    return found


def _id_words(text: str) -> list[str]:
    """Split at commas outside of brackets."""
    found = [""]
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if (char == "," or char.isspace()) and depth <= 0:
            found.append("")
        else:
            found[-1] += char
    return [word for word in found if word]


def _nodes_asked(text: str) -> list[str]:
    try:
        names = hostlist.expand(text)
    except hostlist.HostlistError:
        raise UsageError(f"Invalid node name {text}", 1) from None
    if "localhost" in names:
        own = os.uname().nodename.partition(".")[0]
        names = [own if name == "localhost" else name for name in names]
    return names


def _layout(given: Given, asked: Request, streams: Streams) -> None:
    """Columns and order."""
    if given.has("names_format"):
        asked.format = listing.parse_names(given.text("names_format"), asked.fields)
    elif given.has("format"):
        asked.format = listing.parse_letters(given.text("format"), asked.fields)
    elif asked.steps:
        asked.format = listing.parse_letters(table.STEPS, asked.fields)
    elif given.has("start"):
        asked.format = listing.parse_letters(table.START, asked.fields)
    elif given.has("only_state"):
        asked.format = listing.parse_letters(table.ONLY_STATE, asked.fields)
    else:
        asked.format = listing.parse_names(table.LONG if given.has("long") else table.JOBS, asked.fields)
    asked.long = given.has("long")
    for wrong in asked.format.wrong:
        streams.err.write(f"squeue: error: Invalid job{' step' * asked.steps} format specification: {wrong}\n")
    text = table.SORT_STEPS if asked.steps else table.SORT_START if given.has("start") else table.SORT_JOBS
    if given.has("sort"):
        text = given.text("sort")
    known = [letter for letter in asked.fields.letters if letter not in NOT_SORT_KEYS]
    asked.sort, wrong = listing.parse_sort(text, known, configured_order=False)
    # of steps such a letter means nothing
    asked.wrong_sort = "" if asked.steps else wrong


# --- the listing ----------------------------------------------------------------------------------------------------


def show(session: Asks, asked: Request, streams: Streams) -> int:
    """Ask once and print. Errors of the controller are written; the result is an exit status."""
    made = asked.format
    kind = "steps" if asked.steps else "jobs"
    columns: dict[str, list[Any]] = {}
    count = 0
    # an id that is none is told also where nobody could be meant
    if not asked.nobody or asked.filters.get("ids"):
        try:
            columns, count, asked.view.now = query(session, kind, wanted_columns(asked), asked.filters)
        except SlurmError as error:
            if error.text.startswith("Invalid node name "):
                streams.err.write(f"squeue: error: {error.text}\n")
            else:
                streams.err.write(f"slurm_load_jobs error: {error.text}\n")
            return 1
    if asked.nobody:
        count = 0
    if asked.verbose:
        streams.out.write(f"last_update_time={asked.view.now:.0f} records={count}\n")
    if asked.header:
        streams.out.write(listing.header(made))
    if asked.wrong_sort:
        streams.out.flush()
        raise UsageError(f"Invalid sort specification: {asked.wrong_sort}", 1)
    if not count:
        return 0
    if selects(asked):
        columns, count = selected(asked, columns, count)
    if asked.split:
        columns, count = per_partition(columns, count)
    rows = ties(asked.sort, asked.steps, columns, count, asked.filters.get("ids") or ())
    rows = ordered(rows, asked.sort, asked.fields, asked.steps, asked.view, columns)
    columns = listing.reordered({name: columns[name] for name in made.columns()}, rows)
    streams.out.write(listing.lines(made, columns, asked.view, count))
    return 0


def wanted_columns(asked: Request) -> list[str]:
    more: list[str] = ["state", "run_seconds", "uid"] if selects(asked) else []
    for letter, _, _ in asked.sort:
        more += sort_columns(asked.fields, letter, asked.steps)
    if not asked.steps:
        more += [*TIE_COLUMNS, "partition"] if asked.split else TIE_COLUMNS
        if len(asked.filters.get("ids") or ()) == 1:
            more.append("het_job_id")
    return asked.format.columns(more)
