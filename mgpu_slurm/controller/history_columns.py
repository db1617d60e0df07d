"""Columns of the accounting listing: one row for a job, one for each of its steps. Pure.

A column is a function of (job, step or None, source); None stands for "this row has no such value". Units: UTC seconds,
minutes for limits, MiB for memory held, KiB for memory used. States and times follow Slurm's accounting: a step ended by a
signal is CANCELLED, whoever sent it; a job that never started has the start None in place of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import hostlist, idset
from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.facts import distribution
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.records import columns as job_columns
from mgpu_slurm.records import job_sizes
from mgpu_slurm.records.step import EXTERN
from mgpu_slurm.records.step_columns import step_distribution
from mgpu_slurm.records.tres import billed, held_devices, held_licenses

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.step import Step
    from mgpu_slurm.records.usage import Use

SPECIAL = {"batch": -3, EXTERN: -2, "interactive": -1}
"""Order of the steps without a number."""

ENDED_FROM_OUTSIDE = frozenset(("CANCELLED", "TIMEOUT", "PREEMPTED", "DEADLINE", "REQUEUED"))
"""States in which accounting shows 0:0 for the job: it is written down when the job is ended, before its script has."""

STARTED = "StartRecieved"
"""Spelled so by Slurm."""


def ordered_steps(job: Job) -> list[Step]:
    return sorted(job.steps.values(), key=lambda step: SPECIAL.get(step.step_id) or int(step.step_id))


RESIZING = "RESIZING"
"""The state in which history shows a run up to a change of its nodes."""


def has_run(job: Job) -> bool:
    """Whether the record's present life has been started."""
    return job.allocation is not None and job.state != "PENDING"


def ended(job: Job) -> bool:
    """Whether the run is over; one that has gone back into the queue counts, and the part of one before its nodes changed."""
    return job.state in TERMINAL or job.state in ("REQUEUED", RESIZING)


def job_state(job: Job) -> str:
    if job.state == "PENDING" and COMPLETING in job.flags:
        return "REQUEUED"
    return job.state


def step_live(step: Step) -> bool:
    return not step.end_time


def step_state(step: Step) -> str:
    if step_live(step):
        return "RUNNING"
    if step.ending == "OUT_OF_MEMORY":
        return step.ending
    if step.exit_code & 0x7F:
        return "CANCELLED"
    if step.exit_code:
        return "FAILED"
    unreported = len(step.ended_nodes) < len(step.layout.nodes)
    if step.state in ("CANCELLED", "NODE_FAIL") and unreported:
        return "CANCELLED"
    return "COMPLETED"


def state(job: Job, step: Step | None, _source: Source) -> str:
    if step is None:
        return job_state(job)
    if step_live(step) and job.state == "SUSPENDED":
        return "SUSPENDED"
    return step_state(step)


def killed_by(job: Job, step: Step | None, _source: Source) -> int | None:
    if step is not None:
        return step.killed_by
    return job.killed_by if job.state == "CANCELLED" else None


def lost(job: Job, step: Step) -> bool:
    """Whether it went with a node: nobody knows how it ended, whatever is heard of it later."""
    return job.state == "NODE_FAIL" and step.end_time >= job.end_time


def exit_status(job: Job, step: Step | None, _source: Source) -> int | None:
    """A wait status; 0 while it runs, None where nobody knows."""
    if step is None:
        return job.exit_code if ended(job) and job.state not in ENDED_FROM_OUTSIDE else 0
    if step_live(step):
        return 0
    if lost(job, step):
        return None
    return OUT_OF_MEMORY if step.ending == "OUT_OF_MEMORY" else step.exit_code


def derived_exit_status(job: Job, step: Step | None, _source: Source) -> int | None:
    if step is not None:
        return None
    return 0 if job.state in ENDED_FROM_OUTSIDE or job.state == "NODE_FAIL" else job.derived_exit_code


def qos_of(job: Job) -> str:
    """Slurm's accounting has one quality of service of its own, which is everybody's who names none."""
    return job.qos or "normal"


def start(job: Job, step: Step | None, _source: Source) -> float | None:
    if step is not None:
        return step.start_time
    if has_run(job):
        return job.start_time
    return None if ended(job) else 0.0


def end(job: Job, step: Step | None, _source: Source) -> float:
    """0 while it is not over."""
    if step is not None:
        return step.end_time
    return job.end_time if ended(job) or job_state(job) == "REQUEUED" else 0.0


def submit(job: Job, step: Step | None, _source: Source) -> float:
    return job.submit_time if step is None else step.start_time


