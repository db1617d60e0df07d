"""A cluster without processes: the core, pretend nodes and clients, and a clock that the test moves.

    c = Case().node("n0", gpus=4)
    job = c.submit(gpus=2)
    c.plan()
    assert c.state_of(job) == "RUNNING"
    c.ends(job, code=0)

Every message between core and nodes or clients is encoded and decoded again, and the state checks itself after each event.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mgpu_slurm.controller.core import Core
from mgpu_slurm.controller.events import (
    Asked,
    Caller,
    ConnectionClosed,
    NodeLinkLost,
    NodeSaid,
    Note,
    Push,
    Reply,
    SaveCounter,
    SaveJob,
    SaveNode,
    SavePartition,
    SaveRequest,
    TimeReached,
    ToNodeEffect,
    Unsend,
    UserFacts,
)
from mgpu_slurm.controller.settings import Settings
from mgpu_slurm.controller.state import Answered, State
from mgpu_slurm.records.gpu import Gpu
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.request import JobRequest, StepRequest
from mgpu_slurm.wire import messages as wire

ROOT = Caller(uid=0, gid=0, user="root", group="root")
ANN = Caller(uid=1001, gid=1001, user="ann", group="ann")
BOB = Caller(uid=1002, gid=1002, user="bob", group="bob")

_to_node = msgspec.json.Decoder(wire.ToNode)
_to_client = msgspec.json.Decoder(wire.ToClient)
_from_client = msgspec.json.Decoder(wire.FromClient)
_from_node = msgspec.json.Decoder(wire.FromNode)


class Config:
    """The part of a configuration that the scheduler reads, and the nodes and partitions a restart finds."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.values: dict[str, Any] = {"DefMemPerCPU": 100}

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)


