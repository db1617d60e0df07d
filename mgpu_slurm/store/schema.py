"""The tables. One schema for SQLite and PostgreSQL; migrations/ brings an older database to it.

A job's record is JSON of records.job.Job, written whole at every change; the columns beside it are those that history
queries select by. Live jobs (`gone` = false) are loaded at start, the others are history.
"""

from __future__ import annotations

import sqlalchemy as sa

REVISION = "0004"
"""The Alembic revision that `metadata` describes."""

metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("uid", sa.BigInteger, nullable=False),
    sa.Column("array_job_id", sa.BigInteger, nullable=False),
    sa.Column("submit_time", sa.Float, nullable=False),
    sa.Column("end_time", sa.Float, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Index("jobs_live", "gone"),
    sa.Index("jobs_by_array", "array_job_id"),
    sa.Index("jobs_by_user", "uid", "submit_time"),
    sa.Index("jobs_by_end", "end_time"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("restart", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("uid", sa.BigInteger, nullable=False),
    sa.Column("array_job_id", sa.BigInteger, nullable=False),
    sa.Column("submit_time", sa.Float, nullable=False),
    sa.Column("end_time", sa.Float, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Index("attempts_by_array", "array_job_id"),
    sa.Index("attempts_by_user", "uid", "submit_time"),
    sa.Index("attempts_by_end", "end_time"),
)
"""Earlier runs of jobs that have gone back into the queue."""

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("step_id", sa.String(64), primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),
)
"""Steps that a job's record does not hold, because it has had too many: its `steps_apart` counts them."""

scripts = sa.Table(
    "scripts",
    metadata,
    sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("script", sa.LargeBinary, nullable=False),
    sa.Column("environment", sa.LargeBinary, nullable=False),
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),
)

partitions = sa.Table(
    "partitions",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),  # empty: it has been deleted
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.String(64), primary_key=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Index("requests_by_time", "time"),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)
