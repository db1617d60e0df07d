"""What srun, sattach and sbcast ask of a node daemon themselves: launches, steps to follow, files, signatures."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from mgpu_slurm import __version__
from mgpu_slurm.base.errors import (
    ESLURM_INVALID_JOB_ID,
    ESLURMD_PROLOG_FAILED,
    ESLURMD_SETUP_ENVIRONMENT_ERROR,
    ESLURMD_STEP_NOTRUNNING,
    SLURM_UNEXPECTED_MSG_ERROR,
    SlurmError,
)
from mgpu_slurm.node import orders
from mgpu_slurm.wire import passing
from mgpu_slurm.wire.messages import AttachStep, LaunchTasks, Ping, Pong, ReceiveFile, Sign, Signed
from mgpu_slurm.wire.server import sign_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.node.core import Effect, Key, NodeCore
    from mgpu_slurm.node.job_programs import JobPrograms
    from mgpu_slurm.node.launcher import Launcher
    from mgpu_slurm.node.supervisors import Supervisors
    from mgpu_slurm.wire.credential import Identity
    from mgpu_slurm.wire.messages import JobFacts
    from mgpu_slurm.wire.stream import Stream

log = logging.getLogger("mgpu.node")


class Clients:
    """Answers them. `launch` starts a supervisor (OSError), `carry_out` what the core has decided. `started`: when
    the daemon was, UTC seconds."""

    def __init__(
        self,
        name: str,
        key: bytes,
        core: NodeCore,
        launcher: Launcher,
        supervisors: Supervisors,
        launch: Callable[[Key, int, dict[str, Any], dict[str, int]], None],
        carry_out: Callable[[list[Effect]], None],
        started: float,
        programs: JobPrograms,
    ) -> None:
        self._name = name
        self._key = key
        self._core = core
        self._launcher = launcher
        self._supervisors = supervisors
        self._launch = launch
        self._carry_out = carry_out
        self._nonces = orders.Nonces()
        self._started = started
        self._programs = programs

    async def asked(self, who: Identity, message: Any, stream: Stream) -> object:
        match message:
            case LaunchTasks():
                await self._launch_tasks(who, message, stream)
                return None
            case AttachStep():
                self._attach(who, message, stream)
                return None
            case ReceiveFile():
                self._receive_file(who, message, stream)
                return None
            case Sign():
                return Signed(credential=sign_for(stream, self._key, message.digest, time.time()))
            case Ping():
                return Pong(
                    cluster="", hostname=socket.gethostname(), version=__version__, started=self._started, pid=os.getpid()
                )
        raise SlurmError(SLURM_UNEXPECTED_MSG_ERROR)

    async def _launch_tasks(self, who: Identity, message: LaunchTasks, stream: Stream) -> None:
        descriptors = stream.take_descriptors()
        try:
            spec, plain = orders.verify(message, who, self._key, self._name, self._nonces, time.time())
            if len(descriptors) != len(message.passed):
                raise SlurmError(SLURM_UNEXPECTED_MSG_ERROR)
            key = self._core.tasks_asked(spec)
            if self._core.has_prolog:
                await self._prepare(key, spec.job, plain["job"])
            sock, ahead = stream.detach()
            with sock:
                order = orders.for_tasks(message, plain)
                order["ahead"] = ahead.decode("latin-1")
                more = {"srun": sock.fileno(), **dict(zip(message.passed, descriptors, strict=True))}
                try:
                    self._launch(key, spec.job.uid, order, more)
                except OSError as error:
                    log.error("step %s.%s: cannot launch: %s", key[0], key[1], error)
                    self._tell_failure(sock, str(error))
                    self._carry_out(self._core.abandoned(key))
        finally:
            passing.close_all(descriptors)

    async def _prepare(self, key: Key, job: JobFacts, plain: dict[str, Any]) -> None:
        """Wait for the job's Prolog. SlurmError: it has failed, or the job has ended meanwhile."""
        ended = await self._programs.prolog(plain)
        if ended.status:
            self._carry_out(self._core.prolog_done(job, ended.status))
        if ended.status or not self._core.may_start(key):
            self._carry_out(self._core.withdrawn(key))
            raise SlurmError(ESLURMD_PROLOG_FAILED if ended.status else ESLURMD_STEP_NOTRUNNING)

    def _tell_failure(self, sock: Any, text: str) -> None:
        message = {"kind": "launch_failed", "node": self._name, "code": ESLURMD_SETUP_ENVIRONMENT_ERROR, "text": text}
        try:
            passing.send(sock, message)
        except OSError:
            pass  # srun is gone as well

    def _receive_file(self, who: Identity, message: ReceiveFile, stream: Stream) -> None:
        leave = orders.verify_file(message, who, self._key, self._name, self._nonces, time.time())
        order = orders.for_file(message, leave)
        sock, ahead = stream.detach()
        with sock:
            try:
                self._launcher.launch({**order, "ahead": ahead.decode("latin-1")}, [sock.fileno()])
            except OSError as error:
                log.error("job %d: cannot receive a file: %s", leave.job_id, error)

    def _attach(self, who: Identity, message: AttachStep, stream: Stream) -> None:
        key = self._core.attachable(message.job_id, message.step_id, who.uid)
        sock, ahead = stream.detach()
        word = {"kind": "attach", "stdin": message.stdin, "ahead": ahead.decode("latin-1")}
        with sock:
            if not self._supervisors.tell(key, word, [sock.fileno()]):
                raise SlurmError(ESLURM_INVALID_JOB_ID)


