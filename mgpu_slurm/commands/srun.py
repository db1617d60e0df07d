"""srun: tasks on the nodes of an allocation, its own or the one around it, with their streams, signals and exit status."""

from __future__ import annotations

import os

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import allocating, stepasking, stepfiles, stepsignals, surroundings
from mgpu_slurm.commands.report import Notes, error_status, exit_status
from mgpu_slurm.commands.sbatch import refused, test
from mgpu_slurm.commands.session import Session, find_session, new_request_id
from mgpu_slurm.commands.stepio import Source
from mgpu_slurm.commands.steplaunch import Launch, LaunchError
from mgpu_slurm.commands.steploop import Plan, StepLoop
from mgpu_slurm.intake import bindings, exports, submit
from mgpu_slurm.wire import frames, jsontext
from mgpu_slurm.wire.sink import Sink, is_null, label_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SIGNALS = (1, 2, 3, 10, 12, 14, 15, 18, 28)
_UNSUPPORTED = (("no_allocate", "--no-allocate"), ("async", "--async"), ("x11", "--x11"))


def run(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = "-") -> int:
    """The command. Returns its exit status; UsageError and ConfigError are the rim's to print."""
    session = find_session(environ, cluster)
    try:
        asked = submit.parse("srun", argv, environ, cwd, compat=session.compat)
    except submit.Finished as done:
        streams.out.write(done.text)
        return done.status
    notes = Notes("srun", streams, asked.client, session.compat)
    for line in asked.warnings:
        notes.line(line)
    client = asked.client
    for name, option in _UNSUPPORTED:
        if client.get(name) not in (None, False, "none"):
            raise UsageError(f"{option} is not supported by this cluster", 1)
    if len(asked.components) > 1:
        raise UsageError("steps over several components of a heterogeneous job are not supported by this cluster", 1)
    session.ensure(environ)
    if client.get("test_only"):
        surroundings.complete(asked.requests[0], environ, client.get("propagate"))
        return test(session, {"kind": "allocate", "requests": asked.requests, "test_only": True}, notes, environ)
    with_signals = stepsignals.SignalPipe(number for number in _SIGNALS if number not in (client.get("ignore_signals") or ()))
    try:
        return Srun(session, asked, environ, cwd, notes, with_signals).run()
    finally:
        with_signals.close()


