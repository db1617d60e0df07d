"""The shell of a node daemon: the link to the controller, sockets for srun, the launcher, the spool, timers.

It runs no user code and holds no task. Everything it decides is in core.py.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from typing import Any

import msgspec

from mgpu_slurm import __version__
from mgpu_slurm.base.errors import (
    ESLURMD_SETUP_ENVIRONMENT_ERROR,
)
from mgpu_slurm.node import core, inspection, orders, plainnames, spool
from mgpu_slurm.node import settings as node_settings
from mgpu_slurm.node.clients import Clients
from mgpu_slurm.node.core import Key, Known, NodeCore
from mgpu_slurm.node.fences import Fences
from mgpu_slurm.node.gpu_use import GpuWatch
from mgpu_slurm.node.hardware import activity, detect
from mgpu_slurm.node.health_program import HealthProgram
from mgpu_slurm.node.job_programs import AroundJobs, JobPrograms
from mgpu_slurm.node.launcher import Launcher
from mgpu_slurm.node.leasenote import LeaseNote
from mgpu_slurm.node.leftovers import end_leftovers
from mgpu_slurm.node.settings import Settings
from mgpu_slurm.node.supervisor import lease
from mgpu_slurm.node.supervisor import result as results
from mgpu_slurm.node.supervisors import Supervisors, log_of
from mgpu_slurm.records.gpu import Gpu
from mgpu_slurm.records.usage import Use
from mgpu_slurm.wire import credential
from mgpu_slurm.wire.link import Link, LinkClient, LinkFull, Timing
from mgpu_slurm.wire.messages import (
    CheckHealth,
    GetUsage,
    Hardware,
    Heartbeat,
    Inspect,
    LaunchBatch,
    Register,
    Registered,
    ToNode,
    ToNodeFromClient,
    Usage,
)
from mgpu_slurm.wire.server import Limits, Server

log = logging.getLogger("mgpu.node")

TICK = 0.5
"""Seconds between looks at the lease and at what else depends on time."""


class NodeDaemon:
    """One node daemon. `start` once inside the loop, then `run` until `stopping` is set."""

    def __init__(self, settings: Settings, key: bytes, launcher: Launcher, timing: Timing | None = None) -> None:
        self.settings = settings
        self.key = key
        self.stopping = asyncio.Event()
        self.core = NodeCore(settings.name)
        self._lease = LeaseNote(settings.spool, self.core)
        self._fences = Fences(settings.name, settings.spool)
        self.started = time.time()
        self.gpus: list[Gpu] = []
        self._gpu_notes: list[str] = []
        self._launcher = launcher
        self._timing = timing
        self._tags: dict[Key, str] = {}
        self._beside: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open spool and sockets, take up earlier steps, connect. OSError: something of that cannot be."""
        settings = self.settings
        self.spool = spool.Spool(settings.spool)
        self.plain_names = plainnames.write(settings.spool, settings.cluster)
        self.gpus, self._gpu_notes = await asyncio.to_thread(node_settings.discover, settings.declared, settings.detect)
        for note in self._gpu_notes:
            log.info("gpus: %s", note)
        self._devices = orders.devices(self.gpus)
        self.hardware = detect(settings.tmp_fs)
        settings.steps = self._fences.take(settings.steps, self.gpus, self.hardware.real_memory)
        self._supervisors = Supervisors(self._live, self._gone, self._usage)
        self._gpu_use = GpuWatch(self._tell_gpus)
        self._programs = JobPrograms(settings.name, settings.spool, settings.programs, self._devices)
        self._around = AroundJobs(self._programs, self.core, self._carry_out, self._start_batch, self._tell_unlaunched)
        self._health = HealthProgram(settings.name, settings.spool, settings.health)
        self._programs.take_up()
        self.core.has_prolog = bool(settings.programs.prolog)
        self._clients = Clients(
            settings.name,
            self.key,
            self.core,
            self._launcher,
            self._supervisors,
            self._launch,
            self._carry_out,
            self.started,
            self._programs,
        )
        self._take_up()
        self._listen()
        self.client = LinkClient(
            settings.endpoints(),
            settings.name,
            ToNode,
            self._from_controller,
            self.key,
            greeting=self._register,
            timing=self._timing,
            on_down=lambda _: self.core.link_down(lease.clock()),
        )
        self._flush_reports()
        await self._health.run()  # a node that is not well says so before it gets a job
        self.client.start()
        log.info("node %s started, %d CPUs, %d GPUs", settings.name, self.hardware.cpus, len(self.gpus))

    def _listen(self) -> None:
        settings = self.settings
        self.server = Server(
            ToNodeFromClient,
            self._clients.asked,
            limits=Limits(),
            key=None if settings.embedded else self.key,
            only_uids={os.geteuid()} if settings.embedded else None,
        )
        os.makedirs(os.path.dirname(settings.unix_socket), 0o755, exist_ok=True)
        self.server.listen_unix(settings.unix_socket, 0o600 if settings.embedded else 0o777)
        self.port = 0
        if settings.port is not None:
            try:
                self.port = self.server.listen_tcp(settings.listen_host, settings.port)
            except OSError as error:
                raise OSError(error.errno, f"cannot listen on port {settings.port}: {error.strerror}") from error

    async def run(self) -> None:
        """Serve until `stopping` is set; running steps go on."""
        timer = asyncio.create_task(self._ticks())
        try:
            await self.stopping.wait()
            log.info("stopping; %d steps go on", sum(known.result is None for known in self.core.steps.values()))
        finally:
            timer.cancel()
            await self.client.close()
            await self.server.close()
            self._supervisors.close()
            for task in self._beside:
                task.cancel()
            self._launcher.close()

    # --- earlier steps ----------------------------------------------------------------------------------------------

    def _take_up(self) -> None:
        """Steps of an earlier daemon: connect to their supervisors, or see how they ended."""
        self._early: list[core.Effect] = []
        noted = lease.read(os.path.join(self.settings.spool, lease.NAME))
        if noted is not None:
            self.core.remember_contact(noted[1], noted[0])
        for entry in self.spool.entries():
            key = entry.key
            self._tags[key] = entry.tag
            directory = self.spool.directory(key)
            known = Known(key=key, uid=entry.uid, result=self._read_result(directory))
            self._early += self.core.found(known)
            if known.result is not None:
                continue
            try:
                self._supervisors.add(key, spool.connect(directory))
                log.info("step %s.%s: found again", key[0], key[1])
            except OSError:
                self._early += self.core.gone(key, self._read_result(directory))

    def _read_result(self, directory: str) -> dict[str, Any] | None:
        try:
            return results.read(directory)
        except ValueError:
            log.error("%s/%s is damaged", directory, results.NAME)
            return None

    def _flush_reports(self) -> None:
        effects, self._early = self._early, []
        self._carry_out(effects)

    # --- the controller ---------------------------------------------------------------------------------------------

    def _register(self) -> Register:
        settings = self.settings
        own = {field: getattr(self.hardware, field) for field in Hardware.__struct_fields__ if hasattr(self.hardware, field)}
        load, free = activity()
        return Register(
            name=settings.name,
            hardware=Hardware(**{**own, "cpu_load": load, "free_mem": free}),
            gpus=self.gpus,
            gres_text=settings.gres_text,
            address=settings.address,
            port=self.port,
            unix_socket=settings.unix_socket,
            version=__version__,
            start_time=self.started,
            steps=self.core.live_steps(),
            dynamic=settings.dynamic,
        )

    async def _from_controller(self, link: Link, message: Any) -> None:
        if isinstance(message, GetUsage):
            self._ask_usage(message)
            return
        if isinstance(message, Inspect):
            self._keep(self._inspect(message, time.time()))
            return
        if isinstance(message, CheckHealth):
            self._keep(self._health.run())
            return
        effects = self.core.message(message, lease.clock())
        if isinstance(message, Registered):
            self._lease.note(lease.clock())  # before anything starts: supervisors hold it against a daemon that dies
        self._carry_out(effects)

    def _carry_out(self, effects: list[core.Effect]) -> None:
        for effect in effects:
            match effect:
                case core.StartBatch():
                    if self.core.has_prolog:
                        self._keep(self._around.start_batch(effect))
                    else:
                        self._start_batch(effect)
                case core.StartProlog():
                    self._keep(self._around.run_prolog(effect.job))
                case core.EndJob():
                    self._keep(self._around.end_job(effect.message))
                case core.Tell():
                    self._supervisors.tell(effect.key, effect.word)
                case core.Report():
                    self._report(effect)
                case core.Unreport():
                    self.client.link.unsend(effect.key)
                case core.Forget():
                    self._tags.pop(effect.key, None)
                    self.spool.remove(effect.key)
                case core.CleanUp():
                    self._keep(self._clean_up(effect.key))
                case core.Note():
                    log.warning("%s", effect.text)
                case core.StopDaemon():
                    self.stopping.set()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on beside all else; it is cancelled when the daemon stops."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _report(self, effect: core.Report) -> None:
        try:
            self.client.link.send(effect.message, effect.key)
        except LinkFull:
            # Results stay in the spool; a daemon that starts anew tells them again.
            log.error("too many messages wait for the controller")

    async def _ticks(self) -> None:
        beaten = 0.0
        while True:
            await asyncio.sleep(TICK)
            now = lease.clock()
            self._carry_out(self.core.tick(now))
            self._lease.note(now)
            if now - beaten >= self.core.heartbeat:
                beaten = now
                load, free = activity()
                self.client.link.post(Heartbeat(cpu_load=load, free_mem=free))

    def reconfigure(self, settings: Settings) -> None:
        """Take what may change while serving: the controller's addresses and sockets need a restart, as in Slurm."""
        self.settings.log_name = settings.log_name
        self.settings.address = settings.address
        try:
            self.settings.steps = self._fences.take(settings.steps, self.gpus, self.hardware.real_memory)
        except OSError as error:
            log.error("%s; they are kept to what they were before", error.strerror)
        self._programs.wanted = settings.programs
        self._health.program = settings.health
        self.core.has_prolog = bool(settings.programs.prolog)
        self.client.link.disconnect()  # the controller hears of everything again when the link is back
        log.info("configuration read again")

    # --- supervisors ------------------------------------------------------------------------------------------------

    def _live(self, key: Key, pid: int) -> None:
        self._carry_out(self.core.live(key, pid))

    def _gone(self, key: Key, result: dict[str, Any] | None) -> None:
        directory = self.spool.directory(key)
        said = log_of(directory)
        if said:
            log.warning("step %s.%s: %s", key[0], key[1], said)
        self._carry_out(self.core.gone(key, self._read_result(directory) or result))

    async def _clean_up(self, key: Key) -> None:
        tag = self._tags.get(key, "")
        await asyncio.to_thread(end_leftovers, tag)
        self._carry_out(self.core.cleaned(key, time.time()))

    def _launch(self, key: Key, uid: int, order: dict[str, Any], more: dict[str, int]) -> None:
        """Give a step to a supervisor. OSError: it cannot be, or could not be held to the node's lease."""
        if self._lease.failed is not None:
            raise self._lease.failed
        tag = f"{self.settings.name}:{key[0]}.{key[1]}.{key[2]}:{credential.new_nonce()[:12]}"
        entry = spool.Entry(
            job_id=key[0],
            step_id=key[1],
            attempt=key[2],
            uid=uid,
            tag=tag,
            boot_id=self.hardware.boot_id,
        )
        facts = order["spec"]["job"] if "spec" in order else order["facts"]
        directory = self.spool.add(entry)
        self._tags[key] = tag
        listener, control = spool.listen(directory)
        full = {
            **order,
            **self._devices,
            **self.settings.steps.as_order(),
            "node": self.settings.name,
            "log_name": self.settings.log_name,
            "directory": directory,
            "tag": tag,
            "plain_names": self.plain_names,
            **self._lease.order(lease.clock()),
            **self.settings.steps.sampling_of(order),
            **self._fences.order(order, key),
            "descriptors": ["control", *more],
        }
        places = self.hardware.places
        if self.settings.steps.bind_cpus and orders.bindable(facts, self.settings.name, places):
            full["machine"] = orders.machine(places)
        with listener:
            try:
                self._launcher.launch(full, [listener.fileno(), *more.values()])
            except BaseException:
                control.close()
                raise
        self._supervisors.add(key, control)
        told = self.settings.steps.gpus and any(gpu.nvml_index is not None for gpu in self.gpus)
        if told and full.get("sampling") and orders.holds_gpus(order, self.settings.name):
            self._keep(self._gpu_use.watch(key, full["sampling"]))

    def _start_batch(self, effect: core.StartBatch) -> None:
        message, key = effect.message, effect.key
        job = message.job
        try:
            script = self.spool.write_script(job.job_id, job.uid, job.gid, message.script)
            self._launch(key, job.uid, orders.for_batch(message, script), {})
        except OSError as error:
            log.error("job %d: cannot launch: %s", job.job_id, error)
            text = f"{error.strerror}: {error.filename or ''}"
            self._carry_out(self.core.not_launched(key, ESLURMD_SETUP_ENVIRONMENT_ERROR, text))

    def _tell_unlaunched(self, message: LaunchBatch, line: str) -> None:
        """Leave a line in the output of a batch job that is not started."""
        settings = self.settings
        order = orders.for_batch(message, "")
        order |= {"node": settings.name, "log_name": settings.log_name, "directory": "", "tag": "", "line": line}
        try:
            self._launcher.launch(order, [])
        except OSError as error:
            log.error("job %d: %s", message.job.job_id, error)

    # --- what steps use ---------------------------------------------------------------------------------------------

    def _ask_usage(self, message: GetUsage) -> None:
        """Nobody waits for these words long: they are said once, to who is connected."""
        living = [
            key
            for key, known in self.core.steps.items()
            if key[0] == message.job_id and known.result is None and message.step_id in ("", key[1])
        ]
        count = sum(self._supervisors.tell(key, {"kind": "usage", "ask": message.ask}) for key in living)
        self.client.link.post(Usage(node=self.settings.name, ask=message.ask, count=count))

    def _usage(self, key: Key, word: dict[str, Any]) -> None:
        use = msgspec.convert(word.get("use") or {}, dict[str, Use])
        pids = msgspec.convert(word.get("pids") or [], list[int])
        ask = int(word.get("ask") or 0)
        self.client.link.post(Usage(node=self.settings.name, ask=ask, job_id=key[0], step_id=key[1], pids=pids, use=use))

    def _tell_gpus(self, key: Key, use: dict[int, list[int]]) -> bool:
        known = self.core.steps.get(key)
        if known is None or known.result is not None:
            return False
        return not use or self._supervisors.tell(key, {"kind": "gpus", "use": {str(pid): row for pid, row in use.items()}})

    # --- how this machine looks -------------------------------------------------------------------------------------

    async def _inspect(self, message: Inspect, received: float) -> None:
        settings = self.settings
        answer = await asyncio.to_thread(
            inspection.look, message, received, settings.name, settings.spool, len(self.gpus), self._gpu_notes
        )
        self.client.link.post(answer)
