"""Which pending jobs may start at all: dependencies, begin times, holds. Whether there is room is the scheduler's business.

A dependency is kept in `Job.dependency` as terms [type, target, minutes, status]: the target is "12", "12_3" or "12_*",
the status "" or "failed". Met terms are taken out; with `?` one met term takes out all. A job that does not exist (any more)
counts as met, as in Slurm. A target has ended when no process of it lives, not before. A job that is to expand another keeps that
term while it runs: what it holds can be given to the other one (resizing.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import arrays, lifecycle
from mgpu_slurm.controller.state import has_ended
from mgpu_slurm.controller.terms import alone, targets
from mgpu_slurm.facts.states import SPECIAL_EXIT, TERMINAL
from mgpu_slurm.intake import dependency as grammar

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.job import Job

MET, OPEN, FAILED = "met", "open", "failed"
HELD = {"user": "JobHeldUser", "admin": "JobHeldAdmin"}
BLOCKS = frozenset(
    {"JobHeldUser", "JobHeldAdmin", "Dependency", "DependencyNeverSatisfied", "BeginTime", "JobArrayTaskLimit", "Cleaning"}
)


def read(ctx: Context, text: str, partition: str, job: Job | None = None) -> tuple[list[list[str]], bool]:
    """The terms of a --dependency of a job in these partitions, one that is there already where it is named.

    Raises SlurmError: 2038 malformed, waiting for itself, or to expand a job that does not run there; 2036 expand where the
    configuration does not permit it, 2071 on a circle.
    """
    if grammar.expands(text) and not ctx.settings.job_expansion:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    wanted, any_of = grammar.parse(text)
    terms = []
    for one in wanted:
        if one.kind == grammar.EXPAND:
            expanded = ctx.state.jobs.get(one.job_id) if one.task is None else ctx.state.element(one.job_id, one.task)
            if expanded is None or expanded.state != "RUNNING" or expanded.partition != partition:
                raise SlurmError(errors.ESLURM_DEPENDENCY)
            terms.append([one.kind, str(expanded.job_id), str(one.minutes), ""])
            continue
        if one.kind == grammar.SINGLETON:
            terms.append([one.kind, "", "0", ""])
            continue
        target = str(one.job_id)
        if one.task == grammar.ALL_TASKS or (one.task is None and one.job_id in ctx.state.arrays and not _raw(ctx, one.job_id)):
            target += "_*"
        elif one.task is not None:
            target += f"_{one.task}"
        if job is not None and _is_own(job, one.job_id, one.task):
            raise SlurmError(errors.ESLURM_DEPENDENCY)
        if job is not None and not job.array_job_id == one.job_id and _reaches(ctx, one.job_id, job.job_id):
            raise SlurmError(errors.ESLURM_CIRCULAR_DEPENDENCY)
        terms.append([one.kind, target, str(one.minutes), ""])
    return terms, any_of


def _is_own(job: Job, target: int, task: int | None) -> bool:
    """Whether a dependency means the job itself, or the array or the task that it is."""
    if target not in (job.job_id, job.array_job_id):
        return False
    return task in (None, grammar.ALL_TASKS, job.array_task_id) or task in job.array_tasks


def _raw(ctx: Context, job_id: int) -> bool:
    """Whether the id is only an array task's own."""
    job = ctx.state.jobs.get(job_id)
    return job is not None and job.array_job_id not in (0, job_id)


def _reaches(ctx: Context, start: int, goal: int) -> bool:
    """Whether job `start` waits, through others, for job `goal`."""
    seen: set[int] = set()
    left = [start]
    while left:
        job_id = left.pop()
        if job_id == goal:
            return True
        if job_id in seen:
            continue
        seen.add(job_id)
        for record in ctx.state.records_of(job_id):
            left += targets(record)
    return False


def enter(ctx: Context, job: Job, now: float) -> None:
    """A job has come into the queue (submitted, changed, restored): watch its targets and see whether it may start."""
    ctx.state.watch(job, targets(job), alone(job))
    if job.array_tasks and _corresponds(job):
        for target in set(targets(job)):
            for other in ctx.state.records_of(target):
                part = _part_for(ctx, job, other)
                if part is not job:
                    refresh(ctx, part, now)
    refresh(ctx, job, now)


