"""The finer wishes of a job that `scontrol update` may change: sockets and cores, switches, reboots; its limit, and
the end of one that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors, units
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import permissions
from mgpu_slurm.intake import dates

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.job import Job

    Setter = Callable[[Context, Job, Caller, str, float], None]


def need_pending(job: Job) -> None:
    """Raises SlurmError 2073."""
    if job.state != "PENDING":
        raise SlurmError(errors.ESLURM_JOB_NOT_PENDING)


def ask(job: Job, **values: Any) -> None:
    """Change what the job asks for; the request it shares with others stays."""
    job.request = msgspec.structs.replace(job.request, **values)


def _change(job: Job, **values: Any) -> None:
    need_pending(job)
    ask(job, **values)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid numeric value: {text}")
    return int(text)


def _counted(field: str) -> Setter:
    return lambda _ctx, job, _caller, text, _now: _change(job, **{field: _count(text) or None})


def minutes(text: str) -> int:
    try:
        return -1 if text.lower() in ("infinite", "unlimited", "-1") else units.parse_minutes(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TIME_LIMIT) from None


def time_limit(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    if text[:1] in ("+", "-") and job.time_limit is not None and job.time_limit >= 0 and text != "-1":
        change = minutes(text[1:])
        limit = job.time_limit + (change if text[0] == "+" else -change)
        if limit < 0:
            raise SlurmError(errors.ESLURM_INVALID_TIME_LIMIT)
    else:
        limit = minutes(text)
    operator = permissions.is_operator(ctx, caller)
    current = job.time_limit if job.time_limit is not None else -1
    longer = limit < 0 or (0 <= current < limit)
    if longer and current != limit and current >= 0 and not operator:
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    if job.request.time_min and 0 <= limit < job.request.time_min:
        raise SlurmError(errors.ESLURM_INVALID_TIME_MIN_LIMIT)
    job.time_limit, job.end_shift = limit, 0.0
    ask(job, time_limit=limit)


def _switches(_ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    """COUNT, or COUNT@SECONDS (-1: without end). Of a job that never said how long it waits, not at all."""
    count, at, wait = text.partition("@")
    seconds: int | None = job.request.switches_wait or 0
    if at:
        seconds = int(wait) if int(wait) >= 0 else None
    ask(job, switches=_count(count) or None, switches_wait=seconds)


def _switches_wait(_ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    ask(job, switches_wait=_count(text))


def _reboot(_ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    _change(job, reboot=text.lower() in ("1", "yes", "y", "true"))


def _delay(_ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    try:
        units.parse_seconds(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE) from None
    ask(job, other={**job.request.other, "delay-boot": text})


def _end(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Of a job that runs: its limit grows or shrinks by the whole minutes, to the nearest, that its end moves; the end itself is
    where it was asked for."""
    if job.state != "RUNNING":
        raise SlurmError(errors.ESLURM_JOB_NOT_RUNNING)
    try:
        at = dates.parse(text, now, compat=ctx.settings.compat)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE) from None
    before = max(job.time_limit or 0, 0)
    moved = int((at - (job.end_time or job.start_time + 60 * before) + 30) / 60)
    time_limit(ctx, job, caller, str(max(before + moved, 1)), now)
    job.end_shift = at - job.start_time - 60 * (job.time_limit or 0) - job.suspended_seconds


KEYS: dict[str, Setter] = {
    "reqsockets": _counted("sockets_per_node"),
    "reqcores": _counted("cores_per_socket"),
    "reqthreads": _counted("threads_per_core"),
    "switches": _switches,
    "reboot": _reboot,
    "wait-for-switch": _switches_wait,
    "delayboot": _delay,
    "timelimit": time_limit,
    "endtime": _end,
}
