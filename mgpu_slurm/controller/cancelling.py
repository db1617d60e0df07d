"""scancel: which records an id means, and ending or signalling them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors, ids, idset
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import arrays, launching, lifecycle, permissions, steps
from mgpu_slurm.controller.state import steps_named
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.wire.messages import JobEvent, Results, SignalJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Asked, Caller
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.step import Step
    from mgpu_slurm.wire.messages import CancelJobs

KILL, CONT, STOP = 9, 18, 19


def targets(ctx: Context, ref: ids.JobRef) -> list[Job]:
    """The records an id means; tasks that still share a record with others get one of their own. Raises SlurmError 2017."""
    if ref.tasks is None:
        found = ctx.state.records_of(ref.job)
        if found and found[0].het_job_id == ref.job:
            found = ctx.state.components(found[0])
            found = [job for job in found if ref.het in (None, job.het_offset)]
        elif ref.het is not None and ref.step is None:
            found = []
    elif isinstance(ref.tasks, str):
        found = ctx.state.records_of(ref.job) if ref.job in ctx.state.arrays else []
    else:
        found = elements(ctx, ref.job, ref.tasks)
    if not found:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    return found


def elements(ctx: Context, array_id: int, tasks: list[int]) -> list[Job]:
    """Records that stand for exactly these tasks of an array."""
    shared: dict[int, list[int]] = {}
    found: dict[int, Job] = {}
    for task in tasks:
        job = ctx.state.element(array_id, task)
        if job is None:
            continue
        found[job.job_id] = job
        if job.array_tasks:
            shared.setdefault(job.job_id, []).append(task)
    for job_id, part in shared.items():
        job = found.pop(job_id)
        made = arrays.split(ctx, job, part) if job.state == "PENDING" else job
        found[made.job_id] = made
    return [found[job_id] for job_id in sorted(found)]


def parse(text: str) -> ids.JobRef:
    try:
        return ids.parse_job(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID) from None


def cancel(ctx: Context, asked: Asked, message: CancelJobs, now: float) -> None:
    """One row of Results per id."""
    rows = []
    for text in message.ids:
        try:
            _one(ctx, asked.caller, text, message, now)
            rows.append((text, 0, ""))
        except SlurmError as error:
            rows.append((text, error.code, error.text))
    ctx.reply(asked.conn, Results(rows=rows))


def _one(ctx: Context, caller: Caller, text: str, message: CancelJobs, now: float) -> None:
    ref = parse(text)

    def do(job: Job) -> None:
        if ref.step is not None:
            found = steps_named(job, ref)
            if not found:
                raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
            for step in found:
                _step(ctx, job, step, caller, message, now)
        elif message.signal in (None, KILL) and (job.state == "PENDING" or not (message.batch or message.full)):
            end(ctx, job, caller, now, message.hurry)
        else:
            signal(ctx, job, message)

    before = set(ctx.state.arrays.get(ref.job, ()))
    found = allowed(ctx, caller, ref)
    first = found[0]
    if first.het_offset and first.state == "PENDING" and ref.step is None and message.signal in (None, KILL):
        raise SlurmError(errors.ESLURM_NOT_WHOLE_HET_JOB)
    refusals = each(found, do)
    for job in found:
        if before and job.job_id not in before and job.state == "CANCELLED":
            job.cut_out = True
            ctx.save(job)
    if refusals and all(refusal is not None for _, refusal in refusals):
        raise refusals[-1][1] or SlurmError(errors.ESLURM_INTERNAL)


def each(jobs: list[Job], do: Callable[[Job], None]) -> list[tuple[Job, SlurmError | None]]:
    """Do something to every record; what one refuses does not keep it from the others."""
    outcomes: list[tuple[Job, SlurmError | None]] = []
    for job in jobs:
        try:
            do(job)
            outcomes.append((job, None))
        except SlurmError as error:
            outcomes.append((job, error))
    return outcomes


def carry_out(
    ctx: Context, caller: Caller, text: str, do: Callable[[Job], None], code: int, whole: bool = False
) -> list[tuple[str, int, str]]:
    """Results of doing something to what one id means: a single row; of an array of which a part refused, a row for all
    tasks with the same outcome. `code`: what a stranger is told; `whole`: not to be done to one component."""
    name = text
    try:
        ref = parse(text)
        if isinstance(ref.tasks, list):
            name = f"{ref.job}_{idset.fold(ref.tasks)}"
        found = allowed(ctx, caller, ref, code)
    except SlurmError as error:
        return [(name, error.code, error.text)]
    # tasks that were taken out of the array before they started are nothing of it any more
    found = [job for job in found if not job.cut_out]
    if not found:
        return [(name, errors.ESLURM_INVALID_JOB_ID, errors.strerror(errors.ESLURM_INVALID_JOB_ID))]
    if found[0].het_job_id:
        if whole and len(found) < found[0].het_size:
            partial = SlurmError(errors.ESLURM_NOT_WHOLE_HET_JOB)
            return [(text, partial.code, partial.text)]
        return _to_components(text, found, do)
    outcomes = each(found, do)
    refused = [error for _, error in outcomes if error is not None]
    if ref.job not in ctx.state.arrays:
        return [(text, refused[-1].code, refused[-1].text)] if refused else [(text, 0, "")]
    done: dict[tuple[int, str], list[int]] = {}
    for job, refusal in outcomes:
        key = (0, errors.strerror(0)) if refusal is None else (refusal.code, refusal.text)
        done.setdefault(key, []).extend(job.array_tasks or [job.array_task_id or 0])
    if isinstance(ref.tasks, list):
        done = {key: [task for task in tasks if task in ref.tasks] for key, tasks in done.items()}
        missing = sorted(set(ref.tasks).difference(*done.values()))
        if missing:
            unknown = SlurmError(errors.ESLURM_INVALID_JOB_ID)
            done.setdefault((unknown.code, unknown.text), []).extend(missing)
    if not any(number for number, _ in done):
        return [(text, 0, "")]
    rows = sorted((sorted(tasks), number, why) for (number, why), tasks in done.items())
    return [(f"{ref.job}_{idset.fold(tasks)}", number, why) for tasks, number, why in rows]


def _to_components(text: str, found: list[Job], do: Callable[[Job], None]) -> list[tuple[str, int, str]]:
    """As `carry_out`: a heterogeneous job refuses where all of its components do."""
    refused = [error for _, error in each(found, do) if error is not None]
    return [(text, refused[0].code, refused[0].text)] if len(refused) == len(found) else [(text, 0, "")]


def allowed(ctx: Context, caller: Caller, ref: ids.JobRef, code: int = errors.ESLURM_ACCESS_DENIED) -> list[Job]:
    """The records an id means, after the caller's right to them is known (nothing is split for others)."""
    for job in ctx.state.records_of(ref.job):
        permissions.need_owner(ctx, caller, job, code)
    return targets(ctx, ref)


