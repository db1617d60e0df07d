"""What the parts of the core share while they handle an event: the state, the effects so far, timers and connections.

Nothing here is stored: what must survive a restart is in the records, and `core.restore` makes the rest again from them.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.controller import step_rows
from mgpu_slurm.controller.events import (
    Effect,
    Note,
    Push,
    Replan,
    Reply,
    SaveAttempt,
    SaveCounter,
    SaveJob,
    SaveNode,
    SavePartition,
    SaveRequest,
    SaveReservation,
    SaveScript,
    ToNodeEffect,
    Unsend,
)
from mgpu_slurm.controller.state import Answered
from mgpu_slurm.wire.messages import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.base.errors import SlurmError
    from mgpu_slurm.controller.events import Asked
    from mgpu_slurm.controller.scheduler import Scheduler
    from mgpu_slurm.controller.settings import Settings
    from mgpu_slurm.controller.state import State
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.sched.snapshot import Need, NodeSlot, PendingJob
    from mgpu_slurm.wire.messages import ToClient, ToNode

_encode = msgspec.json.Encoder().encode

Key = tuple[str, object]


class Timers:
    """What is due when. Setting a key again moves it; taking it back costs nothing until it would have been due."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._at: dict[Key, float] = {}
        self._count = 0

    def set(self, what: str, key: object, at: float) -> None:
        self._at[(what, key)] = at
        self._count += 1
        heappush(self._heap, (at, self._count, (what, key)))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._at):
            self._heap = [(when, number, name) for number, (name, when) in enumerate(self._at.items())]
            self._count = len(self._heap)
            heapify(self._heap)

    def cancel(self, what: str, key: object) -> None:
        self._at.pop((what, key), None)

    def at(self, what: str, key: object) -> float | None:
        return self._at.get((what, key))

    def next(self) -> float | None:
        while self._heap:
            at, _, key = self._heap[0]
            if self._at.get(key) == at:
                return at
            heappop(self._heap)
        return None

    def due(self, now: float) -> Key | None:
        """The earliest key that is due, taken out; None where none is."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heappop(self._heap)[2]
        del self._at[key]
        return key


class Context:
    """Shared by the modules of the core. `config` is the configuration object that `sched.need.derive` reads."""

    def __init__(
        self, settings: Settings, config: Any, state: State, sign: Callable[[bytes], str], scheduler: Scheduler
    ) -> None:
        self.scheduler = scheduler
        self.settings = settings
        self.config = config
        self.state = state
        self.sign = sign
        self.timers = Timers()
        self.effects: list[Effect] = []
        self.dirty: dict[int, None] = {}
        self.gone: list[Effect] = []
        self.dirty_nodes: dict[str, None] = {}
        self.dirty_partitions: dict[str, None] = {}
        self.dirty_reservations: dict[str, None] = {}
        self.removed: dict[str, float] = {}  # node that was deleted -> when its daemon had started
        self.saved_counter = 0
        self.automatic: set[str] = set()  # configuration keys that follow the nodes' hardware
        self.owners: dict[int, int] = {}  # job -> connection of its owner
        self.owned: dict[int, set[int]] = {}  # connection -> jobs
        self.watchers: dict[int, set[int]] = {}  # job -> connections that follow it
        self.waiters: dict[int, list[tuple[int, int]]] = {}  # job or array -> (connection, id asked for)
        self.following: dict[int, set[int]] = {}  # connection -> ids it follows or waits for
        self.ending: dict[int, set[str]] = {}  # job -> nodes that have not yet said that nothing of it lives
        self.prologs: dict[int, set[str]] = {}  # job -> nodes whose Prolog is waited for
        self.health_turn = -1  # which node was asked last, where one is asked at a time
        self.left: set[tuple[int, str]] = set()  # jobs and nodes that they have given back, which run their Epilogs
        self.other_programs = 0  # how many have been run that are for no job
        self.closing: set[int] = set()  # jobs whose EpilogSlurmctld runs
        self.step_queue: dict[int, deque[Asked]] = {}  # job -> step requests that wait for resources
        self.eligible: dict[int, None] = {}  # pending records that may start
        self.story: deque[str] = deque(maxlen=200)
        self.cache: dict[int, PendingJob] = {}  # job -> what the scheduler sees of it
        self.needs: dict[int, Need] = {}  # pending job -> its need
        self.empty_nodes: list[NodeSlot] | None = None  # all nodes as if nothing ran
        self.priorities_at = 0.0  # when the age of those that wait was last looked at
        self.partition_totals: dict[str, dict[str, int]] = {}  # partition, "" for the cluster -> resource -> its amount
        self.possible: dict[object, tuple[str, str]] = {}  # request class -> why it can never start, "" where it can

    # --- effects ---

    def save(self, job: Job) -> None:
        """Note that the record has changed; it is written once, at the end of the event."""
        self.dirty[job.job_id] = None
        self.cache.pop(job.job_id, None)

    def touch(self, job: Job) -> None:
        """The record has changed in what need not survive a restart (a reason): not written for that alone."""
        self.story.append(f"job {job.job_id} waits: {job.reason}")

    def save_attempt(self, job: Job, restart: int) -> None:
        """Keep a run that is over for history, before the job is made ready for the next one."""
        self.effects.append(SaveAttempt(job_id=job.job_id, restart=restart, record=_encode(job), uid=job.uid))

    def save_node(self, node: Node) -> None:
        self.dirty_nodes[node.name] = None
        self.empty_nodes = None
        self.partition_totals.clear()
        self.possible.clear()

    def save_partition(self, partition: Partition) -> None:
        self.dirty_partitions[partition.name] = None
        self.partition_totals.clear()
        self.possible.clear()

    def save_reservation(self, name: str) -> None:
        """It has changed, or is no more."""
        self.dirty_reservations[name] = None

    def forget(self, job: Job) -> None:
        """The job leaves the memory; the store's history keeps it."""
        self.dirty.pop(job.job_id, None)
        self.gone += self._saves(job, gone=True)
        self.cache.pop(job.job_id, None)

    def save_script(self, job_id: int, script: str, environment: dict[str, str]) -> None:
        self.effects.append(SaveScript(job_id=job_id, script=script, environment=environment))

    def reply(self, conn: int, message: ToClient, close: bool = True) -> None:
        self.effects.append(Reply(conn=conn, message=message, close=close))

    def answer(self, asked: Asked, request_id: str, message: ToClient, now: float, close: bool = True) -> None:
        """Reply, and remember the reply for the request id: a retry gets the same answer, also after a restart."""
        if request_id:
            raw = _encode(message)
            uid = asked.caller.uid
            self.state.requests[(uid, request_id)] = Answered(answer=raw, time=now)
            self.effects.append(SaveRequest(uid=uid, request_id=request_id, answer=raw, time=now))
        self.reply(asked.conn, message, close)

    def refuse(self, conn: int, error: SlurmError, detail: str = "") -> None:
        self.reply(conn, Error(code=error.code, text=error.text, detail=detail))

    def push(self, conn: int, message: ToClient) -> None:
        self.effects.append(Push(conn=conn, message=message))

    def to_node(self, node: str, message: ToNode, key: str = "", needs_script: int = 0) -> None:
        self.effects.append(ToNodeEffect(node=node, message=message, key=key, needs_script=needs_script))

    def unsend(self, node: str, key: str) -> None:
        self.effects.append(Unsend(node=node, key=key))

    def note(self, level: str, text: str) -> None:
        self.effects.append(Note(level=level, text=text))

    def replan(self) -> None:
        self.state.generation += 1
        self.effects.append(Replan())

    @staticmethod
    def _saves(job: Job, gone: bool = False) -> list[Effect]:
        rows, record = step_rows.record(job)
        return [*rows, SaveJob(job_id=job.job_id, record=record, state=job.state, uid=job.uid, gone=gone)]

    def take_effects(self) -> list[Effect]:
        """Everything since the last call: saves first, each record once, at most one Replan, last."""
        saves: list[Effect] = list(self.gone)
        if self.state.next_job_id != self.saved_counter:
            self.saved_counter = self.state.next_job_id
            saves.append(SaveCounter(next_job_id=self.saved_counter))
        for job_id in self.dirty:
            job = self.state.jobs.get(job_id)
            if job is not None:
                saves += self._saves(job)
        for name in self.dirty_nodes:
            node = self.state.nodes.get(name)
            saves.append(SaveNode(name=name, record=_encode(node) if node is not None else b""))
        for name in self.dirty_partitions:
            if name in self.state.partitions:
                saves.append(SavePartition(name=name, record=_encode(self.state.partitions[name])))
        for name in self.dirty_reservations:
            one = self.state.reservations.get(name)
            saves.append(SaveReservation(name=name, record=_encode(one) if one is not None else b""))
        rest: list[Effect] = [effect for effect in self.effects if not isinstance(effect, Replan)]
        if len(rest) != len(self.effects):
            rest.append(Replan())
        self.effects = []
        self.dirty = {}
        self.dirty_nodes = {}
        self.dirty_partitions = {}
        self.dirty_reservations = {}
        self.gone = []
        return saves + rest

    # --- connections ---

    def own(self, conn: int, job_id: int) -> None:
        """The connection is now the one whose life keeps the allocation."""
        old = self.owners.get(job_id)
        if old is not None:
            self.owned.get(old, set()).discard(job_id)
        self.owners[job_id] = conn
        self.owned.setdefault(conn, set()).add(job_id)
        self.timers.cancel("owner", job_id)

    def disown(self, job_id: int) -> None:
        conn = self.owners.pop(job_id, None)
        if conn is not None:
            mine = self.owned.get(conn, set())
            mine.discard(job_id)
            if not mine:
                self.owned.pop(conn, None)
        self.timers.cancel("owner", job_id)

    def listeners(self, job_id: int) -> list[int]:
        """Connections that are told what happens to a job."""
        owner = self.owners.get(job_id)
        watchers = sorted(self.watchers.get(job_id, ()))
        return watchers if owner is None else [owner, *watchers]
