"""Reservations: made, changed and ended by operators; what they mean for jobs that wait.

A job that names a reservation starts on its nodes, while it lasts, and only where it is one of its users'. Any other job
keeps off the nodes from the moment when it could still run at the reservation's start. Jobs that run elsewhere when it begins
are left alone; what time does to reservations is in reservation_life.py.
"""

from __future__ import annotations

import grp
import pwd
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors, hostlist, units
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import licenses, permissions, reservation_cores
from mgpu_slurm.controller.reservation_cores import SHARES
from mgpu_slurm.facts import reservation
from mgpu_slurm.facts.states import TERMINAL
from mgpu_slurm.intake import dates, gres
from mgpu_slurm.records.reservation import Reservation

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.allocation import NodeShare
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.sched.snapshot import PendingJob
    from mgpu_slurm.wire.messages import Update

YEAR = 365 * 86400
WATCHED = ("reserved", "unreserved", "idle")
"""Timers of a reservation."""
REPLACED = frozenset(("REPLACE", "REPLACE_DOWN"))
"""Flags of reservations of a number of nodes, whose nodes may be changed for others."""
REPEATED = frozenset(("HOURLY", "DAILY", "WEEKDAY", "WEEKEND", "WEEKLY"))
RESERVED = "ReqNodeNotAvail, May be reserved for other job"


def change(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    """Create, update or delete. One row, whose id is the reservation's name. Raises SlurmError."""
    permissions.need_operator(ctx, caller)
    if message.action == "delete":
        return [(_delete(ctx, message.name), 0, "")]
    changes = {key.lower(): text for key, text in message.changes}
    if message.action == "create":
        one = _create(ctx, message.name, changes, now)
    else:
        old = ctx.state.reservations.get(message.name)
        if old is None:
            raise SlurmError(errors.ESLURM_RESERVATION_INVALID)
        if "corecnt" in changes or (old.cores and {"nodes", "nodecnt"} & changes.keys()):
            raise SlurmError(errors.ESLURM_CORE_RESERVATION_UPDATE)
        if old.floats and "starttime" in changes:
            raise SlurmError(errors.ESLURM_RSV_ALREADY_STARTED)
        if changes.get("features") and old.nodes:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
        if any(reservation.flag(word.lstrip("+-")) == "TIME_FLOAT" for word in changes.get("flags", "").split(",")):
            raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE)
        one = _changed(ctx, old.at(now), changes, now)
        if (set(one.flags) - set(old.flags)) & REPLACED:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
        _need_users(one)
    _check_free(ctx, one, now)
    if one.floats:
        ahead = max(0.0, one.start - now)
        one.start, one.end = ahead, ahead + one.end - one.start
    ctx.state.reservations[one.name] = one
    _kept(ctx, one)
    return [(one.name, 0, "")]


def _kept(ctx: Context, one: Reservation) -> None:
    ctx.save_reservation(one.name)
    watch(ctx, one)
    ctx.replan()


def watch(ctx: Context, one: Reservation) -> None:
    """Its beginning and its end are moments at which jobs may start. One that floats has none."""
    if one.floats:
        for what in WATCHED:
            ctx.timers.cancel(what, one.name)
        return
    ctx.timers.set("reserved", one.name, one.start)
    ctx.timers.set("unreserved", one.name, one.end)
    limit = reservation.idle_limit(one.flags)
    if limit is None:
        ctx.timers.cancel("idle", one.name)
    else:
        ctx.timers.set("idle", one.name, one.start + limit)


def _create(ctx: Context, name: str, changes: dict[str, str], now: float) -> Reservation:
    if name and name in ctx.state.reservations:
        raise SlurmError(errors.ESLURM_RESERVATION_NAME_DUP)
    made = _changed(ctx, Reservation(name=name, start=now, end=now + YEAR), changes, now)
    _need_users(made)
    if made.floats and REPEATED & set(made.flags):
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    if not made.nodes and not (made.licenses and "ANY_NODES" in made.flags):
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    if "nodes" in changes and REPLACED & set(made.flags):
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    if not name:
        ctx.state.reservation_count += 1
        first = (made.users or made.accounts or made.groups)[0]
        while (name := f"{first}_{ctx.state.reservation_count}") in ctx.state.reservations:
            ctx.state.reservation_count += 1
        made.name = name
    else:
        ctx.state.reservation_count += 1
    return made


