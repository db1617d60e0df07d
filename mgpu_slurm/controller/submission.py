"""Makes jobs of requests: checks them as Slurm's controller does, applies defaults, puts them into the queue.

What can never run is refused at once (2014), judged by the scheduler itself on an empty, healthy cluster; what only the
partition's limits forbid is accepted and waits, unless EnforcePartLimits says otherwise. A held job is not judged.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.controller import arrays, licenses, permissions, picture, priorities, reservations, trial, waiting
from mgpu_slurm.controller.launching import default_limit
from mgpu_slurm.intake import arrays as array_grammar
from mgpu_slurm.intake import constraint, gres, sampling
from mgpu_slurm.records.job import Job
from mgpu_slurm.sched.need import sizes, tasks_per_node
from mgpu_slurm.wire.messages import AllocationState, JobSubmitted

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked, Caller, UserFacts
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.records.request import JobRequest
    from mgpu_slurm.wire.messages import Allocate, SubmitJob


class Refused(SlurmError):
    """A refusal with a line of explanation that the command prints before it."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(code)
        self.detail = detail


def submit(ctx: Context, asked: Asked, message: SubmitJob, now: float) -> None:
    """Answer JobSubmitted or JobTest."""
    jobs, warnings = make(ctx, asked, message.requests, "batch", now)
    job = jobs[0]
    if message.test_only:
        trial.test(ctx, asked, jobs, now)
        return
    request = message.requests[0]
    admit(ctx, jobs, now)
    ctx.save_script(job.job_id, request.script or "", request.environment)
    answer = JobSubmitted(job_id=job.job_id, cluster=ctx.settings.cluster_name, warnings=warnings)
    ctx.answer(asked, message.request_id, answer, now)


def allocate(ctx: Context, asked: Asked, message: Allocate, now: float) -> None:
    """Answer AllocationState; the connection stays and owns the allocation (unless it is to outlive it)."""
    jobs, warnings = make(ctx, asked, message.requests, "alloc", now)
    job = jobs[0]
    if message.test_only:
        trial.test(ctx, asked, jobs, now)
        return
    admit(ctx, jobs, now)
    if message.keep:
        for one in jobs:
            one.flags = [*one.flags, "KEEP"]
        ctx.watchers.setdefault(job.job_id, set()).add(asked.conn)
        ctx.following.setdefault(asked.conn, set()).add(job.job_id)
    else:
        ctx.own(asked.conn, job.job_id)
    immediate = next((one.request.immediate for one in jobs if one.request.immediate is not None), None)
    if immediate is not None:
        ctx.timers.set("immediate", job.job_id, now + max(immediate, 1))
    never = trial.judge(ctx, job, now)[0] if len(jobs) == 1 else ""
    reason = never if never == "PartitionConfig" else job.reason
    if reason == "None" and all(ctx.state.partitions[name].state == "DOWN" for name in job.partition.split(",")):
        reason = "PartitionDown"
    answer = AllocationState(job_id=job.job_id, state=job.state, reason=reason, warnings=warnings)
    ctx.answer(asked, message.request_id, answer, now, close=False)


def admit(ctx: Context, jobs: list[Job], now: float) -> None:
    """The job, or all components of it under ids that follow each other, is in the queue from here on."""
    arrays.need_ids(ctx, len(jobs))
    for offset, job in enumerate(jobs):
        job.job_id = arrays.new_id(ctx)
        if job.array_tasks:
            job.array_job_id = job.job_id
        if len(jobs) > 1:
            job.het_job_id, job.het_offset, job.het_size = job.job_id - offset, offset, len(jobs)
        if ctx.settings.fifo_priority and job.priority == 1:
            job.priority = priorities.of_job(ctx, job)
        priorities.again(ctx, job)
        ctx.state.add(job)
        if job.request.deadline:
            ctx.timers.set("deadline", job.job_id, latest_start(job))
    for job in jobs:
        waiting.enter(ctx, job, now)
        ctx.save(job)
    priorities.later(ctx, now)
    ctx.replan()


def latest_start(job: Job) -> float:
    """After this instant a job with a deadline cannot end in time."""
    shortest = job.request.time_min or (job.time_limit if job.time_limit and job.time_limit > 0 else 0)
    return (job.request.deadline or 0.0) - 60 * shortest


