"""The controller's shell: sockets, storage and time around the pure core.

Events go into the core one at a time; the effects that come out are written and carried out in order by the store's
writer. Reading requests (queries, scripts, pings) are answered from the state as it is, without the core.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import time
from collections.abc import Callable, Sequence
from typing import get_args

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.controller import configured
from mgpu_slurm.controller.core import Core
from mgpu_slurm.controller.events import (
    Effect,
    Event,
    Note,
    Push,
    Reload,
    Replan,
    Reply,
    RunPrograms,
    Save,
    Stop,
    TimeReached,
    ToNodeEffect,
    Unsend,
)
from mgpu_slurm.controller.handlers import Handlers
from mgpu_slurm.controller.inspection import Inspector
from mgpu_slurm.controller.nodelinks import NodeLinks
from mgpu_slurm.controller.programs import Programs
from mgpu_slurm.controller.state import Answered, State
from mgpu_slurm.controller.statistics import Statistics
from mgpu_slurm.controller.usage_query import UsageAsker
from mgpu_slurm.controller.wakeups import Wakeups
from mgpu_slurm.intake.conf import Config
from mgpu_slurm.store.database import Store
from mgpu_slurm.store.errors import StoreDamaged
from mgpu_slurm.store.writer import Writer
from mgpu_slurm.wire import credential
from mgpu_slurm.wire import messages as wire
from mgpu_slurm.wire.messages import FromClient, FromNode
from mgpu_slurm.wire.server import Limits, Server

log = logging.getLogger("mgpu.controller")

_SAVES = get_args(Save)


class Controller:
    """One controller over an open store. `reload` reads the configuration again (ConfigError if it is wrong)."""

    def __init__(self, config: Config, store: Store, key: bytes, reload: Callable[[], Config] | None = None) -> None:
        self.config = config
        self.store = store
        store.keeps = configured.kept(config)
        self.key = key
        self.started = time.time()
        self.stopping = asyncio.Event()
        self._ending: asyncio.Future[None] | None = None
        self.on_stop: Callable[[], asyncio.Future[None]] | None = None  # told first when the cluster is shut down
        self.damage: StoreDamaged | None = None
        self.state = State()
        self.core = Core(config, self.state, sign=self._sign)
        self.writer = Writer(store, self._damaged)
        self.wakeups = Wakeups(self._plan, self._time_reached)
        self.links = NodeLinks(self, key)
        self.statistics = Statistics(self.started)
        self.usage = UsageAsker(self.links.ask)
        self.inspector = Inspector(self.links.ask)
        self.handlers = Handlers(self)
        state = config.embedded_dir or str(config.get("StateSaveLocation"))
        self.programs = Programs(os.path.join(state, "programs"), self.handle)
        self._reload = reload
        self._server = Server(
            FromClient,
            self.handlers.answer,
            limits=Limits(),
            key=None if config.embedded_dir else key,
            only_uids={os.geteuid()} if config.embedded_dir else None,
            links=self.links.server,
        )
        assert FromNode  # the links decode it

    # --- life -------------------------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Take up what the store has; to be called once, before listening."""
        self.programs.end_left()
        self._tell_unusable()
        loaded = self.store.load()
        requests = {(uid, name): Answered(answer=answer, time=at) for uid, name, answer, at in loaded.requests}
        effects = self.core.restore(
            loaded.jobs, loaded.nodes, loaded.partitions, loaded.next_job_id, requests, time.time(), loaded.reservations
        )
        log.info("%d jobs restored", len(loaded.jobs))
        self.carry_out(effects)

    def listen(self) -> None:
        """Open the sockets. Raises OSError with the address."""
        _raise_file_limit()
        directory = self.config.run_dir()
        os.makedirs(directory, 0o755, exist_ok=True)
        self._server.listen_unix(self.config.controller_socket(), 0o600 if self.config.embedded_dir else 0o777)
        if not self.config.embedded_dir:
            host, port = self._address(), int(self.config.get("SlurmctldPort"))
            try:
                self._server.listen_tcp(host, port)
            except OSError as error:
                raise OSError(error.errno, f"cannot listen on port {port}: {error.strerror}") from error
            log.info("listening on %s port %d", host or "all addresses", port)

    def _address(self) -> str:
        """The address to bind: the configured one if it is this machine's own, else all."""
        address = self.config.controllers[0][1] if self.config.controllers else ""
        if address in ("", "0.0.0.0"):
            return ""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return ""
        return address

    async def run(self) -> None:
        """Serve until `stopping` is set. Raises StoreDamaged when nothing more can be promised."""
        self.wakeups.start()
        self._set_timer()
        self.wakeups.replan()
        try:
            await self.stopping.wait()
            self._server.stop_listening()
            await self.writer.drain()
            await self.links.flush()
        finally:
            self.wakeups.stop()
            await self._server.close()
            await self.writer.drain()
            self.writer.close()
        if self.damage is not None:
            raise self.damage

    def _damaged(self, error: StoreDamaged) -> None:
        self.damage = error
        self.stopping.set()

    def _sign(self, data: bytes) -> str:
        return credential.mac(self.key, data).hex()

    # --- events and effects -----------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Give an event to the core and carry out what it asks for. A fault in the core costs this event only."""
        began = time.perf_counter()
        try:
            effects = self.core.handle(event, time.time())
        except Exception:
            log.exception("the core failed on %s; its last events: %s", type(event).__name__, list(self.core.ctx.story)[-20:])
            self.handlers.failed(event)
            effects = self.core.ctx.take_effects()
        self.statistics.event(event, effects, self.state, time.perf_counter() - began)
        self.carry_out(effects)

    def carry_out(self, effects: list[Effect]) -> None:
        saves: list[Save] = [effect for effect in effects if isinstance(effect, _SAVES)]
        rest = [effect for effect in effects if not isinstance(effect, _SAVES)]
        if saves or rest:
            self.handlers.remember_scripts(saves)
            self.writer.submit(saves, lambda: self._act(rest))
        self._set_timer()

    def _act(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Reply():
                    self.handlers.reply(effect)
                case Push():
                    self.handlers.push(effect)
                case ToNodeEffect():
                    self.links.send(effect)
                case Unsend():
                    self.links.unsend(effect)
                case Replan():
                    self.wakeups.replan()
                case Note():
                    log.log(logging.getLevelNamesMapping().get(effect.level.upper(), logging.INFO), "%s", effect.text)
                case RunPrograms():
                    self.programs.start(effect)
                case Reload():
                    self.reconfigure(effect.conn)
                case Stop():
                    self._ending = asyncio.ensure_future(self._end(effect.conn))

    async def _end(self, conn: int) -> None:
        if self.on_stop is not None:
            heard = asyncio.ensure_future(self.links.flush(own=True))
            await asyncio.wait({heard, self.on_stop()}, return_when=asyncio.FIRST_COMPLETED)
            heard.cancel()
        self.handlers.reply(Reply(conn=conn, message=wire.Done()))
        # Who reads the reply finds nobody here any more, and may start anew.
        self._server.stop_listening()
        asyncio.get_running_loop().call_later(0.05, self.stopping.set)

    def reconfigure(self, conn: int | None = None) -> None:
        """Read the configuration again; a wrong one changes nothing, and who asked is told."""
        if self._reload is None:
            return
        try:
            config = self._reload()
        except ConfigError as error:
            log.error("configuration not changed: %s", error)
            if conn is not None:
                self.handlers.reply(Reply(conn=conn, message=wire.Error(code=errors.ESLURM_INTERNAL, text=str(error))))
            return
        self.config = config
        self.store.keeps = configured.kept(config)
        self._tell_unusable()
        log.info("configuration read again")
        self.carry_out(self.core.reconfigure(config, time.time()))

    def _tell_unusable(self) -> None:
        for key in ("PrologSlurmctld", "EpilogSlurmctld"):
            for path in configured.unusable(self.config, key):
                log.error("Invalid %s(%s): it cannot be run, and is left out", key, path)

    def _plan(self) -> None:
        began = time.perf_counter()
        try:
            proposal = self.core.plan(time.time())
        except Exception:
            log.exception("the scheduler failed")
            return
        self.statistics.cycle(time.perf_counter() - began, len(self.core.ctx.eligible))
        self.handle(proposal)

    def _time_reached(self) -> None:
        self.handle(TimeReached())

    def _set_timer(self) -> None:
        self.wakeups.set_timer(self.core.next_timer())


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
