"""sinfo: partitions and nodes."""

from __future__ import annotations

import os
import time

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import listing, sinfo_groups
from mgpu_slurm.commands.query_options import (
    compat_without_cluster,
    date_line,
    document_wanted,
    interval,
    look_at_clusters,
    query,
    read,
    told,
    words,
)
from mgpu_slurm.facts.fields.field import View, long_seconds
from mgpu_slurm.facts.fields.partition import SINFO
from mgpu_slurm.facts.queries import sinfo as options
from mgpu_slurm.facts.states import NODE_FLAGS, NODE_SHORT, NODE_STATES, node_rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Asks, Given
    from mgpu_slurm.commands.sinfo_groups import Group

    Record = Mapping[str, Any]

UNUSABLE = ("DOWN", "DRAIN", "FAIL")
"""What -R lists."""


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    checks = {
        "states": lambda _text, given: state_filter(given, version), "iterate": lambda text, _given: _wait(text),
        "clusters": look_at_clusters(environ, cluster, "sinfo", streams),
    }  # fmt: skip
    given = read(options.ROWS, argv, environ, "sinfo", checks=checks)
    if told(given, options.USAGE, "sinfo", version, streams):
        return 0
    if help_lists(given, streams):
        return 0
    check(given)
    matches = state_filter(given, version)
    wait = _wait(given.text("iterate")) if given.has("iterate") else 0
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    headline = ""
    if given.has("clusters"):
        from mgpu_slurm.commands import clusters

        headline = clusters.headline(given, session.cluster_name, "sinfo", streams)
    view = View(style=environ.get("SLURM_TIME_FORMAT", ""), compat=session.compat, raw_units=given.has("noconvert"))
    view.warn = lambda text: streams.err.write(f"sinfo: error: {text}\n")
    if wanted := document_wanted(given):
        from mgpu_slurm.commands import records_json

        parts = words(given.text("partition")) if given.has("partition") else None
        try:
            nodes = hostlist.expand(given.text("nodes")) if given.has("nodes") else None
        except hostlist.HostlistError:
            nodes = []
        hidden = given.has("all") or os.geteuid() == 0

        def seen(node: Record) -> bool:
            return is_wanted(_as_shown(dict(node)), given, matches)

        return records_json.partitions_and_nodes(session, parts, nodes, hidden, seen, wanted == "yaml", streams)
    if given.has("verbose"):
        from mgpu_slurm.commands import parameters

        made = chosen_format(given, view.compat, 9, 0)
        shown = [cell.field for cell in made.cells if cell.field is not None]
        streams.out.write(parameters.sinfo(given, format_text(given, view.compat, 9, 0), shown))
    while True:
        if wait or given.has("long") or given.has("verbose"):
            streams.out.write(date_line())
        streams.out.write(headline)
        try:
            show(session, given, matches, view, streams)
        except SlurmError as error:
            streams.err.write(f"slurm_load_partitions: {error.text}\n")
            return 1
        if not wait:
            return 0
        streams.out.write("\n")
        streams.out.flush()
        time.sleep(wait)


def _wait(text: str) -> int:
    """Seconds between listings. Raises UsageError."""
    wait = interval(text)
    if wait is None:
        raise UsageError(f"Error: invalid entry for --iterate={text}", 1)
    return wait


def help_lists(given: Given, streams: Streams) -> bool:
    if given.has("helpstate"):
        streams.out.write("".join(f"{word}\n" for word in options.STATES_TEXT.split(",")))
    elif given.has("helpformat"):
        streams.out.write("".join(f"{letter}\n" for letter in listing.LETTERS if letter in SINFO.letters))
    elif given.has("helpnames"):
        streams.out.write("".join(f"{row.names[0]}\n" for row in SINFO.rows))
    else:
        return False
    return True