def make(ctx: Context, asked: Asked, requests: list[JobRequest], kind: str, now: float) -> tuple[list[Job], list[str]]:
    """A checked job, or the components of one, not yet in the queue and without an id, and warnings for the submitter.

    Raises SlurmError. Components are told of each other's nodes: none is given to two of them.
    """
    if not requests:
        raise SlurmError(errors.ESLURM_JOB_MISSING_SIZE_SPECIFICATION)
    if kind == "batch" and not (requests[0].script or "").strip():
        raise SlurmError(errors.ESLURM_JOB_SCRIPT_MISSING)
    if len(requests) > 1 and any(request.array is not None for request in requests):
        raise SlurmError(errors.ESLURM_INVALID_ARRAY)
    first = requests[0]
    if len(requests) > 1:
        requests = _apart(ctx, requests)
    jobs: list[Job] = []
    warnings: list[str] = []
    for request in requests:
        if len(requests) > 1:
            request = msgspec.structs.replace(request, as_uid=first.as_uid, as_gid=first.as_gid)
        job, more = _make_one(ctx, asked, request, kind, now, len(jobs))
        jobs.append(job)
        warnings += more
    if len(jobs) > 1 and any(job.priority == 0 for job in jobs):
        for job in jobs:
            job.priority, job.held_by, job.reason = 0, "user", "JobHeldUser"
    return jobs, warnings


def _apart(ctx: Context, requests: list[JobRequest]) -> list[JobRequest]:
    """Components stay away from the nodes that others ask for by name, where there are nodes enough for all of them."""
    if sum(request.min_nodes or 1 for request in requests) > len(ctx.state.nodes):
        return requests
    found = []
    for at, request in enumerate(requests):
        theirs = [other.nodelist for place, other in enumerate(requests) if place != at and other.nodelist]
        exclude = ",".join([*([request.exclude] if request.exclude else ()), *theirs])
        found.append(msgspec.structs.replace(request, exclude=exclude) if theirs else request)
    return found


def _make_one(
    ctx: Context, asked: Asked, request: JobRequest, kind: str, now: float, beside: int
) -> tuple[Job, list[str]]:
    """One job; `beside` others are made with it."""
    request = msgspec.structs.replace(request, kind=kind, script=None, environment={})
    if request.mem_per_cpu == 0:
        # the whole memory of its nodes, by which name ever
        request = msgspec.structs.replace(request, mem_per_cpu=None, mem_per_node=0)
    if request.partition is not None:
        names = ",".join(filter(None, request.partition.split(",")))
        if not names:
            raise Refused(errors.ESLURM_INVALID_PARTITION_NAME, "invalid partition specified: (null)")
        request = msgspec.structs.replace(request, partition=names)
    owner = _owner(ctx, asked, request)
    # in the order in which Slurm complains
    _known_devices(ctx, request)
    tasks: list[int] = []
    limit = 0
    if request.array is not None:
        if kind != "batch":
            raise SlurmError(errors.ESLURM_INVALID_ARRAY)
        tasks, most = array_grammar.parse(request.array, ctx.settings.max_array_size)
        limit = most or 0
    if ctx.state.live_tasks + max(1, len(tasks)) + beside > ctx.settings.max_job_count:
        raise SlurmError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    known_nodes(ctx, request.nodelist)
    chosen = _partitions(ctx, asked.caller, request)
    licenses.check(ctx, request.licenses)
    check_nodes(ctx, request)
    names = ",".join(one.name for one in chosen)
    terms, any_of = waiting.read(ctx, request.dependency, names) if request.dependency else ([], False)
    check_features(ctx, request)
    check_devices(ctx, request)
    _frequency(ctx, request)
    reservations.check(ctx, request.reservation, owner.uid, request.account or "")
    warnings = _sizes(ctx, asked.caller, request)
    time_limit = request.time_limit
    if time_limit == 0:
        time_limit = None
    if time_limit is None:
        time_limit = default_limit(chosen[0].default_time, chosen[0].max_time)
    _times(request, time_limit, now)
    held = request.hold or request.priority == 0
    job = Job(
        job_id=0,
        uid=owner.uid,
        gid=request.as_gid if request.as_gid is not None and asked.caller.uid == 0 else owner.gid,
        user_name=owner.user,
        group_name=asked.user.group if request.as_gid is not None and asked.user is not None else owner.group,
        request=request,
        name=request.name,
        partition=names,
        account=request.account or "",
        reason="JobHeldUser" if held else "None",
        priority=0 if held else _priority(request),
        priority_fixed=bool(request.priority) and not held,
        held_by="user" if held else "",
        submit_time=now,
        time_limit=time_limit,
        array_tasks=tasks,
        array_limit=limit,
        array_count=len(tasks),
        array_min=tasks[0] if tasks else 0,
        array_max=tasks[-1] if tasks else 0,
        array_step=_stride(request.array or ""),
        dependency=terms,
        dependency_any=any_of,
    )
    settle(ctx, job)
    if not held:
        reason, text = trial.judge(ctx, job, now)
        if reason == "BadConstraints":
            raise Refused(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE, text)
        if reason == "PartitionConfig" and ctx.settings.enforce_part_limits:
            raise SlurmError(errors.ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE)
    return job, warnings


