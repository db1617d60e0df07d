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

from mgpu_slurm.base.errors import ESLURMD_SETUP_ENVIRONMENT_ERROR, ProtocolError
from mgpu_slurm.node.supervisor import (
    cgroup,
    descendants,
    identity,
    kernel,
    lease,
    programs,
    result,
    stdio,
    tasks,
    texts,
    usage,
    wiring,
)
from mgpu_slurm.node.supervisor.control import ENDED as SAY_ENDED
from mgpu_slurm.node.supervisor.control import LIVE, USAGE, Control
from mgpu_slurm.node.supervisor.ending import ENDED, Ending
from mgpu_slurm.node.supervisor.exits import GATHER, Exits
from mgpu_slurm.node.supervisor.order import BATCH, Order
from mgpu_slurm.node.supervisor.peer import Peer
from mgpu_slurm.wire import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

INPUT_LIMIT = 4 << 20
"""Bytes of input that may wait for a task that does not read; srun's socket is left unread beyond it."""

_FIRST_SWEEP, _LONGEST_SWEEP = 0.005, 1.0
LAUNCH_STATUS = 1 << 8


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
        self._peers: list[Peer] = []
        self._srun: Peer | None = None
        if "srun" in descriptors:
            self._srun = Peer(socket.socket(fileno=descriptors.pop("srun")), raw_ahead(order))
            _keep_alive(self._srun.sock)
            self._peers.append(self._srun)
        self._passed = descriptors
        self._feeders = {self._srun}  # peers whose input reaches the tasks
        self._ending = Ending(order.deadline, order.kill_wait)
        self._group: cgroup.Cgroup | None = None
        self._wires = wiring.Wiring()
        self._exits = Exits([])
        self._started = time.time()
        self._report_at = 0.0
        self._sweep_at = 0.0
        self._sweep_wait = _FIRST_SWEEP
        self._gone = False  # no process of the step lives
        self._announced = False  # the banner is out
        self._said_end = False
        self._result: dict[str, object] = {}
        self._lease = str(order.raw.get("lease") or "")
        self._lease_at = time.time() + lease.CHECK if self._lease else 0.0
        self._text = ""
        self._wake, self._woken = os.pipe()
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)

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
        while not self._finished():
            self._turn()
        for peer in self._peers:
            peer.close()

    def _start(self) -> Exception | None:
        try:
            who = identity.look_up(self.order.uid, self.order.gid, str(self.order.facts.get("user_name") or ""))
            if self.order.kind == BATCH:
                self._wires = wiring.for_batch(self.order, who)
            else:
                self._wires = wiring.for_tasks(self.order, who, self._passed)
            self._group = cgroup.Cgroup.make(self.order.tag)
            self._started = time.time()
            self._exits = Exits(tasks.start(self.order, who, self._wires.plans, self._group))
        except (wiring.CannotOpen, identity.IdentityError, programs.NoProgram, OSError) as error:
            return error
        self._wires.close_theirs()
        if self._srun is not None:
            pids = [task.pid for task in self._exits.tasks]
            self._srun.tell({"kind": "tasks_started", "node": self.order.node, "pids": pids})
            for frame in list(self._srun.ahead()):
                self._from_peer(self._srun, frame)
        return None

    def _fail(self, failure: Exception) -> None:
        """Nothing was started: say why, and end as Slurm's batch jobs and steps do."""
        self._text = str(failure)
        self._tell_user(self._text)
        if self._srun is not None:
            code = ESLURMD_SETUP_ENVIRONMENT_ERROR
            self._srun.tell({"kind": "launch_failed", "node": self.order.node, "code": code, "text": self._text})
        broken = not isinstance(failure, (wiring.CannotOpen, programs.NoProgram))
        self._ending.word = "LAUNCH_FAILED" if broken else ""
        self._write_result(LAUNCH_STATUS)

    # --- the loop ---------------------------------------------------------------------------------------------------

    def _finished(self) -> bool:
        return self._gone and not self._wires.outlets and not any(peer.waiting for peer in self._peers)

    def _turn(self) -> None:
        poll = select.poll()
        actions: dict[int, list[Any]] = {}

        def watch(descriptor: int, events: int, action: Any) -> None:
            if descriptor in actions:
                actions[descriptor].append(action)
                poll.modify(descriptor, events | select.POLLIN | select.POLLOUT)
            else:
                actions[descriptor] = [action]
                poll.register(descriptor, events)

        watch(self._wake, select.POLLIN, self._drain_wakeups)
        watch(self._listener.fileno(), select.POLLIN, self._accept)
        for control in self._controls:
            watch(control.fileno(), select.POLLIN, lambda _, control=control: self._from_daemon(control))
        stalled = any(inlet.queued > INPUT_LIMIT for inlet in self._wires.inlets)
        for peer in self._peers:
            events = select.POLLRDHUP if stalled else select.POLLIN
            if peer.waiting:
                events |= select.POLLOUT
            watch(peer.fileno(), events, lambda seen, peer=peer: self._peer_ready(peer, seen))
        if not self._full():
            for outlet in self._wires.outlets:
                watch(outlet.descriptor, select.POLLIN, lambda _, outlet=outlet: self._from_task(outlet))
        for inlet in self._wires.inlets:
            if inlet.waiting:
                watch(inlet.descriptor, select.POLLOUT, lambda _, inlet=inlet: inlet.flush())
        for descriptor, seen in poll.poll(self._timeout()):
            for action in actions[descriptor]:
                action(seen)
        self._reap()
        self._timers(time.time())
        self._forget_lost()

    def _full(self) -> bool:
        """Whether srun is behind; a slow sattach loses output instead of stopping the tasks."""
        return self._srun is not None and self._srun.full

    def _timeout(self) -> int | None:
        times = [at for at in (self._ending.next_time(), self._report_at, self._sweep_at, self._lease_at) if at]
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
        if self._lease_at and now >= self._lease_at:
            self._lease_at = now + lease.CHECK
            if lease.is_over(self._lease):
                self.terminate("NODE_FAIL", hurry=True)
        due = self._ending.due(now)
        if due == "timeout":
            self.terminate("TIMEOUT")
            due = self._ending.due(now)
        if due == "kill":
            self._sweep_at = now
        if self._exits.to_report and (now >= self._report_at or self._exits.all_ended):
            self._report()
        if self._exits.all_ended and not self._sweep_at:
            self._sweep_at = now
        if self._sweep_at and now >= self._sweep_at:
            self._sweep(now)

    # --- processes --------------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        while not self._gone:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                if self._exits.all_ended and not (self._group and self._group.pids()):
                    self._all_gone()
                return
            if pid == 0:
                return
            self._exits.reaped(pid, status, usage)
            if self._exits.to_report and not self._report_at:
                self._report_at = time.time() + GATHER

    def _sweep(self, now: float) -> None:
        """Kill everything that is left, again and again until nothing is."""
        if self._group is not None:
            self._group.kill()
        descendants.kill_all(os.getpid())
        self._sweep_at = now + self._sweep_wait
        self._sweep_wait = min(self._sweep_wait * 2, _LONGEST_SWEEP)

    def _report(self) -> None:
        self._report_at = 0.0
        for status, ranks in self._exits.report():
            message = {"kind": "task_exited", "node": self.order.node, "tasks": ranks, "status": status}
            for peer in self._peers:
                peer.tell(dict(message))

    def _all_gone(self) -> None:
        """No process of the step lives: the result may be told, whatever srun has still to read."""
        self._report()
        kills = self._group.oom_kills() if self._group is not None else 0
        if kills:
            step = f"{self.order.job_id}.{self.order.step_id}"
            self._tell_user(texts.out_of_memory(kills, step, self.order.compat))
            self._ending.word = self._ending.word or "OUT_OF_MEMORY"
        if self._group is not None:
            self._group.remove()
        self._write_result(self._exits.worst)

    def _write_result(self, status: int) -> None:
        word = self._ending.word
        self._result = {
            "exit_code": status,
            "ending": "" if word == ENDED else word,
            "text": self._text,
            "started": self._started,
            "ended": time.time(),
            "user_seconds": self._exits.user_seconds,
            "system_seconds": self._exits.system_seconds,
            "max_rss": self._exits.max_rss,
        }
        try:
            result.write(self._directory, self._result)
        except OSError as error:
            # A daemon that listens hears it all the same.
            _write_line(2, f"cannot write the result: {error}")
        self._gone = True
        for control in self._controls:
            control.tell({"kind": SAY_ENDED, "result": self._result})
        self._accept(0)
        for outlet in list(self._wires.outlets):
            if not self._full():
                self._from_task(outlet)
        self._say_end()

    def _say_end(self) -> None:
        if self._gone and not self._wires.outlets and not self._said_end:
            self._said_end = True
            for peer in self._peers:
                peer.tell({"kind": "step_ended", "node": self.order.node})

    # --- streams ----------------------------------------------------------------------------------------------------

    def _from_task(self, outlet: stdio.Outlet) -> None:
        if outlet not in self._wires.outlets:
            return
        data = outlet.read()
        while data and self._gone and not self._full():
            self._show(outlet, data)
            data = outlet.read()
        if data:
            self._show(outlet, data)
        elif data == b"" or self._gone:
            # With every process dead, nothing more can come, even where a stranger still holds the pipe.
            self._close_outlet(outlet)

    def _show(self, outlet: stdio.Outlet, data: bytes) -> None:
        for peer in self._peers:
            if peer is self._srun or not peer.full:
                peer.bulk(outlet.channel, outlet.rank, data)

    def _close_outlet(self, outlet: stdio.Outlet) -> None:
        self._wires.outlets.remove(outlet)
        for inlet in list(self._wires.inlets):
            if inlet.descriptor == outlet.descriptor:
                inlet.close()
                self._wires.inlets.remove(inlet)
        if outlet.descriptor == self._wires.terminal:
            self._wires.terminal = None
        outlet.close()
        self._say_end()

    def _peer_ready(self, peer: Peer, seen: int) -> None:
        if seen & select.POLLOUT:
            peer.flush()
        if seen & select.POLLIN:
            try:
                for frame in peer.receive():
                    self._from_peer(peer, frame)
            except ProtocolError:
                peer.lose()
        elif seen & (select.POLLRDHUP | select.POLLHUP | select.POLLERR):
            peer.lose()

    def _from_peer(self, peer: Peer, frame: frames.Frame) -> None:
        if peer not in self._feeders:
            return
        if frame.tag == frames.STDIN:
            for inlet in self._inlets(None if frame.task == frames.ALL_TASKS else frame.task):
                inlet.put(frame.data)
            return
        if frame.tag != frames.JSON:
            return
        message: dict[str, Any] = frame.message()
        kind = message.get("kind")
        if kind == "end_input":
            for inlet in self._inlets(message.get("task")):
                inlet.end()
        elif kind == "signal_tasks" and peer is self._srun:
            number = int(message["signal"])
            if number in (signal.SIGTERM, signal.SIGKILL):
                self._announce("CANCELLED", number == signal.SIGKILL, time.time())
            self.signal(number, full=True)
        elif kind == "window_size" and self._wires.terminal is not None:
            stdio.resize(self._wires.terminal, int(message["rows"]), int(message["cols"]))

    def _inlets(self, rank: int | None) -> list[stdio.Inlet]:
        return [inlet for inlet in self._wires.inlets if rank is None or inlet.rank == rank]

    def _forget_lost(self) -> None:
        for control in [each for each in self._controls if each.lost]:
            self._controls.remove(control)
            control.close()
        for peer in [each for each in self._peers if each.lost]:
            self._peers.remove(peer)
            peer.close()
            if peer is self._srun:
                self._srun = None
                if not self._gone:
                    self.terminate("", hurry=True)
        self._wires.inlets = [inlet for inlet in self._wires.inlets if not inlet.closed]

    # --- the daemon -------------------------------------------------------------------------------------------------

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
            _write_line(2, f"control: {error}")
            control.lost = True

    def _obey(self, control: Control, message: dict[str, Any], descriptors: list[int]) -> None:
        kind = message["kind"]
        if kind == "attach" and descriptors:
            self._attach(descriptors[0], bool(message.get("stdin")), str(message.get("ahead") or "").encode("latin-1"))
        elif self._gone:
            return
        elif kind == "signal":
            self.signal(int(message["signal"]), full=bool(message.get("full")))
        elif kind == "terminate":
            self.terminate(str(message["ending"]), message.get("kill_wait"), bool(message.get("hurry")))
        elif kind == "suspend":
            self._suspend(not message.get("resume"))
        elif kind == "extend":
            self._ending.deadline = float(message["deadline"])
        elif kind == "usage":
            control.tell({"kind": USAGE, "ask": message["ask"], "tasks": usage.of_tasks(self._exits.tasks)})

    def _attach(self, descriptor: int, feeds: bool, ahead: bytes) -> None:
        peer = Peer(socket.socket(fileno=descriptor), ahead)
        peer.tell({"kind": "attached"})
        if self._gone:
            peer.tell({"kind": "step_ended", "node": self.order.node})
        self._peers.append(peer)
        if feeds:
            self._feeders.add(peer)

    def signal(self, number: int, full: bool) -> None:
        """To every process of the step, or to its tasks alone."""
        pids = descendants.below(os.getpid()) if full else [task.pid for task in self._exits.alive]
        descendants.send_each(pids, number)

    def terminate(self, word: str, kill_wait: float | None = None, hurry: bool = False) -> None:
        """End the step, gently unless there is a hurry."""
        now = time.time()
        first = self._ending.begin(word, now, kill_wait, hurry)
        if first and word and not (word == ENDED and self._exits.all_ended):
            self._announce("CANCELLED" if word == ENDED else word, hurry, now)
        if first and not hurry:
            pids = descendants.below(os.getpid())
            descendants.send_each(pids, signal.SIGCONT)
            descendants.send_each(pids, signal.SIGTERM)

    def _announce(self, word: str, hurry: bool, now: float) -> None:
        """The banner, once, by the first node."""
        if not self._announced and self.order.node_index == 0:
            self._announced = True
            self._tell_user(texts.banner(self.order.title, self.order.node, word, hurry, now, self.order.compat))

    def _suspend(self, stop: bool) -> None:
        if not stop:
            descendants.send_each(descendants.below(os.getpid()), signal.SIGCONT)
            return
        before: list[int] = []
        # What forks between the look and the signal is found by the next look.
        while (pids := descendants.below(os.getpid())) != before:
            descendants.send_each(pids, signal.SIGSTOP)
            before = pids

    def _tell_user(self, text: str) -> None:
        line = f"{self.order.log_name}: error: {text}"
        if self._srun is not None:
            self._srun.tell({"kind": "step_text", "text": line})
        else:
            _write_line(2 if self._wires.messages is None else self._wires.messages, line)


def _write_line(descriptor: int, line: str) -> None:
    """To a user's file or the step's log; a full disk must not cost the step its supervisor."""
    try:
        os.write(descriptor, os.fsencode(line + "\n"))
    except OSError:
        pass


def raw_ahead(order: Order) -> bytes:
    """What the daemon had read of srun's connection beyond the launch."""
    return str(order.raw.get("ahead") or "").encode("latin-1")


def _keep_alive(sock: socket.socket) -> None:
    """A srun whose host is gone is noticed within about a minute."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