def _need_users(one: Reservation) -> None:
    if not one.users and not one.accounts and not one.groups:
        raise SlurmError(errors.ESLURM_RESERVATION_EMPTY)


def _changed(ctx: Context, old: Reservation, changes: dict[str, str], now: float) -> Reservation:
    """The reservation with the changes applied. Raises SlurmError."""
    values: dict[str, Any] = {}
    flags = list(old.flags)
    if "flags" in changes:
        flags = _flags(flags, changes["flags"])
    start = old.start
    if "starttime" in changes:
        start = values["start"] = _instant(ctx, changes["starttime"], now)
    length = old.end - old.start
    if "duration" in changes:
        text = changes["duration"]
        length = YEAR if text.lower() in ("infinite", "unlimited") else 60 * _minutes(text)
    values["end"] = _instant(ctx, changes["endtime"], now) if "endtime" in changes else start + length
    for key in ("users", "groups", "accounts"):
        if key in changes:
            values[key] = _words(getattr(old, key), changes[key])
    if "users" in values or "groups" in values:
        values["uids"] = _uids(values.get("users", old.users), values.get("groups", old.groups))
    if (values.get("users") and (values.get("groups", old.groups))) or (values.get("groups") and values.get("users", old.users)):
        raise SlurmError(errors.ESLURM_RESERVATION_USER_GROUP)
    if changes.get("licenses"):
        licenses.check(ctx, changes["licenses"])
    for key, field in (("features", ""), ("licenses", ""), ("burstbuffer", "burst_buffer"), ("watts", "")):
        if key in changes:
            values[field or key] = changes[key]
    if "maxstartdelay" in changes:
        values["max_start_delay"] = 60 * _minutes(changes["maxstartdelay"])
    partition = changes.get("partitionname", changes.get("partition", old.partition))
    if "corecnt" in changes:
        reservation_cores.need_fitting(flags)
    if changes.get("features") and "nodes" not in changes:
        _need_feature(ctx, changes["features"])
    if not partition and ("corecnt" in changes or ("nodecnt" in changes and "nodes" not in changes)):
        partition = next((one.name for one in ctx.state.partitions.values() if one.default), "")
    if partition and partition not in ctx.state.partitions:
        raise SlurmError(errors.ESLURM_INVALID_PARTITION_NAME)
    everything = ["ALL_NODES"] if changes.get("nodes", "").upper() == "ALL" else []
    if "PART_NODES" in flags and "PART_NODES" not in old.flags:
        if not everything or not partition:
            raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
        place = ctx.state.partitions[partition]
        values["nodes"] = list(ctx.state.nodes) if place.all_nodes else [name for name in place.nodes if name in ctx.state.nodes]
        flags = [flag for flag in flags if flag not in ("SPEC_NODES", "ALL_NODES")] + ["SPEC_NODES"]
    elif "nodes" in changes:
        values["nodes"] = _nodes(ctx, changes["nodes"])
        flags = [flag for flag in flags if flag not in ("SPEC_NODES", "ALL_NODES")] + ["SPEC_NODES", *everything]
    trial = msgspec.structs.replace(old, flags=flags, start=start, end=values["end"], partition=partition)
    if "nodes" in values and "corecnt" in changes:
        for name in values["nodes"]:
            _need_no_other(ctx, trial, name, now)
        values["cores"] = reservation_cores.named(ctx, trial, values["nodes"], changes["corecnt"], now)
    elif "corecnt" in changes:
        nodes = [name for name in _nodes_of(ctx, partition) if not overlaps(ctx, trial, name, now)]
        number = _number(changes["nodecnt"]) if "nodecnt" in changes else 0
        values["cores"] = reservation_cores.anywhere(ctx, trial, nodes, changes["corecnt"], number, now)
        values["nodes"] = list(values["cores"])
    elif "nodecnt" in changes and "nodes" not in values:
        values["nodes"] = _pick(ctx, trial, changes["nodecnt"], now)
        flags = [flag for flag in flags if flag != "ALL_NODES"]
    return msgspec.structs.replace(old, flags=flags, partition=partition, **values)


def _need_feature(ctx: Context, name: str) -> None:
    if not any(name in (node.active_features or node.features) for node in ctx.state.nodes.values()):
        raise SlurmError(errors.ESLURM_INVALID_FEATURE)


