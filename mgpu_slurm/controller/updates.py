"""scontrol update: keys and texts as typed -> changed records of jobs, nodes, partitions and steps.

A change is checked as a whole before anything of it is done: a request with one wrong key changes nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors, ids, units
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import (
    arrays,
    cancelling,
    launching,
    licenses,
    permissions,
    reservations,
    steps,
    submission,
    terms,
    update_nodes,
    update_partitions,
    update_wishes,
    waiting,
)
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.intake import dates
from mgpu_slurm.wire.messages import ExtendJob, Results

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked, Caller
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.wire.messages import Update


def update(ctx: Context, asked: Asked, message: Update, now: float) -> None:
    """Answer Results. Raises SlurmError where the request as a whole is wrong."""
    if message.what == "job":
        rows = _jobs(ctx, asked.caller, message, now)
    elif message.what == "node":
        rows = update_nodes.update(ctx, asked.caller, message, now)
    elif message.what == "partition":
        rows = update_partitions.update(ctx, asked.caller, message, now)
    elif message.what == "reservation":
        rows = reservations.change(ctx, asked.caller, message, now)
    elif message.what == "step":
        rows = _step(ctx, asked.caller, message, now)
    else:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    ctx.reply(asked.conn, Results(rows=rows))


def unsupported(key: str, text: str) -> SlurmError:
    return SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Update of this parameter is not supported: {key}={text}")


def _jobs(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    for key, text in message.changes:
        if key.lower() not in _KEYS and key.lower() not in _REQUEST_KEYS:
            raise unsupported(key, text)
    rows: list[tuple[str, int, str]] = []
    change = partial(_job, ctx, caller=caller, changes=message.changes, now=now)
    for name in ids.listed(message.name):
        rows += cancelling.carry_out(ctx, caller, name, change, errors.ESLURM_USER_ID_MISSING)
    return rows


def _job(ctx: Context, job: Job, caller: Caller, changes: list[tuple[str, str]], now: float) -> None:
    """Try all changes on a copy, then make the record like it."""
    if job.state in TERMINAL and COMPLETING not in job.flags:
        raise SlurmError(errors.ESLURM_JOB_FINISHED)
    trial = msgspec.structs.replace(job, flags=list(job.flags))
    for key, text in changes:
        word = key.lower()
        setter = _KEYS.get(word)
        if setter is not None:
            setter(ctx, trial, caller, text, now)
        else:
            _set_request(ctx, trial, word, text, now)
    if NAMING & {key.lower() for key, _ in changes}:
        submission.check_names(ctx, trial.request)
        reservations.check(ctx, trial.request.reservation, trial.uid, trial.account)
    if trial.state == "PENDING":
        submission.settle(ctx, trial)
    if COMPLETING in job.flags and job.state != "PENDING":
        raise SlurmError(errors.ESLURM_TRANSITION_STATE_NO_UPDATE)
    _take_over(ctx, job, trial, now)


def _take_over(ctx: Context, job: Job, trial: Job, now: float) -> None:
    limit_changed = trial.time_limit != job.time_limit
    pending = job.state == "PENDING"
    if pending:
        ctx.state.unwatch(job, terms.targets(job))
    ctx.state.out_of_indexes(job)
    for field in msgspec.structs.fields(job):
        if field.name not in ("flags", "steps"):
            setattr(job, field.name, getattr(trial, field.name))
    ctx.state.into_indexes(job)
    ctx.save(job)
    ctx.needs.pop(job.job_id, None)
    if pending:
        ctx.timers.cancel("begin", job.job_id)
        ctx.timers.cancel("deadline", job.job_id)
        if job.request.deadline:
            ctx.timers.set("deadline", job.job_id, submission.latest_start(job))
        waiting.enter(ctx, job, now)
        arrays.room(ctx, job, now)
    elif limit_changed and job.state == "RUNNING" and job.allocation is not None:
        launching.set_limit(ctx, job, now)
        for node in job.allocation.nodes:
            ctx.to_node(node, ExtendJob(job_id=job.job_id, deadline=launching.kill_time(ctx, job)))
    ctx.replan()


def default_priority(ctx: Context, job: Job) -> int:
    if ctx.settings.fifo_priority:
        return max(1, submission.TOP_PRIORITY - (job.het_job_id or job.job_id) - job.request.nice)
    return max(1, -job.request.nice)


def _request(job: Job, **values: Any) -> None:
    job.request = msgspec.structs.replace(job.request, **values)


def _need_pending(job: Job) -> None:
    if job.state != "PENDING":
        raise SlurmError(errors.ESLURM_JOB_NOT_PENDING)


def _priority(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    try:
        wanted = int(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid Priority value: {text}") from None
    operator = permissions.is_operator(ctx, caller)
    if wanted <= 0:
        job.priority = 0
        job.held_by = "admin" if operator else "user"
        job.reason = waiting.HELD[job.held_by]
        return
    if not operator and (wanted > job.priority or job.held_by == "admin"):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    if job.reason in waiting.HELD.values():
        job.reason = "None"
    job.priority = wanted
    job.priority_fixed = True
    job.held_by = ""
    _request(job, nice=0)


def _nice(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    nice = _number(text or "100")
    if nice < job.request.nice and not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    if job.priority_fixed:
        return
    _request(job, nice=nice)
    if job.priority and job.state == "PENDING":
        job.priority = default_priority(ctx, job)


def _name(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    job.name = text
    _request(job, name=text)


def _partition(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    _need_pending(job)
    for name in text.split(","):
        one = ctx.state.partitions.get(name)
        if one is None:
            raise SlurmError(errors.ESLURM_INVALID_PARTITION_NAME)
        if one.state in ("INACTIVE", "DRAIN"):
            raise SlurmError(errors.ESLURM_PARTITION_NOT_AVAIL)
    job.partition = text
    _request(job, partition=text)
    if job.request.time_limit is None:
        first = ctx.state.partitions[text.split(",")[0]]
        job.time_limit = launching.default_limit(first.default_time, first.max_time)


def _dependency(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    _need_pending(job)
    job.dependency, job.dependency_any = waiting.read(ctx, text, job)
    _request(job, dependency=text or None)


def _throttle(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    if not job.array_job_id:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    job.array_limit = max(0, _number(text))


def _start_time(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    _need_pending(job)
    _request(job, begin=_instant(ctx, text, now))


def _deadline(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    at = _instant(ctx, text, now)
    if at <= now:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE)
    _request(job, deadline=at)


def _account(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    _need_pending(job)
    job.account = text
    _request(job, account=text)


def _qos(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    job.qos = text
    _request(job, qos=text)


def _licenses(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """A running job's own are changed at once, by operators; nobody asks whether they are free, as in Slurm."""
    licenses.check(ctx, text)
    if job.state != "PENDING":
        if not permissions.is_operator(ctx, caller):
            raise SlurmError(errors.ESLURM_JOB_NOT_PENDING)
        job.licenses = (licenses.choices(text) or [{}])[0]
    _request(job, licenses=text)


