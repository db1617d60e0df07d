"""sattach: the output of a step that runs, and its input.

Exit statuses, as of Slurm 22.05.8: the highest exit status of the tasks that end meanwhile; 1 for wrong arguments and for
a step that is not there; 0 where its nodes have no tasks any more.
"""

from __future__ import annotations

import select

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import ESLURM_INVALID_JOB_ID, ProtocolError, SlurmError, UsageError
from mgpu_slurm.commands import stepio
from mgpu_slurm.commands.filesending import near_or_far
from mgpu_slurm.commands.query_options import compat_without_cluster, query, read, told
from mgpu_slurm.commands.report import Notes, exit_status, processes
from mgpu_slurm.facts.queries import sattach as table
from mgpu_slurm.wire import frames
from mgpu_slurm.wire.sink import Sink, label_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Given
    from mgpu_slurm.commands.session import Session
    from mgpu_slurm.commands.terminal import RawTerminal
    from mgpu_slurm.wire.client import Connection


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    checks = dict.fromkeys([f"{name}_filter" for name in STREAMS], number)
    given = read(table.ROWS, argv, environ, "sattach", permute=False, checks=checks)
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sattach", version, streams):
        return 0
    job, step_id = operand(given, streams)
    filters: dict[str, int | None] = dict.fromkeys(STREAMS)
    for name in STREAMS:
        if given.has(f"{name}_filter"):
            filters[name] = int(given.text(f"{name}_filter"))
    if not given.has("error_filter"):
        filters["error"] = filters["output"]
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    notes = Notes("sattach", streams, {"quiet": given.has("quiet"), "verbose": given.count("verbose")}, session.compat)
    try:
        job_id = int(job) if job.isdecimal() else _element(session, job)
        setup = session.call({"kind": "get_job_setup", "job_id": job_id, "step_id": step_id})
    except SlurmError as error:
        notes.error(f"Could not get job step info: {error.text}")
        return 1
    layout: dict[str, Any] = setup.get("layout") or {}
    if given.has("layout"):
        streams.out.write(layout_text(layout))
        return 0
    follower = Follower(notes, layout, filters, given.has("label"), streams.stdin_fd)
    follower.debug = given.has("debugger_test")
    follower.attach(job_id, step_id, setup.get("node_addresses") or {}, session.signers)
    raw = _raw_terminal(streams.stdin_fd) if given.has("pty") else None
    try:
        return follower.run()
    finally:
        if raw is not None:
            raw.restore()


NAMED = ("batch", "extern", "interactive")
"""Steps that have no number."""


def _raw_terminal(descriptor: int) -> RawTerminal | None:
    """--pty: what is typed goes to the task's terminal as it is. None where nothing is typed."""
    import os

    if not os.isatty(descriptor):
        return None
    from mgpu_slurm.commands import terminal

    return terminal.RawTerminal(descriptor)


def _element(session: Session, job: str) -> int:
    """The id of its own that an element of an array or a component has. Raises SlurmError 2017."""
    columns, count, _ = query(session, "jobs", ["job_id"], {"ids": [job]})
    if count != 1:
        raise SlurmError(ESLURM_INVALID_JOB_ID)
    return int(columns["job_id"][0])


def operand(given: Given, streams: Streams) -> tuple[str, str]:
    """Job, "5", "5_1" or "5+1", and step. UsageError."""
    if len(given.operands) != 1:
        streams.out.write(table.USAGE)
        raise UsageError("too many parameters", 1)
    job, dot, step = given.operands[0].partition(".")
    if not dot:
        streams.out.write(table.USAGE)
        raise UsageError("Failed to parse stepid from command line options", 1)
    if not (step.isascii() and (step.isdecimal() or step in NAMED)):
        raise UsageError([("fatal", f"Bad step specified: {job}")], 1)
    sign = next((sign for sign in "_+" if sign in job), "")
    whole, _, part = job.partition(sign) if sign else (job or "0", "", "0")
    if sign == "_" and whole.isdecimal() and not (part.isascii() and part.isdecimal()):
        raise UsageError([("fatal", f"Bad job array element specified: {whole}")], 1)
    if not (whole + part).isascii() or not whole.isdecimal() or not part.isdecimal():
        raise UsageError([("fatal", f"Bad step specified: {job}")], 1)
    return job or "0", step


STREAMS = ("input", "output", "error")
"""Of a task, which a filter may choose."""


def number(text: str, given: Given) -> None:
    """Whether the text of the filter just given is a task. UsageError."""
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(f'Invalid numeric value "{text}" for {given.order[-1].replace("_", "-")}.', 1)


def layout_text(layout: Mapping[str, Any]) -> str:
    """--layout."""
    parts = layout.get("nodes") or []
    names = hostlist.fold([str(part["node"]) for part in parts])
    lines = ["Job step layout:", f"\t{layout.get('ntasks', 1)} tasks, {len(parts)} nodes ({names})", ""]
    for index, part in enumerate(parts):
        tasks = part.get("tasks") or []
        lines.append(f"\tNode {index} ({part['node']}), {len(tasks)} task(s): {''.join(f'{task} ' for task in tasks)}")
    return "\n".join(lines) + "\n"