def _flags(before: list[str], text: str) -> list[str]:
    found = list(before)
    for word in text.split(",") if text else ():
        take = word.startswith("-")
        name = reservation.flag(word.lstrip("+-"))
        if name is None:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid flag: {word}")
        found = [one for one in found if reservation.kind(one) != reservation.kind(name)] + ([] if take else [name])
    return found


def _words(before: list[str], text: str) -> list[str]:
    """`a,b` replaces; `+a` and `-b` change."""
    words = [word for word in text.split(",") if word]
    if not any(word[0] in "+-" for word in words):
        return words
    found = list(before)
    for word in words:
        name = word.lstrip("+-")
        found = [one for one in found if one != name] + ([] if word.startswith("-") else [name])
    return found


def _uids(users: list[str], groups: list[str]) -> list[int]:
    try:
        found = [int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid for name in users]
    except KeyError:
        raise SlurmError(errors.ESLURM_USER_ID_MISSING) from None
    try:
        for group in groups:
            found += [pwd.getpwnam(name).pw_uid for name in grp.getgrnam(group).gr_mem]
    except KeyError:
        raise SlurmError(errors.ESLURM_GROUP_ID_MISSING) from None
    return found


def _instant(ctx: Context, text: str, now: float) -> float:
    try:
        return dates.parse(text, now, compat=ctx.settings.compat)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE) from None


def _minutes(text: str) -> int:
    try:
        return units.parse_minutes(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE) from None


def _nodes(ctx: Context, text: str) -> list[str]:
    if text.upper() == "ALL":
        return list(ctx.state.nodes)
    try:
        names = hostlist.expand(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME) from None
    wanted = set(names)
    if not ctx.state.nodes.keys() >= wanted:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    return [name for name in ctx.state.nodes if name in wanted]


def _nodes_of(ctx: Context, partition: str) -> list[str]:
    place = ctx.state.partitions.get(partition)
    return list(ctx.state.nodes) if place is None or place.all_nodes else place.nodes


def _number(text: str) -> int:
    """Of nodes. Raises SlurmError."""
    number = sum(gres.count(part) or 0 for part in text.split(","))
    if number < 1:
        raise SlurmError(errors.ESLURM_INVALID_NODE_COUNT)
    return number


def _pick(ctx: Context, one: Reservation, count: str, now: float) -> list[str]:
    """That many nodes of its partition that are free for the time."""
    number = _number(count)
    names = _nodes_of(ctx, one.partition)
    free = [name for name in names if conflict(ctx, one, name, now) == 0]
    if len(free) < number:
        raise SlurmError(errors.ESLURM_NODES_BUSY if len(names) >= number else errors.ESLURM_INVALID_NODE_COUNT)
    return free[:number]


def overlaps(ctx: Context, one: Reservation, name: str, now: float) -> bool:
    """Whether another reservation has the whole node in that time."""
    if not SHARES.isdisjoint(one.flags):
        return False
    for other in (other.at(now) for other in ctx.state.reservations.values() if not other.cores):
        apart = other.name == one.name or name not in other.nodes or not SHARES.isdisjoint(other.flags)
        if not apart and other.start < one.end and one.start < other.end:
            return True
    return False


def _need_no_other(ctx: Context, one: Reservation, name: str, now: float) -> None:
    if overlaps(ctx, one, name, now):
        raise SlurmError(errors.ESLURM_RESERVATION_OVERLAP)


def conflict(ctx: Context, one: Reservation, name: str, now: float) -> int:
    """The code of what is on a node in that time; 0 where it is nothing."""
    if overlaps(ctx, one, name, now):
        return errors.ESLURM_RESERVATION_OVERLAP
    if one.cores and name in ctx.state.nodes:
        return 0 if set(one.cores[name]) <= set(reservation_cores.free(ctx, one, name, now)) else errors.ESLURM_NODES_BUSY
    if "IGNORE_JOBS" not in one.flags and not one.cores and any(
        (not job.end_time or job.end_time > one.start) and (job.request.reservation or "") != one.name
        for job in ctx.state.jobs_on(name)
    ):
        return errors.ESLURM_NODES_BUSY
    return 0


def _check_free(ctx: Context, one: Reservation, now: float) -> None:
    if one.end <= one.start or one.end <= now:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE)
    for name in one.nodes:
        code = conflict(ctx, one, name, now)
        if code:
            raise SlurmError(code)


