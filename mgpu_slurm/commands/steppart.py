"""One component of srun's command line as a part of the step: what runs, where, and which streams it has.

Most steps have one part. Those over several components of a heterogeneous job have more: each its command, options and
launch order; ranks, labels and the end of the step are common to them.
"""

from __future__ import annotations

import os

from mgpu_slurm.commands import stepfiles, surroundings
from mgpu_slurm.commands.stepio import Source
from mgpu_slurm.commands.steplaunch import Launch
from mgpu_slurm.intake import bindings, exports, merge, submit
from mgpu_slurm.wire import frames
from mgpu_slurm.wire.sink import Sink, is_null, label_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.session import Session
    from mgpu_slurm.commands.steplaunch import NodeLink

    Outputs = dict[int, tuple[Sink, int | None]]


class NotBrought(Exception):
    """A part's program could not be copied to its nodes; the user has been told why."""


class Part:
    """`before`: the tasks of the parts before it; `created` its StepCreated or StepPart, once there is one."""

    def __init__(self, session: Session, component: submit.Component, facts: dict[str, Any]) -> None:
        self.session = session
        self.component = component
        self.client = component.client
        self.facts = facts
        self.job_id = int(facts["job_id"])
        self.created: dict[str, Any] = {}
        self.before = 0
        self.multi_prog = ""
        self.mpi = mpi_type(component.client, session)
        self.pty = False
        self.out = self.err = self.source = stepfiles.Stream()
        self.outputs: Outputs = {}

    @property
    def request(self) -> dict[str, Any]:
        """The StepRequest."""
        return submit.step(self.component, self.job_id, self.session.compat)

    @property
    def step_id(self) -> str:
        return str(self.created["step_id"])

    @property
    def name(self) -> str:
        return f"{self.job_id}.{self.step_id}"

    @property
    def ntasks(self) -> int:
        return int(self.created["layout"].get("ntasks", 1))

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return self.created["layout"].get("nodes") or []

    def open(self, cwd: str, notes: Notes) -> None:
        """Find or open its streams. CannotOpen."""
        name = str(self.component.request.get("name") or "")
        known = stepfiles.values(self.facts, self.step_id, name, self.session.compat)
        self.source = stepfiles.source(self.client.get("input"), known, self.ntasks, cwd, 0)
        self.out, self.err = stepfiles.outputs(self.client, known, self.ntasks, cwd, self.session.compat)
        self.pty = "pty" in self.client and _terminal(notes)
        if self.pty:
            self.source.only = 0
        for stream in {id(one): one for one in (self.out, self.err, self.source)}.values():
            if stream.only is not None:
                stream.only += self.before
        if self.source.fd >= 0 and is_null(self.source.fd):
            self.source = stepfiles.Stream(remote="none")

    def connect(self, sinks: dict[tuple[int, int], Sink], total: int) -> None:
        """Where its tasks' output goes; parts that write to one place share a sink. `total`: tasks of the whole step."""
        width = label_width(total) if self.client.get("label") else 0
        by_line = total > 1 and not self.client.get("unbuffered") and not self.pty
        for channel, stream in ((frames.STDOUT, self.out), (frames.STDERR, self.err)):
            if stream.fd >= 0:
                sink = sinks.get((stream.fd, width)) or Sink(stream.fd, width, by_line)
                sinks[stream.fd, width] = sink
                self.outputs[channel] = (sink, stream.only)

    def input(self) -> Source | None:
        return Source(self.source.fd) if self.source.fd >= 0 else None

    def descriptors(self, alone: bool) -> dict[str, int]:
        """Files that may become the tasks' own, by name; input only where no other part (`alone`) or task wants it."""
        found: dict[str, int] = {}
        if self.pty:
            return found
        label = bool(self.client.get("label"))
        for stream, text in ((self.out, "stdout"), (self.err, "stderr")):
            if not label and stream.only is None and not stream.remote and stepfiles.can_pass(stream.fd):
                found[text] = stream.fd
        source = self.source
        one = alone and (self.ntasks == 1 or source.only is not None)
        if one and not source.remote and stepfiles.can_pass(source.fd):
            found["stdin"] = source.fd
        return found

    def launch(
        self, environ: Mapping[str, str], cwd: str, addresses: Mapping[str, Any], alone: bool, notes: Notes
    ) -> Launch:
        """How its tasks are started. NotBrought: its program cannot be copied to the nodes."""
        message = self._message(environ, cwd, addresses, notes)
        launch = Launch(message, self.descriptors(alone), self.session.signers)
        if "bcast" in self.client and not self.client.get("multi_prog"):
            from mgpu_slurm.commands import bringing

            program = self.component.operands[0]
            try:
                launch.programs = bringing.bring(
                    self.session, program, self.client, self.name, self.nodes, addresses, cwd, notes
                )
                launch.libraries = bool(self.client.get("send_libs"))
            except bringing.NotBrought as problem:
                for line in problem.lines:
                    notes.error(line)
                notes.line(f"srun: fatal: Failed to broadcast '{problem.program}'. Step launch aborted.")
                raise NotBrought from None
        return launch

    def took_input(self, launch: Launch, links: list[NodeLink]) -> bool:
        """Whether its tasks read srun's input themselves."""
        only = self.source.only
        return "stdin" in launch.descriptors and all(link.local for link in links if only in (None, *link.tasks))

    def _message(
        self, environ: Mapping[str, str], cwd: str, addresses: Mapping[str, Any], notes: Notes
    ) -> dict[str, Any]:
        """LaunchTasks, without what differs by node."""
        client = self.client
        loud = 3 + int(client.get("verbose") or 0) - int(client.get("quiet") or 0)
        known = {**environ, "SRUN_DEBUG": str(loud)}
        dependency = self.component.request.get("dependency", client.get("dependency"))
        if dependency is not None:
            known["SLURM_JOB_DEPENDENCY"] = str(dependency)
        if client.get("prolog", "none") != "none":
            known["SLURM_SCRIPT_CONTEXT"] = "prolog_srun"  # srun has told its own prolog so
        if client.get("slurmd_debug"):
            known["SLURMD_DEBUG"] = str(client["slurmd_debug"])
        surroundings.tell_container(known, self.component.request)
        environment, problems = exports.apply(client.get("export"), known)
        for text in problems:
            notes.error(text)
        if self.component.sources.get("name") == merge.COMMAND:
            environment["SLURM_JOB_NAME"] = str(self.component.request["name"])
        if self.mpi == "none":
            environment.pop("SLURM_MPI_TYPE", None)
        elif client.get("mpi"):
            environment["SLURM_MPI_TYPE"] = self.mpi
        created, out, err, source = self.created, self.out, self.err, self.source
        message: dict[str, Any] = {
            "kind": "launch_tasks", "spec": created["spec"], "mac": created["mac"], "argv": self.component.operands,
            "environment": environment, "work_dir": self.component.request.get("work_dir") or cwd,
            "umask": surroundings.umask(environ), "rlimits": surroundings.limits(client.get("propagate")),
            "std_in": source.remote, "std_out": out.remote, "std_err": err.remote, "stdin_task": source.only,
            "open_mode": str(client.get("open_mode") or "t"), "label": bool(client.get("label")),
            "unbuffered": bool(client.get("unbuffered")), "preserve_env": bool(client.get("preserve_env")),
            "pty": self.pty, "multi_prog": self.multi_prog,
            "task_prolog": client.get("task_prolog") or "", "task_epilog": client.get("task_epilog") or "",
            "kill_on_bad_exit": bool(client.get("kill_on_bad_exit")), "mpi": self.mpi,
            "debug": bool(client.get("debugger_test")),
            "src_host": surroundings.host(), "src_address": _own_address(addresses),
        }  # fmt: skip
        if self.pty:
            from mgpu_slurm.commands import terminal

            message["pty_rows"], message["pty_cols"] = terminal.size(source.fd)
        return message


