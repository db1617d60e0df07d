"""A step while it runs, seen from srun: one poll loop over its nodes, its streams, the signals and the controller."""

from __future__ import annotations

import select
import time

from mgpu_slurm.base.errors import ESLURMD_PROLOG_FAILED, ProtocolError, strerror
from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.commands import stepsignals
from mgpu_slurm.commands.report import TaskStates, exit_status, processes, task_end, tasks_text
from mgpu_slurm.commands.steplaunch import HIGH_WATER, NodeLink
from mgpu_slurm.wire import frames, keyspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from mgpu_slurm.commands.allocating import Owner
    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.stepio import Source
    from mgpu_slurm.commands.stepplan import Plan
    from mgpu_slurm.wire.sink import Sink

LAUNCH_STATUS = 1 << 8
AFTER_INTERRUPT = 0.1
"""Seconds that tasks have to end by the second Ctrl-C itself before they are killed."""

CONTROLLER_SAYS = 2.0
"""Seconds in which the controller's word about a failed Prolog is waited for."""

MARGIN = 2.0
"""Seconds on top of KillWait that an aborted step has, as Slurm grants them."""

_WRITES = 64
"""Pieces written in one turn before the other descriptors are looked at again."""


class StepLoop:
    """Runs a launched step to its end. `worst` is the wait status that counts for srun."""

    def __init__(
        self, plan: Plan, links: list[NodeLink], notes: Notes, signals: stepsignals.SignalPipe,
        interrupts: stepsignals.Interrupts, owner: Owner | None,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.worst = 0
        self._links = links
        self._notes = notes
        self._signals = signals
        self._interrupts = interrupts
        self._owner = owner
        self._states = TaskStates(plan.ntasks)
        self._exchange = keyspace.Exchange(len(links))
        self._sinks = list({id(sink): sink for link in links for sink, _ in link.outputs.values()}.values())
        self._last_report = -1
        self._quiet = False  # exits are expected and say nothing
        self._aborted = False
        self._terminated = False  # TERM was sent because one task has failed
        self._killed = False  # a task has ended by TERM or KILL
        self._short = False  # a task has been killed for memory
        self._broken = False
        self._told = False  # the controller has said something
        self._unlaunched = ""  # why some nodes have not started their tasks, until that is told
        self._stop = False  # the user does not want to wait for a reader that does not read
        self._first_exit = 0.0
        self._wait_at = 0.0
        self._kill_at = 0.0
        self._give_up_at = 0.0

    def run(self) -> int:
        """Until every node has said its last word and all output is written. Returns the wait status."""
        try:
            while any(link.open for link in self._links):
                self._turn()
                if self._give_up_at and time.monotonic() >= self._give_up_at:
                    self._notes.error("Timed out waiting for job step to complete")
                    break
            for sink in self._sinks:
                sink.finish()
            while any(sink.waiting for sink in self._sinks) and not self._stop:
                self._turn()
        finally:
            for link in self._links:
                link.close()
        if self._unlaunched:
            self._hear_the_end()
            self._tell_unlaunched()
        if self._killed and not self._aborted:
            self._notes.info(f"Force Terminated StepId={self.plan.step}")
        return self.worst

    # --- one turn ---------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        poll = select.poll()
        full = any(sink.full for sink in self._sinks)
        poll.register(self._signals.fileno(), select.POLLIN)
        by_number: dict[int, NodeLink] = {}
        for link in self._links:
            if link.open:
                events = (0 if full else select.POLLIN) | (select.POLLOUT if link.waiting else 0)
                if events:
                    by_number[link.fileno()] = link
                    poll.register(link.fileno(), events)
        writing = {sink.fd: sink for sink in self._sinks if sink.waiting}
        for number in writing:
            poll.register(number, select.POLLOUT)
        source = self._source()
        if source is not None:
            poll.register(source.fd, select.POLLIN)
        owner = self._owner.fileno() if self._owner is not None else None
        if owner is not None:
            poll.register(owner, select.POLLIN)
        seen = dict(poll.poll(self._timeout()))
        for number in self._signals.take():
            self._signal(number)
        for number, sink in writing.items():
            if number in seen:
                self._write(sink)
        for number, link in by_number.items():
            if number in seen:
                self._link_ready(link, seen[number])
        if source is not None and source.fd in seen:
            self._feed(source)
        if self._owner is not None:
            for event in self._owner.events(owner in seen):
                self._event(event)
        self._timers(time.monotonic())

    def _source(self) -> Source | None:
        source = self.plan.source
        if source is None or source.done or any(link.queued > HIGH_WATER for link in self._links):
            return None
        return source if any(link.open for link in self._links) and source.wanted() else None

    def _timeout(self) -> float | None:
        now = time.monotonic()
        times = [at - now for at in (self._wait_at, self._kill_at, self._give_up_at) if at]
        if self._owner is not None:
            left = self._owner.timeout()
            if left is not None:
                times.append(left)
        source = self.plan.source
        if source is not None and source.terminal and not source.done:
            times.append(1.0)  # srun may come to the foreground of its terminal, which nothing tells
        return max(min(times), 0.0) * 1000 + 1 if times else None

    def _timers(self, now: float) -> None:
        if self._wait_at and now >= self._wait_at:
            self._wait_at = 0.0
            self._notes.info(f"First task exited {int(now - self._first_exit + 0.5)}s ago")
            self._show()
            self._say_terminating()
            self._force()
        if self._kill_at and now >= self._kill_at:
            self._kill_at = 0.0
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.KILL})

    # --- streams ----------------------------------------------------------------------------------------------------

    def _write(self, sink: Sink) -> None:
        ready = select.poll()
        ready.register(sink.fd, select.POLLOUT)
        for _ in range(_WRITES):
            sink.write()
            if not sink.waiting or not ready.poll(0):
                break
        if sink.broken and not self._broken:
            # Nobody reads any more: the tasks hear what they would hear from a pipe of their own.
            self._broken = True
            if sink.failure:
                self._output_failed(sink.failure)
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.PIPE})

    def _output_failed(self, why: str) -> None:
        self._notes.error(f"write error: {why}")
        self.worst = max(self.worst, LAUNCH_STATUS, key=exit_status)

    def _feed(self, source: Source) -> None:
        data = source.read()
        if not data and not source.done:
            return
        task = self.plan.input_task
        for link in self._links:
            if task is not None and task not in link.tasks:
                continue
            if data:
                link.bulk(frames.STDIN, frames.ALL_TASKS if task is None else task, data)
            else:
                link.tell({"kind": "end_input"} if task is None else {"kind": "end_input", "task": task})

    def window(self, rows: int, columns: int) -> None:
        """Tell the task with a terminal about its size."""
        for link in self._links:
            if 0 in link.tasks:
                link.tell({"kind": "window_size", "rows": rows, "cols": columns})

    # --- nodes ------------------------------------------------------------------------------------------------------

    def _link_ready(self, link: NodeLink, seen: int) -> None:
        if seen & select.POLLOUT:
            link.flush()
        if not seen & ~select.POLLOUT:
            return
        try:
            for frame in link.receive():
                self._frame(link, frame)
        except ProtocolError as error:
            self._notes.error(f"{link.node}: {error}")
            link.close()
        if link.lost and not link.over:
            self._lost(link)

    def _frame(self, link: NodeLink, frame: frames.Frame) -> None:
        if frame.tag != frames.JSON:
            sink, only = link.outputs.get(frame.tag, (None, None))
            if sink is not None and only in (None, frame.task):
                sink.put(frame.tag, frame.task, frame.data)
            return
        message: dict[str, Any] = frame.message()
        kind = message.get("kind")
        if kind == "task_exited":
            self._exited(link, list(message["tasks"]), int(message["status"]), bool(message.get("oom")))
        elif kind == "tasks_started":
            link.started = True
            self._states.started.update(link.tasks)
            self._notes.detail(f"Node {link.node}, {len(link.tasks)} tasks started", "_task_start")
            if self.plan.debug:
                link.processes = processes(link.tasks, link.node, message)
                if all(other.started for other in self._links):
                    self._list_processes()
        elif kind == "step_ended":
            link.over = True
        elif kind == "step_text":
            self._text(str(message["text"]), bool(message.get("limit")))
        elif kind in keyspace.KINDS:
            for number, told in self._exchange.said(self._links.index(link), message):
                self._links[number].tell(told)
        elif kind == "output_failed":
            self._broken = True
            if message["text"]:
                self._output_failed(str(message["text"]))
        elif kind == "step_abort":
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.KILL})
        elif kind in ("launch_failed", "error"):
            self._launch_failed(link, message, kind == "error")

    def _list_processes(self) -> None:
        """Once for each part of the step, as Slurm's srun does."""
        for _ in {link.step for link in self._links}:
            for _, line in sorted(each for link in self._links for each in link.processes):
                self._notes.info(line)

    def _text(self, text: str, limit: bool) -> None:
        """`limit`: the step's own time is over, which srun lets happen without a word."""
        self._notes.line(text)
        if not limit and "*** STEP " in text and " CANCELLED AT " in text and not self._terminated:
            self._abort()

    def _launch_failed(self, link: NodeLink, message: dict[str, Any], refused: bool) -> None:
        text = strerror(int(message.get("code") or -1), self._notes.compat)
        if refused and self._aborted and not link.started:
            link.over = True  # the job was ended before the node came to it, which has been told; no failure in Slurm either
            return
        if refused:
            text = str(message.get("text") or text)
            self._notes.error(f"Task launch for StepId={self.plan.step} failed on node {link.node}: {text}")
            if message.get("code") == ESLURMD_PROLOG_FAILED:
                self._unlaunched = text
                self._states.failed.update(link.running)
                link.running.clear()
                link.over = True
                self.worst = (ESLURMD_PROLOG_FAILED & 0xFF) << 8
                return
            self._notes.error(f"Application launch failed: {text}")
            link.over = True
        else:
            self._notes.error(f"{tasks_text(link.tasks)} launch failed: {text}")
        self._states.failed.update(link.running)
        link.running.clear()
        self.worst = max(self.worst, LAUNCH_STATUS, key=exit_status)
        if any(other.open for other in self._links if other is not link):
            self._abort()
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.KILL})

    def _hear_the_end(self) -> None:
        """The controller ends a job of srun's own whose Prolog has failed, and says so."""
        end = time.monotonic() + CONTROLLER_SAYS
        while self._owner is not None and not self._told and time.monotonic() < end:
            poll = select.poll()
            number = self._owner.fileno()
            if number is not None:
                poll.register(number, select.POLLIN)
            seen = dict(poll.poll((end - time.monotonic()) * 1000))
            for event in self._owner.events(number in seen):
                self._event(event)

    def _tell_unlaunched(self) -> None:
        """Once every node has started its tasks or refused to: the step is over where one has refused."""
        if not self._unlaunched or any(link.open and not link.started for link in self._links):
            return
        self._notes.error(f"Application launch failed: {self._unlaunched}")
        self._unlaunched = ""
        if any(link.open for link in self._links):
            self._abort()
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.TERM})
        elif not self._aborted:
            self._notes.info("Job step aborted")

    def _exited(self, link: NodeLink, tasks: list[int], status: int, oom: bool) -> None:
        link.running.difference_update(tasks)
        self._states.ended(tasks, status)
        if oom:
            status, self._short = OUT_OF_MEMORY, True
        killed = status & 0x7F in (stepsignals.TERM, stepsignals.KILL)
        # A task that ends because nobody reads what srun writes has done no wrong, nor, as in Slurm, has one that is killed since
        # another was short of memory.
        blameless = (self._broken and status & 0x7F == stepsignals.PIPE) or (killed and self._short and self._terminated)
        self.worst = max(self.worst, 0 if blameless else status, key=exit_status)
        self._killed = self._killed or (killed and not blameless)
        named = [task - link.before for task in tasks]
        count = f"{len(named)} task{'s' if len(named) > 1 else ''}"
        received = f"Received task exit notification for {count} of StepId={link.step} (status=0x{status:04x})."
        self._notes.detail(received, "_task_finish")
        line = task_end(link.node, named, status, oom)
        if not line:
            self._notes.detail(f"{link.node}: {tasks_text(named)}: Completed", "_task_finish")
        elif not self._quiet and not blameless:
            if not (self.plan.reduce and status == self._last_report):
                self._notes.error(line)
            self._last_report = status
        for task in named:
            self._notes.debug(f"task {task} done")
        now = time.monotonic()
        if status and not blameless and self.plan.kill_on_bad_exit and self._others():
            self._terminate()
        if not self._first_exit:
            self._first_exit = now
            if self.plan.wait and self._others():
                self._notes.detail(f"First task exited. Terminating job in {self.plan.wait}s", "_setup_max_wait_timer")
                self._wait_at = now + self.plan.wait
        if not self._others():
            self._wait_at = 0.0

    def _others(self) -> bool:
        return any(link.running for link in self._links if link.open)

    def _lost(self, link: NodeLink) -> None:
        if not link.started and not link.running:
            return
        self._notes.error(f"Node failure on {link.node}")
        self._states.failed.update(link.running)
        link.running.clear()
        if not any(other.open for other in self._links):
            self.worst = max(self.worst, LAUNCH_STATUS, key=exit_status)
        elif not self.plan.no_kill:
            self._end_the_rest()

    def _end_the_rest(self) -> None:
        """A node is lost: as in Slurm that ends the job of a srun with an allocation of its own, elsewhere the step alone."""
        if self._owner is None:
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.KILL, "ending": ""})
            self._give_up_at = self._give_up_at or time.monotonic() + self.plan.kill_wait + MARGIN
            return
        self._abort()
        for number in (stepsignals.CONT, stepsignals.TERM):
            self._tell_all({"kind": "signal_tasks", "signal": number, "ending": "NODE_FAIL"})
        self._kill_at = time.monotonic() + self.plan.kill_wait

    # --- ends -------------------------------------------------------------------------------------------------------

    def _tell_all(self, message: dict[str, object]) -> None:
        for link in self._links:
            link.tell(message)

    def _show(self) -> None:
        for line in self._states.lines(self.plan.step):
            self._notes.info(line)

    def _abort(self) -> None:
        """From now on srun waits for the step's end only so long."""
        if self._aborted:
            return
        self._aborted = True
        seconds = self.plan.kill_wait + MARGIN
        self._give_up_at = time.monotonic() + seconds
        self._notes.info(f"Job step aborted: Waiting up to {seconds:.0f} seconds for job step to finish.")

    def _force(self, after: float = 0.0) -> None:
        """Kill all tasks, at once or `after` seconds."""
        if not any(link.open for link in self._links):
            self._stop = True
            return
        self._abort()
        if after:
            self._kill_at = time.monotonic() + after
        else:
            self._tell_all({"kind": "signal_tasks", "signal": stepsignals.KILL})

    def _say_terminating(self) -> None:
        where = "launch/slurm: _step_signal: " if self._notes.compat < (23, 2) else ""
        self._notes.info(f"{where}Terminating StepId={self.plan.step}")

    def _terminate(self) -> None:
        """-K: end all tasks gently: TERM, after KillWait KILL."""
        if self._terminated or self._aborted:
            return
        self._terminated = True
        self._say_terminating()
        for number in (stepsignals.CONT, stepsignals.TERM):
            self._tell_all({"kind": "signal_tasks", "signal": number})
        self._kill_at = time.monotonic() + self.plan.kill_wait

    def _event(self, event: dict[str, Any]) -> None:
        if event.get("event") == "message":
            self._told = True
            self._notes.info(str(event.get("text", "")))
        if event.get("event") == "ended" and self._others():
            if not any(link.started for link in self._links):
                where = "launch/slurm: launch_p_step_launch: " if self._notes.compat < (23, 2) else ""
                self._notes.info(f"{where}StepId={self.plan.step} aborted before step completely launched.")
            self._abort()

    def _signal(self, number: int) -> None:
        if number == stepsignals.INT:
            for action in self._interrupts.press(time.monotonic()):
                if action == stepsignals.SHOW:
                    self._notes.info("interrupt (one more within 1 sec to abort)")
                    self._show()
                elif action == stepsignals.FORWARD:
                    self._notes.info(f"sending Ctrl-C to StepId={self.plan.step}")
                    self._tell_all({"kind": "signal_tasks", "signal": number})
                else:
                    self._quiet = True
                    self._notes.info("forcing job termination")
                    self._force(AFTER_INTERRUPT)
        elif number in stepsignals.FORCING:
            if number == stepsignals.QUIT:
                self._notes.info("Quit")
            self._notes.info("forcing job termination")
            self._force()
        elif number == stepsignals.CONT:
            self._notes.info("got SIGCONT")
        elif number == stepsignals.WINCH:
            if self.plan.pty and self.plan.source is not None:
                from mgpu_slurm.commands import terminal

                try:
                    self.window(*terminal.size(self.plan.source.fd))
                except OSError:
                    pass  # the terminal is gone, and with it soon the task
        elif number in stepsignals.FORWARDED:
            self._tell_all({"kind": "signal_tasks", "signal": number})