class Srun:
    """One srun, from its options to its exit status."""

    def __init__(
        self, session: Session, asked: submit.Submission, environ: Mapping[str, str], cwd: str, notes: Notes,
        signals: stepsignals.SignalPipe,
    ) -> None:  # fmt: skip
        self.session = session
        self.component = asked.components[0]
        self.client = self.component.client
        self.environ = environ
        self.cwd = cwd
        self.notes = notes
        self.signals = signals
        self.owner: allocating.Owner | None = None
        self.multi_prog = ""
        self.mpi = self._mpi()

    def run(self) -> int:
        """Allocate where there is no allocation yet, run the step, give back."""
        if self.client.get("multi_prog"):
            from mgpu_slurm.commands import multiprog

            self.multi_prog = multiprog.read(self.component.operands[0], self.cwd)
        jobid = self.client.get("jobid")
        try:
            if jobid:
                state = stepasking.existing(self.session, str(jobid), self.notes)
                facts, addresses = state["facts"], state.get("node_addresses") or {}
                self._check_size(facts)
            else:
                owner = self.owner = self._allocate()
                facts, addresses = owner.facts or {}, owner.addresses
        except (stepasking.NoStep, _Refused):
            return error_status(self.environ, self._at_once() and not jobid)
        except allocating.Revoked as revoked:
            return self._revoked(revoked)
        status = 1 << 8
        try:
            status = self._step(facts, addresses)
        except stepasking.NoStep:
            return error_status(self.environ)
        except (UsageError, stepfiles.CannotOpen) as error:
            if isinstance(error, UsageError):
                raise
            self.notes.error(str(error))
            return error_status(self.environ)
        finally:
            if self.owner is not None:
                self.owner.release(status, self.notes)
        return exit_status(status)

    def _mpi(self) -> str:
        """How the tasks of a parallel program find each other: --mpi, else the configuration's. UsageError."""
        asked = self.client.get("mpi")
        if asked:
            return str(asked)
        config = self.session.config
        default = str(config.get("MpiDefault") or "none") if config is not None else "none"
        return bindings.mpi_type(default)

    # --- the allocation ---------------------------------------------------------------------------------------------

    def _allocate(self) -> allocating.Owner:
        request = self.component.request
        surroundings.complete(request, self.environ, self.client.get("propagate"))
        message = {"kind": "allocate", "requests": [request], "request_id": new_request_id()}
        immediate = int(request.get("immediate") or 0)
        try:
            owner = allocating.ask(self.session, message, self.notes, immediate)
        except SlurmError as error:
            refused(self.notes, error, "Unable to allocate resources: ")
            raise _Refused from None
        allocating.wait(owner, self.notes, self.signals, immediate)
        return owner

    def _revoked(self, revoked: allocating.Revoked) -> int:
        if revoked.signal:
            self.notes.info(f"Job allocation {revoked.job_id} has been revoked")
            self.notes.info(f"Force Terminated JobId={revoked.job_id}")
        elif self._at_once():
            self.notes.error(f"Unable to allocate resources: {revoked.text}")
            return error_status(self.environ, True)
        else:
            self.notes.info("Job has been cancelled")
            self.notes.error("Unable to allocate resources: Job/step already completing or completed")
        return error_status(self.environ)

    def _at_once(self) -> bool:
        return bool(self.component.request.get("immediate"))

    def _check_size(self, facts: Mapping[str, Any]) -> None:
        """More nodes than the allocation has are refused without asking."""
        wanted = self.component.request.get("min_nodes")
        have = len(facts["allocation"].get("shares") or ())
        if isinstance(wanted, int) and wanted > have:
            self.notes.error(f"Only allocated {have} nodes asked for {wanted}")
            raise stepasking.NoStep

    # --- the step ---------------------------------------------------------------------------------------------------

    def _step(self, facts: dict[str, Any], addresses: Mapping[str, Any]) -> int:
        """Create, launch and follow the step: its wait status. NoStep, UsageError, CannotOpen."""
        job_id = int(facts["job_id"])
        request = submit.step(self.component, job_id)
        if self.owner is not None:
            self._whole(request, facts)
        created = stepasking.create(self.session, request, self.notes, self.signals, self.owner)
        step_id, layout = str(created["step_id"]), created["layout"]
        plan = Plan(f"{job_id}.{step_id}", int(layout.get("ntasks", 1)))
        status, failed = 1 << 8, True
        try:
            if self.client.get("multi_prog"):
                from mgpu_slurm.commands import multiprog

                self.multi_prog = multiprog.records(self.multi_prog, self.component.operands[0], plan.ntasks)
            status = self._launch(plan, facts, created, {**addresses, **(created.get("node_addresses") or {})})
            failed = False
        except LaunchError as error:
            self.notes.error(f"Task launch for StepId={plan.step} failed on node {error.node}: {error.text}")
            self.notes.error(f"Application launch failed: {error.text}")
        finally:
            if self.owner is None or failed:
                stepasking.done(self.session, job_id, step_id, status, failed, self.notes)
        return status

    def _whole(self, request: dict[str, Any], facts: Mapping[str, Any]) -> None:
        """The step of an allocation of its own uses all its nodes, of which --nodelist may have named only some."""
        nodes = [share["node"] for share in facts["allocation"].get("shares") or ()]
        if set(hostlist.expand(request.get("nodelist") or "")) < set(nodes):
            request.pop("nodelist", None)
            request["min_nodes"] = len(nodes)

    def _launch(self, plan: Plan, facts: Mapping[str, Any], created: Mapping[str, Any], addresses: Mapping[str, Any]) -> int:
        client = self.client
        name = str(self.component.request.get("name") or "")
        known = stepfiles.values(facts, str(created["step_id"]), name, self.session.compat)
        out, err = stepfiles.outputs(client, known, plan.ntasks, self.cwd, self.session.compat)
        source = stepfiles.source(client.get("input"), known, plan.ntasks, self.cwd, 0)
        pty = "pty" in client and self._terminal()
        if pty:
            source.only = 0
        if source.fd >= 0 and is_null(source.fd):
            source = stepfiles.Stream(remote="none")
        if self._hook("prolog"):
            self.notes.error("srun prolog failed rc = 1. Aborting step.")
            where = "launch/slurm: launch_p_step_launch: " if self.session.compat < (23, 2) else ""
            self.notes.info(f"{where}StepId={plan.step} aborted before step completely launched.")
            return 0  # no failure in Slurm either
        parts = created["layout"].get("nodes") or []
        descriptors: dict[str, int] = {}
        label = bool(client.get("label"))
        if not pty:
            for stream, text in ((out, "stdout"), (err, "stderr")):
                if not label and stream.only is None and not stream.remote and stepfiles.can_pass(stream.fd):
                    descriptors[text] = stream.fd
            if (plan.ntasks == 1 or source.only is not None) and not source.remote and stepfiles.can_pass(source.fd):
                descriptors["stdin"] = source.fd
        message = self._message(plan, created, out, err, source, pty, addresses)
        self._describe(plan, created, out, err, source, pty)
        launch = Launch(message, descriptors, self.session.signers)
        if "bcast" in client and not client.get("multi_prog"):
            from mgpu_slurm.commands import bringing

            try:
                program = self.component.operands[0]
                launch.programs = bringing.bring(self.session, program, client, plan.step, parts, addresses, self.cwd)
            except bringing.NotBrought as problem:
                for line in problem.lines:
                    self.notes.error(line)
                self.notes.line(f"srun: fatal: Failed to broadcast '{problem.program}'. Step launch aborted.")
                return 1 << 8
        links = launch.start(parts, addresses)
        if "stdin" in descriptors and all(link.local for link in links if source.only in (None, *link.tasks)):
            plan.source = None
        interrupts = stepsignals.Interrupts(bool(client.get("disable_status")), bool(client.get("quit_on_interrupt")))
        loop = StepLoop(plan, links, self.notes, self.signals, interrupts, self.owner)
        raw = None
        if pty:
            from mgpu_slurm.commands import terminal

            raw = terminal.RawTerminal(source.fd)
        try:
            status = loop.run()
        finally:
            if raw is not None:
                raw.restore()
        failed = self._hook("epilog")
        if failed:
            self.notes.error(f"srun epilog failed status={failed}")
        return status

    def _terminal(self) -> bool:
        """Whether --pty can be: srun's input must be a terminal."""
        if os.isatty(0):
            return True
        self.notes.error("ioctl(TIOCGWINSZ): Inappropriate ioctl for device")
        self.notes.error("Not using a pseudo-terminal, disregarding --pty option")
        return False

    def _message(
        self, plan: Plan, created: Mapping[str, Any], out: stepfiles.Stream, err: stepfiles.Stream,
        source: stepfiles.Stream, pty: bool, addresses: Mapping[str, Any],
    ) -> dict[str, Any]:  # fmt: skip
        """LaunchTasks, without what differs by node."""
        client = self.client
        environment, problems = exports.apply(client.get("export"), self.environ)
        for text in problems:
            self.notes.error(text)
        if client.get("mpi") and self.mpi != "none":
            environment["SLURM_MPI_TYPE"] = self.mpi
        message: dict[str, Any] = {
            "kind": "launch_tasks", "spec": created["spec"], "mac": created["mac"], "argv": self.component.operands,
            "environment": environment, "work_dir": self.component.request.get("work_dir") or self.cwd,
            "umask": surroundings.umask(self.environ), "rlimits": surroundings.limits(client.get("propagate")),
            "std_in": source.remote, "std_out": out.remote, "std_err": err.remote, "stdin_task": source.only,
            "open_mode": str(client.get("open_mode") or "t"), "label": bool(client.get("label")),
            "unbuffered": bool(client.get("unbuffered")), "pty": pty, "multi_prog": self.multi_prog,
            "task_prolog": client.get("task_prolog") or "", "task_epilog": client.get("task_epilog") or "",
            "kill_on_bad_exit": bool(client.get("kill_on_bad_exit")), "mpi": self.mpi,
            "src_host": surroundings.host(), "src_address": _own_address(addresses),
        }  # fmt: skip
        if pty:
            from mgpu_slurm.commands import terminal

            message["pty_rows"], message["pty_cols"] = terminal.size(source.fd)
        return message

    def _describe(
        self, plan: Plan, created: Mapping[str, Any], out: stepfiles.Stream, err: stepfiles.Stream,
        source: stepfiles.Stream, pty: bool,
    ) -> None:  # fmt: skip
        """Fill in what the loop must know."""
        client = self.client
        width = label_width(plan.ntasks) if client.get("label") else 0
        by_line = plan.ntasks > 1 and not client.get("unbuffered") and not pty
        sinks: dict[int, Sink] = {}
        for channel, stream in ((frames.STDOUT, out), (frames.STDERR, err)):
            if stream.fd >= 0:
                sink = sinks.get(stream.fd) or Sink(stream.fd, width, by_line)
                sinks[stream.fd] = sink
                plan.outputs[channel] = (sink, stream.only)
        plan.source = Source(source.fd) if source.fd >= 0 else None
        plan.input_task = source.only
        plan.pty = pty
        spec = jsontext.loads(created["spec"].encode())
        plan.kill_wait = int(spec.get("kill_wait", 30)) if isinstance(spec, dict) else 30
        plan.kill_on_bad_exit = bool(client.get("kill_on_bad_exit"))
        plan.no_kill = bool(self.component.request.get("no_kill"))
        plan.wait = int(client.get("wait") or 0)
        plan.reduce = self.environ.get("SLURM_SRUN_REDUCE_TASK_EXIT_MSG", "0") not in ("", "0")

    def _hook(self, which: str) -> int:
        """Run --prolog or --epilog here, with the command as arguments: its exit code, 1 where a signal ended it, 0 where
        it is none or cannot be run."""
        program = self.client.get(which)
        if not program or program == "none":
            return 0
        surround = {**self.environ, "SLURM_SCRIPT_CONTEXT": f"{which}_srun"}
        try:
            child = os.posix_spawnp(program, [program, *self.component.operands], surround)
        except OSError as error:
            self.notes.info(f"Access denied for {program}: {error.strerror}")
            return 0
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            self.notes.error("script did not exit normally")
            return 1
        return os.waitstatus_to_exitcode(status)


class _Refused(Exception):
    """The allocation is refused; the user has been told."""


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
