"""What a node daemon decides, without doing any of it: (message | exit | timer) -> effects.

A step is known from its launch until the controller has confirmed its result. Launches are idempotent by (job, step,
attempt); an attempt that was ended whole is never launched again. Times of leases are seconds of a clock that never goes
back and counts while the machine sleeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from mgpu_slurm.base.errors import ESLURM_INVALID_JOB_ID, ESLURMD_STEP_EXISTS, ESLURMD_STEP_NOTRUNNING, SlurmError
from mgpu_slurm.node.effects import CleanUp as CleanUp
from mgpu_slurm.node.effects import Effect as Effect
from mgpu_slurm.node.effects import EndJob as EndJob
from mgpu_slurm.node.effects import Forget as Forget
from mgpu_slurm.node.effects import Key as Key
from mgpu_slurm.node.effects import Note as Note
from mgpu_slurm.node.effects import Report as Report
from mgpu_slurm.node.effects import StartBatch as StartBatch
from mgpu_slurm.node.effects import StartProlog as StartProlog
from mgpu_slurm.node.effects import StopDaemon as StopDaemon
from mgpu_slurm.node.effects import Tell as Tell
from mgpu_slurm.node.effects import Unreport as Unreport
from mgpu_slurm.records.usage import Use
from mgpu_slurm.wire.messages import (
    BatchStarted,
    Beat,
    ExtendJob,
    ForgetStep,
    JobFacts,
    JobGone,
    LaunchBatch,
    LaunchRefused,
    LiveStep,
    PrologDone,
    Registered,
    RunProlog,
    SayToJob,
    SignalJob,
    StepResult,
    StepSpec,
    StopNode,
    SuspendJob,
    TerminateJob,
    ToNode,
)

LINK_DEAD = 20.0
"""Seconds after which a link that says nothing is given up (wire/link.py): contact may be that much older than the loss."""

REMEMBERED = 10_000
"""Ended attempts that are remembered."""

LOST_STATUS = 9

LATE = 1.0
"""Seconds that a batch script outlives its limit where the controller, who ends a job's steps first, says nothing."""

def own_deadline(deadline: float) -> float:
    """When a batch script ends itself, for a limit in UTC seconds; 0 stays never."""
    return deadline + LATE if deadline else 0.0


class Known(msgspec.Struct, kw_only=True):
    """A step on this node. `result` is set once no process of it lives."""

    key: Key
    uid: int
    live: bool = False  # its supervisor has spoken
    waits: bool = False  # for its job's Prolog: it has no supervisor yet
    pid: int = 0
    result: dict[str, Any] | None = None


