"""The controller's core: events in, effects out. No sockets, clocks or files; time is an argument.

`handle` gives an event to the module whose matter it is and returns what is to be done: saves first, then replies, pushes
and orders to nodes, in order. `plan` asks the scheduler on a picture of the state and returns its proposal, which comes
back as an event and is checked again, since the state may have moved on. A refused request changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import (
    cancelling,
    changes,
    configured,
    due,
    health_checks,
    job_programs,
    launching,
    lifecycle,
    nodes,
    owners,
    permissions,
    picture,
    priorities,
    reconcile,
    reservation_life,
    steps,
    submission,
    update_nodes,
    waiting,
)
from mgpu_slurm.controller.context import Context
from mgpu_slurm.controller.events import (
    Asked,
    ConnectionClosed,
    NodeLinkLost,
    NodeSaid,
    Planned,
    ProgramsEnded,
    Reload,
    Stop,
    TimeReached,
)
from mgpu_slurm.controller.reservations import watch
from mgpu_slurm.controller.scheduler import Installed
from mgpu_slurm.controller.state import Answered, State, has_ended
from mgpu_slurm.facts.states import COMPLETING
from mgpu_slurm.wire import messages as wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mgpu_slurm.controller.events import Effect, Event
    from mgpu_slurm.controller.scheduler import Scheduler
    from mgpu_slurm.controller.settings import Settings
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.records.reservation import Reservation

_decoder: msgspec.json.Decoder[wire.ToClient] = msgspec.json.Decoder(wire.ToClient)


def _unsigned(text: bytes) -> str:
    return ""


class Core:
    """See the module. `sign` makes the signature of a launch order; `scheduler` is for tests."""

    def __init__(
        self,
        config: Any,
        state: State,
        sign: Callable[[bytes], str] = _unsigned,
        settings: Settings | None = None,
        scheduler: Scheduler | None = None,
    ) -> None:
        self.state = state
        self.ctx = Context(settings or configured.settings(config), config, state, sign, scheduler or Installed())
        state.next_job_id = max(state.next_job_id, self.ctx.settings.first_job_id)

    @property
    def settings(self) -> Settings:
        return self.ctx.settings

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What the event asks for. Refusals are replies; an exception that comes out of here is a fault of ours."""
        ctx = self.ctx
        if isinstance(event, Asked):
            self._asked(event, now)
        elif isinstance(event, NodeSaid):
            self._node_said(event, now)
        elif isinstance(event, Planned):
            launching.planned(ctx, event.decisions, now)
            if ctx.state.reservations:
                reservation_life.replace(ctx, now)
        elif isinstance(event, TimeReached):
            due.handle(ctx, now)
        elif isinstance(event, ConnectionClosed):
            owners.closed(ctx, event.conn, now)
        elif isinstance(event, NodeLinkLost):
            reconcile.link_lost(ctx, event.name, now)
        elif isinstance(event, ProgramsEnded):
            job_programs.ended(ctx, event, now)
        return ctx.take_effects()

    def plan(self, now: float) -> Planned:
        """The scheduler's proposal for the state as it is."""
        seen = picture.snapshot(self.ctx, now)
        return Planned(decisions=self.ctx.scheduler.plan(seen, now), generation=seen.generation)

    def next_timer(self) -> float | None:
        """When TimeReached is to be given, UTC seconds."""
        return self.ctx.timers.next()

    def _asked(self, asked: Asked, now: float) -> None:
        ctx = self.ctx
        request_id = getattr(asked.message, "request_id", "")
        if request_id and self._answered(asked, request_id, now):
            return
        try:
            self._request(asked, now)
        except SlurmError as error:
            ctx.refuse(asked.conn, self._worded(error), getattr(error, "detail", ""))

    def _worded(self, error: SlurmError) -> SlurmError:
        """The text of the Slurm version that is spoken, where the error came without one of its own."""
        if error.text == errors.strerror(error.code):
            return SlurmError(error.code, errors.strerror(error.code, self.settings.compat))
        return error

    def _answered(self, asked: Asked, request_id: str, now: float) -> bool:
        """Whether the request was answered before: then it is answered alike."""
        known = self.state.requests.get((asked.caller.uid, request_id))
        if known is None:
            return False
        answer = _decoder.decode(known.answer)
        if isinstance(answer, wire.AllocationState):
            job = self.state.jobs.get(answer.job_id)
            if job is not None:
                if "KEEP" not in job.flags and not has_ended(job):
                    self.ctx.own(asked.conn, job.job_id)
                answer = owners.allocation_state(self.ctx, job)
            self.ctx.reply(asked.conn, answer, close=False)
        else:
            self.ctx.reply(asked.conn, answer)
        return True

    def _request(self, asked: Asked, now: float) -> None:
        ctx, message = self.ctx, asked.message
        match message:
            case wire.SubmitJob():
                submission.submit(ctx, asked, message, now)
            case wire.Allocate():
                submission.allocate(ctx, asked, message, now)
            case wire.Attach():
                owners.attach(ctx, asked, message, now)
            case wire.ReleaseJob():
                owners.release(ctx, asked, message, now)
            case wire.WaitJob():
                owners.wait(ctx, asked, message)
            case wire.CreateStep():
                steps.create(ctx, asked, message, now)
            case wire.StepDone():
                steps.done(ctx, asked, message, now)
            case wire.CancelJobs():
                cancelling.cancel(ctx, asked, message, now)
            case wire.JobAction():
                changes.action(ctx, asked, message, now)
            case wire.NotifyJob():
                changes.notify(ctx, asked, message)
            case wire.Update():
                changes.update(ctx, asked, message, now)
            case wire.GetJobSetup():
                owners.setup(ctx, asked, message, now)
            case wire.Control():
                self._control(asked, message)
            case _:
                raise SlurmError(errors.ESLURM_NOT_SUPPORTED)

    def _control(self, asked: Asked, message: wire.Control) -> None:
        permissions.need_operator(self.ctx, asked.caller)
        if message.action == "shutdown":
            for name in self.state.nodes:
                self.ctx.to_node(name, wire.StopNode(end_jobs=self.settings.embedded))
            self.ctx.effects.append(Stop(conn=asked.conn))
        elif message.action == "abort":
            # as shutdown, but the node daemons stay
            self.ctx.effects.append(Stop(conn=asked.conn))
        elif message.action == "reconfigure":
            self.ctx.effects.append(Reload(conn=asked.conn))
            self.ctx.reply(asked.conn, wire.Done())
        else:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED)

    def _node_said(self, event: NodeSaid, now: float) -> None:
        ctx, name, message = self.ctx, event.name, event.message
        node = self.state.nodes.get(name)
        if node is not None:
            node.last_contact = now
        match message:
            case wire.Register():
                reconcile.register(ctx, name, message, event.address, now)
            case wire.Heartbeat():
                nodes.heartbeat(ctx, name, message, now)
            case wire.BatchStarted():
                reconcile.batch_started(ctx, name, message)
            case wire.StepResult():
                reconcile.step_result(ctx, name, message, now)
            case wire.LaunchRefused():
                reconcile.launch_refused(ctx, name, message, now)
            case wire.JobGone():
                reconcile.job_gone(ctx, name, message, now)
            case wire.PrologDone():
                job_programs.prolog_done(ctx, name, message, now)
            case wire.GpuTrouble():
                nodes.gpu_trouble(ctx, name, message, now)

    def reconfigure(self, config: Any, now: float) -> list[Effect]:
        """The configuration has been read again: nodes and partitions follow it, jobs stay."""
        self.ctx.config = config
        self.ctx.settings = configured.settings(config)
        configured.apply(self.ctx, now)
        health_checks.begin(self.ctx, now)
        self.ctx.replan()
        return self.ctx.take_effects()

    def restore(
        self,
        jobs: list[Job],
        node_records: list[Node],
        partitions: list[Partition],
        next_job_id: int,
        requests: dict[tuple[int, str], Answered],
        now: float,
        reservations: Sequence[Reservation] = (),
    ) -> list[Effect]:
        """After a start: the configuration's nodes and partitions with what was stored of them, and the stored jobs.

        What follows from the records (timers, indexes, orders to nodes that nobody has confirmed) is made again.
        """
        nodes_before = {one.name: one for one in node_records}
        configured.apply(self.ctx, now, nodes_before, {one.name: one for one in partitions})
        for reservation in reservations:
            self.state.reservations[reservation.name] = reservation
            watch(self.ctx, reservation)
        return self.restore_records(jobs, next_job_id, requests, now)

    def restore_records(
        self, jobs: list[Job], next_job_id: int, requests: dict[tuple[int, str], Answered], now: float
    ) -> list[Effect]:
        """As `restore`, with the state's nodes and partitions as they are."""
        ctx, state = self.ctx, self.state
        state.requests = dict(requests)
        for job in sorted(jobs, key=lambda one: one.job_id):
            state.add(job)
        highest = max((job.job_id for job in jobs), default=0) + 1
        state.next_job_id = max(state.next_job_id, next_job_id, highest)
        for node in state.nodes.values():
            node.responding = False
            nodes.silent(ctx, node, now)
            update_nodes.resume_later(ctx, node)
        for job in list(state.jobs.values()):
            self._restore_job(job, now)
        priorities.look_again(ctx, now)
        health_checks.begin(ctx, now)
        ctx.replan()
        return ctx.take_effects()

    def _restore_job(self, job: Job, now: float) -> None:
        ctx = self.ctx
        owned = job.request.kind == "alloc" and not job.het_offset  # the first component stands for all of them
        if owned and not has_ended(job) and "KEEP" not in job.flags:
            ctx.timers.set("owner", job.job_id, now + self.settings.owner_grace)
        if COMPLETING in job.flags:
            lifecycle.release(ctx, job, now, job.ending or "ENDED")
        elif job.state == "PENDING":
            if job.request.deadline:
                ctx.timers.set("deadline", job.job_id, submission.latest_start(job))
            waiting.enter(ctx, job, now)
        elif job.state == "RUNNING":
            launching.set_limit(ctx, job, now)
            step = job.steps.get("batch")
            if step is not None and step.state == launching.STARTING:
                launching.send_launch(ctx, job)
            job_programs.take_up(ctx, job)
        elif has_ended(job):
            ctx.timers.set("purge", job.job_id, max(now, job.end_time + self.settings.min_job_age))


