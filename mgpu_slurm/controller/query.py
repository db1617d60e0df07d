"""A listing: which records are meant, and their columns as arrays. Pure.

`filters` are lists of texts: `ids` (grammar of base/ids.py), `users` (names or numbers), `names`, `states` (words of
facts/states.py; "all"; "live": not over yet), `partitions`, `accounts`, `qos`, `nodes`, `reservation`, `licenses`;
`array` asks for a row per task of an array.
Records come in the order of their ids, nodes and partitions in the order of the configuration.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import errors, ids
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import asked, licenses
from mgpu_slurm.controller.state import steps_named
from mgpu_slurm.facts.states import COMPLETING, FLAG_CODE, JOB_FLAGS
from mgpu_slurm.records.columns import JOB, Source
from mgpu_slurm.records.node_columns import NODE, PARTITION
from mgpu_slurm.records.reservation_columns import RESERVATION
from mgpu_slurm.records.step_columns import STEP, nodes_of
from mgpu_slurm.wire.messages import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.controller.state import State
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.step import Step
    from mgpu_slurm.wire.messages import Query

Filters = dict[str, list[str]]

LIVE = frozenset(("PENDING", "RUNNING", "SUSPENDED"))
LIVE_STEPS = ("RUNNING", "STARTING")
"""States of steps that a listing of steps shows: those that hold their part of the job."""

CONFIG: dict[str, Callable[[State], object]] = {"next_job_id": lambda state: state.next_job_id}
"""What of `scontrol show config` only the running controller knows; the rest is in the configuration's file."""


def rows(state: State, query: Query, _caller: Caller, now: float) -> Table:
    """The answer to a Query. Raises SlurmError: 2017 one id was asked for and is unknown, 2018 an unknown node,
    2036 a table that is not kept."""
    source = asked.source(state, now)
    if query.table == "jobs":
        columns = job_table(state, query, source)
    elif query.table == "steps":
        columns = step_table(state, query, source)
    elif query.table == "nodes":
        columns = _plain(NODE, query.columns, _named(state.nodes, query.filters.get("names")), source)
    elif query.table == "partitions":
        columns = _plain(PARTITION, query.columns, _named(state.partitions, query.filters.get("names")), source)
    elif query.table == "config":
        columns = [[get(state)] for get in _getters(CONFIG, query.columns)]
    elif query.table == "licenses":
        columns = _licences(state, query, now)
    elif query.table == "reservations":
        columns = _plain(RESERVATION, query.columns, _named(state.reservations, query.filters.get("names")), source)
    else:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    return Table(columns=columns, now=now)


def _licences(state: State, query: Query, now: float) -> list[list[object]]:
    held, kept = licenses.used(state), licenses.reserved(state, now)
    table: dict[str, Callable[[str, int], object]] = {
        "name": lambda name, _total: name,
        "total": lambda _name, total: total,
        "used": lambda name, _total: held.get(name, 0),
        "reserved": lambda name, _total: kept.get(name, 0),
    }
    chosen_names = query.filters.get("names")
    rows = [(name, total) for name, total in state.licenses.items() if chosen_names is None or name in chosen_names]
    return [[get(name, total) for name, total in rows] for get in _getters(table, query.columns)]


def _getters(table: Mapping[str, Callable[..., object]], columns: list[str]) -> list[Callable[..., object]]:
    try:
        return [table[name] for name in columns]
    except KeyError:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED) from None


def _named(records: Mapping[str, Any], names: list[str] | None) -> list[Any]:
    if names is None:
        return list(records.values())
    return [records[name] for name in names if name in records]


def _plain(
    table: Mapping[str, Callable[..., object]], names: list[str], records: list[Any], source: Source
) -> list[list[object]]:
    return [[get(record, source) for record in records] for get in _getters(table, names)]


# --- jobs -----------------------------------------------------------------------------------------------------------


