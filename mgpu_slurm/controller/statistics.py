"""What the controller has done since a moment: the figures that sdiag shows. Durations are microseconds.

Jobs are counted as Slurm 22.05 does. Submitted and started: every job, element of an array and component by itself. Completed:
whose script ended or whose owner gave it back, also one that had not started, each run that went back into the queue, and a
heterogeneous job once; not what was cancelled, or ended by a limit, a deadline or a node. Cancelled: every request for a job, an
array or a heterogeneous job that was carried out, for each job where it is a signal. Failed: batch jobs that a node could not
launch.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from mgpu_slurm.controller.events import Asked, NodeSaid, Reply, SaveAttempt, SaveJob, TimeReached, ToNodeEffect
from mgpu_slurm.facts.states import TERMINAL
from mgpu_slurm.wire import messages as wire

if TYPE_CHECKING:
    from mgpu_slurm.controller.events import Effect, Event
    from mgpu_slurm.controller.state import State

REMEMBERED = 4096
"""Ended jobs that are remembered, so that a record saved twice is counted once."""

NAMES: dict[type, tuple[str, int]] = {
    wire.SubmitJob: ("REQUEST_SUBMIT_BATCH_JOB", 4003),
    wire.Allocate: ("REQUEST_RESOURCE_ALLOCATION", 4001),
    wire.Attach: ("REQUEST_JOB_ALLOCATION_INFO", 4014),
    wire.ReleaseJob: ("REQUEST_COMPLETE_JOB_ALLOCATION", 5017),
    wire.WaitJob: ("REQUEST_JOB_READY", 4019),
    wire.CreateStep: ("REQUEST_JOB_STEP_CREATE", 5001),
    wire.StepDone: ("REQUEST_STEP_COMPLETE", 5016),
    wire.CancelJobs: ("REQUEST_KILL_JOB", 5032),
    wire.NotifyJob: ("REQUEST_JOB_NOTIFY", 4022),
    wire.GetScript: ("REQUEST_BATCH_SCRIPT", 2051),
    wire.GetJobSetup: ("REQUEST_JOB_ALLOCATION_INFO", 4014),
    wire.Ping: ("REQUEST_PING", 1008),
    wire.Control: ("REQUEST_RECONFIGURE", 1003),
    wire.Register: ("MESSAGE_NODE_REGISTRATION_STATUS", 1002),
    wire.StepResult: ("REQUEST_STEP_COMPLETE", 5016),
    wire.JobGone: ("MESSAGE_EPILOG_COMPLETE", 6012),
}
"""Slurm's name and number of what a message asks for."""

ACTIONS = {
    "requeue": ("REQUEST_JOB_REQUEUE", 5023),
    "requeuehold": ("REQUEST_JOB_REQUEUE", 5023),
    "requeuehold_special": ("REQUEST_JOB_REQUEUE", 5023),
    "resume": ("REQUEST_SUSPEND", 5014),
    "suspend": ("REQUEST_SUSPEND", 5014),
    "top": ("REQUEST_TOP_JOB", 5038),
}
"""Of what is done to jobs; all else changes a field of theirs."""

UPDATES = {
    ("node", "update"): ("REQUEST_UPDATE_NODE", 3002),
    ("partition", "create"): ("REQUEST_CREATE_PARTITION", 3003),
    ("partition", "delete"): ("REQUEST_DELETE_PARTITION", 3004),
    ("partition", "update"): ("REQUEST_UPDATE_PARTITION", 3005),
    ("step", "update"): ("REQUEST_UPDATE_JOB_STEP", 5007),
    ("reservation", "create"): ("REQUEST_CREATE_RESERVATION", 3006),
    ("reservation", "delete"): ("REQUEST_DELETE_RESERVATION", 3008),
    ("reservation", "update"): ("REQUEST_UPDATE_RESERVATION", 3009),
}
"""Of what is changed."""

UPDATE_JOB = ("REQUEST_UPDATE_JOB", 3001)

QUERIES = {
    "jobs": ("REQUEST_JOB_INFO", 2003),
    "steps": ("REQUEST_JOB_STEP_INFO", 2005),
    "nodes": ("REQUEST_NODE_INFO", 2007),
    "partitions": ("REQUEST_PARTITION_INFO", 2009),
    "config": ("REQUEST_BUILD_INFO", 2001),
    "reservations": ("REQUEST_RESERVATION_INFO", 2024),
    "licenses": ("REQUEST_LICENSE_INFO", 1021),
    "priorities": ("REQUEST_PRIORITY_FACTORS", 2026),
    "statistics": ("REQUEST_STATS_INFO", 2035),
    "sstat": ("REQUEST_JOB_STEP_STAT", 5020),
    "inspection": ("REQUEST_NODE_REGISTRATION_STATUS", 1001),
}


def asked(message: Any) -> tuple[str, int] | None:
    """The name and number under which a message is counted; None where it is not."""
    if isinstance(message, wire.Query):
        if message.table == "jobs" and len(message.filters.get("ids", ())) == 1:
            return "REQUEST_JOB_INFO_SINGLE", 2021
        return QUERIES.get(message.table)
    if isinstance(message, wire.JobAction):
        return ACTIONS.get(message.action, UPDATE_JOB)
    if isinstance(message, wire.Update):
        return UPDATES.get((message.what, message.action), UPDATE_JOB)
    if isinstance(message, wire.CancelJobs) and message.ids and all("." in one for one in message.ids):
        return "REQUEST_CANCEL_JOB_STEP", 5005
    if isinstance(message, wire.StepResult) and message.step_id == "batch":
        return "REQUEST_COMPLETE_BATCH_SCRIPT", 5018
    return NAMES.get(type(message))