def check(given: Given) -> None:
    """Options that exclude each other. Raises UsageError."""
    if given.has("all") and given.has("partition") and not {"all", "partition"} & given.from_environment:
        raise UsageError("Conflicting options, -a and -p, specified. Please choose one or the other.", 1)
    formats = {name for name in ("format", "names_format") if given.has(name)} - given.from_environment
    if given.has("long") and formats:
        text = "Options -o(--format) and -l(--long) are mutually exclusive. Please remove one and retry."
        raise UsageError([("fatal", text)], 1)


# --- which nodes ----------------------------------------------------------------------------------------------------


SIGNS = (23, 2)
"""Since this version `+` is and, `~` and `!` are not."""


def state_filter(given: Given, version: Callable[[], tuple[int, int]]) -> Callable[[Record], bool] | None:
    """The test of --states, or of -R. `,` is or, `&` and later `+` are and, `~` and `!` not. Raises UsageError."""
    if given.has("states"):
        text = given.text("states")
        if text.strip().lower() == "all":
            return None
        if any(sign in text for sign in "+~!") and version() < SIGNS:
            wrong = next(part for part in text.replace("&", ",").split(",") if any(sign in part for sign in "+~!"))
            raise UsageError(_bad_state(wrong), 1)
        return _any([_all([_state(part, word) for part in _terms(word)]) for word in words(text)])
    if given.has("reasons"):
        return lambda node: node["state"] == "DOWN" or any(flag in node["flags"] for flag in UNUSABLE)
    return None


def _any(tests: list[Callable[[Record], bool]]) -> Callable[[Record], bool]:
    return lambda node: any(test(node) for test in tests)


def _all(tests: list[Callable[[Record], bool]]) -> Callable[[Record], bool]:
    return lambda node: all(test(node) for test in tests)


def _terms(word: str) -> list[str]:
    return [part for part in word.replace("+", "&").split("&") if part]


_ALIASES = {
    "DRAINED": "DRAINED", "DRAINING": "DRAINING", "DRNG": "DRAINING", "NO_RESPOND": "NOT_RESPONDING", "MAINT": "MAINT",
    "RESUME": "RESUME", "PERFCTRS": "PERFCTRS", "RESV": "RESERVED", "FAILING": "FAILING", "FAILG": "FAILING",
    "NPC": "PERFCTRS", "COMP": "COMPLETING", "PLND": "PLANNED", "INVAL": "INVALID_REG",
}  # fmt: skip


def _state(term: str, whole: str) -> Callable[[Record], bool]:
    """One state, by the beginning of its long or short name in any case. Raises UsageError."""
    negated = term[:1] in "~!"
    name = term.lstrip("~!").upper()
    bases = [base for base, _ in NODE_STATES]
    known = [*bases, *_ALIASES, *NODE_FLAGS, *(short for _, short in NODE_STATES), *NODE_SHORT.values()]
    if name not in known:
        name = next((word for word in known if name and word.startswith(name)), "")
    if not name:
        raise UsageError(_bad_state(whole), 1)
    shorts = {short: base for base, short in NODE_STATES}
    name = _ALIASES.get(name, shorts.get(name, name))
    by_short = {short: long for long, short in NODE_SHORT.items()}
    if name not in bases and name not in NODE_FLAGS and name not in _ALIASES.values():
        name = by_short.get(name, name)
    test = _test(name, bases)
    return (lambda node: not test(node)) if negated else test


def _bad_state(word: str) -> list[str]:
    return [f'Bad state string: "{word}"', f"valid states: {options.STATES_TEXT}"]


def _test(name: str, bases: Sequence[str]) -> Callable[[Record], bool]:
    def busy(node: Record) -> bool:
        return node["state"] in ("ALLOCATED", "MIXED") or "COMPLETING" in node["flags"]

    if name in ("DRAIN", "FAIL"):
        return lambda node: name in node["flags"]
    if name == "DRAINED":
        return lambda node: "DRAIN" in node["flags"] and not busy(node)
    if name == "DRAINING":
        return lambda node: "DRAIN" in node["flags"] and busy(node)
    if name == "FAILING":
        return lambda node: "FAIL" in node["flags"] and (node["state"] == "ALLOCATED" or "COMPLETING" in node["flags"])
    if name == "ALLOCATED":
        return lambda node: node["state"] in ("ALLOCATED", "MIXED")
    if name in bases:
        return lambda node: node["state"] == name
    return lambda node: name in node["flags"]


