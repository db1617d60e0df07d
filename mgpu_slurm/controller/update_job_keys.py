"""What each key of `scontrol update job` changes of a job's record. The finer wishes are in update_wishes.py, devices in
update_gres.py.

A setter gets the job as a trial copy and the text that scontrol has checked; it raises SlurmError where the change cannot be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import errors, units
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import (
    launching,
    licenses,
    permissions,
    priorities,
    reservations,
    resizing,
    submission,
    update_gres,
    update_wishes,
    waiting,
)
from mgpu_slurm.controller.update_wishes import ask, need_pending
from mgpu_slurm.facts.states import TERMINAL
from mgpu_slurm.intake import dates

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.job import Job


def change(ctx: Context, job: Job, caller: Caller, key: str, text: str, now: float) -> None:
    """Raises SlurmError; `key` is one of KNOWN."""
    key = _ALSO.get(key, key)
    setter = _KEYS.get(key)
    if setter is not None:
        setter(ctx, job, caller, text, now)
    else:
        _set_request(ctx, job, key, text)
    if key in NAMING:
        NAMING[key](ctx, job.request)


def _priority(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    try:
        wanted = int(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid Priority value: {text}") from None
    operator = permissions.is_operator(ctx, caller)
    if wanted > 0 and (job.priority == 0 or job.state == "SUSPENDED"):
        raise SlurmError(errors.ESLURM_JOB_HELD)
    if wanted <= 0:
        job.priority = 0
        job.priority_fixed = False
        job.held_by = "admin" if operator else "user"
        job.reason = waiting.HELD[job.held_by]
        return
    if not operator and (wanted > job.priority or job.held_by == "admin"):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    job.priority = wanted
    job.priority_fixed = True
    job.held_by = ""
    ask(job, nice=0)


def _nice(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    nice = _number(text or "100")
    if nice < job.request.nice and not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    if job.priority_fixed and job.state == "PENDING":
        return
    ask(job, nice=nice)
    if job.priority and not job.priority_fixed:
        job.priority = priorities.of_job(ctx, job)


def _site_factor(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """An administrator's own share of the priority."""
    if not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    job.site_factor = _number(text)
    if job.priority and not job.priority_fixed:
        job.priority = priorities.of_job(ctx, job)


