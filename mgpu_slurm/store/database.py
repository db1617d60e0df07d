"""The store: opened with an integrity check, loaded at start, written in whole transactions.

SQLite runs in WAL mode with synchronous=FULL: a commit that returned survives a power cut. Every method may be called
from one thread at a time; `commit` uses a connection of its own.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from mgpu_slurm.records import saves as kinds
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.reservation import Reservation
from mgpu_slurm.records.step import Step
from mgpu_slurm.store import schema
from mgpu_slurm.store.errors import StoreDamaged, StoreError, StoreFull
from mgpu_slurm.store.migrate import bring_up_to_date

KEPT_OF_SCRIPTS = (("job_script", "script"), ("job_env", "environment"))
"""Word of AccountingStoreFlags=, column: what stays when nothing of its job is in memory any more."""

FULL_CHECK = 64 << 20
"""Bytes up to which the whole database is checked at start; of larger ones only its structure, to start in seconds."""


class Loaded(msgspec.Struct):
    """What a restarted controller continues with. `requests`: (uid, request id, answer, time)."""

    jobs: list[Job]
    nodes: list[Node]
    partitions: list[Partition]
    next_job_id: int
    requests: list[tuple[int, str, bytes, float]]
    reservations: list[Reservation] = []


class _Indexed(msgspec.Struct):
    """The part of a job's record that has columns."""

    array_job_id: int = 0
    submit_time: float = 0.0
    end_time: float = 0.0


_indexed = msgspec.json.Decoder(_Indexed)
_job = msgspec.json.Decoder(Job)
_step = msgspec.json.Decoder(Step)


def open_store(place: str) -> Store:
    """Open a database by path or URL, making it where it is missing. Raises StoreError, StoreDamaged."""
    if "://" in place:
        return Store(sa.create_engine(place, pool_pre_ping=True))
    try:
        os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"cannot open the database {place}: {error.strerror}") from error
    engine = sa.create_engine(f"sqlite:///{place}", connect_args={"check_same_thread": False, "timeout": 30})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            pragma = "integrity_check" if os.path.getsize(place) <= FULL_CHECK else "quick_check"
            verdict = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar()
    except sa.exc.DatabaseError as error:
        verdict = str(error.orig)
    if verdict != "ok":
        engine.dispose()
        raise StoreDamaged(
            f"the database {place} is damaged ({verdict}). Nothing was changed. Restore it from a backup, or move it "
            f"away to start empty (sqlite3 {place} .recover may save its contents)"
        )
    return Store(engine)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=30000")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def whole(connection: sa.Connection, record: bytes) -> Job:
    """The job of a record, with those of its steps that have rows of their own. Raises msgspec.MsgspecError."""
    job = _job.decode(record)
    if job.steps_apart:
        table = schema.steps
        theirs = (table.c.job_id == job.job_id) & (table.c.attempt == job.attempt)
        steps = [_step.decode(row.record) for row in connection.execute(sa.select(table.c.record).where(theirs))]
        steps += job.steps.values()
        job.steps = {step.step_id: step for step in sorted(steps, key=lambda step: step.start_time)}
    return job