def mpi_type(client: Mapping[str, Any], session: Session) -> str:
    """How the tasks of a parallel program find each other: --mpi, else the configuration's. UsageError."""
    asked = client.get("mpi")
    if asked:
        return str(asked)
    config = session.config
    default = str(config.get("MpiDefault") or "none") if config is not None else "none"
    return bindings.mpi_type(default)


def _terminal(notes: Notes) -> bool:
    """Whether --pty can be: srun's input must be a terminal."""
    if os.isatty(0):
        return True
    notes.error("ioctl(TIOCGWINSZ): Inappropriate ioctl for device")
    notes.error("Not using a pseudo-terminal, disregarding --pty option")
    return False


def _own_address(addresses: Mapping[str, Any]) -> str:
    """This host's address as the step's nodes see it."""
    import _socket

    hosts = [str(entry.get("address") or "") for entry in addresses.values()]
    far = next((host for host in hosts if host and not host.startswith("127.") and host != "localhost"), "")
    if not far:
        return "127.0.0.1"
    try:
        # A datagram socket only looks up the route.
        family, _, _, _, address = _socket.getaddrinfo(far, 9, 0, _socket.SOCK_DGRAM)[0]
        sock = _socket.socket(family, _socket.SOCK_DGRAM, 0)
        try:
            sock.connect(address)
            return str(sock.getsockname()[0])
        finally:
            sock.close()
    except OSError:
        return "127.0.0.1"