def _delete(ctx: Context, name: str) -> str:
    if name not in ctx.state.reservations:
        raise SlurmError(errors.ESLURM_RESERVATION_INVALID)
    if any(job.request.reservation == name and job.state not in TERMINAL for job in ctx.state.jobs.values()):
        raise SlurmError(errors.ESLURM_RESERVATION_BUSY)
    del ctx.state.reservations[name]
    for what in WATCHED:
        ctx.timers.cancel(what, name)
    ctx.save_reservation(name)
    ctx.replan()
    return name


# --- jobs -----------------------------------------------------------------------------------------------------------


def check(ctx: Context, name: str | None, uid: int, account: str) -> None:
    """Whether a job may name it. Raises SlurmError 2053, 2052."""
    if not name:
        return
    one = ctx.state.reservations.get(name)
    if one is None:
        raise SlurmError(errors.ESLURM_RESERVATION_INVALID)
    if (uid not in one.uids and account not in one.accounts) or one.floats:
        raise SlurmError(errors.ESLURM_RESERVATION_ACCESS)


def confines(ctx: Context, name: str | None, now: float) -> set[str] | None:
    """The nodes of a reservation that lasts, where its jobs get no others."""
    one = ctx.state.reservations.get(name) if name else None
    return set(one.nodes) if one is not None and "FLEX" not in one.flags and one.start <= now < one.end else None


def limited(ctx: Context, job: Job, seen: PendingJob, now: float) -> PendingJob:
    """What the scheduler sees of a job while there are reservations: nodes that are not for it now count as excluded, and so
    do the cores of others."""
    name = job.request.reservation
    own = ctx.state.reservations.get(name) if name else None
    if name and (own is None or ("FLEX" not in own.flags and not own.start <= now < own.end)):
        return msgspec.structs.replace(seen, blocked="Reservation")
    end = now + (60 * seen.time_limit if seen.time_limit >= 0 else YEAR)
    kept = [one for one in (one.at(now) for one in ctx.state.reservations.values()) if one.start < end and now < one.end]
    others = [one for one in kept if one.name != name]
    if own is not None and "FLEX" not in own.flags:
        unwanted = set(ctx.state.nodes) - set(own.nodes)
        cpus = reservation_cores.besides(ctx, own) if own.cores else reservation_cores.kept(ctx, others)
    else:
        # of its own nodes it may also begin before, end after and use others
        unwanted = {node for one in others if not one.cores for node in one.nodes}
        cpus = reservation_cores.kept(ctx, others)
    if not unwanted and not cpus:
        return seen
    away = unwanted | set(cpus if seen.need.exclusive and own is None else ())
    if not away.isdisjoint(seen.need.required_nodes):
        return msgspec.structs.replace(seen, blocked="ReqNodeNotAvail")
    return without(seen, unwanted, cpus)


def without(seen: PendingJob, unwanted: set[str], cpus: dict[str, int]) -> PendingJob:
    excluded = tuple(sorted({*seen.need.excluded_nodes, *unwanted}))
    need = msgspec.structs.replace(seen.need, excluded_nodes=excluded, kept_cpus=tuple(sorted(cpus.items())))
    return msgspec.structs.replace(seen, need=need)


def drawing(ctx: Context, job: Job, now: float) -> list[Reservation]:
    """Magnetic reservations of the job's user that last now: a job that names none, and fits into one, starts there."""
    if job.request.reservation or job.het_job_id:
        return []
    ways = [one for one in ctx.state.reservations.values() if "MAGNETIC" in one.flags and one.start <= now < one.end]
    return [one for one in ways if job.uid in one.uids or job.account in one.accounts]


def inside(ctx: Context, one: Reservation, seen: PendingJob) -> PendingJob:
    """The job as one that has the reservation's nodes, or cores, alone."""
    return without(seen, set(ctx.state.nodes) - set(one.nodes), reservation_cores.besides(ctx, one))


def joined(ctx: Context, job: Job, shares: list[NodeShare], now: float) -> str:
    """The name of the reservation that has drawn a job to what it gets, "" where none has."""
    used = {share.node: share.cpus for share in shares}
    return next((one.name for one in drawing(ctx, job, now) if reservation_cores.holds(ctx, one, used)), "")
