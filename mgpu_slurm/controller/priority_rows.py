"""What sprio shows: a row for each job that could start if there were room, and each partition it may start in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mgpu_slurm.base import ids
from mgpu_slurm.controller import arrays, priorities
from mgpu_slurm.records.columns import JOB, Source
from mgpu_slurm.sched.priority import Factors
from mgpu_slurm.wire.messages import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job

_NOTHING = Source({}, {}, {}, {}, 0.0)


class Row(NamedTuple):
    job: Job
    partition: str
    priority: float
    factors: Factors


def _column(name: str) -> Callable[[Row], object]:
    return lambda row: JOB[name](row.job, _NOTHING)


COLUMNS: dict[str, Callable[[Row], object]] = {
    **{name: _column(name) for name in ("job_id", "submit_time", "restart_count", "user_name", "uid", "account", "qos", "nice")},
    "partition": lambda row: row.partition,
    "priority": lambda row: int(row.priority),
    # as a share of the highest there can be; one that was given is what it is
    "priority_normal": lambda row: row.priority if row.job.priority_fixed else row.priority / 0xFFFFFFFF,
    "site": lambda row: float(row.job.site_factor),
    # factors, 0 to 1
    "age": lambda row: row.factors.age,
    "jobsize": lambda row: row.factors.jobsize,
    "partition_factor": lambda row: row.factors.partition,
    "tres": lambda row: list(row.factors.tres.items()),
    **{name: (lambda _row: 0.0) for name in ("assoc", "fairshare", "qos_factor")},  # nothing here tells these apart
}


def table(ctx: Context, getters: Sequence[Callable[[Row], object]], filters: Mapping[str, Sequence[str]], now: float) -> Table:
    """`filters`: "ids", "users" as uids and "partitions"."""
    wanted = [ids.parse_job(text).job for text in filters.get("ids") or ()]
    meant, users = filters.get("partitions"), filters.get("users")
    found: list[Row] = []
    for job_id in sorted(ctx.eligible):
        job = ctx.state.jobs.get(job_id)
        if job is None or _waits_for_its_own(ctx, job, now):
            continue
        if wanted and not {job.job_id, job.array_job_id, job.het_job_id}.intersection(wanted):
            continue
        if users is not None and str(job.uid) not in users:
            continue
        for name in job.partition.split(","):
            if meant is None or name in meant:
                found.append(_row(ctx, job, name))
    return Table(columns=[[get(row) for row in found] for get in getters], now=now)


def _row(ctx: Context, job: Job, name: str) -> Row:
    partition = ctx.state.partitions.get(name)
    if partition is None or job.priority_fixed or not ctx.settings.weights.count:
        return Row(job, name, float(job.priority), Factors())
    return Row(job, name, priorities.in_partition(ctx, job, partition), priorities.factors(ctx, job, partition))


def _waits_for_its_own(ctx: Context, job: Job, now: float) -> bool:
    """For others of its array, or for its reservation, to which no priority is the answer."""
    if job.array_tasks and not arrays.startable(ctx, job):
        return True
    reservation = ctx.state.reservations.get(job.request.reservation or "")
    return bool(job.request.reservation) and (reservation is None or not reservation.start <= now < reservation.end)