def end(ctx: Context, job: Job, caller: Caller, now: float, hurry: bool = False) -> None:
    """Cancel a job. One that has ended already raises SlurmError 2021."""
    if COMPLETING in job.flags and job.state == "PENDING":
        # requeued, the last run is still being ended: it does not come back
        job.killed_by = caller.uid
        lifecycle.never_again(ctx, job, now)
        return
    if job.state in TERMINAL:
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    job.killed_by = caller.uid
    if job.state == "PENDING":
        lifecycle.cancel_pending(ctx, job, now)
        return
    lifecycle.end(ctx, job, "CANCELLED", now, "CANCELLED", exit_code=0 if _only_prepared(job) else lifecycle.SIGTERM)
    if hurry:
        for node in sorted(ctx.ending.get(job.job_id, ())):
            lifecycle.terminate(ctx, job, node, "CANCELLED", hurry=True)


def _only_prepared(job: Job) -> bool:
    """Whether it is a batch job whose script has not started: no signal has ended that."""
    step = job.steps.get("batch")
    return job.request.kind == "batch" and not job.het_offset and (step is None or step.state == launching.STARTING)


def signal(ctx: Context, job: Job, message: CancelJobs) -> None:
    """Send a signal to what runs of a job. Raises SlurmError: 2020 pending, 2017 over."""
    if job.state == "PENDING":
        raise SlurmError(errors.ESLURM_TRANSITION_STATE_NO_UPDATE)
    if job.state in TERMINAL or job.allocation is None:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID if COMPLETING not in job.flags else errors.ESLURM_ALREADY_DONE)
    number = message.signal or KILL
    nodes = job.allocation.nodes
    if message.batch or message.full:
        nodes = [job.batch_host] if job.batch_host else []
    order = SignalJob(job_id=job.job_id, signal=number, shell_only=message.batch, full=message.full)
    if message.batch or message.full:
        order.step_id = "batch"
    for node in nodes:
        ctx.to_node(node, order)
    if job.request.kind != "batch":
        for conn in ctx.listeners(job.job_id):
            ctx.push(conn, JobEvent(job_id=job.job_id, event="signal", signal=number))


def _step(ctx: Context, job: Job, step: Step, caller: Caller, message: CancelJobs, now: float) -> None:
    step_id = step.step_id
    if not steps.is_live(step) or job.state not in ("RUNNING", "SUSPENDED"):
        raise SlurmError(errors.ESLURM_ALREADY_DONE)
    if step_id == "batch" and message.signal is None:
        end(ctx, job, caller, now, message.hurry)
        return
    if message.signal is None or message.signal == KILL:
        step.killed_by = caller.uid
        ctx.save(job)
        for node in _where(step):
            steps.end_on_node(ctx, job, step, node, "CANCELLED")
        return
    for node in _where(step):
        ctx.to_node(node, SignalJob(job_id=job.job_id, step_id=step_id, signal=message.signal))


def _where(step: Step) -> list[str]:
    return [part.node for part in step.layout.nodes if part.node not in step.ended_nodes]


def warn(ctx: Context, job: Job) -> None:
    """--signal: some seconds before the limit, to the steps, or to the batch shell alone with B."""
    if job.state != "RUNNING" or job.allocation is None or COMPLETING in job.flags:
        return
    shell = "B" in job.request.signal_flags
    nodes = [job.batch_host] if shell and job.batch_host else job.allocation.nodes
    for node in nodes:
        order = SignalJob(job_id=job.job_id, step_id="batch" if shell else "", signal=job.request.signal, shell_only=shell)
        ctx.to_node(node, order)
    if job.request.kind != "batch":
        for conn in ctx.listeners(job.job_id):
            ctx.push(conn, JobEvent(job_id=job.job_id, event="signal", signal=job.request.signal))