class NodeCore:
    """The state of one node daemon."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: dict[Key, Known] = {}
        self.lease = 0.0
        self.heartbeat = 10.0
        self.has_prolog = False  # nothing starts before it has run, and where it has is noted until the job is over
        self._contact: float | None = None
        self._connected = False
        self._ended: dict[int, int] = {}  # job -> latest attempt that was ended whole
        self._waiting: dict[tuple[int, int], TerminateJob] = {}  # jobs whose JobGone is owed
        self._closing: set[tuple[int, int]] = set()  # those whose Epilog runs
        self._closed: dict[tuple[int, int], bool] = {}  # those whose Epilog has run, and whether it has failed
        self._stopping = False

    # --- steps ------------------------------------------------------------------------------------------------------

    def found(self, known: Known) -> list[Effect]:
        """A step of an earlier daemon, found in the spool: still there, or with its result."""
        self.steps[known.key] = known
        return [self._result(known)] if known.result is not None else []

    def tasks_asked(self, spec: StepSpec) -> Key:
        """srun wants to start its tasks here; the signature is verified. SlurmError: it cannot."""
        key = (spec.job.job_id, spec.step_id, spec.job.attempt)
        if self._is_over(key) or self._stopping:
            raise SlurmError(ESLURMD_STEP_NOTRUNNING)
        if key in self.steps:
            raise SlurmError(ESLURMD_STEP_EXISTS)
        self.steps[key] = Known(key=key, uid=spec.job.uid, waits=self.has_prolog)
        return key

    def attachable(self, job_id: int, step_id: str, uid: int) -> Key:
        """The live step that this user may look at. SlurmError."""
        for key, known in self.steps.items():
            if key[:2] == (job_id, step_id) and known.result is None and uid in (0, known.uid):
                return key
        raise SlurmError(ESLURM_INVALID_JOB_ID)

    def live(self, key: Key, pid: int) -> list[Effect]:
        """The supervisor has started its tasks."""
        known = self.steps.get(key)
        if known is None or known.live:
            return []
        known.live = True
        known.pid = pid
        if key[1] != "batch":
            return []
        return [Report(message=BatchStarted(job_id=key[0], attempt=key[2], pid=pid))]

    def not_launched(self, key: Key, code: int, text: str) -> list[Effect]:
        """A batch script could not even be handed to a supervisor."""
        self.steps.pop(key, None)
        refused = LaunchRefused(node=self.name, job_id=key[0], attempt=key[2], code=code, text=text)
        return [Report(message=refused), Forget(key=key), *self._gone_jobs()]

    def abandoned(self, key: Key) -> list[Effect]:
        """srun's tasks could not be handed to a supervisor; srun has been told."""
        self.steps.pop(key, None)
        return [Forget(key=key), *self._gone_jobs()]

    def gone(self, key: Key, result: dict[str, Any] | None) -> list[Effect]:
        """The supervisor has written its result, or has died without one."""
        known = self.steps.get(key)
        if known is None or known.result is not None:
            return []
        if result is None:
            note = f"step {key[0]}.{key[1]}: its supervisor died; killing what it left"
            return [Note(text=note), CleanUp(key=key)]
        known.result = result
        return [self._result(known), *self._gone_jobs()]

    def cleaned(self, key: Key, now: float) -> list[Effect]:
        """Nothing that a dead supervisor left behind lives any more. `now` in UTC seconds."""
        return self.gone(key, {"exit_code": LOST_STATUS, "ending": "LOST", "ended": now, "text": "the step's supervisor died"})

    def _result(self, known: Known) -> Report:
        job_id, step_id, attempt = known.key
        message = StepResult(node=self.name, job_id=job_id, step_id=step_id, attempt=attempt)
        for field, value in (known.result or {}).items():
            if hasattr(message, field):
                setattr(message, field, msgspec.convert(value, dict[str, Use]) if field == "use" else value)
        return Report(message=message, key=_report_key(known.key))

    def _gone_jobs(self) -> list[Effect]:
        """EndJob, or JobGone, for every job that was to end and of which nothing lives."""
        effects: list[Effect] = []
        for (job_id, attempt), message in list(self._waiting.items()):
            if not self._living(job_id, attempt):
                del self._waiting[job_id, attempt]
                if message.epilog is None and not self.has_prolog:
                    effects += self.job_over(message, False)
                    continue
                self._closing.add((job_id, attempt))
                effects.append(EndJob(message=message))
        if self._stopping and not any(known.result is None for known in self.steps.values()):
            effects.append(StopDaemon())
        return effects

    def job_over(self, message: TerminateJob, failed: bool) -> list[Effect]:
        """The Epilog of a job has run, or it has none."""
        job = (message.job_id, message.attempt)
        self._closing.discard(job)
        if message.epilog is not None:
            self._closed[job] = failed
            if len(self._closed) > REMEMBERED:
                del self._closed[next(iter(self._closed))]
        return [Report(message=JobGone(node=self.name, job_id=job[0], attempt=job[1], failed=failed))]

    def prolog_done(self, job: JobFacts, status: int) -> list[Effect]:
        """The Prolog of a job has ended with this wait status."""
        failed = status != 0
        done = PrologDone(node=self.name, job_id=job.job_id, attempt=job.attempt, failed=failed, status=max(status, 0))
        return [Report(message=done)]

    def may_start(self, key: Key) -> bool:
        """Whether a step is still to be started, now that its job's Prolog has run."""
        known = self.steps.get(key)
        if known is None or self._is_over(key) or self._stopping:
            return False
        known.waits = False
        return True

    def withdrawn(self, key: Key) -> list[Effect]:
        """A step whose job's Prolog has failed, or whose job was ended meanwhile, is not started."""
        self.steps.pop(key, None)
        return self._gone_jobs()

    def _living(self, job_id: int, attempt: int, step_id: str = "") -> list[Known]:
        return [
            known
            for key, known in self.steps.items()
            if key[0] == job_id and key[2] <= attempt and known.result is None and step_id in ("", key[1])
        ]

    def _is_over(self, key: Key) -> bool:
        return self._ended.get(key[0], 0) >= key[2]

    def live_steps(self) -> list[LiveStep]:
        """For the registration."""
        return [
            LiveStep(job_id=key[0], step_id=key[1], attempt=key[2], uid=known.uid, ended=known.result is not None)
            for key, known in self.steps.items()
        ]

    # --- messages of the controller ---------------------------------------------------------------------------------

    def message(self, message: ToNode, now: float) -> list[Effect]:
        """What the controller says."""
        self._contact = now
        match message:
            case Registered():
                self._connected = True
                self.lease, self.heartbeat = message.lease, message.heartbeat or self.heartbeat
            case LaunchBatch():
                return self._launch(message)
            case TerminateJob():
                return self._terminate(message)
            case RunProlog():
                if self._is_over((message.job.job_id, "", message.job.attempt)):
                    return []
                return [StartProlog(job=message.job)]
            case SignalJob():
                return self._signal(message)
            case SuspendJob():
                return self._tell(self._of_job(message.job_id), {"kind": "suspend", "resume": message.resume})
            case SayToJob():
                batch = [known for known in self._of_job(message.job_id) if known.key[1] == "batch"]
                return self._tell(batch, {"kind": "say", "text": message.text})
            case ExtendJob():
                batch = [known for known in self._of_job(message.job_id) if known.key[1] == "batch"]
                return self._tell(batch, {"kind": "extend", "deadline": own_deadline(message.deadline)})
            case ForgetStep():
                return self._forget((message.job_id, message.step_id, message.attempt))
            case StopNode():
                return self._stop(message)
            case Beat():
                pass
        return []

    def _of_job(self, job_id: int) -> list[Known]:
        return [known for key, known in self.steps.items() if key[0] == job_id and known.result is None]

    def _tell(self, steps: Iterable[Known], word: dict[str, Any]) -> list[Effect]:
        return [Tell(key=known.key, word=word) for known in steps]

    def _launch(self, message: LaunchBatch) -> list[Effect]:
        key = (message.job.job_id, "batch", message.job.attempt)
        known = self.steps.get(key)
        if known is not None:
            if known.result is not None:
                return [self._result(known)]
            return [Report(message=BatchStarted(job_id=key[0], attempt=key[2], pid=known.pid))] if known.live else []
        if self._is_over(key) or self._stopping:
            refused = LaunchRefused(
                node=self.name, job_id=key[0], attempt=key[2], code=ESLURMD_STEP_NOTRUNNING, text="this attempt is over"
            )
            return [Report(message=refused)]
        self.steps[key] = Known(key=key, uid=message.job.uid, waits=self.has_prolog)
        return [StartBatch(key=key, message=message)]

    def _terminate(self, message: TerminateJob) -> list[Effect]:
        word: dict[str, Any] = {
            "kind": "terminate",
            "ending": message.ending,
            "kill_wait": message.kill_wait,
            "hurry": message.hurry,
        }
        if message.step_id:
            # Slurm kills a step that is cancelled by itself at once; only whole jobs get a warning.
            word["hurry"] = message.hurry or message.ending == "CANCELLED"
            return self._tell(self._living(message.job_id, message.attempt, message.step_id), word)
        self._remember_end(message.job_id, message.attempt)
        job = (message.job_id, message.attempt)
        if job in self._closing:
            return []
        if job in self._closed and message.epilog is not None:
            failed = self._closed[job]
            return [Report(message=JobGone(node=self.name, job_id=job[0], attempt=job[1], failed=failed))]
        self._waiting[job] = message
        # the script last: its sruns die with it, and what they do then is not to be the first that a step hears
        living = sorted(self._living(message.job_id, message.attempt), key=lambda known: known.key[1] == "batch")
        return [*self._tell(living, word), *self._gone_jobs()]

    def _remember_end(self, job_id: int, attempt: int) -> None:
        latest = max(attempt, self._ended.pop(job_id, 0))
        self._ended[job_id] = latest
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _signal(self, message: SignalJob) -> list[Effect]:
        effects: list[Effect] = []
        for known in self._of_job(message.job_id):
            batch = known.key[1] == "batch"
            if message.step_id:
                wanted = known.key[1] == message.step_id
            else:
                wanted = not batch or message.with_batch or message.full or message.shell_only
            if wanted:
                # A signal for the batch script is for its shell alone unless its children are meant too.
                full = message.full or not (batch or message.shell_only)
                effects.append(Tell(key=known.key, word={"kind": "signal", "signal": message.signal, "full": full}))
        return effects

    def _forget(self, key: Key) -> list[Effect]:
        known = self.steps.get(key)
        if known is not None and known.result is None:
            return []
        self.steps.pop(key, None)
        return [Unreport(key=_report_key(key)), Forget(key=key)]

    def _stop(self, message: StopNode) -> list[Effect]:
        living = [known for known in self.steps.values() if known.result is None]
        if not message.end_jobs or not living:
            return [StopDaemon()]
        self._stopping = True
        return self._tell(living, {"kind": "terminate", "ending": "CANCELLED", "kill_wait": 1, "hurry": False})

    # --- time -------------------------------------------------------------------------------------------------------

    def link_down(self, now: float) -> None:
        """The link is lost; its last sign of life may be older than its end."""
        if self._connected:
            self._contact = self.contact(now)
            self._connected = False

    def contact(self, now: float) -> float | None:
        """When the controller surely still heard this node; None: never, or the lease has run out."""
        if self._connected:
            return max(self._contact or 0.0, now - LINK_DEAD)
        return self._contact

    def remember_contact(self, lease: float, contact: float) -> None:
        """What an earlier daemon knew: its lease goes on."""
        self.lease, self._contact = lease, contact

    def tick(self, now: float) -> list[Effect]:
        """Once in a while: has the lease run out?"""
        if self._connected or not self.lease or self._contact is None or now < self._contact + self.lease:
            return []
        self._contact = None
        # All of them: what is not started elsewhere is reported as ended there, and must not live on here.
        doomed = [known for known in self.steps.values() if known.result is None]
        for known in doomed:
            if known.waits:
                del self.steps[known.key]  # it never starts
        effects = self._tell(doomed, {"kind": "terminate", "ending": "NODE_FAIL", "kill_wait": 0, "hurry": True})
        if doomed:
            effects.insert(0, Note(text=f"no contact with the controller for {self.lease:g} s: ending {len(doomed)} steps"))
        return effects


def _report_key(key: Key) -> str:
    return f"result:{key[0]}.{key[1]}.{key[2]}"