def job_table(state: State, query: Query, source: Source) -> list[list[object]]:
    """One row per record; with the filter `array`, or where an id names a task, one per task."""
    found = chosen(state, query.filters)
    getters = _getters(JOB, query.columns)
    expand = "array" in query.filters
    if not any(tasks is not None or (expand and job.array_tasks) for job, tasks in found):
        return [[get(job, source) for job, _ in found] for get in getters]
    counts = [tasks if tasks is not None else (job.array_tasks if expand else []) for job, tasks in found]
    table: list[list[object]] = []
    for name, get in zip(query.columns, getters, strict=True):
        column: list[object] = []
        for (job, _), tasks in zip(found, counts, strict=True):
            if not tasks:
                column.append(get(job, source))
            elif name == "array_task_id":
                column.extend(tasks)
            elif name == "array_tasks":
                column.extend([""] * len(tasks))
            else:
                column.extend([get(job, source)] * len(tasks))
        table.append(column)
    return table


def chosen(state: State, filters: Filters) -> list[tuple[Job, list[int] | None]]:
    """The records that the filters leave, each with the tasks meant where an id names some of what it stands for."""
    wanted = filters.get("ids")
    found: list[tuple[Job, list[int] | None]] = (
        _by_ids(state, wanted) if wanted else [(job, None) for job in state.jobs.values()]
    )
    tests = _tests(state, filters)
    if tests:
        found = [one for one in found if all(test(one[0]) for test in tests)]
    return found


def _by_ids(state: State, wanted: Iterable[str]) -> list[tuple[Job, list[int] | None]]:
    texts = list(wanted)
    found: dict[int, tuple[Job, list[int] | None]] = {}
    for text in texts:
        try:
            ref = ids.parse_job(text)
        except ValueError:
            raise SlurmError(errors.ESLURM_INVALID_JOB_ID) from None
        records = _family(state, ref.job, ref.het)
        if not records and len(texts) == 1:
            raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
        if not isinstance(ref.tasks, list):
            # of an array the rest first, then its tasks, the latest first, as Slurm lists them
            if ref.job in state.arrays:
                records = sorted(records, key=lambda job: (job.job_id != ref.job, -job.job_id))
            found.update((job.job_id, (job, None)) for job in records)
            continue
        for task in ref.tasks:
            job = state.element(ref.job, task)
            if job is None:
                continue
            if not job.array_tasks:
                found[job.job_id] = (job, None)
                continue
            before = found.get(job.job_id)
            if before is None:
                found[job.job_id] = (job, [task])
            elif before[1] is not None and task not in before[1]:
                before[1].append(task)
    return list(found.values())


def _family(state: State, job_id: int, offset: int | None) -> list[Job]:
    """What an id without tasks means: the array's records, the components of a heterogeneous job, or one job."""
    records = state.records_of(job_id)
    first = records[0] if records else None
    if first is not None and first.het_job_id == job_id:
        records = [job for job in state.components(first) if offset in (None, job.het_offset)]
    elif offset is not None:
        return []
    return records


def _tests(state: State, filters: Filters) -> list[Callable[[Job], bool]]:
    """A predicate per filter that is set. Raises SlurmError 2018."""
    tests: list[Callable[[Job], bool]] = []
    states = filters.get("states")
    if states and "all" not in states:
        tests.append(_state_test(states))
    users = filters.get("users")
    if users is not None:
        names = set(users)
        tests.append(lambda job: job.user_name in names or str(job.uid) in names)
    for key, attribute in (("names", "name"), ("accounts", "account"), ("qos", "qos")):
        words = filters.get(key)
        if words is not None:
            tests.append(_word_test({word.lower() for word in words}, attribute))
    partitions = filters.get("partitions")
    if partitions is not None:
        meant = set(partitions)
        tests.append(lambda job: not meant.isdisjoint(job.partition.split(",")))
    nodes = filters.get("nodes")
    if nodes is not None:
        tests.append(_node_test({_node_named(state, name) for name in nodes}))
    reservations = filters.get("reservation")
    if reservations is not None:
        tests.append(lambda job: (job.request.reservation or "") in reservations)
    licences = filters.get("licenses")
    if licences is not None:
        tests.append(_licence_test(set(licences)))
    return tests