def forget(ctx: Context, job: Job) -> None:
    """The job waits for nothing any more (it has started or ended)."""
    ctx.state.unwatch(job, targets(job))
    ctx.eligible.pop(job.job_id, None)
    ctx.needs.pop(job.job_id, None)
    for what in ("begin", "delay"):
        ctx.timers.cancel(what, job.job_id)


def wake(ctx: Context, job: Job, now: float) -> None:
    """Something has become of the job: look again at those that wait for it."""
    waiting: set[int] = set()
    for key in {job.job_id, job.array_job_id}:
        waiting |= ctx.state.dependants.get(key, set())
    for job_id in sorted(waiting):
        if job_id in ctx.state.pending:
            dependant = ctx.state.jobs[job_id]
            if dependant.array_tasks and _corresponds(dependant):
                dependant = _part_for(ctx, dependant, job)
            refresh(ctx, dependant, now)
    if has_ended(job):
        single = ctx.state.singletons.get((job.uid, job.name))
        if single:
            refresh(ctx, ctx.state.jobs[min(single)], now)


def _part_for(ctx: Context, dependant: Job, job: Job) -> Job:
    """aftercorr between arrays: the dependant's task of the same number gets a record of its own once that is decided."""
    if not has_ended(job):
        return dependant
    decided = set(job.array_tasks) if job.array_task_id is None else {job.array_task_id}
    tasks = [task for task in dependant.array_tasks if task in decided]
    return arrays.split(ctx, dependant, tasks) if tasks else dependant


def _corresponds(job: Job) -> bool:
    return any(term[0] == "aftercorr" for term in job.dependency)


KEPT = frozenset({"JobHeldUser", "JobHeldAdmin", "Dependency"})
"""Reasons that accounting keeps of a job that has started since."""


def refresh(ctx: Context, job: Job, now: float) -> None:
    """Decide whether a pending job may start, note the reason where it may not, and set the timer that changes it."""
    if job.state != "PENDING":
        return
    before = job.reason
    blocked = _blocked(ctx, job, now)
    if job.state != "PENDING":
        return
    if blocked:
        ctx.eligible.pop(job.job_id, None)
        job.reason = blocked
        if blocked in KEPT or (blocked == "BeginTime" and job.restart_count):
            job.waited_for = blocked
        if "COMPLETING" not in job.flags:  # then it is still that of the run that is being ended
            begin = job.request.begin or 0.0
            # the moment a job was told to wait for, also when that is over; `now` at submission is none
            job.eligible_time = begin if begin > job.submit_time else 0.0
    else:
        if before in BLOCKS:
            job.reason = "None"
        if not job.eligible_time or job.eligible_time > now:
            job.eligible_time = now
        if job.job_id not in ctx.eligible:
            ctx.eligible[job.job_id] = None
            ctx.replan()
    ctx.save(job)


def _blocked(ctx: Context, job: Job, now: float) -> str:
    """The reason word, "" where nothing blocks. May cancel a job whose dependency can never be met."""
    if job.priority == 0 and not job.dependency_text:
        job.dependency_text = text_of(job)
    left = _dependencies(ctx, job, now)
    if job.priority != 0:  # what becomes of a held job's dependencies shows when it is released
        job.dependency_text = text_of(job)
    if "COMPLETING" in job.flags:
        return "Cleaning" if ctx.settings.compat >= (23, 2) else "None"
    if job.priority == 0:
        return HELD.get(job.held_by, "JobHeldUser")
    if left == FAILED:
        kill = job.request.kill_on_invalid_dep
        if ctx.settings.kill_invalid_depend if kill is None else kill:
            job.reason = "DependencyNeverSatisfied"
            lifecycle.cancel_pending(ctx, job, now)
        return "DependencyNeverSatisfied"
    if left == OPEN:
        return "Dependency"
    begin = job.request.begin or 0.0
    if begin > now:
        ctx.timers.set("begin", job.job_id, begin)
        return "BeginTime"
    return ""


def _dependencies(ctx: Context, job: Job, now: float) -> str:
    """Take out what is met; MET, OPEN or FAILED as a whole."""
    if not job.dependency:
        return MET
    before = targets(job)
    left, lasting = [], []
    any_met = False
    for term in job.dependency:
        found = FAILED if term[3] else _term(ctx, job, term, now)
        if found == MET:
            any_met = True
            if term[0] == grammar.EXPAND:
                lasting.append(term)
            continue
        left.append([term[0], term[1], term[2], "failed" if found == FAILED else ""])
    if any_met and job.dependency_any:
        left = []
    if len(left) + len(lasting) != len(job.dependency):
        ctx.state.unwatch(job, before)
        job.dependency = left + lasting
        ctx.state.watch(job, targets(job), alone(job))
    job.dependency = left + lasting
    if not left:
        return MET
    failed = [bool(term[3]) for term in left]
    return FAILED if (all(failed) if job.dependency_any else any(failed)) else OPEN


