"""Answers about what jobs were and used: the tables "history", "priorities", "statistics" and "sstat".

History is the memory and the store together: what the controller still has is newer there, the rest are the store's rows.

Filters of "history", lists of texts: `ids` (grammar of base/ids.py, with steps), `uids`, `gids`, `names`, `states`,
`partitions`, `accounts`, `qos`, `nodes`, `reasons`, `constraints`, `wckeys`, `flags`; `since` and `before` bound the time
(UTC seconds); `num_nodes`, `num_cpus` and `minutes` are pairs of bounds; `allocations` leaves the steps out; `whole_het`
is yes or no; `array` gives a row for each waiting task of an array, `attempts` one for each earlier run of a requeued job.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors, ids
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.controller import asked, inspection, permissions, priority_rows, usage_query
from mgpu_slurm.controller.history_columns import (
    HISTORY,
    RESIZING,
    ended,
    has_run,
    job_state,
    ordered_steps,
    qos_of,
    time_limit,
)
from mgpu_slurm.controller.history_columns import flags as job_flags
from mgpu_slurm.facts.states import TERMINAL
from mgpu_slurm.records.columns import Source, eligible_time
from mgpu_slurm.store import history
from mgpu_slurm.store.errors import StoreError
from mgpu_slurm.wire.messages import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mgpu_slurm.base.ids import JobRef
    from mgpu_slurm.controller.daemon import Controller
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.step import Step
    from mgpu_slurm.wire.messages import Query

TABLES = ("history", "priorities", "statistics", "sstat", "inspection")

Key = tuple[int, bool, int, int, int, int, float]
Rows = list[tuple[Key, list[list[object]]]]


async def rows(controller: Controller, query: Query, caller: Caller) -> Table:
    """The answer to a Query of one of TABLES. Raises SlurmError: 2036 an unknown column, 2010 not an operator,
    7000 no storage."""
    now = time.time()
    if query.table == "history":
        return await _history(controller, query, now)
    if query.table == "sstat":
        return await usage_query.rows(controller, query, caller, now)
    if query.table == "inspection":
        return await inspection.rows(controller, query, caller, now)
    if query.table == "priorities":
        return priority_rows.table(controller.core.ctx, _known(priority_rows.COLUMNS, query.columns), query.filters, now)
    if "reset" in query.filters:
        permissions.need_operator(controller.core.ctx, caller)
        controller.statistics.reset(now)
    return Table(columns=[[value] for value in _known(controller.statistics.facts(controller.state), query.columns)], now=now)


def _known(table: dict[str, Any], names: list[str]) -> list[Any]:
    try:
        return [table[name] for name in names]
    except KeyError:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED) from None


# --- history --------------------------------------------------------------------------------------------------------


async def _history(controller: Controller, query: Query, now: float) -> Table:
    getters = _known(HISTORY, query.columns)
    wanted = Wanted(query.filters, now)
    state = controller.state
    source = asked.source(state, now)
    found: Rows = []
    memory = frozenset(state.jobs)
    found += _rows(wanted, (job for job in state.jobs.values() if wanted.test(job)), getters, source)
    try:
        found += await asyncio.to_thread(_stored, controller, wanted, memory, getters, source)
        missing = wanted.missing_components()
        if missing:
            more = wanted.components(missing)
            found += _rows(more, (job for job in state.jobs.values() if more.test(job)), getters, source)
            found += await asyncio.to_thread(_stored, controller, more, memory, getters, source)
    except StoreError as error:
        raise SlurmError(errors.ESLURM_DB_CONNECTION, f"the accounting storage cannot be read: {error}") from None
    if not wanted.attempts:
        found = _newest(found)
    found.sort(key=lambda one: one[0])
    flat = [row for _, part in found for row in part]
    return Table(columns=[list(column) for column in zip(*flat, strict=True)] if flat else [[] for _ in getters], now=now)


def _stored(controller: Controller, wanted: Wanted, memory: frozenset[int], getters: list[Any], source: Source) -> Rows:
    """Runs in a thread of its own."""
    store, selection = controller.store, wanted.selection()
    found = _rows(wanted, history.find(store, selection, memory, wanted.test), getters, source)
    return found + _rows(wanted, history.find_attempts(store, selection, wanted.test), getters, source)


def _newest(found: Rows) -> Rows:
    """Of each job the last run that is wanted, with its parts before its nodes changed."""
    last: dict[tuple[float, ...], list[tuple[Key, list[list[object]]]]] = {}
    for one in found:
        _, _, *job, restart, _ = one[0]
        before = last.get(tuple(job))
        if before is None or before[0][0][-2] < restart:
            last[tuple(job)] = [one]
        elif before[0][0][-2] == restart:
            # a run that is in the store as well as in memory is one
            last[tuple(job)] = [*(other for other in before if other[0] != one[0]), one]
    return [one for parts in last.values() for one in parts]


def _rows(wanted: Wanted, jobs: Iterable[Job], getters: list[Any], source: Source) -> Rows:
    made: Rows = []
    for record in jobs:
        wanted.found(record)
        for job in wanted.elements(record):
            there = wanted.on_nodes(job)
            lines = [[get(job, step, source) for get in getters] for step in wanted.lines(job)] if there else []
            if lines or not there:
                made.append((_order(job), lines))
    return made


def _order(job: Job) -> Key:
    """By submission; tasks of an array stand together, those that wait behind the others, and parts of a run before its end."""
    part = job.end_time if job.state == RESIZING else inf
    if not job.array_job_id:
        return int(job.submit_time), False, job.job_id, 0, 0, job.restart_count, part
    task = job.array_task_id if job.array_task_id is not None else 1 << 40
    return int(job.submit_time), True, job.array_job_id, task, job.job_id, job.restart_count, part


class Wanted:
    """The filters of one question, read once."""

    def __init__(self, filters: dict[str, list[str]], now: float) -> None:
        self._filters = filters
        self._refs = [_ref(text) for text in filters["ids"]] if filters.get("ids") else []
        self.since = float(filters["since"][0]) if filters.get("since") else None
        self.before = float(filters["before"][0]) if filters.get("before") else None
        self._states = set(filters.get("states") or ())
        self._nodes = frozenset(filters.get("nodes") or ())
        self._leaders: dict[int, int] = {}  # heterogeneous jobs of which all components are meant -> size
        self._seen: set[int] = set()
        self.attempts = "attempts" in filters
        self._whole = (filters.get("whole_het") or [""])[0]
        self._now = now
        self._tests = list(self._make_tests())

    def selection(self) -> history.Selection:
        uids = self._filters.get("uids")
        since = self.since
        if self._states and not self._states <= TERMINAL:
            since = None
        return history.Selection(
            ids=[ref.job for ref in self._refs] + self._component_ids() if self._refs else None,
            uids=[int(uid) for uid in uids] if uids is not None else None,
            since=since,
            before=self.before,
        )

    def _component_ids(self) -> list[int]:
        """A component named by the leader's id has an id near it."""
        return [ref.job + ref.het for ref in self._refs if ref.het]

    def test(self, job: Job) -> bool:
        return (not self._refs or any(_matches(ref, job, self._whole) for ref in self._refs)) and all(
            test(job) for test in self._tests
        )

    def on_nodes(self, job: Job) -> bool:
        """Whether it ran on a node that is asked for. Of a job the last run is chosen before, as in Slurm."""
        if not self._nodes:
            return True
        return job.allocation is not None and has_run(job) and not self._nodes.isdisjoint(job.allocation.nodes)

    def found(self, job: Job) -> None:
        """Note which heterogeneous jobs are to be shown whole."""
        if not job.het_job_id or not self._refs:
            return
        self._seen.add(job.job_id)
        named = any(ref.job == job.job_id == job.het_job_id and ref.het is None for ref in self._refs)
        if self._whole == "yes" or (named and self._whole != "no"):
            self._leaders[job.het_job_id] = job.het_size

    def missing_components(self) -> list[int]:
        near = (leader + at for leader, size in self._leaders.items() for at in range(size))
        return [job_id for job_id in near if job_id not in self._seen]

    def components(self, missing: list[int]) -> Wanted:
        """The same question about these jobs."""
        steps = {f".{ids.format_step(ref.step)}" if ref.step is not None else "" for ref in self._refs}
        named = [f"{job_id}{step}" for job_id in missing for step in sorted(steps)]
        return Wanted({**self._filters, "ids": named, "whole_het": ["no"]}, self._now)

    def elements(self, job: Job) -> Iterator[Job]:
        """The record, or the tasks it stands for where they are asked for one by one."""
        meant = [ref.tasks for ref in self._refs if ref.job == job.array_job_id]
        named = [tasks for tasks in meant if isinstance(tasks, list)] if None not in meant else []  # None: all of the array
        if not job.array_tasks or not (named or "array" in self._filters):
            yield job
            return
        tasks = {task for part in named for task in part} if named else set(job.array_tasks)
        for task in job.array_tasks:
            if task in tasks:
                yield msgspec.structs.replace(job, array_tasks=[], array_task_id=task)

    def lines(self, job: Job) -> Iterator[Step | None]:
        """The rows of one job: None for itself, then its steps."""
        refs = [ref for ref in self._refs if _matches(ref, job, self._whole)]
        whole = not refs or any(ref.step is None for ref in refs)
        alone = "allocations" in self._filters
        if whole or alone:
            yield None
        if alone or job_state(job) == "PENDING" or self._states == {"PENDING"}:
            return
        steps = {ids.format_step(ref.step) for ref in refs if ref.step is not None}
        for step in ordered_steps(job):
            if whole or step.step_id in steps:
                yield step

    # --- predicates ---

    def _make_tests(self) -> Iterator[Callable[[Job], bool]]:
        filters = self._filters
        for key, get in _WORDS.items():
            if filters.get(key):
                yield _one_of(get, {word.lower() for word in filters[key]})
        for key, number in _BOUNDS.items():
            if filters.get(key):
                low, high = (float(text) for text in filters[key])
                yield _between(number, low, high)
        if filters.get("partitions"):
            meant = {word.lower() for word in filters["partitions"]}
            yield lambda job: not meant.isdisjoint(job.partition.lower().split(","))
        if filters.get("flags"):
            flags = set(filters["flags"])
            yield lambda job: not flags.isdisjoint(job_flags(job, None, _NOTHING))
        if self._states:
            yield self._in_state
        elif self.since is not None or self.before is not None:
            yield self._in_window

    def _in_window(self, job: Job) -> bool:
        """It might have started before the end, and was not over at the beginning. Jobs that are named count from their
        submission."""
        first = job.submit_time if self._refs else eligible_time(job, _NOTHING) or (job.start_time if has_run(job) else 0.0)
        if not first or (self.before is not None and first > self.before):
            return False
        return self.since is None or not ended(job) or job.end_time >= self.since

    def _in_state(self, job: Job) -> bool:
        """It was in one of the states at some moment of the window; an end belongs to the moment it happened."""
        since = 0.0 if self.since is None else self.since
        before = self._now if self.before is None else self.before
        over = job.end_time if ended(job) else inf
        state = job_state(job)
        if state in self._states and (since <= over <= before if over < inf else state not in ("PENDING", "RUNNING")):
            return True
        started = job.start_time if has_run(job) else over
        eligible = eligible_time(job, _NOTHING)
        if "PENDING" in self._states and eligible and eligible <= before and started > since:
            return True
        return "RUNNING" in self._states and state != "SUSPENDED" and has_run(job) and job.start_time <= before and over > since


