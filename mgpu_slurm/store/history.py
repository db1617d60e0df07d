"""Questions about jobs that the controller no longer has in memory: the history that sacct shows.

The same table that holds the live jobs; the columns beside a record narrow the search, the caller's test decides. Every
search uses a connection of its own, so that it may run in a thread beside the writer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import msgspec
import sqlalchemy as sa

from mgpu_slurm.records.job import Job
from mgpu_slurm.store import schema
from mgpu_slurm.store.database import Store, whole

CHUNK = 500
"""Values in one IN list, well below what any database takes."""

_decode = msgspec.json.Decoder(Job).decode


class Selection(msgspec.Struct, kw_only=True):
    """What narrows the search; None: no bound. Instants are UTC seconds.

    `ids` are ids of jobs, of arrays or of the first component of a heterogeneous job. `since`: ended then or later, or not
    ended; `before`: submitted before. `uids` are the owners.
    """

    ids: Collection[int] | None = None
    uids: Collection[int] | None = None
    since: float | None = None
    before: float | None = None


def find(store: Store, wanted: Selection, without: Collection[int], test: Callable[[Job], bool]) -> Iterator[Job]:
    """Records that are selected and pass `test`, those with an id in `without` (kept in memory, newer there) left out.

    Raises StoreError when the database does not answer.
    """
    seen: set[int] = set()
    with store.reading() as connection:
        for condition in _conditions(wanted):
            for job_id, record in connection.execute(sa.select(schema.jobs.c.job_id, schema.jobs.c.record).where(condition)):
                if job_id in without or job_id in seen:
                    continue
                job = whole(connection, record)
                seen.add(job_id)
                if test(job):
                    yield job


def find_attempts(store: Store, wanted: Selection, test: Callable[[Job], bool]) -> Iterator[Job]:
    """Earlier runs of jobs that have gone back into the queue. Raises StoreError as `find` does."""
    table = schema.attempts
    with store.reading() as connection:
        for condition in _conditions(wanted, table):
            for (record,) in connection.execute(sa.select(table.c.record).where(condition)):
                job = _decode(record)
                if test(job):
                    yield job


def _conditions(wanted: Selection, table: sa.Table = schema.jobs) -> Iterator[sa.ColumnElement[bool]]:
    """One condition a query; long lists of ids are asked for in parts."""
    jobs = table.c
    bounds: list[sa.ColumnElement[bool]] = []
    if wanted.uids is not None:
        bounds.append(jobs.uid.in_(sorted(wanted.uids)))
    if wanted.before is not None:
        bounds.append(jobs.submit_time <= wanted.before)
    if wanted.since is not None:
        # a running job's record carries its expected end, or none
        over = [jobs.end_time >= wanted.since, jobs.end_time == 0]
        bounds.append(sa.or_(*over, ~jobs.gone) if "gone" in jobs else sa.or_(*over))
    if wanted.ids is None:
        yield sa.and_(sa.true(), *bounds)
        return
    ids = sorted(set(wanted.ids))
    for at in range(0, len(ids), CHUNK):
        part = ids[at : at + CHUNK]
        yield sa.and_(sa.or_(jobs.job_id.in_(part), jobs.array_job_id.in_(part)), *bounds)