class Case:
    def __init__(self, **settings: Any) -> None:
        self.now = 1_000_000.0
        self.settings = Settings(**{"compat": (22, 5), "slurmd_timeout": 60, "gres_types": frozenset({"gpu"}), **settings})
        self.config = Config(self)
        self.core = self._core()
        self.conn = 0
        self.disk: dict[str, dict[Any, Any]] = {"jobs": {}, "nodes": {}, "partitions": {}, "requests": {}, "history": {}}
        self.counter = 1
        self.effects: list[Any] = []
        self.outbox: dict[str, list[wire.ToNode]] = {}  # what each node has been sent and nobody has looked at
        self.unconfirmed: dict[tuple[str, str], wire.ToNode] = {}
        self.replies: dict[int, list[Any]] = {}
        self.notes: list[str] = []
        self.accepted: dict[int, int] = {}
        self.state.partitions["gpu"] = Partition(name="gpu", all_nodes=True, default=True)

    def _core(self) -> Core:
        return Core(self.config, State(), sign=lambda text: f"signed {len(text)}", settings=self.settings)

    @property
    def state(self) -> State:
        return self.core.state

    # --- the cluster ---

    def node(self, name: str = "n0", cpus: int = 8, mem: int = 16000, gpus: int = 0, kind: str = "a100", up: bool = True) -> Case:
        """A configured node, and its first registration."""
        gres = f"gpu:{kind}:{gpus}" if gpus else ""
        node = Node(name=name, cpus=cpus, sockets=1, cores_per_socket=cpus, real_memory=mem, gres_text=gres)
        self.state.nodes[name] = node
        self.state.partitions["gpu"].nodes.append(name)
        if up:
            self.register(name)
        return self

    def partition(self, name: str, nodes: list[str], **values: Any) -> Case:
        self.state.partitions[name] = Partition(name=name, nodes=nodes, **values)
        return self

    def register(self, name: str, steps: list[wire.LiveStep] | None = None, **hardware: Any) -> Case:
        node = self.state.nodes.get(name)
        given = {"cpus": node.cpus if node else 8, "real_memory": node.real_memory if node else 16000, **hardware}
        gpus = hardware.pop("gpus", None)
        given.pop("gpus", None)
        if gpus is None:
            gpus = []
            if node is not None and node.gres_text:
                kind, count = node.gres_text.split(":")[1:]
                gpus = [Gpu(index=at, type=kind) for at in range(int(count))]
        self.said(
            name,
            wire.Register(
                name=name, hardware=wire.Hardware(**given), gpus=gpus, steps=steps or [], address="127.0.0.1", port=17000,
                dynamic=node is None,
            ),
        )  # fmt: skip
        for (to, _), message in list(self.unconfirmed.items()):
            if to == name:
                self.outbox.setdefault(name, []).append(message)
        return self

    # --- events ---

    def handle(self, event: Any) -> list[Any]:
        return self.carry_out(self.core.handle(event, self.now))

    def carry_out(self, effects: list[Any]) -> list[Any]:
        self.effects = effects
        saving = True
        for effect in effects:
            is_save = isinstance(effect, SaveJob | SaveNode | SavePartition | SaveCounter | SaveRequest)
            assert saving or not isinstance(effect, SaveJob), "a job is saved after something was said"
            if isinstance(effect, Reply | Push | ToNodeEffect):
                saving = False
            if is_save:
                self._store(effect)
            elif isinstance(effect, Reply | Push):
                message = _to_client.decode(msgspec.json.encode(effect.message))
                self.replies.setdefault(effect.conn, []).append(message)
            elif isinstance(effect, ToNodeEffect):
                sent = _to_node.decode(msgspec.json.encode(effect.message))
                self.outbox.setdefault(effect.node, []).append(sent)
                if effect.key:
                    self.unconfirmed[(effect.node, effect.key)] = sent
            elif isinstance(effect, Unsend):
                self.unconfirmed.pop((effect.node, effect.key), None)
            elif isinstance(effect, Note):
                self.notes.append(effect.text)
        self.state.check()
        return effects

    def _store(self, save: Any) -> None:
        if isinstance(save, SaveJob):
            if save.gone:
                self.disk["jobs"].pop(save.job_id, None)
                self.disk["history"][save.job_id] = msgspec.json.decode(save.record, type=Job)
            else:
                self.disk["jobs"][save.job_id] = save.record
        elif isinstance(save, SaveNode):
            if save.record:
                self.disk["nodes"][save.name] = save.record
            else:
                self.disk["nodes"].pop(save.name, None)
        elif isinstance(save, SavePartition):
            self.disk["partitions"][save.name] = save.record
        elif isinstance(save, SaveCounter):
            self.counter = save.next_job_id
        elif isinstance(save, SaveRequest):
            self.disk["requests"][(save.uid, save.request_id)] = Answered(answer=save.answer, time=save.time)

    def said(self, node: str, message: Any) -> list[Any]:
        decoded = _from_node.decode(msgspec.json.encode(message))
        return self.handle(NodeSaid(name=node, message=decoded))

    def ask(self, message: Any, who: Caller = ANN, user: UserFacts | None = None) -> Any:
        """The first answer to a client's request; the connection's number is `self.conn`."""
        self.conn += 1
        decoded = _from_client.decode(msgspec.json.encode(message))
        self.handle(Asked(conn=self.conn, caller=who, message=decoded, user=user))
        return self.replies[self.conn][0] if self.conn in self.replies else None

    def close(self, conn: int) -> None:
        self.handle(ConnectionClosed(conn=conn))

    def link_lost(self, node: str) -> None:
        self.handle(NodeLinkLost(name=node))

    def plan(self) -> Case:
        self.handle(self.core.plan(self.now))
        return self

    def after(self, seconds: float) -> Case:
        """Let time pass, with every timer at its moment."""
        until = self.now + seconds
        while (at := self.core.next_timer()) is not None and at <= until:
            self.now = max(self.now, at)
            self.handle(TimeReached())
        self.now = until
        return self

    def restart(self) -> Case:
        """The controller dies and comes back with what is on disk. Connections are lost, nodes register again later."""
        old = self.state
        self.core = self._core()
        self.state.nodes = {
            name: Node(
                name=name, cpus=one.cpus, sockets=one.sockets, cores_per_socket=one.cores_per_socket,
                real_memory=one.real_memory, gres_text=one.gres_text,
            )
            for name, one in old.nodes.items()
        }  # fmt: skip
        for name, record in self.disk["nodes"].items():
            stored = msgspec.json.decode(record, type=Node)
            self.state.nodes[name] = stored
        self.state.partitions = old.partitions
        self.unconfirmed.clear()
        jobs = [msgspec.json.decode(record, type=Job) for record in self.disk["jobs"].values()]
        self.carry_out(self.core.restore_records(jobs, self.counter, dict(self.disk["requests"]), self.now))
        return self

    # --- clients ---

    def request(self, **fields: Any) -> JobRequest:
        return JobRequest(**{"name": "job", "script": "#!/bin/sh\n", **fields})

    def submit(self, who: Caller = ANN, **fields: Any) -> int:
        """The id of an accepted batch job."""
        gpus = fields.pop("gpus", None)
        if gpus is not None:
            fields["gres"] = f"gpu:{gpus}"
        answer = self.ask(wire.SubmitJob(requests=[self.request(**fields)]), who)
        assert isinstance(answer, wire.JobSubmitted), answer
        return answer.job_id

    def submit_het(self, *components: dict[str, Any], who: Caller = ANN) -> list[int]:
        """The ids of an accepted heterogeneous batch job's components."""
        answer = self.ask(wire.SubmitJob(requests=[self.request(**fields) for fields in components]), who)
        assert isinstance(answer, wire.JobSubmitted), answer
        return [job.job_id for job in self.state.components(self.job(answer.job_id))]

    def refused(self, who: Caller = ANN, **fields: Any) -> int:
        """The code with which a batch job is refused."""
        answer = self.ask(wire.SubmitJob(requests=[self.request(**fields)]), who)
        assert isinstance(answer, wire.Error), answer
        return answer.code

    def alloc(self, who: Caller = ANN, keep: bool = False, **fields: Any) -> int:
        answer = self.ask(wire.Allocate(requests=[self.request(kind="alloc", **fields)], keep=keep), who)
        assert isinstance(answer, wire.AllocationState), answer
        return answer.job_id

    def step(self, job: int, who: Caller = ANN, **fields: Any) -> Any:
        return self.ask(wire.CreateStep(request=StepRequest(job_id=job, **fields)), who)

    def cancel(self, *ids: Any, who: Caller = ANN, **fields: Any) -> int:
        """The code of the last id."""
        answer = self.ask(wire.CancelJobs(ids=[str(one) for one in ids], **fields), who)
        return int(answer.rows[-1][1])

    def act(self, action: str, *ids: Any, who: Caller = ROOT) -> int:
        answer = self.ask(wire.JobAction(action=action, ids=[str(one) for one in ids]), who)
        return int(answer.rows[-1][1])

    def update(self, what: str, name: Any, who: Caller = ROOT, **changes: str) -> int:
        answer = self.ask(wire.Update(what=what, name=str(name), changes=list(changes.items())), who)
        return int(answer.rows[-1][1]) if isinstance(answer, wire.Results) else int(answer.code)

    # --- nodes ---

    def sent(self, node: str) -> list[Any]:
        """What the node has been sent since the last look."""
        return self.outbox.pop(node, [])

    def started(self, job: int) -> None:
        record = self.job(job)
        self.said(record.batch_host, wire.BatchStarted(job_id=job, attempt=record.attempt))

    def ends(self, job: int, code: int = 0, signal: int = 0, step: str = "batch", node: str = "", **fields: Any) -> None:
        """A step's result from its node; for the batch script by default."""
        record = self.job(job)
        where = node or record.batch_host or record.steps[step].layout.nodes[0].node
        self.said(
            where,
            wire.StepResult(node=where, job_id=job, step_id=step, attempt=record.attempt, exit_code=code << 8 | signal, **fields),
        )

    def gone(self, job: int, node: str = "") -> None:
        """All nodes that are asked to end the job say that nothing of it lives."""
        record = self.job(job)
        for name in [node] if node else sorted(self.core.ctx.ending.get(job, ())):
            self.said(name, wire.JobGone(node=name, job_id=job, attempt=record.attempt))

    # --- looking ---

    def job(self, job_id: int) -> Job:
        return self.state.jobs[job_id]

    def state_of(self, job_id: int) -> str:
        job = self.state.jobs.get(job_id) or self.disk["history"][job_id]
        return "+".join([job.state, *(flag for flag in job.flags if flag == "COMPLETING")])

    def reason(self, job_id: int) -> str:
        return self.job(job_id).reason

    def running(self) -> list[int]:
        return [one.job_id for one in self.state.jobs.values() if one.state == "RUNNING"]
