"""What time and events do to reservations: they begin, end, come again, go when they are idle, and change nodes for others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.controller import waiting
from mgpu_slurm.controller.events import RunPrograms
from mgpu_slurm.controller.picture import is_usable
from mgpu_slurm.controller.reservations import conflict, watch
from mgpu_slurm.facts import reservation
from mgpu_slurm.facts.states import COMPLETING, RESV_DEL_HOLD, TERMINAL

if TYPE_CHECKING:
    from collections.abc import Collection

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.reservation import Reservation


def begun(ctx: Context, name: str) -> None:
    """Its time has come; that is said again whenever it is changed, and when the controller starts anew."""
    one = ctx.state.reservations.get(name)
    if one is not None and ctx.settings.resv_prolog and one.begun != one.start:
        one.begun = one.start
        ctx.save_reservation(name)
        _run(ctx, "ResvProlog", ctx.settings.resv_prolog, name)
    ctx.replan()


def _run(ctx: Context, key: str, program: str, name: str) -> None:
    """The administrator's program, which is told the reservation's name alone."""
    if program:
        ctx.other_programs += 1
        ctx.effects.append(
            RunPrograms(job_id=0, attempt=ctx.other_programs, name=key, patterns=(program,), arguments=(name,))
        )


def over(ctx: Context, name: str, now: float) -> None:
    """Its time is up: it comes again where it is one that does, else it is forgotten, as Slurm forgets it."""
    one = ctx.state.reservations.pop(name, None)
    if one is None:
        return
    _run(ctx, "ResvEpilog", ctx.settings.resv_epilog, name)
    start = next_start(one.flags, one.start, now)
    if start:
        ctx.state.reservations[name] = again = msgspec.structs.replace(one, start=start, end=start + one.end - one.start)
        watch(ctx, again)
    for job in [job for job in ctx.state.jobs.values() if job.request.reservation == name]:
        if job.state == "PENDING" and not start:
            _let_go(ctx, one, job, now)
        elif job.state in ("RUNNING", "SUSPENDED") and "FLEX" not in one.flags and ctx.settings.resv_overrun >= 0:
            ctx.timers.set("overrun", job.job_id, now + 60 * ctx.settings.resv_overrun)
    ctx.save_reservation(name)
    ctx.replan()


def _let_go(ctx: Context, one: Reservation, job: Job, now: float) -> None:
    """A job that waits for what is no more: held, so that it does not start where it was not meant to."""
    job.request = msgspec.structs.replace(job.request, reservation=None)
    if "NO_HOLD_JOBS_AFTER_END" not in one.flags:
        waiting.hold(ctx, job, job.held_by or "user", now)
        job.flags = [*job.flags, RESV_DEL_HOLD]
        job.reason_text = f"Reservation {one.name} was deleted"
    ctx.needs.pop(job.job_id, None)
    ctx.save(job)


def idle(ctx: Context, name: str, now: float) -> None:
    """PURGE_COMP: it goes once no job has been in it, or has waited for it, for the time that it says."""
    one = ctx.state.reservations.get(name)
    limit = reservation.idle_limit(one.flags) if one is not None else None
    if one is None or limit is None:
        return
    jobs = [job for job in ctx.state.jobs.values() if job.request.reservation == name]
    if any(job.state not in TERMINAL or COMPLETING in job.flags for job in jobs):
        due = now + limit
    else:
        due = max([one.start, *(job.end_time for job in jobs)]) + limit
    if due > now:
        ctx.timers.set("idle", name, due)
    else:
        over(ctx, name, now)


def replace(ctx: Context, now: float) -> None:
    """REPLACE and REPLACE_DOWN: nodes that are away, and with the first those that jobs have, for others of the partition that
    nobody has, as long as there are such."""
    for one in ctx.state.reservations.values():
        if not {"REPLACE", "REPLACE_DOWN"}.isdisjoint(one.flags) and now < one.at(now).end:
            _replace(ctx, one, now)


def _replace(ctx: Context, one: Reservation, now: float) -> None:
    known = ctx.state.nodes
    place = ctx.state.partitions.get(one.partition)
    names = list(known) if place is None or place.all_nodes else [name for name in place.nodes if name in known]
    held = "REPLACE" in one.flags
    bad = [name for name in one.nodes if name not in known or not is_usable(known[name]) or (held and ctx.state.jobs_on(name))]
    spare = [
        name for name in names
        if bad and name not in one.nodes and is_usable(known[name])
        and not ctx.state.jobs_on(name) and not conflict(ctx, one.at(now), name, now)
    ]
    if bad and spare:
        new = dict(zip(bad, spare, strict=False))
        one.nodes = [new.get(name, name) for name in one.nodes]
        ctx.save_reservation(one.name)
        ctx.replan()


def next_start(flags: Collection[str], start: float, now: float) -> float:
    """When a reservation that repeats begins again, at the same time of the day and after `now`; 0 for one that does not."""
    if "HOURLY" in flags:
        return start + 3600 * (int(now - start) // 3600 + 1)
    days = DAYS & set(flags)
    if not days:
        return 0.0
    first = time.localtime(start)
    for ahead in range(1, int(now - start) // 86400 + 9):
        # by the calendar, so that a change of the clocks does not move it
        at = time.mktime((first.tm_year, first.tm_mon, first.tm_mday + ahead, *first[3:6], 0, 0, -1))
        day = time.localtime(at).tm_wday
        fits = "DAILY" in days or ("WEEKDAY" in days and day < 5) or ("WEEKEND" in days and day > 4)
        if at > now and (fits or ("WEEKLY" in days and ahead % 7 == 0)):
            return at
    return 0.0


DAYS = frozenset(("DAILY", "WEEKDAY", "WEEKEND", "WEEKLY"))
"""Flags by which a reservation comes again on another day."""
