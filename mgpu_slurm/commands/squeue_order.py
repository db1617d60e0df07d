"""Which lines squeue shows of what the controller sent, and in what order: what each sort letter compares. Pure."""

from __future__ import annotations

from mgpu_slurm.base import hostlist
from mgpu_slurm.commands import listing
from mgpu_slurm.facts.states import display_code, display_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.squeue import Request
    from mgpu_slurm.facts.fields.field import Fields, View


ENDLESS = LIMITLESS = 1 << 40
"""Seconds that are more than any limit, minutes that are none."""


def sort_columns(fields: Fields, letter: str, steps: bool) -> list[str]:
    if letter == "i":
        own = ["job_id", "array_job_id", "het_job_id", "array_task_id", "het_offset"]
        return [*own, "step_id"] if steps else [*own, "array_tasks"]
    if letter in "pQ" and not steps:
        return ["priority"]
    return list(fields.letters[letter].columns)


TIE_COLUMNS = ("start_time", "job_id", "state")
"""What decides between jobs that a sort leaves equal."""


def ties(
    sort: Sequence[tuple[str, bool, bool]], steps: bool, columns: Mapping[str, Sequence[Any]], count: int, ids: Sequence[str] = ()
) -> list[int]:
    """Rows as they are before sorting, which is how Slurm 22.05.8 leaves equal ones: the latest start first, of one second
    in the order of ids, then what has no start, the highest id first; for a sort by start just by id. Of one array alone
    (`ids`, as asked for), its own record comes before the others of one second, and then the highest id."""
    if steps or (sort and sort[0][0] == "S"):
        return list(range(count))
    start, job, state = (columns[name] for name in TIE_COLUMNS)
    components = any(columns.get("het_job_id") or ())  # of a heterogeneous job: in the order of ids
    alone = int(ids[0]) if len(ids) == 1 and ids[0].isdecimal() and not components else None

    def key(row: int) -> tuple[int, int]:
        if alone is not None:
            return -int(start[row]), (-job[row] if job[row] != alone else -(1 << 40))
        unknown = state[row] == "PENDING" and not start[row]
        return -int(start[row]), -job[row] if unknown else job[row]

    return sorted(range(count), key=key)


def ordered(
    rows: list[int], sort: Sequence[tuple[str, bool, bool]], fields: Fields, steps: bool, view: View,
    columns: Mapping[str, Sequence[Any]],
) -> list[int]:
    """Row numbers in the order of the keys. What has no start or no node, and so comes last, is turned round by its key."""
    for letter, backwards, _ in reversed(sort):
        values = sort_values(letter, fields, steps, view, columns, backwards)
        rows = listing.order(rows, [(values, backwards)])
        if len(sort) > 1 and not steps and (letter == "S" or (letter == "N" and not backwards)):
            having = columns["start_time" if letter == "S" else "nodes"]
            first = next((at for at, row in enumerate(rows) if not having[row]), len(rows))
            rows[first:] = rows[first:][::-1]
    return rows


def sort_values(
    letter: str, fields: Fields, steps: bool, view: View, columns: Mapping[str, Sequence[Any]], backwards: bool
) -> Sequence[Any]:
    """What a letter compares, a value a row. Times count in whole seconds."""
    names = sort_columns(fields, letter, steps)
    values = [columns[name] for name in names]
    if letter == "i":
        return [_id_key(*row) for row in zip(*values, strict=True)]
    if letter in "tT" and not steps:
        shown = display_code if letter == "t" else display_name
        return [shown(state, flags) for state, flags in zip(columns["state"], columns["flags"], strict=True)]
    if letter == "N":
        return [_first_host(str(value)) for value in columns[names[0]]]
    if letter == "l":
        return [LIMITLESS if value is None or value < 0 else value for value in columns[names[0]]]
    if letter == "L" and not steps:
        return [
            LIMITLESS if limit is None or limit < 0 else limit * 60 - used
            for limit, used in zip(columns["time_limit"], columns["run_seconds"], strict=True)
        ]
    if letter == "S":
        # a start that is not known comes last, whichever way
        last = float("-inf") if backwards else float("inf")
        return [int(value) if value else last for value in columns[names[0]]]
    if letter == "e" and not steps:
        # one that starts without a limit ends later than all others
        ends = zip(columns["end_time"], columns["start_time"], strict=True)
        return [int(end) if end else ENDLESS + int(start) if start else 0 for end, start in ends]
    if letter == "V" and not steps:
        return [int(value or 0) for value in columns[names[0]]]
    if len(values) == 1:
        return [value if value is not None else 0 for value in values[0]] if _numbers(values[0]) else list(values[0])
    return listing.field_texts(fields.letters[letter], columns, view)


def _first_host(nodes: str) -> tuple[bool, str, int, str]:
    """Nodes in the order of the first one's number; what has none comes last."""
    name = next(iter(hostlist.expand(nodes)), "") if nodes else ""
    stem = name.rstrip("0123456789")
    return (not name, stem, int(name[len(stem) :] or "0"), name)


def _numbers(values: Sequence[Any]) -> bool:
    return any(isinstance(value, (int, float)) for value in values)


def _id_key(job: int, array: int, het: int, task: int | None, offset: int, last: str) -> tuple[Any, ...]:
    """Ids in the order of their numbers; what is left of an array stands after its tasks; steps by number, then words."""
    step = last.partition("+")[0]
    number = int(step) if step.isdecimal() else (1 << 40 if last else -1)
    if task is not None:
        return (array, task, number, last)
    if array:
        return (array, 1 << 40, number, last)
    return (het or job, offset, number, last)


def selects(asked: Request) -> bool:
    """Whether rows are to be left out that the controller's filters let through."""
    return any(bound is not None for bound in (asked.at_least, asked.below, asked.not_uid))


def selected(asked: Request, columns: Mapping[str, Sequence[Any]], count: int) -> tuple[dict[str, list[Any]], int]:
    """What --running-over, --running-under and --notme leave."""
    timed = asked.at_least is not None or asked.below is not None
    rows = [
        row
        for row in range(count)
        if columns["uid"][row] != asked.not_uid
        and (not timed or columns["state"][row] == "RUNNING")
        and (asked.at_least is None or columns["run_seconds"][row] >= asked.at_least)
        and (asked.below is None or columns["run_seconds"][row] < asked.below)
    ]
    return listing.reordered(columns, rows), len(rows)


def per_partition(columns: Mapping[str, Sequence[Any]], count: int) -> tuple[dict[str, list[Any]], int]:
    """A waiting job that may run in several partitions gets a row for each."""
    rows: list[int] = []
    partitions: list[str] = []
    for row in range(count):
        names = columns["partition"][row].split(",") if columns["state"][row] == "PENDING" else [columns["partition"][row]]
        rows += [row] * len(names)
        partitions += names
    spread = listing.reordered(columns, rows)
    spread["partition"] = list(partitions)
    return spread, len(rows)
