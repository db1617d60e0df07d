"""Message -> event or query -> reply: what stands between the connections and the core."""

from __future__ import annotations

import asyncio
import functools
import grp
import itertools
import logging
import os
import pwd
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm import __version__
from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import accounting, query
from mgpu_slurm.controller.events import Asked, Caller, ConnectionClosed, Event, Push, Reply, Save, SaveScript, UserFacts
from mgpu_slurm.store import history
from mgpu_slurm.store.errors import StoreError
from mgpu_slurm.wire import messages as wire
from mgpu_slurm.wire.credential import Identity
from mgpu_slurm.wire.server import sign_for
from mgpu_slurm.wire.stream import Stream, StreamClosed

if TYPE_CHECKING:
    from mgpu_slurm.controller.daemon import Controller
    from mgpu_slurm.records.job import Job

log = logging.getLogger("mgpu.requests")

NO_SCRIPT = "#!/bin/sh\nexit 0\n"
"""What Slurm shows as the script of a component that is not the first: only that one's runs."""

_SCRIPTS = 32 << 20
"""Bytes of scripts and environments kept at hand, so that starting a large array does not read each from the store."""


class _Conversation:
    """A request on its way through the core, and afterwards its connection's pushes."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.pushes: asyncio.Queue[Push | Reply] = asyncio.Queue()


class Handlers:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._numbers = itertools.count(1)
        self._conversations: dict[int, _Conversation] = {}
        self._unpromised: dict[int, tuple[int, str]] = {}  # connection -> user and id of a submission not yet on disk
        self._scripts: OrderedDict[int, tuple[int, str, dict[str, str]]] = OrderedDict()
        self._scripts_size = 0

    # --- requests ---------------------------------------------------------------------------------------------------

    async def answer(self, identity: Identity, message: Any, stream: Stream) -> object:
        """The handler of the server (wire/server.py)."""
        match message:
            case wire.Query():
                return await self._query(message, self._caller(identity))
            case wire.Ping():
                return wire.Pong(
                    cluster=self._controller.config.cluster_name,
                    hostname=socket.gethostname().partition(".")[0],
                    version=__version__,
                    started=self._controller.started,
                    pid=os.getpid(),
                    mode=self._mode(),
                )
            case wire.Sign():
                key = None if self._controller.config.embedded_dir else self._controller.key
                return wire.Signed(credential=sign_for(stream, key, message.digest, time.time()))
            case wire.GetScript():
                return self._get_script(identity, message)
            case _:
                return await self._ask(identity, message, stream)

    async def _query(self, message: wire.Query, caller: Caller) -> wire.Table:
        began = time.perf_counter()
        if message.table in accounting.TABLES:
            table = await accounting.rows(self._controller, message, caller)
        else:
            table = query.rows(self._controller.state, message, caller, time.time())
        self._controller.statistics.request(message, caller.uid, time.perf_counter() - began)
        return table

    async def _ask(self, identity: Identity, message: Any, stream: Stream) -> object:
        """Through the core; a reply that leaves the connection open is followed by its pushes until it closes."""
        number = next(self._numbers)
        if isinstance(message, wire.SubmitJob | wire.Allocate):
            key = (identity.uid, message.request_id)
            if self._controller.writer.failing:
                self._withdraw(number, key, self._caller(identity))
                raise SlurmError(errors.ESLURM_WRITING_TO_FILE)
            self._unpromised[number] = key
        conversation = _Conversation(stream)
        self._conversations[number] = conversation
        try:
            self._controller.handle(
                Asked(conn=number, caller=self._caller(identity), message=message, user=self._named_user(identity, message))
            )
            closed = asyncio.ensure_future(stream.closed.wait())
            await self._converse(conversation, closed)
        finally:
            del self._conversations[number]
            self._controller.handle(ConnectionClosed(conn=number))
        return None

    async def _converse(self, conversation: _Conversation, closed: asyncio.Future[Any]) -> None:
        """Send what the core says, in order, until a final reply or the peer's close."""
        stream = conversation.stream
        try:
            while True:
                said = asyncio.ensure_future(conversation.pushes.get())
                await asyncio.wait({said, closed}, return_when=asyncio.FIRST_COMPLETED)
                if not said.done():
                    said.cancel()
                    return
                effect = said.result()
                await stream.send(effect.message)
                if isinstance(effect, Reply) and effect.close:
                    return
        except StreamClosed:
            return
        finally:
            closed.cancel()

    def _withdraw(self, number: int, key: tuple[int, str], caller: Caller) -> None:
        """Who asks again, tired of waiting for a full disk, is refused: the job that still waits must not come true."""
        known = self._controller.state.requests.get(key)
        if known is None or key not in self._unpromised.values():
            return
        self._unpromised = {conn: other for conn, other in self._unpromised.items() if other != key}
        job_id = msgspec.json.decode(known.answer).get("job_id")
        if job_id:
            self._controller.handle(Asked(conn=number, caller=caller, message=wire.CancelJobs(ids=[str(job_id)])))

    def reply(self, effect: Reply) -> None:
        self._unpromised.pop(effect.conn, None)
        self._queue(effect)

    def push(self, effect: Push) -> None:
        self._queue(effect)

    def _queue(self, effect: Reply | Push) -> None:
        conversation = self._conversations.get(effect.conn)
        if conversation is not None:
            conversation.pushes.put_nowait(effect)

    def failed(self, event: Event) -> None:
        """The core failed on an event: whoever waits for its reply is told."""
        if isinstance(event, Asked):
            self._queue(Reply(conn=event.conn, message=wire.Error(code=errors.ESLURM_INTERNAL)))

    def _mode(self) -> str:
        """"starting" while the node of a personal cluster has not joined."""
        nodes = self._controller.state.nodes.values()
        waiting = self._controller.config.embedded_dir and not any(node.responding for node in nodes)
        return "starting" if waiting else "primary"

    # --- who asks ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _caller(identity: Identity) -> Caller:
        return Caller(
            uid=identity.uid,
            gid=identity.gid,
            host=identity.host,
            user=_user_name(identity.uid),
            group=_group_name(identity.gid),
        )

    @staticmethod
    def _named_user(identity: Identity, message: Any) -> UserFacts | None:
        """--uid and --gid, for root; the core refuses them for others."""
        requests = getattr(message, "requests", None)
        if not requests or (requests[0].as_uid is None and requests[0].as_gid is None):
            return None
        uid = requests[0].as_uid if requests[0].as_uid is not None else identity.uid
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise SlurmError(errors.ESLURM_USER_ID_MISSING) from None
        gid = requests[0].as_gid if requests[0].as_gid is not None else entry.pw_gid
        return UserFacts(uid=uid, gid=gid, user=entry.pw_name, group=_group_name(gid))

    # --- scripts ----------------------------------------------------------------------------------------------------

    def remember_scripts(self, saves: Sequence[Save]) -> None:
        for save in saves:
            if isinstance(save, SaveScript):
                self._remember(save.job_id, save.script, save.environment)

    def _remember(self, job_id: int, script: str, environment: dict[str, str]) -> None:
        size = len(script) + sum(len(name) + len(value) for name, value in environment.items())
        if job_id in self._scripts:
            self._scripts_size -= self._scripts.pop(job_id)[0]
        self._scripts[job_id] = (size, script, environment)
        self._scripts_size += size
        while self._scripts_size > _SCRIPTS and self._scripts:
            self._scripts_size -= self._scripts.popitem(last=False)[1][0]

    def script(self, job_id: int) -> tuple[str, dict[str, str]] | None:
        """A job's script and environment, from memory or the store."""
        if job_id in self._scripts:
            self._scripts.move_to_end(job_id)
            _, script, environment = self._scripts[job_id]
            return script, environment
        found = self._controller.store.script(job_id)
        if found is not None:
            self._remember(job_id, *found)
        return found

    def _past(self, job_id: int) -> Job | None:
        """A job that only history knows."""
        wanted = history.Selection(ids=[job_id])
        try:
            return next(history.find(self._controller.store, wanted, (), lambda job: job.job_id == job_id), None)
        except StoreError as error:
            raise SlurmError(errors.ESLURM_DB_CONNECTION, f"the accounting storage cannot be read: {error}") from None

    def _get_script(self, identity: Identity, message: wire.GetScript) -> wire.Script:
        job_id = message.job_id
        keeps = self._controller.store.keeps
        job = self._controller.state.jobs.get(job_id)
        if job is None and message.past and ("job_env" if message.environment else "job_script") in keeps:
            job = self._past(job_id)
        if job is None:
            raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
        if identity.uid not in (0, job.uid, os.geteuid()):
            raise SlurmError(errors.ESLURM_ACCESS_DENIED)
        if message.environment:
            return wire.Script(text=self._environment(job) if "job_env" in keeps else "")
        if job.het_offset:
            return wire.Script(text=NO_SCRIPT)
        found = self.script(job.array_job_id or job_id) or self.script(job_id)
        if found is None or not found[0]:
            raise SlurmError(errors.ESLURM_JOB_SCRIPT_MISSING)
        return wire.Script(text=found[0])

    def _environment(self, job: Job) -> str:
        """NAME=value lines; components share the first one's, tasks their array's."""
        found = self.script(job.array_job_id or job.job_id) or self.script(job.het_job_id or job.job_id)
        return "".join(f"{name}={value}\n" for name, value in found[1].items()) if found is not None else ""


@functools.lru_cache(maxsize=4096)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.lru_cache(maxsize=4096)
def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
