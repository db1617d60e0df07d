"""The Prolog and the Epilog of jobs on this node: run once for each attempt of a job, whoever asks for them.

Whatever is to start of a job waits for its Prolog. That it has run is noted in the spool until the job has left the node, so
that a daemon which starts anew does not run it again; one that was running then is killed, and run again where it is still
wanted. With PrologFlags=Serial no two of a node's programs run at a time.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.facts import environ_programs
from mgpu_slurm.facts.confkeys import prolog_flags
from mgpu_slurm.facts.environ_devices import Devices
from mgpu_slurm.wire import programs
from mgpu_slurm.wire.programs import Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.intake.conf import Config
    from mgpu_slurm.node.core import NodeCore
    from mgpu_slurm.node.effects import Effect, StartBatch
    from mgpu_slurm.wire.messages import JobFacts, LaunchBatch, TerminateJob

log = logging.getLogger("mgpu.node")

PROLOG, EPILOG = "prolog", "epilog"
Attempt = tuple[int, int]
"""Job, attempt."""


class Programs(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says: patterns of programs, and how many seconds each may take (0: for ever)."""

    prolog: list[str] = []
    epilog: list[str] = []
    prolog_seconds: float = 0.0
    epilog_seconds: float = 0.0
    serial: bool = False
    conf: str = ""


def of(config: Config) -> Programs:
    return Programs(
        prolog=config.programs_of("Prolog"),
        epilog=config.programs_of("Epilog"),
        prolog_seconds=config.program_seconds("PrologTimeout"),
        epilog_seconds=config.program_seconds("EpilogTimeout"),
        serial="Serial" in prolog_flags(config.get("PrologFlags") or ()),
        conf=os.path.abspath(config.path),
    )


class JobPrograms:
    """`devices` (node/orders.py) tell what GPUs are called."""

    def __init__(self, node: str, spool: str, wanted: Programs, devices: dict[str, Any]) -> None:
        self.wanted = wanted
        self._node = node
        ordinals = {int(gpu): name for gpu, name in devices["ordinals"].items()}
        self._devices = Devices(ordinals, devices["variables"])
        self._running_at = os.path.join(spool, "programs")
        self._done_at = os.path.join(spool, "prologs")
        self._prologs: dict[Attempt, asyncio.Task[Ended]] = {}
        self._lock = asyncio.Lock()

    def take_up(self) -> None:
        """End what an earlier daemon was running, and see for which jobs the Prolog has run."""
        for name in programs.end_left(self._running_at):
            log.warning("%s was still running, and was killed", name)
        os.makedirs(self._done_at, 0o700, exist_ok=True)

    async def prolog(self, facts: dict[str, Any]) -> Ended:
        """Have the Prolog of a job run, where it has not yet, and wait for it. `facts`: JobFacts in plain form."""
        if not self.wanted.prolog:
            return Ended()
        attempt = (int(facts["job_id"]), int(facts.get("attempt", 1)))
        task = self._prologs.get(attempt)
        if task is None:
            if os.path.exists(self._note(attempt)):
                return Ended()
            task = self._prologs[attempt] = asyncio.create_task(self._prolog(attempt, facts))
        return await asyncio.shield(task)

    async def _prolog(self, attempt: Attempt, facts: dict[str, Any]) -> Ended:
        environment = environ_programs.of_node(
            facts, self._node, self._devices, self.wanted.conf, environ_programs.NODE_PROLOG
        )
        ended = await self._run(PROLOG, attempt, self.wanted.prolog, environment, self.wanted.prolog_seconds)
        if not ended.status:
            with open(self._note(attempt), "w"):
                pass
        return ended

    async def epilog(self, message: TerminateJob) -> Ended:
        """The job has left the node: run its Epilog, where one is asked for."""
        attempt = (message.job_id, message.attempt)
        ended = Ended()
        if message.epilog is not None and self.wanted.epilog:
            environment = environ_programs.of_node(
                msgspec.to_builtins(message.epilog), self._node, self._devices, self.wanted.conf, environ_programs.NODE_EPILOG,
                (message.exit_code, message.derived_exit_code),
            )  # fmt: skip
            ended = await self._run(EPILOG, attempt, self.wanted.epilog, environment, self.wanted.epilog_seconds)
        self._prologs.pop(attempt, None)
        try:
            os.unlink(self._note(attempt))
        except FileNotFoundError:
            pass  # it has had none
        return ended

    async def _run(
        self, name: str, attempt: Attempt, patterns: list[str], environment: dict[str, str], seconds: float
    ) -> Ended:
        async with self._lock if self.wanted.serial else nullcontext():
            note = os.path.join(self._running_at, f"{name}.{attempt[0]}.{attempt[1]}")
            ended = await programs.run(patterns, environment, seconds, note)
        if ended.status:
            log.error("[job %d] %s", attempt[0], ended.told(name))
        return ended

    def _note(self, attempt: Attempt) -> str:
        return os.path.join(self._done_at, f"{attempt[0]}.{attempt[1]}")


class AroundJobs:
    """What the core waits for: each of these runs beside all else and tells the core how it ended.

    `start` hands a batch script to a supervisor, `tell` leaves a line in the output of one that is not started."""

    def __init__(
        self, programs: JobPrograms, core: NodeCore, carry_out: Callable[[list[Effect]], None],
        start: Callable[[StartBatch], None], tell: Callable[[LaunchBatch, str], None],
    ) -> None:  # fmt: skip
        self._programs = programs
        self._core = core
        self._carry_out = carry_out
        self._start = start
        self._tell = tell
        self._early: set[Attempt] = set()  # jobs whose Prolog was asked for before any script: theirs learn nothing of it

    async def start_batch(self, effect: StartBatch) -> None:
        """The Prolog, then the script, unless that has failed or the job has ended meanwhile."""
        job = effect.message.job
        ended = await self._programs.prolog(msgspec.to_builtins(job))
        early = (job.job_id, job.attempt) in self._early
        if ended.status and not early:
            self._tell(effect.message, f"Error running slurm prolog: {max(ended.status, 0) >> 8}")
            self._carry_out(self._core.prolog_done(job, ended.status))
        if ended.status or not self._core.may_start(effect.key):
            self._carry_out(self._core.withdrawn(effect.key))
        else:
            self._start(effect)

    async def run_prolog(self, job: JobFacts) -> None:
        """The Prolog before anything is to start."""
        self._early.add((job.job_id, job.attempt))
        ended = await self._programs.prolog(msgspec.to_builtins(job))
        self._carry_out(self._core.prolog_done(job, ended.status))

    async def end_job(self, message: TerminateJob) -> None:
        """The Epilog when all has ended."""
        self._early.discard((message.job_id, message.attempt))
        ended = await self._programs.epilog(message)
        self._carry_out(self._core.job_over(message, ended.status != 0))