def settle(ctx: Context, job: Job) -> None:
    """Fill in what follows from the need: sizes as shown, and memory defaults. Raises SlurmError for impossible texts."""
    need = picture.need_of(ctx, job)
    if job.job_id:
        ctx.needs.pop(job.job_id, None)
    request = job.request
    if request.mem_per_node is None and request.mem_per_cpu is None and not request.mem_per_gpu:
        if need.mem_per_cpu:
            job.request = msgspec.structs.replace(request, mem_per_cpu=need.mem_per_cpu)
        elif need.mem_per_node:
            job.request = msgspec.structs.replace(request, mem_per_node=need.mem_per_node)
        elif need.mem_per_gpu:
            job.request = msgspec.structs.replace(request, mem_per_gpu=need.mem_per_gpu)
    job.asked_gpus = need.asked_in_all("gpu")
    job.default_memory = picture.default_memory(ctx, job)
    job.node_tasks = tasks_per_node(request)
    size = sizes(request, need, len(ctx.state.nodes))
    job.min_nodes, job.max_nodes, job.ntasks, job.min_cpus = size.min_nodes, size.max_nodes, size.ntasks, size.min_cpus


def _owner(ctx: Context, asked: Asked, request: JobRequest) -> Caller | UserFacts:
    if request.as_uid is None or request.as_uid == asked.caller.uid:
        return asked.caller
    permissions.need_operator(ctx, asked.caller)
    if asked.user is None:
        raise SlurmError(errors.ESLURM_USER_ID_MISSING)
    return asked.user


def _partitions(ctx: Context, caller: Caller, request: JobRequest) -> list[Partition]:
    """The partitions asked for, the default one where none is. Raises SlurmError 2000, 2001, 2003, 2070, 2045."""
    if not request.partition:
        default = next((one for one in ctx.state.partitions.values() if one.default), None)
        if default is None:
            raise SlurmError(errors.ESLURM_DEFAULT_PARTITION_NOT_SET)
        found = [default]
    else:
        found = []
        for name in request.partition.split(","):
            one = ctx.state.partitions.get(name)
            if one is None:
                raise Refused(errors.ESLURM_INVALID_PARTITION_NAME, f"invalid partition specified: {name}")
            found.append(one)
    operator = permissions.is_operator(ctx, caller)
    for one in found:
        if one.state in ("INACTIVE", "DRAIN"):
            raise SlurmError(errors.ESLURM_PARTITION_NOT_AVAIL)
        if (one.root_only and not operator) or (one.disable_root and caller.uid == 0):
            raise SlurmError(errors.ESLURM_ACCESS_DENIED)
        if one.allow_groups and "ALL" not in one.allow_groups and not operator and caller.group not in one.allow_groups:
            raise SlurmError(errors.ESLURM_JOB_MISSING_REQUIRED_PARTITION_GROUP)
        if request.account and (
            request.account in one.deny_accounts
            or (one.allow_accounts and "ALL" not in one.allow_accounts and request.account not in one.allow_accounts)
        ):
            raise SlurmError(errors.ESLURM_INVALID_ACCOUNT)
    # of several the others remain
    open_to_it = [one for one in found if _takes(one, request)]
    if not open_to_it:
        raise SlurmError(errors.ESLURM_ACCESS_DENIED)
    return open_to_it


