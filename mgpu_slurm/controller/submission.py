"""Makes jobs of requests: checks them as Slurm's controller does, applies defaults, puts them into the queue.

What can never run is refused at once (2014), judged by the scheduler itself on an empty, healthy cluster; what only the
partition's limits forbid is accepted and waits, unless EnforcePartLimits says otherwise. A held job is not judged.
"""

from __future__ import annotations

import errno
import os
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import arrays, licenses, permissions, picture, reservations, waiting
from mgpu_slurm.controller.launching import default_limit
from mgpu_slurm.intake import arrays as array_grammar
from mgpu_slurm.intake import constraint, gres
from mgpu_slurm.records.job import Job
from mgpu_slurm.sched.need import sizes
from mgpu_slurm.sched.snapshot import PendingJob, Start, Wait
from mgpu_slurm.wire.messages import AllocationState, JobSubmitted, JobTest

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked, Caller, UserFacts
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.records.request import JobRequest
    from mgpu_slurm.sched.snapshot import Need
    from mgpu_slurm.wire.messages import Allocate, SubmitJob

TOP_PRIORITY = 4294901760
"""Where priority/basic begins to count down, so that no job ever gets a higher one by itself."""


class Refused(SlurmError):
    """A refusal with a line of explanation that the command prints before it."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(code)
        self.detail = detail


def submit(ctx: Context, asked: Asked, message: SubmitJob, now: float) -> None:
    """Answer JobSubmitted or JobTest."""
    job, warnings = make(ctx, asked, message.requests, "batch", now)
    if message.test_only:
        test(ctx, asked, job, now)
        return
    request = message.requests[0]
    admit(ctx, job, now)
    ctx.save_script(job.job_id, request.script or "", request.environment)
    answer = JobSubmitted(job_id=job.job_id, cluster=ctx.settings.cluster_name, warnings=warnings)
    ctx.answer(asked, message.request_id, answer, now)


def allocate(ctx: Context, asked: Asked, message: Allocate, now: float) -> None:
    """Answer AllocationState; the connection stays and owns the allocation (unless it is to outlive it)."""
    job, warnings = make(ctx, asked, message.requests, "alloc", now)
    if message.test_only:
        test(ctx, asked, job, now)
        return
    admit(ctx, job, now)
    if message.keep:
        job.flags = [*job.flags, "KEEP"]
        ctx.watchers.setdefault(job.job_id, set()).add(asked.conn)
        ctx.following.setdefault(asked.conn, set()).add(job.job_id)
    else:
        ctx.own(asked.conn, job.job_id)
    if job.request.immediate is not None:
        ctx.timers.set("immediate", job.job_id, now + max(job.request.immediate, 1))
    never = judge(ctx, job)[0]
    reason = never if never == "PartitionConfig" else job.reason
    answer = AllocationState(job_id=job.job_id, state=job.state, reason=reason, warnings=warnings)
    ctx.answer(asked, message.request_id, answer, now, close=False)


def admit(ctx: Context, job: Job, now: float) -> None:
    """The job is in the queue from here on."""
    job.job_id = arrays.new_id(ctx)
    if job.array_tasks:
        job.array_job_id = job.job_id
    if ctx.settings.fifo_priority and job.priority == 1:
        job.priority = max(1, TOP_PRIORITY - job.job_id - job.request.nice)
    ctx.state.add(job)
    if job.request.deadline:
        ctx.timers.set("deadline", job.job_id, latest_start(job))
    waiting.enter(ctx, job, now)
    ctx.save(job)
    ctx.replan()


def latest_start(job: Job) -> float:
    """After this instant a job with a deadline cannot end in time."""
    shortest = job.request.time_min or (job.time_limit if job.time_limit and job.time_limit > 0 else 0)
    return (job.request.deadline or 0.0) - 60 * shortest


def make(ctx: Context, asked: Asked, requests: list[JobRequest], kind: str, now: float) -> tuple[Job, list[str]]:
    """A checked job that is not yet in the queue and has no id, and warnings for its submitter. Raises SlurmError."""
    if not requests:
        raise SlurmError(errors.ESLURM_JOB_MISSING_SIZE_SPECIFICATION)
    if len(requests) > 1:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    request = msgspec.structs.replace(requests[0], kind=kind, script=None, environment={})
    owner = _owner(ctx, asked, request)
    if kind == "batch" and not (requests[0].script or "").strip():
        raise SlurmError(errors.ESLURM_JOB_SCRIPT_MISSING)
    chosen = _partitions(ctx, asked.caller, request)
    _names(ctx, request)
    reservations.check(ctx, request.reservation, owner.uid, request.account or "")
    warnings = _sizes(ctx, asked.caller, request)
    tasks: list[int] = []
    limit = 0
    if request.array is not None:
        if kind != "batch":
            raise SlurmError(errors.ESLURM_INVALID_ARRAY)
        tasks, most = array_grammar.parse(request.array, ctx.settings.max_array_size)
        limit = most or 0
    if ctx.state.live_tasks + max(1, len(tasks)) > ctx.settings.max_job_count:
        raise SlurmError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    terms, any_of = waiting.read(ctx, request.dependency) if request.dependency else ([], False)
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
        group_name=owner.group,
        request=request,
        name=request.name,
        partition=request.partition or chosen[0].name,
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
        array_step=_stride(tasks),
        dependency=terms,
        dependency_any=any_of,
    )
    settle(ctx, job)
    if not held:
        reason, text = judge(ctx, job)
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
    if request.mem_per_node is None and request.mem_per_cpu is None and request.mem_per_gpu is None:
        if need.mem_per_cpu:
            job.request = msgspec.structs.replace(request, mem_per_cpu=need.mem_per_cpu)
        elif need.mem_per_node:
            job.request = msgspec.structs.replace(request, mem_per_node=need.mem_per_node)
        elif need.mem_per_gpu:
            job.request = msgspec.structs.replace(request, mem_per_gpu=need.mem_per_gpu)
    job.asked_gpus = need.asked_in_all("gpu")
    job.default_memory = picture.default_memory(ctx, job)
    size = sizes(request, need)
    job.min_nodes, job.max_nodes, job.ntasks, job.min_cpus = size.min_nodes, size.max_nodes, size.ntasks, size.min_cpus


def judge(ctx: Context, job: Job) -> tuple[str, str]:
    """Whether the job could start on an empty, healthy cluster: "", or BadConstraints or PartitionConfig and a sentence."""
    seen = _picture_of(ctx, job)
    key = (seen.need, job.partition, seen.time_limit)
    known = ctx.possible.get(key)
    if known is not None:
        return known
    found = ("", "")
    for decision in ctx.scheduler.plan(picture.alone(ctx, seen), 0.0):
        if isinstance(decision, Wait):
            if decision.reason in ("PartitionNodeLimit", "PartitionTimeLimit", "PartitionConfig"):
                found = ("PartitionConfig", "")
            elif decision.reason == "BadConstraints":
                found = (decision.reason, _why(ctx, seen.need, decision.text))
    if len(ctx.possible) > 10_000:
        ctx.possible.clear()
    ctx.possible[key] = found
    return found


def _why(ctx: Context, need: Need, text: str) -> str:
    """The line Slurm prints before its refusal, where it prints one."""
    if "memory" in text:
        return "Memory specification can not be satisfied"
    if "disk" in text:
        return "Temporary disk specification can not be satisfied"
    if "sockets" in text or "threads" in text:
        return "Socket, core and/or thread specification can not be satisfied"
    per_node = max(need.min_cpus_per_node, need.cpus_per_task, need.ntasks_per_node * need.cpus_per_task)
    if all(per_node > node.cpus for node in ctx.state.nodes.values()):
        return "CPU count per node can not be satisfied"
    return ""


def _picture_of(ctx: Context, job: Job) -> PendingJob:
    return PendingJob(
        job_id=job.job_id,
        uid=job.uid,
        need=picture.need_of(ctx, job),
        priority=1,
        submit_time=0.0,
        partitions=job.partition.split(","),
        time_limit=-1 if job.time_limit is None else job.time_limit,
    )


def test(ctx: Context, asked: Asked, job: Job, now: float) -> None:
    """--test-only: ask the scheduler when and where it would start; nothing is kept."""
    picture_now = picture.snapshot(ctx, now)
    seen = _picture_of(ctx, job)
    seen.job_id = ctx.state.next_job_id
    seen.submit_time = now
    seen.priority = max(1, job.priority)
    picture_now.pending = [*picture_now.pending, seen]
    start, nodes, cpus, partition = now, [""], job.min_cpus, seen.partitions[0]
    for decision in ctx.scheduler.plan(picture_now, now):
        if decision.job_id != seen.job_id:
            continue
        if isinstance(decision, Start):
            nodes, cpus, partition = decision.allocation.nodes, decision.allocation.cpus, decision.partition
        elif decision.reason in ("BadConstraints", "PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit"):
            raise SlurmError(errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE)
        else:
            start, nodes = decision.planned or now, decision.nodes
    ctx.reply(
        asked.conn,
        JobTest(job_id=seen.job_id, start_time=start, cpus=cpus, nodes=hostlist.fold(nodes), partition=partition),
    )


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
    return found


def _names(ctx: Context, request: JobRequest) -> None:
    """Nodes, features, resources, reservations and licenses must exist. Raises SlurmError."""
    wanted = known_nodes(ctx, request.nodelist)
    unwanted = known_nodes(ctx, request.exclude)
    if wanted & unwanted:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    for text, code in ((request.constraint, errors.ESLURM_INVALID_FEATURE), (request.prefer, errors.ESLURM_INVALID_PREFER)):
        tree = constraint.parse(text) if text else None
        if tree is not None:
            known = {feature for node in ctx.state.nodes.values() for feature in (*node.features, *node.active_features)}
            if not known.issuperset(tree.features()):
                raise SlurmError(code)
    for name, _, _ in gres.parse(request.gres) if request.gres else ():
        if name not in ctx.settings.gres_types:
            raise Refused(errors.ESLURM_INVALID_GRES, "")
    licenses.check(ctx, request.licenses)


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


def _times(request: JobRequest, time_limit: int, now: float) -> None:
    if request.deadline is not None and request.deadline <= now:
        raise SlurmError(errors.ESLURM_INVALID_TIME_LIMIT)
    if request.time_min and 0 <= time_limit < request.time_min:
        raise SlurmError(errors.ESLURM_INVALID_TIME_MIN_LIMIT)


def _priority(request: JobRequest) -> int:
    """With priority/multifactor and no weights every job has 1, less for no nice value, as Slurm prints it."""
    if request.priority:
        return request.priority
    return max(1, -request.nice)


def _stride(tasks: list[int]) -> int:
    """The step shown to tasks: that of an even spacing, else 1."""
    if len(tasks) < 2:
        return 1
    step = tasks[1] - tasks[0]
    return step if all(after - before == step for before, after in pairwise(tasks)) else 1