_NOTHING = Source({}, {}, {}, {}, 0.0)
"""For columns that look only at their record."""

_WORDS: dict[str, Callable[[Job], str]] = {
    "accounts": lambda job: job.account,
    "constraints": lambda job: job.request.constraint or "",
    "gids": lambda job: str(job.gid),
    "names": lambda job: job.name,
    "qos": qos_of,
    "reasons": lambda job: job.reason,
    "uids": lambda job: str(job.uid),
    "wckeys": lambda job: job.request.wckey or "",
}

_BOUNDS: dict[str, Callable[[Job], float | None]] = {
    "minutes": lambda job: inf if (minutes := time_limit(job, None, _NOTHING)) == UNLIMITED else minutes,
    # what has not begun holds nothing
    "num_cpus": lambda job: job.allocation.cpus if job.allocation is not None and has_run(job) else None,
    "num_nodes": lambda job: len(job.allocation.nodes) if job.allocation is not None and has_run(job) else None,
}


def _one_of(get: Callable[[Job], str], words: set[str]) -> Callable[[Job], bool]:
    return lambda job: get(job).lower() in words


def _between(get: Callable[[Job], float | None], low: float, high: float) -> Callable[[Job], bool]:
    def test(job: Job) -> bool:
        number = get(job)
        return number is not None and low <= number <= high

    return test


def _ref(text: str) -> JobRef:
    try:
        return ids.parse_job(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID) from None


def _matches(ref: JobRef, job: Job, whole: str) -> bool:
    if isinstance(ref.tasks, list):
        if job.array_job_id != ref.job:
            return False
        return job.array_task_id in ref.tasks or not set(ref.tasks).isdisjoint(job.array_tasks)
    if ref.het is not None:
        return job.het_job_id == ref.job and job.het_offset == ref.het
    if ref.job in (job.job_id, job.array_job_id):
        return True
    return bool(job.het_job_id) and job.het_job_id == ref.job and whole != "no"