def eligible(job: Job, step: Step | None, source: Source) -> float:
    return job_columns.eligible_time(job, source) if step is None else step.start_time


def suspended(job: Job, step: Step | None, source: Source) -> int:
    seconds = job.suspended_seconds
    if job.state == "SUSPENDED":
        seconds += source.now - job.suspend_time
    if step is not None and step.end_time and job.suspend_time and step.end_time < job.suspend_time:
        return 0
    return int(seconds)


def elapsed(job: Job, step: Step | None, source: Source) -> int:
    """Seconds of running, without those it was suspended."""
    since = start(job, step, source)
    if not since:
        return 0
    until = end(job, step, source) or source.now
    return max(int(until) - int(since) - suspended(job, step, source), 0)


def planned(job: Job, step: Step | None, source: Source) -> int | None:
    """Seconds it waited for its start, from the moment it might have started."""
    if step is not None:
        return None
    since = job_columns.eligible_time(job, source)
    if not since:
        return 0
    until = job.start_time if has_run(job) else job.end_time if ended(job) else source.now
    return max(int(until) - int(since), 0)


def time_limit(job: Job, step: Step | None, _source: Source) -> int | None:
    """Minutes, -1 unlimited, None: the partition's."""
    if step is not None:
        return None
    return job.request.time_limit if job.time_limit is None or not has_run(job) else job.time_limit


# --- resources ------------------------------------------------------------------------------------------------------


def cpus(job: Job, step: Step | None, source: Source) -> int:
    return job_sizes.num_cpus(job, source) if step is None else job_columns.step_cpus(step, job, source)


def req_cpus(job: Job, step: Step | None, source: Source) -> int:
    return job.min_cpus if step is None else cpus(job, step, source)


def num_nodes(job: Job, step: Step | None, source: Source) -> int:
    return job_sizes.num_nodes(job, source) if step is None else max(len(step.layout.nodes), 1)


def alloc_nodes(job: Job, step: Step | None, source: Source) -> int:
    return num_nodes(job, step, source) if step is not None or has_run(job) else 0


def req_nodes(job: Job, step: Step | None, source: Source) -> int:
    return job.min_nodes if step is None else num_nodes(job, step, source)


def nodes(job: Job, step: Step | None, source: Source) -> str:
    return job_columns.nodes(job, source) if step is None else job_columns.step_nodes(step, job, source)


def node_list(job: Job, step: Step | None, source: Source) -> list[str]:
    return hostlist.expand(text) if (text := nodes(job, step, source)) else []


def held(job: Job, step: Step | None, source: Source) -> dict[str, int]:
    """What it holds or held: cpu, mem (MiB), node, gres/NAME, and billing for jobs and what stands for all of one."""
    shares = [part.share for part in step.layout.nodes] if step is not None else job.allocation.shares if job.allocation else []
    if not shares or (step is None and not has_run(job)):
        return {}
    count = sum(len(share.cpus) for share in shares)
    found = {"cpu": count, "mem": sum(share.mem for share in shares), "node": len(shares)}
    more = held_devices(shares, source)
    if step is None or step.step_id == EXTERN:
        more |= held_licenses(job)
        found["billing"] = billed(job, source, {**found, **more})
    return _shown({**found, **more}, source)


def _shown(found: dict[str, int], source: Source) -> dict[str, int]:
    """Devices are always told of, by their names alone; other words where the configuration wants them counted."""
    always = {name for name in found if not name.startswith("license/") and ":" not in name}
    return {name: number for name, number in found.items() if number and (name in always or name in source.tracked)}


def requested(job: Job, step: Step | None, source: Source) -> dict[str, int] | None:
    """What it asked for, in the same terms."""
    if step is not None:
        return None
    request = job.request
    count, at_least = job.min_cpus, job.min_nodes
    memory = 0
    if request.mem_per_node:
        memory = request.mem_per_node * at_least
    elif request.mem_per_cpu:
        memory = request.mem_per_cpu * count
    found = {"cpu": count, "mem": memory, "node": at_least, **source.asked(job)}
    found["billing"] = billed(job, source, found)
    if has_run(job) and not memory and job.allocation is not None:
        found["mem"] = sum(share.mem for share in job.allocation.shares)
    return _shown(found, source)


def tasks(_job: Job, step: Step | None, _source: Source) -> int | None:
    return None if step is None else step.layout.ntasks


def layout(job: Job, step: Step | None, source: Source) -> str:
    if step is None:
        return ""
    return distribution.shown(step_distribution(step, job, source)) if is_numbered(step.step_id) else "Unknown"