def _name(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    job.name = text
    ask(job, name=text)


def _partition(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    need_pending(job)
    for name in text.split(","):
        one = ctx.state.partitions.get(name)
        if one is None:
            raise SlurmError(errors.ESLURM_INVALID_PARTITION_NAME)
        if one.state in ("INACTIVE", "DRAIN"):
            raise SlurmError(errors.ESLURM_PARTITION_NOT_AVAIL)
    job.partition = text
    ask(job, partition=text)
    if job.request.time_limit is None:
        first = ctx.state.partitions[text.split(",")[0]]
        job.time_limit = launching.default_limit(first.default_time, first.max_time)


def _dependency(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    need_pending(job)
    job.dependency, job.dependency_any = waiting.read(ctx, text, job.partition, job)
    job.dependency_text = ""
    ask(job, dependency=text or None)


def _throttle(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Of a job that is no array nothing is changed, as in Slurm."""
    if job.array_job_id:
        job.array_limit = max(0, _number(text))


def _start_time(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    need_pending(job)
    ask(job, begin=_instant(ctx, text, now))


def _deadline(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """What has begun has no deadline any more."""
    at = _instant(ctx, text, now)
    if at <= now:
        raise SlurmError(errors.ESLURM_INVALID_TIME_VALUE)
    if job.state == "PENDING":
        ask(job, deadline=at)


def _account(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    need_pending(job)
    job.account = text
    ask(job, account=text or None)


def _qos(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Kept with the request, as at submission: no QOS is known by which the job could be held to anything."""
    ask(job, qos=text)


def _licenses(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """A running job's own are changed at once, by operators; nobody asks whether they are free, as in Slurm."""
    licenses.check(ctx, text)
    if job.state != "PENDING":
        if not permissions.is_operator(ctx, caller):
            raise SlurmError(errors.ESLURM_JOB_NOT_PENDING)
        job.licenses = (licenses.choices(text) or [{}])[0]
    ask(job, licenses=text)


def _nodes(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """LEAST or LEAST-MOST; without a most the one that holds for it stays. ALL are those it has."""
    if text.upper() == "ALL":
        return
    low, dash, high = text.partition("-")
    bound = job.request.max_nodes and (job.max_nodes or job.request.max_nodes)
    least, most = _number(low), _number(high) if dash else bound
    if job.state != "PENDING":
        resizing.change(ctx, job, least, bool(dash), now)
        return
    if job.request.max_cpus and least * (job.sums.node_cpus if job.sums else 1) > job.request.max_cpus:
        raise SlurmError(errors.ESLURM_INVALID_CPU_COUNT)
    if least < 1 or (most and most < least):
        raise SlurmError(errors.ESLURM_INVALID_NODE_COUNT)
    # a task for each node at least
    ask(job, min_nodes=least, max_nodes=most, ntasks=max(job.request.ntasks, least) if job.request.ntasks else None)


def _tasks(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    need_pending(job)
    if not _number(text):
        raise SlurmError(errors.ESLURM_BAD_TASK_COUNT)
    ask(job, ntasks=_number(text))


def _cpus(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """LEAST or LEAST-MOST CPUs in all; without a most the one that was set before stays."""
    need_pending(job)
    low, dash, high = text.partition("-")
    least, most = _number(low), _number(high) if dash else job.request.max_cpus
    if most and most < least:
        raise SlurmError(errors.ESLURM_INVALID_CPU_COUNT)
    ask(job, min_cpus=least, max_cpus=most)


def _node_list(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    wanted = submission.known_nodes(ctx, text)
    if job.state != "PENDING":
        own = set(job.allocation.nodes) if job.allocation is not None else set()
        if not wanted or not wanted <= own:
            raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
        if wanted != own:
            resizing.keep(job, wanted, now)
        return
    ask(job, nodelist=text or None)


def _time_min(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    least = update_wishes.minutes(text)
    if job.state != "PENDING":
        return  # what has begun has its limit
    if job.time_limit is not None and job.time_limit >= 0 and not 0 <= least <= job.time_limit:
        raise SlurmError(errors.ESLURM_INVALID_TIME_MIN_LIMIT)
    ask(job, time_min=least or None)


def _reservation(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """A job that runs stays where it is."""
    reservations.check(ctx, text or None, job.uid, job.account)
    ask(job, reservation=text or None)


def _mail_type(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    ask(job, mail_type=None if text == "NONE" else text)


def _std_out(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    need_pending(job)
    ask(job, std_out=text or None)


def _accrue(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Its age begins anew."""
    need_pending(job)
    job.accrue_time = now if job.accrue_time else 0.0


def _apart(field: str) -> Callable[[Context, Job, Caller, str, float], None]:
    """Cores or threads set apart, where the configuration lets jobs do that."""

    def change(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
        need_pending(job)
        if not ctx.config.get("AllowSpecResourcesUsage"):
            raise SlurmError(errors.ESLURM_ACCESS_DENIED)
        ask(job, **{"core_spec": None, "thread_spec": None, field: _number(text or "0") or None})

    return change


def _nowhere(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Burst buffers and the labels of multi-category security, which there are none of."""
    raise SlurmError(errors.ESLURM_NOT_SUPPORTED)


def _federated(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Clusters of a federation, which this is none of."""
    raise SlurmError(-1)


def _extra(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    ask(job, other={**job.request.other, "extra": text})


def _sharing(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    """Yes: with others; no: none of its nodes with anybody."""
    need_pending(job)
    shared = _truth(text)
    ask(job, oversubscribe=shared, exclusive=None if shared else "exclusive")


def _admin_comment(ctx: Context, job: Job, caller: Caller, text: str, now: float) -> None:
    if not permissions.is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    if text.startswith("+=") and ctx.settings.compat >= (23, 2):
        text = ",".join(word for word in (job.admin_comment, text[2:]) if word)
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


_KEYS: dict[str, Callable[[Context, Job, Caller, str, float], None]] = {
    **update_wishes.KEYS,
    **update_gres.KEYS,
    "account": _account,
    "admincomment": _admin_comment,
    "arraytaskthrottle": _throttle,
    "burstbuffer": _nowhere,
    "clusterfeatures": _federated,
    "clusters": _federated,
    "corespec": _apart("core_spec"),
    "deadline": _deadline,
    "dependency": _dependency,
    "extra": _extra,
    "jobname": _name,
    "licenses": _licenses,
    "mailtype": _mail_type,
    "mcslabel": _nowhere,
    "name": _name,
    "nice": _nice,
    "numcpus": _cpus,
    "numnodes": _nodes,
    "numtasks": _tasks,
    "oversubscribe": _sharing,
    "partition": _partition,
    "priority": _priority,
    "qos": _qos,
    "reqnodelist": _node_list,
    "reservationname": _reservation,
    "resetaccruetime": _accrue,
    "sitefactor": _site_factor,
    "starttime": _start_time,
    "stdout": _std_out,
    "threadspec": _apart("thread_spec"),
    "timemin": _time_min,
}

# key -> field of the request, how its text is read, whether only while pending
_REQUEST_KEYS: dict[str, tuple[str, Callable[[str], Any], bool]] = {
    "comment": ("comment", str, False),
    "contiguous": ("contiguous", _truth, True),
    "cpuspertask": ("cpus_per_task", _number, True),
    "excnodelist": ("exclude", str, True),
    "features": ("constraint", str, True),
    "mailuser": ("mail_user", str, False),
    "mincpusnode": ("min_cpus_per_node", _number, True),
    "minmemorycpu": ("mem_per_cpu", _mem, True),
    "minmemorynode": ("mem_per_node", _mem, True),
    "mintmpdisknode": ("tmp_disk", _mem, True),
    "prefer": ("prefer", str, True),
    "requeue": ("requeue", lambda text: text != "0", False),
    "stderr": ("std_err", str, True),
    "stdin": ("std_in", str, True),
    "taskspernode": ("ntasks_per_node", _number, True),
    "wckey": ("wckey", str, True),
    "workdir": ("work_dir", str, True),
}

_COUNTS = frozenset(("cpus_per_task", "min_cpus_per_node", "ntasks_per_node", "tmp_disk"))
"""Of which 0 is as good as none."""

_ALSO = {
    "eligibletime": "starttime", "minnodes": "numnodes", "nodelist": "reqnodelist", "ntaskspernode": "taskspernode",
    "shared": "oversubscribe",
}  # fmt: skip
"""Other names of keys, which clients of the version before may still send."""

KNOWN = _KEYS.keys() | _REQUEST_KEYS.keys() | _ALSO.keys()
NAMING = {
    "features": submission.check_features, "prefer": submission.check_features, "gres": submission.check_devices,
    "trespernode": submission.check_devices, "reqnodelist": submission.check_nodes, "excnodelist": submission.check_nodes,
}  # fmt: skip
"""Keys whose words must be known to the cluster, and what looks whether they are."""


def _set_request(ctx: Context, job: Job, key: str, text: str) -> None:
    field, read, pending = _REQUEST_KEYS[key]
    if key == "wckey" and text == (job.request.wckey or ""):
        return  # it has that one
    if job.state in TERMINAL and pending:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if pending:
        need_pending(job)
    value = read(text) if text else None
    if field in _COUNTS:
        value = value or None
    values = {field: value}
    if field in ("mem_per_node", "mem_per_cpu"):
        values = {"mem_per_node": None, "mem_per_cpu": None, "mem_per_gpu": None, **values}
    elif field == "contiguous":
        values[field] = bool(value)
    elif field == "work_dir" and not value:
        return
    ask(job, **values)