class Follower:
    """The conversation with the supervisors of a step."""

    def __init__(
        self, notes: Notes, layout: Mapping[str, Any], filters: Mapping[str, int | None], label: bool, stdin_fd: int
    ) -> None:
        self._notes = notes
        self._tasks = {str(part["node"]): list(part.get("tasks") or ()) for part in layout.get("nodes") or ()}
        self._filters = filters
        width = label_width(int(layout.get("ntasks", 1))) if label else 0
        several = int(layout.get("ntasks", 1)) > 1
        self._sinks = {
            frames.STDOUT: (Sink(1, width, several), filters["output"]),
            frames.STDERR: (Sink(2, width, several), filters["error"]),
        }
        self._source = stepio.Source(stdin_fd)
        self.debug = False  # list the tasks' processes
        self._links: dict[Connection, str] = {}
        self._status = 0

    def attach(self, job_id: int, step_id: str, addresses: Mapping[str, Any], signers: Sequence[str]) -> None:
        """Connect to every node; one where the step has ended meanwhile is only told."""
        message = {"kind": "attach_step", "job_id": job_id, "step_id": step_id, "stdin": not self._source.done}
        listed: list[tuple[int, str]] = []
        for node in self._tasks:
            try:
                connection = near_or_far(addresses.get(node) or {"address": node}, signers)
                try:
                    attached = connection.request(message)
                except BaseException:
                    connection.close()
                    raise
            except SlurmError as error:
                self._notes.info(f"Node {node}: no tasks running")
                self._notes.detail(f"Node {node}: {error.text}")
                continue
            self._links[connection] = node
            listed += processes(self._tasks[node], node, attached)
        for _, line in sorted(listed) if self.debug else ():
            self._notes.info(line)

    def run(self) -> int:
        """Until every node has said its last word and all is written."""
        while self._links or any(sink.waiting for sink, _ in self._sinks.values()):
            self._turn()
            if not self._links:
                for sink, _ in self._sinks.values():
                    sink.finish()
            if all(sink.broken for sink, _ in self._sinks.values()):
                break
        for connection in list(self._links):
            connection.close()
        return self._status

    def _turn(self) -> None:
        poll = select.poll()
        ready = [connection for connection in self._links if connection.ready()]
        full = any(sink.full for sink, _ in self._sinks.values())
        by_number = {connection.fileno(): connection for connection in self._links}
        if not full:
            for descriptor in by_number:
                poll.register(descriptor, select.POLLIN)
        writing = {sink.fd: sink for sink, _ in self._sinks.values() if sink.waiting}
        for descriptor in writing:
            poll.register(descriptor, select.POLLOUT)
        reading = bool(self._links) and self._source.wanted()
        if reading:
            poll.register(self._source.fd, select.POLLIN)
        seen = dict(poll.poll(0 if ready and not full else 1000 if self._source.terminal else None))
        for descriptor, sink in writing.items():
            if descriptor in seen:
                sink.write()
        if not full:
            for connection in {*ready, *(by_number[each] for each in seen if each in by_number)}:
                self._receive(connection)
        if reading and self._source.fd in seen:
            self._feed()

    def _receive(self, connection: Connection) -> None:
        try:
            said = connection.receive(0.05)
        except TimeoutError:
            return  # part of a frame; the rest comes
        except (SlurmError, ProtocolError):
            self._lose(connection)
            return
        if isinstance(said, frames.Frame):
            sink, only = self._sinks.get(said.tag, (None, None))
            if sink is not None and only in (None, said.task):
                sink.put(said.tag, said.task, said.data)
        elif said.get("kind") == "task_exited":
            self._ended(said)
        elif said.get("kind") == "step_ended":
            self._lose(connection)

    def _lose(self, connection: Connection) -> None:
        self._links.pop(connection, None)
        connection.close()

    def _ended(self, said: Mapping[str, Any]) -> None:
        status = int(said["status"])
        self._status = max(self._status, exit_status(status))
        if status & 0x7F:
            how = "exited with signal " + str(status & 0x7F)
        elif status:
            how = f"exited with exit code {status >> 8}"
        else:
            return
        for task in said["tasks"]:
            self._notes.error(f"task {task} {how}")

    def _feed(self) -> None:
        data = self._source.read()
        if not data and not self._source.done:
            return
        only = self._filters["input"]
        for connection in list(self._links):
            if not data:
                continue  # srun's own input may go on: the end of this one is nothing to the tasks
            if only is None or only in self._tasks[self._links[connection]]:
                try:
                    connection.send_channel(frames.STDIN, frames.ALL_TASKS if only is None else only, data)
                except SlurmError:
                    self._lose(connection)