# --- use ------------------------------------------------------------------------------------------------------------


def user_seconds(job: Job, step: Step | None, _source: Source) -> float:
    return step.user_seconds if step is not None else sum(one.user_seconds for one in job.steps.values())


def system_seconds(job: Job, step: Step | None, _source: Source) -> float:
    return step.system_seconds if step is not None else sum(one.system_seconds for one in job.steps.values())


def use(_job: Job, step: Step | None, _source: Source) -> dict[str, Use] | None:
    """By measure. Figures of use come with the end of a step; None: this row has none."""
    if step is None or not step.ended_nodes or (step.step_id == EXTERN and step_live(step)):
        return None
    return step.use


def numbered_steps(job: Job, step: Step | None, _source: Source) -> int:
    return 0 if step is not None else sum(is_numbered(one.step_id) for one in job.steps.values())


def flags(job: Job, step: Step | None, _source: Source) -> list[str]:
    if step is not None:
        return []
    return ["SchedMain", STARTED] if has_run(job) else [STARTED]


def reason(job: Job, step: Step | None, _source: Source) -> str:
    """Why it waits, or what of its own it has waited for before it ran."""
    if step is not None:
        return ""
    return (job.reason if job.state == "PENDING" else job.waited_for) or "None"


def name(job: Job, step: Step | None, _source: Source) -> str:
    if step is None:
        return job.name
    return step.step_id if not is_numbered(step.step_id) else step.name


def submit_line(job: Job, step: Step | None, _source: Source) -> str:
    return job.request.submit_line if step is None else step.submit_line


def _job_only(get: Callable[[Job, Source], Any]) -> Callable[[Job, Step | None, Source], Any]:
    return lambda job, step, source: None if step is not None else get(job, source)


def _attribute(key: str) -> Callable[[Job, Source], Any]:
    return lambda job, _source: getattr(job, key)


def _any_row(key: str) -> Callable[[Job, Step | None, Source], Any]:
    return lambda job, _step, _source: getattr(job, key)


_IDS = "job_id array_job_id array_task_id array_limit het_job_id het_offset het_size account"
_OF_JOB = "partition uid gid user_name group_name priority restart_count"
_OF_COLUMNS = (
    "work_dir comment features container reservation wckey mcs_label licenses over_subscribe std_in std_out std_err"
    " kind memory memory_kind extra"
)

HISTORY: dict[str, Callable[[Job, Step | None, Source], Any]] = {
    **{key: _any_row(key) for key in _IDS.split()},
    **{key: _job_only(_attribute(key)) for key in _OF_JOB.split()},
    **{key: _job_only(job_columns.JOB[key]) for key in _OF_COLUMNS.split()},
    # accounting hears of it with the job's start
    "admin_comment": _job_only(lambda job, _source: job.admin_comment if has_run(job) else ""),
    "alloc_nodes": alloc_nodes,
    "array_tasks": lambda job, _step, _source: idset.fold_steps(job.array_tasks) if job.array_tasks else "",
    "cpu_freq": lambda _job, step, _source: None if step is None else step.asked.get("cpu_freq", ""),
    "cpus": cpus,
    "derived_exit_code": derived_exit_status,
    "elapsed": elapsed,
    "eligible": eligible,
    "end": end,
    "exclusive": _job_only(lambda job, _source: job.request.exclusive or ""),
    "exit_code": exit_status,
    "flags": flags,
    "held": held,
    "killed_by": killed_by,
    "layout": layout,
    "name": name,
    "node_list": node_list,
    "nodes": nodes,
    "num_nodes": num_nodes,
    "numbered_steps": numbered_steps,
    "planned": planned,
    "qos": _job_only(lambda job, _source: qos_of(job)),
    "reason": reason,
    "run": lambda job, _step, _source: [job.submit_time, job.restart_count, job.first_submit or job.submit_time],
    "req_cpus": req_cpus,
    "req_nodes": req_nodes,
    "req_qos": _job_only(lambda job, _source: job.request.qos or ""),
    "req_reservation": _job_only(lambda job, _source: job.request.reservation or ""),
    "requested": requested,
    "start": start,
    "state": state,
    "step_id": lambda _job, step, _source: "" if step is None else step.step_id,
    "submit": submit,
    "submit_line": submit_line,
    "suspended": suspended,
    "system_seconds": system_seconds,
    "tasks": tasks,
    "time_limit": time_limit,
    "use": use,
    "user_seconds": user_seconds,
}