def _takes(one: Partition, request: JobRequest) -> bool:
    """Whether a partition takes jobs from the host of this one, and outside of reservations if it has none."""
    if one.alloc_nodes and "ALL" not in one.alloc_nodes and request.submit_host.partition(".")[0] not in one.alloc_nodes:
        return False
    return not one.req_resv or bool(request.reservation)


def check_features(ctx: Context, request: JobRequest) -> None:
    """Raises SlurmError."""
    if "batch" in request.other:
        _batch_features(request)
    for text, code in ((request.constraint, errors.ESLURM_INVALID_FEATURE), (request.prefer, errors.ESLURM_INVALID_PREFER)):
        tree = constraint.parse(text) if text else None
        if tree is not None:
            known = {feature for node in ctx.state.nodes.values() for feature in (*node.features, *node.active_features)}
            if not known.issuperset(tree.features()):
                raise SlurmError(code)


def check_devices(ctx: Context, request: JobRequest) -> None:
    """Raises SlurmError."""
    if request.gres is not None:
        gres.parse(request.gres)
        _known_devices(ctx, request)


def check_nodes(ctx: Context, request: JobRequest) -> None:
    if known_nodes(ctx, request.nodelist) & known_nodes(ctx, request.exclude):
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)


def _known_devices(ctx: Context, request: JobRequest) -> None:
    """Whether all names are those of devices, as far as they can be read. Raises Refused."""
    for word in (request.gres or "").split(",") if request.gres != "none" else ():
        try:
            wanted = gres.parse(word)
        except SlurmError:
            continue
        # nothing is asked for by that word alone, among others it is a name
        if word == "none" or any(name not in ctx.settings.gres_types for name, _, _ in wanted):
            raise Refused(errors.ESLURM_INVALID_GRES, "")


def _batch_features(request: JobRequest) -> None:
    """--batch picks the script's node among those of --constraint. Raises SlurmError 2114."""
    wanted, among = constraint.parse(request.other["batch"]), constraint.parse(request.constraint or "")
    if wanted is None or among is None or not set(among.features()).issuperset(wanted.features()):
        raise SlurmError(errors.ESLURM_BATCH_CONSTRAINT)


def known_nodes(ctx: Context, text: str | None) -> set[str]:
    if not text:
        return set()
    try:
        names = set(hostlist.expand(text))
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME) from None
    if not names.issubset(ctx.state.nodes):
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    return names


def _sizes(ctx: Context, caller: Caller, request: JobRequest) -> list[str]:
    """Counts that cannot be; priorities above what the caller may ask for. Raises SlurmError."""
    if request.min_nodes == 0 and not request.hold:
        raise SlurmError(errors.ESLURM_INVALID_NODE_COUNT)
    if request.min_nodes and request.max_nodes and request.max_nodes < request.min_nodes:
        raise SlurmError(errors.ESLURM_INVALID_NODE_COUNT)
    if request.ntasks is not None and request.ntasks < 1:
        raise SlurmError(errors.ESLURM_BAD_TASK_COUNT)
    if not permissions.is_operator(ctx, caller):
        if request.nice < 0:
            raise SlurmError(errors.ESLURM_INVALID_NICE)
        if request.priority:
            request.priority = None
    return []


def _frequency(ctx: Context, request: JobRequest) -> None:
    """Raises SlurmError 4003."""
    seconds = sampling.of_tasks(request.other.get("acctg-freq", ""))
    if seconds is not None and not sampling.permitted(seconds, ctx.settings.task_sampling):
        raise SlurmError(errors.ESLURMD_INVALID_ACCT_FREQ)


def _times(request: JobRequest, time_limit: int, now: float) -> None:
    if request.deadline is not None and int(request.deadline) < int(now):
        raise SlurmError(errors.ESLURM_INVALID_TIME_LIMIT)
    if request.time_min and (request.time_min == UNLIMITED or 0 <= time_limit < request.time_min):
        raise SlurmError(errors.ESLURM_INVALID_TIME_MIN_LIMIT)


def _priority(request: JobRequest) -> int:
    """With priority/multifactor and no weights every job has 1, less for no nice value, as Slurm prints it."""
    if request.priority:
        return request.priority
    return max(1, -request.nice)


def _stride(array: str) -> int:
    """The step shown to tasks: the first that is spelled out."""
    digits = array.partition(":")[2].partition(",")[0].partition("%")[0]
    return int(digits) if digits.isdecimal() else 1


