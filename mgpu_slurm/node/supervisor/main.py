"""A supervisor's life: set up, start the tasks, carry streams and signals, end everything, write the result.

It is forked by the launcher, talks to srun and to the node daemon, and needs neither: it goes on when the daemon dies.
One thread, one poll loop; nothing in it waits for a slow peer.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time

from mgpu_slurm.base.errors import ESLURMD_CPU_BIND_ERROR, ESLURMD_SETUP_ENVIRONMENT_ERROR, ProtocolError, strerror
from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.node.supervisor import (
    binding,
    hooks,
    identity,
    kernel,
    lease,
    notices,
    pmi_servers,
    pmix_library,
    programs,
    result,
    rlimits,
    tasks,
    texts,
    usage,
    wiring,
)
from mgpu_slurm.node.supervisor.control import ENDED as SAY_ENDED
from mgpu_slurm.node.supervisor.control import LIVE, USAGE, Control
from mgpu_slurm.node.supervisor.ending import ENDED, Ending
from mgpu_slurm.node.supervisor.exits import GATHER, Exits
from mgpu_slurm.node.supervisor.loop import Turn
from mgpu_slurm.node.supervisor.order import BATCH, Order
from mgpu_slurm.node.supervisor.peer import Peer, keep_alive
from mgpu_slurm.node.supervisor.processes import Processes
from mgpu_slurm.node.supervisor.streams import Streams
from mgpu_slurm.wire import keyspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

LAUNCH_STATUS = 1 << 8
_USERS_OWN = (wiring.CannotOpen, programs.NoProgram, pmix_library.NoLibrary)
"""What kept a step from starting although the node is well."""
_NOT_STARTED = (*_USERS_OWN, identity.IdentityError, binding.OutsideAllocation, OSError)
NO_FILES = 53
"""Wait status of a batch job whose files cannot be opened."""


def run(raw: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """The whole life of a supervisor, in the process that the launcher has forked for it."""
    status = 1
    try:
        os.setsid()
        order = Order(raw)
        _set_up_process(order)
        named = dict(zip(raw.get("descriptors") or (), descriptors, strict=True))
        Supervisor(order, named).run()
        status = 0
    except BaseException:
        # Nobody above sees this: the log of the step is the only place left.
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _set_up_process(order: Order) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    log = os.open(order.directory + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)
    os.chdir("/")
    rlimits.take_files()
    kernel.become_subreaper()
    kernel.set_name("mgpu_stepd")
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)


class Supervisor:
    """One step on one node. `descriptors`: "control" (a listening socket), "srun", and what srun passed."""

    def __init__(self, order: Order, descriptors: dict[str, int]) -> None:
        self.order = order
        self._directory = os.open(order.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._listener = socket.socket(fileno=descriptors.pop("control"))
        self._listener.setblocking(False)
        self._controls: list[Control] = []
        srun: Peer | None = None
        if "srun" in descriptors:
            srun = Peer(socket.socket(fileno=descriptors.pop("srun")), raw_ahead(order))
            keep_alive(srun.sock)
        self._streams = Streams(srun, self._from_srun, {"kind": "step_ended", "node": order.node})
        self._notices = notices.Notices(order, self._streams)
        self._passed = descriptors
        self._ending = Ending(order.deadline, order.kill_wait)
        self._processes = Processes()
        self._pmi: pmi_servers.Server | None = None
        self._started = time.time()
        self._report_at = 0.0
        self._told_of_memory = False
        self._gone = False  # no process of the step lives
        self._result: dict[str, object] = {}
        self._lease: lease.Watch | None = None
        if order.raw.get("lease"):
            contact, seconds = order.raw["lease_known"]
            self._lease = lease.Watch(order.raw["lease"], (float(contact), float(seconds)))
        self._lease_at = time.time() + lease.CHECK if self._lease else 0.0
        self._text = ""
        self._wake, self._woken = os.pipe()
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)

    @property
    def _exits(self) -> Exits:
        return self._processes.exits

    # --- start ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until the result is written and srun has heard everything."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        with open(self.order.directory + "/pid", "w") as file:
            file.write(str(os.getpid()))
        failure = self._start()
        if failure is not None:
            self._fail(failure)
        while not (self._gone and self._streams.finished):
            self._turn()
        self._streams.close()
        try:
            result.settle(self._directory)
        except OSError as error:
            notices.write_line(2, f"cannot bring the result onto the disk: {error}")

    def _start(self) -> Exception | None:
        streams = self._streams
        try:
            who = identity.look_up(self.order.uid, self.order.gid, str(self.order.facts.get("user_name") or ""))
            if self.order.kind == BATCH:
                streams.wires = wiring.for_batch(self.order, who)
            else:
                streams.wires = wiring.for_tasks(self.order, who, self._passed)
            shared = tasks.common(self.order)
            self._pmi = pmi_servers.start(self.order, who, streams.tell_srun, self._notices.tell)
            if self._pmi is not None:
                shared.own.update(self._pmi.own())
            group = self._processes.group = tasks.group_of(self.order)
            self._started = time.time()
            plans = streams.wires.plans
            self._processes.epilogs = hooks.Epilogs(self.order, who, plans, shared.environment)
            started = tasks.start(self.order, who, plans, group, shared)
            self._processes.exits = Exits(started)
            if self.order.sampling is not None:
                sampler = usage.Sampler(started, group, shared.peaks, self.order.sampling, self._started, self.order.memory)
                self._processes.sampler = sampler
        except _NOT_STARTED as error:
            return error
        streams.wires.close_theirs()
        if self._pmi is not None:
            self._pmi.close_theirs()
        streams.tell_srun({"kind": "tasks_started", "node": self.order.node, **self._tasks()})
        streams.hear_ahead()
        return None

    def _tasks(self) -> dict[str, object]:
        """What a debugger must know of them."""
        programs = [plan.argv[0] if plan.argv else "" for plan in self._streams.wires.plans]
        return {"pids": [task.pid for task in self._exits.tasks], "programs": programs}

    def _fail(self, failure: Exception) -> None:
        """Nothing was started: say why, and end as Slurm's batch jobs and steps do."""
        self._text = str(failure)
        if isinstance(failure, binding.OutsideAllocation):
            self._streams.tell_srun({"kind": "step_text", "text": f"srun: error: {failure}"})
            code = ESLURMD_CPU_BIND_ERROR
            self._streams.tell_srun({"kind": "error", "code": code, "text": strerror(code, self.order.compat)})
            self._write_result(LAUNCH_STATUS)
            return
        self._notices.tell(self._text)
        code = ESLURMD_SETUP_ENVIRONMENT_ERROR
        self._streams.tell_srun({"kind": "launch_failed", "node": self.order.node, "code": code, "text": self._text})
        if self.order.kind == BATCH and isinstance(failure, wiring.CannotOpen):
            # Slurm's node daemon ends such a job with a signal that does not exist
            self._write_result(NO_FILES)
            return
        broken = not isinstance(failure, _USERS_OWN)
        self._ending.word = "LAUNCH_FAILED" if broken else ""
        self._write_result(LAUNCH_STATUS)

    # --- the loop ---------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        turn = Turn()
        turn.watch(self._wake, select.POLLIN, self._drain_wakeups)
        turn.watch(self._listener.fileno(), select.POLLIN, self._accept)
        for control in self._controls:
            turn.watch(control.fileno(), select.POLLIN, lambda _, control=control: self._from_daemon(control))
        self._streams.watch(turn)
        if self._pmi is not None:
            self._pmi.watch(turn)
        turn.run(self._timeout())
        self._reap()
        self._timers(time.time())
        self._forget_lost()

    def _timeout(self) -> int | None:
        times = [at for at in (self._ending.next_time(), self._report_at, self._processes.next_time(), self._lease_at) if at]
        if not times or self._gone:
            return None
        # Waits are capped: wall clocks are set, and a deadline may lie years ahead.
        return max(0, min(int((min(times) - time.time()) * 1000) + 1, 60_000))

    def _drain_wakeups(self, _: int) -> None:
        try:
            while os.read(self._wake, 512):
                pass
        except BlockingIOError:
            pass

    def _timers(self, now: float) -> None:
        if self._gone:
            return
        if self._lease is not None and now >= self._lease_at:
            self._look_at_lease(self._lease, now)
        self._processes.look_at_use(now)
        due = self._ending.due(now)
        if due == "timeout":
            self.terminate("TIMEOUT", by_own_limit=True)
            due = self._ending.due(now)
        if due == "ask":
            self._processes.ask_to_end()
            due = self._ending.due(now)
        if due == "kill":
            self._processes.sweep_at = now
        if self._exits.to_report and (now >= self._report_at or self._exits.all_ended):
            self._report()
        self._processes.look_after_epilogs(now, self._ending.killing)
        if self._exits.all_ended and not self._processes.sweep_at and not self._processes.busy:
            self._processes.sweep_at = now
        if self._processes.sweep_at and now >= self._processes.sweep_at:
            self._processes.sweep(now)

    def _look_at_lease(self, watch: lease.Watch, now: float) -> None:
        self._lease_at = now + lease.CHECK
        known = watch.problem
        if watch.is_over():
            self.terminate("NODE_FAIL", hurry=True)
        if watch.problem and not known:
            notices.write_line(2, watch.problem)

    def _reap(self) -> None:
        if self._gone:
            return
        none_left = self._processes.reap()
        if self._exits.to_report and not self._report_at:
            self._report_at = time.time() + GATHER
        if none_left:
            self._all_gone()

    def _forget_lost(self) -> None:
        for control in [each for each in self._controls if each.lost]:
            self._controls.remove(control)
            control.close()
        # Where its srun dies with the script of a job that has timed out, the tasks still get their KillWait.
        if self._streams.forget_lost() and not self._gone and not self._ending.begun:
            self.terminate("", hurry=True)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        self._report_at = 0.0
        self._streams.catch_up()
        short = not self._told_of_memory and self._memory_kills() > 0
        for status, ranks, oom in self._exits.report(short):
            self._told_of_memory = self._told_of_memory or oom
            self._streams.tell({"kind": "task_exited", "node": self.order.node, "tasks": ranks, "status": status, "oom": oom})

    def _memory_kills(self) -> int:
        group = self._processes.group
        return group.oom_kills() if group is not None else 0

    def _all_gone(self) -> None:
        """No process of the step lives: the result may be told, whatever srun has still to read."""
        self._report()
        group = self._processes.group
        kills = self._memory_kills()
        if kills:
            step = f"{self.order.job_id}.{self.order.step_id}"
            self._notices.tell(texts.out_of_memory(kills, step, self.order.compat))
            self._ending.word = self._ending.word or "OUT_OF_MEMORY"
        if group is not None:
            group.remove()
        pmi_servers.clean_up(self._pmi)
        self._write_result(self._exits.worst)

    def _write_result(self, status: int) -> None:
        word = self._ending.word
        self._result = {
            "exit_code": OUT_OF_MEMORY if word == "OUT_OF_MEMORY" else status,
            "ending": "" if word == ENDED else word,
            "text": self._text,
            "started": self._started,
            "ended": time.time(),
            "user_seconds": self._exits.user_seconds,
            "system_seconds": self._exits.system_seconds,
            "use": self._processes.use(),
        }
        try:
            result.write(self._directory, self._result)
        except OSError as error:
            # A daemon that listens hears it all the same.
            notices.write_line(2, f"cannot write the result: {error}")
        self._gone = True
        for control in self._controls:
            control.tell({"kind": SAY_ENDED, "result": self._result})
        self._accept(0)
        self._streams.no_more()

    # --- what srun and the daemon say -------------------------------------------------------------------------------

    def _from_srun(self, message: dict[str, Any]) -> None:
        if message.get("kind") == "signal_tasks":
            number = int(message["signal"])
            ending = str(message.get("ending", "CANCELLED"))
            if number == signal.SIGKILL and self._ending.waiting:
                return  # srun was told of the job's end as well; the tasks have their KillWait
            if number in (signal.SIGTERM, signal.SIGKILL) and ending:
                self._notices.banner(ending, number == signal.SIGKILL, time.time())
            self._processes.signal(number, full=True)
        elif message.get("kind") in keyspace.KINDS and self._pmi is not None:
            self._pmi.told(message)

    def _accept(self, _: int) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            control = Control(sock)
            self._controls.append(control)
            control.tell({"kind": LIVE, "pids": [task.pid for task in self._exits.tasks], "started": self._started})
            if self._gone:
                control.tell({"kind": SAY_ENDED, "result": self._result})

    def _from_daemon(self, control: Control) -> None:
        try:
            for message, descriptors in control.receive():
                self._obey(control, message, descriptors)
        except (ProtocolError, KeyError, ValueError) as error:
            notices.write_line(2, f"control: {error}")
            control.lost = True

    def _obey(self, control: Control, message: dict[str, Any], descriptors: list[int]) -> None:
        kind = message["kind"]
        if kind == "attach" and descriptors:
            ahead = str(message.get("ahead") or "").encode("latin-1")
            self._streams.attach(socket.socket(fileno=descriptors[0]), bool(message.get("stdin")), ahead, self._tasks())
        elif self._gone:
            return
        elif kind == "signal":
            self._processes.signal(int(message["signal"]), full=bool(message.get("full")))
        elif kind == "terminate":
            if message["ending"] == "NODE_FAIL" and message.get("hurry"):
                self._streams.tell_srun({"kind": "step_text", "text": f"srun: error: Node failure on {self.order.node}"})
            self.terminate(str(message["ending"]), message.get("kill_wait"), bool(message.get("hurry")))
        elif kind == "suspend":
            if message.get("resume"):
                self._processes.resume()
            else:
                self._processes.suspend()
        elif kind == "say":
            self._notices.tell(str(message["text"]))
        elif kind == "extend":
            self._ending.deadline = float(message["deadline"])
        elif kind == "gpus":
            self._processes.note_gpus(message["use"])
        elif kind == "usage":
            pids, use = self._processes.use_now()
            control.tell({"kind": USAGE, "ask": message["ask"], "pids": pids, "use": use})

    def terminate(
        self, word: str, kill_wait: float | None = None, hurry: bool = False, *, by_own_limit: bool = False
    ) -> None:
        """End the step, gently unless there is a hurry. `by_own_limit`: its time is over, and not its job's."""
        now = time.time()
        first = self._ending.begin(word, now, kill_wait, hurry)
        if first and word and not (word == ENDED and self._exits.all_ended):
            self._notices.banner("CANCELLED" if word == ENDED else word, hurry, now, by_own_limit)
        if first and not hurry and self._ending.due(now) == "ask":
            self._processes.ask_to_end()


def raw_ahead(order: Order) -> bytes:
    """What the daemon had read of srun's connection beyond the launch."""
    return str(order.raw.get("ahead") or "").encode("latin-1")
