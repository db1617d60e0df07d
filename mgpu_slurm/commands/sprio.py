"""sprio: what the priorities of waiting jobs are made of."""

from __future__ import annotations

from mgpu_slurm.base import billing
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import listing
from mgpu_slurm.commands.query_options import compat_without_cluster, look_at_clusters, query, read, told, uid_of, uids, words
from mgpu_slurm.facts.fields.field import View
from mgpu_slurm.facts.fields.sprio import WEIGHTS, fields, weights_line
from mgpu_slurm.facts.queries import sprio as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Given
    from mgpu_slurm.commands.session import Session

NOT_FOUND = "Unable to find jobs matching user/id(s) specified\n"
BASIC = "You are not running a supported priority plugin\n({}).\nOnly 'priority/multifactor' is supported.\n"


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    checks = {
        "users": lambda text, _given: uids(text, uid_of, "sprio", streams),
        "clusters": look_at_clusters(environ, cluster, "sprio", streams),
    }
    given = read(table.ROWS, argv, environ, "sprio", checks=checks)
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sprio", version, streams):
        return 0
    if given.has("helpformat"):
        streams.out.write("".join(f"%{letter}\n" for letter in sorted(fields({}).letters, key=lambda one: (one.lower(), one))))
        return 0
    if given.operands and given.has("jobs") and not given.text("jobs"):
        given.texts["jobs"] = given.operands.pop(0)
    if given.operands:
        streams.err.write(f"sprio: error: Unrecognized option: {given.operands[0]}\n")
        streams.out.write(table.USAGE)
        return 1
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    if given.has("clusters"):
        from mgpu_slurm.commands import clusters

        clusters.named(given, session.cluster_name, "sprio", streams)
    kind = str(session.config.get("PriorityType")) if session.config is not None else "priority/multifactor"
    if kind != "priority/multifactor":
        streams.err.write(BASIC.format(kind))
        return 1
    if given.has("verbose"):
        from mgpu_slurm.commands import parameters

        streams.out.write(parameters.sprio(given))
    return show(session, given, streams)


def configured_weights(session: Session) -> tuple[dict[str, float], str]:
    """Weights by letter, and the text of those of resources."""
    config = session.config
    if config is None:
        return dict.fromkeys(WEIGHTS, 0.0), ""
    weights = {letter: float(config.get(key) or 0) for letter, (_, key) in WEIGHTS.items()}
    return weights, str(config.get("PriorityWeightTRES") or "")


def format_text(given: Given, weights: Mapping[str, float], tres: str, compat: tuple[int, int]) -> str:
    """The default shows factors that count."""
    if given.has("format"):
        return given.text("format")
    norm = given.has("norm")
    if given.has("long"):
        if compat < (23, 2):
            return table.LONG_NORM_22_05 if norm else table.LONG_22_05
        return table.LONG_NORM if norm else table.LONG
    made = "%.15i %9r"
    if given.has("users"):
        made += " %.8u"
    made += " %10y" if norm else " %.10Y %.10S"
    for letter in WEIGHTS:
        if weights[letter]:
            made += f" %10{letter.lower()}" if norm else f" %.10{letter}"
    if tres:
        made += " %20t" if norm else " %.20T"
    return made


def show(session: Session, given: Given, streams: Streams) -> int:
    weights, tres = configured_weights(session)
    known = weights_line(weights, tres) if given.has("weights") else fields(weights, billing.weights(tres))
    made = listing.parse_letters(format_text(given, weights, tres, session.compat), known)
    for wrong in made.wrong:
        streams.err.write(f"sprio: error: Invalid job format specification: {wrong}\n")
    made.cells = [cell for cell in made.cells if cell.field is not None]
    view = View(compat=session.compat, cluster=session.cluster_name)
    if given.has("weights"):
        filters, _ = _filters(given, streams)
        if "ids" in filters and not query(session, "priorities", ["job_id"], filters)[1]:
            streams.out.write(NOT_FOUND)
            return 0
        _header(given, made, streams)
        streams.out.write(listing.lines(made, {"job_id": [0]}, view, 1))
        return 0
    filters, nobody = _filters(given, streams)
    keys, wrong = listing.parse_sort(given.text("sort") or "i", known.letters)
    if "jobs" in given.texts and not given.text("jobs"):
        streams.out.write(NOT_FOUND)  # a list of none
        return 0
    if wrong and not nobody:
        _header(given, made, streams)
        streams.out.flush()
        raise UsageError(f"Invalid sort specification: {wrong}", 1)
    columns: dict[str, list[Any]] = {}
    count = 0
    if not nobody:
        names = made.columns(name for letter, _, _ in keys for name in known.letters[letter].columns)
        try:
            columns, count, view.now = query(session, "priorities", names or ["job_id"], filters)
        except SlurmError as error:
            streams.err.write(f"sprio: error: Couldn't get priority factors from controller: {error.text}\n")
            return 1
    if not count and not nobody and "ids" in filters:
        streams.out.write(NOT_FOUND)
        return 0
    _header(given, made, streams)
    if count:
        rows = listing.order(list(range(count)), [(columns[known.letters[letter].columns[0]], back) for letter, back, _ in keys])
        streams.out.write(listing.lines(made, listing.reordered(columns, rows), view, count))
    return 0


def _header(given: Given, made: listing.Format, streams: Streams) -> None:
    if not given.has("noheader"):
        streams.out.write(listing.header(made))


def _filters(given: Given, streams: Streams) -> tuple[dict[str, list[str]], bool]:
    """What the controller is asked for, and whether nobody can be meant."""
    filters: dict[str, list[str]] = {}
    if given.text("jobs"):
        found = words(given.text("jobs"))
        for word in found:
            if not word.partition("_")[0].isdecimal():
                raise UsageError(f"Invalid job id: {word}", 1)
        filters["ids"] = found
    if given.has("partitions"):
        filters["partitions"] = words(given.text("partitions"))
    if not given.has("users"):
        return filters, False
    # they have been looked at where they stand on the command line
    users = uids(given.text("users"), uid_of, "sprio")
    filters["users"] = users
    return filters, not users