def _word_test(words: set[str], attribute: str) -> Callable[[Job], bool]:
    return lambda job: getattr(job, attribute).lower() in words


def _licence_test(words: set[str]) -> Callable[[Job], bool]:
    def has(job: Job) -> bool:
        asked = (job.request.licenses or "").replace(";", ",").replace("|", ",").split(",")
        return any(one.partition(":")[0].partition("@")[0] in words for one in asked if one)

    return has


def _node_named(state: State, name: str) -> str:
    """The node of a name, or the first one on a host of that name. Raises SlurmError."""
    if name in state.nodes:
        return name
    for node in state.nodes.values():
        if node.hostname == name:
            return node.name
    raise SlurmError(errors.ESLURM_INVALID_NODE_NAME, f"Invalid node name {name}")


def _node_test(wanted: set[str]) -> Callable[[Job], bool]:
    def uses(job: Job) -> bool:
        if job.allocation is None or job.state == "PENDING":
            return False
        return any(share.node in wanted for share in job.allocation.shares)

    return uses


def _state_test(states: list[str]) -> Callable[[Job], bool]:
    """A base matches while no flag hides it, a flag whenever it is set."""
    if "live" in states:
        return lambda job: job.state in LIVE or COMPLETING in job.flags or "STAGE_OUT" in job.flags
    bases = {word for word in states if word not in FLAG_CODE}
    flags = {word for word in states if word in FLAG_CODE}
    hiding = {name for name, _ in JOB_FLAGS}

    def matches(job: Job) -> bool:
        if job.flags:
            if not flags.isdisjoint(job.flags):
                return True
            if not hiding.isdisjoint(job.flags):
                return False
        return job.state in bases

    return matches


# --- steps ----------------------------------------------------------------------------------------------------------


def step_table(state: State, query: Query, source: Source) -> list[list[object]]:
    """Steps that run; `ids` are jobs or steps."""
    filters = dict(query.filters)
    wanted = filters.pop("ids", None)
    states = filters.pop("states", None)
    found: list[tuple[Step, Job]] = []
    for job, step in _steps(state, wanted):
        if states and "all" not in states:
            if step.state not in states:
                continue
        elif not states and step.state not in LIVE_STEPS:
            continue
        found.append((step, job))
    nodes = set(filters.get("nodes", ()))
    tests = _tests(state, filters)
    if tests:
        found = [one for one in found if all(test(one[1]) for test in tests)]
    if nodes:
        found = [one for one in found if not nodes.isdisjoint(nodes_of(*one))]
    getters = _getters(STEP, query.columns)
    return [[get(step, job, source) for step, job in found] for get in getters]


def _steps(state: State, wanted: list[str] | None) -> Iterable[tuple[Job, Step]]:
    if wanted is None:
        return ((job, step) for job in state.jobs.values() for step in job.steps.values())
    return chain.from_iterable(_named_steps(state, text) for text in wanted)


def _named_steps(state: State, text: str) -> Iterable[tuple[Job, Step]]:
    try:
        ref = ids.parse_job(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID) from None
    if isinstance(ref.tasks, list):
        jobs = [job for task in ref.tasks if (job := state.element(ref.job, task)) is not None]
    else:
        jobs = state.records_of(ref.job)  # a component's steps are its own
        if ref.het and jobs and jobs[0].het_job_id == ref.job:
            jobs = [job for job in state.components(jobs[0]) if job.het_offset == ref.het]
    for job in jobs:
        for step in job.steps.values() if ref.step is None else steps_named(job, ref):
            yield job, step