def _reported(event: Event) -> int:
    """The job whose end is told, by its owner or by the node of its script; else 0."""
    message = event.message if isinstance(event, Asked | NodeSaid) else None
    if isinstance(message, wire.ReleaseJob) or (isinstance(message, wire.StepResult) and message.step_id == "batch"):
        return message.job_id
    return 0


def _canceled(message: wire.CancelJobs, effects: list[Effect], state: State) -> int:
    """How many requests were carried out, or for a signal how many jobs got it."""
    done = [row for effect in effects if isinstance(effect, Reply) and isinstance(effect.message, wire.Results)
            for row in effect.message.rows if not row[1] and "." not in row[0]]  # fmt: skip
    if message.signal in (None, signal.SIGKILL) or not done:
        return len(done)
    told = (effect.message for effect in effects if isinstance(effect, ToNodeEffect))
    jobs = {one.job_id: state.jobs.get(one.job_id) for one in told if isinstance(one, wire.SignalJob)}
    return len({(job is not None and job.het_job_id) or job_id for job_id, job in jobs.items()})


class Statistics:
    """Counters since `since` (UTC seconds)."""

    def __init__(self, now: float) -> None:
        self.started_at = now
        self._running: set[int] = set()
        self._ended: dict[int, None] = {}
        self._last_cycle = self._last_queue = 0
        self.reset(now)

    def reset(self, now: float) -> None:
        self.since = now
        self.submitted = self.started = self.completed = self.canceled = self.failed = 0
        self._cycles = self._cycle_sum = self._cycle_max = self._depth_sum = 0
        self._requests: dict[tuple[str, int], list[int]] = {}
        self._users: dict[int, list[int]] = {}

    # --- what happens ---

    def cycle(self, seconds: float, length: int) -> None:
        """A pass of the scheduler over `length` waiting jobs."""
        taken = int(seconds * 1e6)
        self._last_cycle, self._last_queue = taken, length
        self._cycles += 1
        self._cycle_sum += taken
        self._cycle_max = max(self._cycle_max, taken)
        self._depth_sum += length

    def event(self, event: Event, effects: list[Effect], state: State, seconds: float) -> None:
        """An event of the core and what came of it."""
        if isinstance(event, Asked):
            self.request(event.message, event.caller.uid, seconds)
        elif isinstance(event, NodeSaid):
            self.request(event.message, 0, seconds)
        for effect in effects:
            if isinstance(effect, SaveJob):
                self._saved(effect, event)
            elif isinstance(effect, SaveAttempt):
                job = state.jobs.get(effect.job_id)
                self.completed += job is None or not job.het_offset
            elif isinstance(effect, Reply) and isinstance(event, Asked):
                self._replied(event.message, effect.message, state)
        if isinstance(event, Asked) and isinstance(event.message, wire.CancelJobs):
            self.canceled += _canceled(event.message, effects, state)

    def request(self, message: Any, uid: int, seconds: float) -> None:
        name = asked(message)
        if name is None:
            return
        taken = int(seconds * 1e6)
        for counts in (self._requests.setdefault(name, [0, 0]), self._users.setdefault(uid, [0, 0])):
            counts[0] += 1
            counts[1] += taken

    def _replied(self, asked: Any, answer: Any, state: State) -> None:
        if isinstance(asked, wire.SubmitJob | wire.Allocate) and isinstance(answer, wire.JobSubmitted | wire.AllocationState):
            job = state.jobs.get(answer.job_id)
            self.submitted += max(job.array_count if job is not None else 0, len(asked.requests), 1)

    def _saved(self, save: SaveJob, event: Event) -> None:
        if save.gone:
            self._ended.pop(save.job_id, None)
        elif save.state in ("RUNNING", "SUSPENDED"):
            if save.job_id not in self._running:
                self._running.add(save.job_id)
                self.started += 1
        elif save.state == "PENDING":
            self._running.discard(save.job_id)
            self._ended.pop(save.job_id, None)
        elif save.state in TERMINAL and save.job_id not in self._ended:
            self._running.discard(save.job_id)
            self._ended[save.job_id] = None
            if len(self._ended) > REMEMBERED:
                del self._ended[next(iter(self._ended))]
            self.completed += _reported(event) == save.job_id or (isinstance(event, TimeReached) and save.state == "COMPLETED")
            self.failed += isinstance(event, NodeSaid) and isinstance(event.message, wire.LaunchRefused)

    # --- what is told ---

    def facts(self, state: State) -> dict[str, Any]:
        """Every figure by name, as it is now. Requests are rows of [name, number, count, total]."""
        waiting = running = 0
        for job in state.jobs.values():
            if job.state == "PENDING":
                waiting += len(job.array_tasks) or 1
            elif job.state == "RUNNING":
                running += 1
        cycles = self._cycles
        return {
            "since": self.since,
            "submitted": self.submitted,
            "started": self.started,
            "completed": self.completed,
            "canceled": self.canceled,
            "failed": self.failed,
            "pending": waiting,
            "running": running,
            "cycle_last": self._last_cycle,
            "cycle_max": self._cycle_max,
            "cycle_count": cycles,
            "cycle_mean": self._cycle_sum // cycles if cycles else 0,
            "cycle_sum": self._cycle_sum,
            "depth_mean": self._depth_sum // cycles if cycles else 0,
            "depth_sum": self._depth_sum,
            "queue_length": self._last_queue,
            "requests": [[name, number, *counts] for (name, number), counts in self._requests.items()],
            "users": [[uid, *counts] for uid, counts in self._users.items()],
        }