# --- the listing ----------------------------------------------------------------------------------------------------


def show(
    session: Asks, given: Given, matches: Callable[[Record], bool] | None, view: View, streams: Streams
) -> None:
    """Ask once and print. Raises SlurmError."""
    if given.has("reservations"):
        show_reservations(session, given, view, streams)
        return
    made = chosen_format(given, view.compat, 9, 9)
    keys = sort_given(given, view.compat)
    extra = [name for letter, _, _ in keys for name in _sort_needs(letter)]
    own = [name[2:] for name in extra if name.startswith("p.")]
    columns = dict.fromkeys(["name", "node_names", "hidden", "default", *own, *sinfo_groups.partition_columns(made)])
    partitions = records(*query(session, "partitions", list(columns))[:2])
    wanted = words(given.text("partition")) if given.has("partition") else None
    if wanted is not None:
        partitions = [one for one in partitions if one["name"] in wanted]
    elif not given.has("all") and os.geteuid() != 0:
        partitions = [one for one in partitions if not one["hidden"]]
    of_nodes = [name for name in extra if not name.startswith(("p.", "#"))]
    names = dict.fromkeys([*sinfo_groups.GROUP_COLUMNS, *of_nodes, *sinfo_groups.node_columns(made)])
    table, count, view.now = query(session, "nodes", list(names))
    nodes = {node["name"]: node for node in map(_as_shown, records(table, count)) if is_wanted(node, given, matches)}
    if not given.has("format") and not given.has("names_format"):
        # these two columns grow with what they hold
        longest = max([len(one["name"]) + bool(one["default"]) for one in partitions] or [0])
        made = chosen_format(given, view.compat, max(9, longest), max([9, *map(len, nodes)]))
    if not given.has("noheader"):
        streams.out.write(listing.header(made))
    complain(made, given, streams)
    by_node = given.has("by_node")
    groups = sinfo_groups.group(made, nodes, partitions, given.has("exact"), by_node, not by_node and not given.has("reasons"))
    if not groups or not partitions:
        return
    rows = sinfo_groups.table(made, groups, extra)
    order = listing.order(list(range(len(groups))), [(sort_values(key, groups, rows, view), key[1]) for key in keys])
    streams.out.write(listing.lines(made, listing.reordered(rows, order), view, len(groups)))


def show_reservations(session: Asks, given: Given, view: View, streams: Streams) -> None:
    """-T: a line a reservation; formats and filters of partitions and nodes mean nothing to it."""
    columns, count, view.now = query(session, "reservations", ["name", "active", "start", "end", "nodes"])
    if not count:
        streams.out.write("No reservations in the system\n")
        return
    width = max(9, *(len(name) for name in columns["name"]))
    if not given.has("noheader"):
        streams.out.write(f"{'RESV_NAME':<{width}}  {'STATE':>8}  {'START_TIME':>19}  ")
        streams.out.write(f"{'END_TIME':>19}  {'DURATION':>11}  NODELIST\n")
    for one in records(columns, count):
        state = "ACTIVE" if one["active"] else "INACTIVE"
        start, end = view.time(one["start"], "Unknown"), view.time(one["end"], "Unknown")
        duration = long_seconds(int(one["end"] - one["start"]))
        streams.out.write(f"{one['name']:<{width}}  {state:>8}  {start:>19}  {end:>19}  {duration:>11}  {one['nodes']}\n")


def complain(made: listing.Format, given: Given, streams: Streams) -> None:
    front = "sinfo: error: Invalid job format specification: " if given.has("names_format") else ""
    for wrong in made.wrong:
        streams.err.write(f"{front or 'Invalid node format specification: '}{wrong}\n")