class Store:
    """One database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.keeps: frozenset[str] = frozenset()  # words of AccountingStoreFlags= that concern scripts
        self._insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        kept = (
            schema.jobs, schema.attempts, schema.steps, schema.scripts, schema.nodes, schema.partitions, schema.reservations,
            schema.requests, schema.meta,
        )  # fmt: skip
        self._upserts = {table.name: self._upsert(table) for table in kept}
        try:
            with engine.begin() as connection:
                bring_up_to_date(connection)
        except sa.exc.DBAPIError as error:
            raise _failure(error) from error
        self._reader = engine.connect()
        self._writer = engine.connect()

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
        self._engine.dispose()

    def load(self) -> Loaded:
        """Everything that is live. Raises StoreDamaged for a record that cannot be read."""
        jobs, nodes, partitions = schema.jobs, schema.nodes, schema.partitions
        with self._engine.connect() as connection:
            try:
                return Loaded(
                    jobs=[
                        whole(connection, row.record)
                        for row in connection.execute(sa.select(jobs.c.record).where(~jobs.c.gone).order_by(jobs.c.job_id))
                    ],
                    nodes=[msgspec.json.decode(row.record, type=Node) for row in connection.execute(sa.select(nodes.c.record))],
                    partitions=[
                        msgspec.json.decode(row.record, type=Partition)
                        for row in connection.execute(sa.select(partitions.c.record))
                    ],
                    next_job_id=self._next_job_id(connection),
                    requests=[
                        (row.uid, row.request_id, row.answer, row.time)
                        for row in connection.execute(sa.select(schema.requests))
                    ],
                    reservations=[
                        msgspec.json.decode(row.record, type=Reservation)
                        for row in connection.execute(sa.select(schema.reservations.c.record))
                        if row.record
                    ],
                )
            except msgspec.MsgspecError as error:
                raise StoreDamaged(f"a stored record cannot be read ({error}); nothing was changed") from error

    @staticmethod
    def _next_job_id(connection: sa.Connection) -> int:
        """The saved counter, or one more than any job ever stored: an id is never given out twice."""
        saved = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.key == "next_job_id")).scalar()
        highest = connection.execute(sa.select(sa.func.max(schema.jobs.c.job_id))).scalar() or 0
        return max(int(saved or 0), highest + 1 if highest else 0)

    def commit(self, saves: Sequence[kinds.Save]) -> None:
        """Write all of it or nothing, in one transaction. Later saves of the same thing win. Raises StoreFull."""
        rows: dict[str, dict[object, dict[str, object]]] = {name: {} for name in self._upserts}
        ended: list[int] = []
        for save in saves:
            self._sort(save, rows, ended)
        try:
            with self._writer.begin():
                for name, entries in rows.items():
                    if entries:
                        self._writer.execute(self._upserts[name], list(entries.values()))
                if ended:
                    self._drop_scripts(ended)
                for name, table in (("nodes", schema.nodes), ("reservations", schema.reservations)):
                    if rows[name]:
                        self._writer.execute(table.delete().where(table.c.record == b""))
                if rows["requests"]:
                    oldest = max(float(str(entry["time"])) for entry in rows["requests"].values()) - 3600
                    self._writer.execute(schema.requests.delete().where(schema.requests.c.time < oldest))
        except sa.exc.DBAPIError as error:
            raise _failure(error) from error

    @staticmethod
    def _sort(save: kinds.Save, rows: dict[str, dict[object, dict[str, object]]], ended: list[int]) -> None:
        match save:
            case kinds.SaveJob():
                part = _indexed.decode(save.record)
                rows["jobs"][save.job_id] = {
                    "job_id": save.job_id,
                    "gone": save.gone,
                    "state": save.state,
                    "uid": save.uid,
                    "array_job_id": part.array_job_id,
                    "submit_time": part.submit_time,
                    "end_time": part.end_time,
                    "record": save.record,
                }
                if save.gone:
                    ended.extend({save.job_id, part.array_job_id or save.job_id})
            case kinds.SaveAttempt():
                part = _indexed.decode(save.record)
                rows["attempts"][(save.job_id, save.restart)] = {
                    "job_id": save.job_id,
                    "restart": save.restart,
                    "uid": save.uid,
                    "array_job_id": part.array_job_id,
                    "submit_time": part.submit_time,
                    "end_time": part.end_time,
                    "record": save.record,
                }
            case kinds.SaveStep():
                rows["steps"][(save.job_id, save.attempt, save.step_id)] = {
                    "job_id": save.job_id,
                    "attempt": save.attempt,
                    "step_id": save.step_id,
                    "record": save.record,
                }
            case kinds.SaveScript():
                rows["scripts"][save.job_id] = {
                    "job_id": save.job_id,
                    "script": save.script.encode("utf-8", "surrogateescape"),
                    "environment": _environment_bytes(save.environment),
                }
            case kinds.SaveNode():
                rows["nodes"][save.name] = {"name": save.name, "record": save.record}
            case kinds.SavePartition():
                rows["partitions"][save.name] = {"name": save.name, "record": save.record}
            case kinds.SaveReservation():
                rows["reservations"][save.name] = {"name": save.name, "record": save.record}
            case kinds.SaveCounter():
                rows["meta"]["next_job_id"] = {"key": "next_job_id", "value": str(save.next_job_id)}
            case kinds.SaveRequest():
                rows["requests"][(save.uid, save.request_id)] = {
                    "uid": save.uid,
                    "request_id": save.request_id,
                    "time": save.time,
                    "answer": save.answer,
                }

    def _drop_scripts(self, ended: list[int]) -> None:
        """Scripts of which no live job, nor any live element of the array, is left, and their environments: what is not to be
        kept of them."""
        live = sa.select(schema.jobs.c.job_id).where(
            ~schema.jobs.c.gone,
            sa.or_(schema.jobs.c.job_id == schema.scripts.c.job_id, schema.jobs.c.array_job_id == schema.scripts.c.job_id),
        )
        over = sa.and_(schema.scripts.c.job_id.in_(ended), ~live.exists())
        if not self.keeps:
            self._writer.execute(schema.scripts.delete().where(over))
            return
        dropped = {name: b"" for flag, name in KEPT_OF_SCRIPTS if flag not in self.keeps}
        if dropped:
            self._writer.execute(schema.scripts.update().where(over).values(dropped))

    def script(self, job_id: int) -> tuple[str, dict[str, str]] | None:
        """The batch script and the submitted environment of a job (of an array: of its first id)."""
        table = schema.scripts
        row = self._reader.execute(sa.select(table.c.script, table.c.environment).where(table.c.job_id == job_id)).first()
        self._reader.rollback()
        if row is None:
            return None
        return row.script.decode("utf-8", "surrogateescape"), _environment(row.environment)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading alone, for any one thread. Raises StoreFull where the database does not answer."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise _failure(error) from error

    def _upsert(self, table: sa.Table) -> Any:
        statement = self._insert(table)
        keys = [column.name for column in table.primary_key.columns]
        changed = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _environment_bytes(environment: dict[str, str]) -> bytes:
    """NAME=value entries ended by NUL, as the kernel keeps them: any byte is allowed in a value."""
    return b"".join(f"{name}={value}".encode("utf-8", "surrogateescape") + b"\0" for name, value in environment.items())


def _environment(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in data.split(b"\0")[:-1]:
        name, _, value = entry.decode("utf-8", "surrogateescape").partition("=")
        found[name] = value
    return found


def _failure(error: sa.exc.DBAPIError) -> StoreError:
    """SQLITE_CORRUPT and SQLITE_NOTADB are damage; all else (full disk, I/O error, lost server) may pass."""
    name = getattr(error.orig, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreDamaged(f"the database is damaged: {error.orig}")
    return StoreFull(str(error.orig))