def text_of(job: Job) -> str:
    """As squeue shows it: afterok:829_*(unfulfilled),singleton(unfulfilled)."""
    words = []
    for kind, target, minutes, status in job.dependency:
        if kind == grammar.EXPAND and not status and job.priority != 0:
            continue  # it waits for nothing
        word = kind if not target else f"{kind}:{target}"
        if minutes != "0":
            word += f"+{minutes}"
        words.append(f"{word}({status or 'unfulfilled'})")
    return ("?" if job.dependency_any else ",").join(words)


def _term(ctx: Context, job: Job, term: list[str], now: float) -> str:
    kind, target, minutes, _ = term
    if kind == grammar.SINGLETON:
        return _singleton(ctx, job)
    base, under, task = target.partition("_")
    if under and task == "*":
        if kind == "aftercorr" and job.array_job_id:
            return _correlated(ctx, job, int(base))
        return _array(ctx, kind, int(base))
    other = ctx.state.element(int(base), int(task)) if under else ctx.state.jobs.get(int(base))
    if kind == grammar.EXPAND:
        return FAILED if other is None or has_ended(other) else OPEN if other.state == "PENDING" else MET
    if other is None:
        return MET
    return _job(ctx, job, kind, other, int(minutes), now)


def _job(ctx: Context, job: Job, kind: str, other: Job, minutes: int, now: float) -> str:
    ended = has_ended(other)
    if kind == "after":
        if ended and not other.start_time:
            return MET
        if other.state == "PENDING":
            return OPEN
        at = other.start_time + 60 * minutes
        if now >= at or (ended and not minutes):
            return MET
        ctx.timers.set("delay", job.job_id, at)
        return OPEN
    if not ended:
        return OPEN
    if kind in ("afterany", "afterburstbuffer"):
        return MET
    well = other.state == "COMPLETED"
    if kind == "afternotok":
        return FAILED if well else MET
    return MET if well else FAILED


def _array(ctx: Context, kind: str, array_id: int) -> str:
    tally = ctx.state.tallies.get(array_id)
    if tally is None:
        return MET
    if kind == "after":
        return OPEN if tally.waiting else MET
    if tally.live:
        return OPEN
    if kind in ("afterany", "afterburstbuffer"):
        return MET
    if kind == "afternotok":
        return MET if tally.bad else FAILED
    return FAILED if tally.bad else MET


def _correlated(ctx: Context, job: Job, array_id: int) -> str:
    if array_id not in ctx.state.arrays:
        return MET
    # a record of several tasks holds only such as are decided alike, or not yet: the first speaks for all
    other = ctx.state.element(array_id, job.array_tasks[0] if job.array_task_id is None else job.array_task_id)
    if other is None:
        # the other array has no task of this number: the whole of it decides
        return _array(ctx, "afterok", array_id)
    if not has_ended(other):
        return OPEN
    return MET if other.state == "COMPLETED" else FAILED


def _singleton(ctx: Context, job: Job) -> str:
    """Met where no other job of the user under this name runs, and none waits that came before."""
    for job_id in ctx.state.names.get((job.uid, job.name), ()):
        if job_id == job.job_id:
            continue
        other = ctx.state.jobs[job_id]
        if other.het_job_id and other.het_job_id == job.het_job_id:
            continue
        if other.array_job_id and other.array_job_id == job.array_job_id:
            if other.state != "PENDING":
                return OPEN
            continue
        if other.state != "PENDING" or job_id < job.job_id:
            return OPEN
    return MET


def hold(ctx: Context, job: Job, by: str, now: float, special: bool = False) -> None:
    """No start until released; `special`: shown as SPECIAL_EXIT until then. A running job goes on, and is held when it is
    requeued."""
    if job.state in TERMINAL:
        raise SlurmError(errors.ESLURM_JOB_FINISHED)
    job.priority = 0
    job.priority_fixed = False
    job.held_by = by
    job.reason = HELD[by]
    if special:
        job.flags = [*job.flags, SPECIAL_EXIT]
    ctx.save(job)
    refresh(ctx, job, now)