def records(columns: Mapping[str, Sequence[Any]], count: int) -> list[dict[str, Any]]:
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def _as_shown(node: dict[str, Any]) -> dict[str, Any]:
    """A node that is draining counts as allocated however little of it is, other than in `scontrol show node`."""
    return {**node, "state": "ALLOCATED"} if node["state"] == "MIXED" and "DRAIN" in node["flags"] else node


def is_wanted(node: Record, given: Given, matches: Callable[[Record], bool] | None) -> bool:
    if given.has("nodes"):
        try:
            if node["name"] not in hostlist.expand(given.text("nodes")):
                return False
        except hostlist.HostlistError:
            return False
    silent = "NOT_RESPONDING" in node["flags"]
    if (given.has("dead") and not silent) or (given.has("responding") and silent):
        return False
    if node["state"] == "FUTURE" and not given.has("future") and not given.has("states"):
        return False
    return matches is None or matches(node)


def chosen_format(given: Given, compat: tuple[int, int], partition: int, node: int) -> listing.Format:
    """The columns; `partition` and `node` are the widths of those that grow."""
    text = format_text(given, compat, partition, node)
    by_letters = given.has("format") and "names_format" not in given.order and text == given.text("format")
    return (listing.parse_letters if by_letters else listing.parse_names)(text, SINFO.at(compat))


def format_text(given: Given, compat: tuple[int, int], partition: int, node: int) -> str:
    """What --format or --Format says, or what stands in for it."""
    if given.has("names_format") and "names_format" in given.order:
        return given.text("names_format")
    by_node = given.has("by_node")
    if given.has("format") and not (by_node and "format" in given.from_environment):
        return given.text("format")
    long = given.has("long")
    if given.has("reasons") and not by_node:
        text = options.REASONS_LONG if long else options.REASONS
    elif given.has("summarize"):
        text = options.SUMMARY
    elif by_node:
        text = options.NODES_LONG if long else options.NODES
    elif long:
        text = options.LONG.replace("{r}", options.LONG_RESERVATION if compat >= (24, 5) else "")
    else:
        text = options.PLAIN
    return text.replace("{p}", str(partition)).replace("{n}", str(node))


# --- order ----------------------------------------------------------------------------------------------------------


NOT_SORTED = frozenset("CLVi")
"""Letters by which Slurm does not sort."""
ENDLESS = float("inf")


def sort_given(given: Given, compat: tuple[int, int]) -> list[tuple[str, bool, bool]]:
    """The keys of --sort; a letter that nothing can be sorted by is nothing, as in Slurm."""
    default = options.SORT_NODES if given.has("by_node") else options.SORT
    text = given.text("sort") if given.has("sort") else default
    return [key for key in listing.parse_sort(text, SINFO.at(compat).letters)[0] if key[0] not in NOT_SORTED]


def _sort_needs(letter: str) -> tuple[str, ...]:
    return SINFO.letters[letter].columns


def sort_values(key: tuple[str, bool, bool], groups: Sequence[Group], rows: Mapping[str, Sequence[Any]], view: View) -> list[Any]:
    """What a letter compares, a value a group."""
    letter, _, configured = key
    if letter in "PR":
        if configured:
            return [one.rank for one in groups]
        return [name or "" for name in rows["p.name"]]
    if letter in "tT":
        return [
            node_rank(state or "UNKNOWN", flags)
            for state, flags in zip(rows["state"], rows["flags"], strict=True)
        ]
    if letter == "N":
        return [hostlist.sort_key(one.nodes[0]["name"]) if one.nodes else ([], 0, 0) for one in groups]
    field = SINFO.letters[letter]
    values = rows[field.columns[0]]
    if letter == "E":
        return [reason or "" for reason in values]
    if letter in "AF":
        return [int(text.partition("/")[0]) for text in values]
    if letter in "luU":  # no limit comes after any, nobody after all users
        return [ENDLESS if value is None or value < 0 else value for value in values]
    if len(field.columns) == 1 and all(isinstance(value, (int, float)) for value in values):
        return list(values)
    return [str(text) for text in listing.field_texts(field, rows, view)]