def _nodes(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    if job.state != "PENDING":
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    low, dash, high = text.partition("-")
    least, most = _number(low), _number(high) if dash else _number(low)
    places = [ctx.state.partitions[name] for name in job.partition.split(",") if name in ctx.state.partitions]
    largest = max((len(ctx.state.nodes) if one.all_nodes else len(one.nodes) for one in places), default=0)
    if least < 1 or most < least or least > largest:
        raise SlurmError(errors.ESLURM_INVALID_NODE_COUNT)
    _request(job, min_nodes=least, max_nodes=most)


def _sharing(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Yes: with others; no: none of its nodes with anybody."""
    _need_pending(job)
    shared = _truth(text)
    _request(job, oversubscribe=shared, exclusive=None if shared else "exclusive")


def _admin_comment(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    if not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    job.admin_comment = text


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid numeric value: {text}") from None


def _instant(ctx: Context, text: str, now: float) -> float:
    try:
        return dates.parse(text, now, compat=ctx.settings.compat)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE) from None


def _mem(text: str) -> int:
    try:
        return units.parse_mem(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid memory value: {text}") from None


def _truth(text: str) -> bool:
    return text.lower() in ("1", "yes", "y", "true")


NAMING = frozenset((
    "features", "gres", "trespernode", "reqnodelist", "nodelist", "excnodelist", "reservationname",
))  # fmt: skip
"""Keys whose words must be known to the cluster."""

_KEYS: dict[str, Callable[[Context, Job, Caller, str, float], None]] = {
    **update_wishes.KEYS,
    "admincomment": _admin_comment,
    "oversubscribe": _sharing,
    "shared": _sharing,
    "priority": _priority,
    "nice": _nice,
    "name": _name,
    "jobname": _name,
    "partition": _partition,
    "dependency": _dependency,
    "arraytaskthrottle": _throttle,
    "starttime": _start_time,
    "eligibletime": _start_time,
    "deadline": _deadline,
    "account": _account,
    "qos": _qos,
    "licenses": _licenses,
    "numnodes": _nodes,
    "minnodes": _nodes,
}

# key -> field of the request, how its text is read, whether only while pending
_REQUEST_KEYS: dict[str, tuple[str, Callable[[str], Any], bool]] = {
    "comment": ("comment", str, False),
    "features": ("constraint", str, True),
    "gres": ("gres", str, True),
    "trespernode": ("gres", str, True),
    "tresperjob": ("gpus", str, True),
    "trespertask": ("gpus_per_task", str, True),
    "reqnodelist": ("nodelist", str, True),
    "nodelist": ("nodelist", str, True),
    "excnodelist": ("exclude", str, True),
    "numtasks": ("ntasks", _number, True),
    "numcpus": ("ntasks", _number, True),
    "cpuspertask": ("cpus_per_task", _number, True),
    "ntaskspernode": ("ntasks_per_node", _number, True),
    "mincpusnode": ("min_cpus_per_node", _number, True),
    "minmemorynode": ("mem_per_node", _mem, True),
    "minmemorycpu": ("mem_per_cpu", _mem, True),
    "mintmpdisknode": ("tmp_disk", _mem, True),
    "contiguous": ("contiguous", _truth, True),
    "requeue": ("requeue", _truth, False),
    "timemin": ("time_min", update_wishes.minutes, True),
    "mailtype": ("mail_type", str, False),
    "mailuser": ("mail_user", str, False),
    "reservationname": ("reservation", str, True),
    "wckey": ("wckey", str, False),
    "workdir": ("work_dir", str, True),
    "stdout": ("std_out", str, True),
    "stderr": ("std_err", str, True),
    "stdin": ("std_in", str, True),
}


def _set_request(ctx: Context, job: Job, key: str, text: str, now: float) -> None:
    field, read, pending = _REQUEST_KEYS[key]
    if job.state in TERMINAL and pending:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if pending:
        _need_pending(job)
    values = {field: read(text) if text else None}
    if field in ("mem_per_node", "mem_per_cpu"):
        values = {"mem_per_node": None, "mem_per_cpu": None, "mem_per_gpu": None, **values}
    if field == "contiguous":
        values[field] = bool(values[field])
    if field == "nodelist" and text:
        submission.known_nodes(ctx, text)
    _request(job, **values)


def _step(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    """update StepId=12.0 TimeLimit=5."""
    ref: ids.JobRef = cancelling.parse(message.name)
    for job in cancelling.allowed(ctx, caller, ref):
        chosen = [step for name, step in job.steps.items() if ref.step is None or name == str(ref.step)]
        chosen = [step for step in chosen if step.step_id != "batch" and steps.is_live(step)]
        if not chosen:
            raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
        for key, text in message.changes:
            if key.lower() != "timelimit":
                raise unsupported(key, text)
            for step in chosen:
                step.time_limit = update_wishes.minutes(text)
        for step in chosen:
            if step.time_limit is not None and step.time_limit >= 0:
                ctx.timers.set("step", (job.job_id, step.step_id), step.start_time + 60 * step.time_limit)
            else:
                ctx.timers.cancel("step", (job.job_id, step.step_id))
        ctx.save(job)
    return [(message.name, 0, "")]
