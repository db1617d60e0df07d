"""srun: tasks on the nodes of an allocation, its own or the one around it, with their streams, signals and exit status."""

from __future__ import annotations

import os

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import ESLURMD_INVALID_ACCT_FREQ, SlurmError, UsageError, strerror
from mgpu_slurm.commands import allocating, stepasking, stepchecks, stepfiles, steppart, stepsignals, surroundings
from mgpu_slurm.commands.report import Notes, error_status, exit_status
from mgpu_slurm.commands.sbatch import refused, test
from mgpu_slurm.commands.session import Session, find_session, new_request_id
from mgpu_slurm.commands.steplaunch import LaunchError
from mgpu_slurm.commands.steploop import StepLoop
from mgpu_slurm.commands.stepplan import Plan
from mgpu_slurm.intake import submit
from mgpu_slurm.wire import jsontext
from mgpu_slurm.wire.sink import Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mgpu_slurm.commands.steplaunch import NodeLink

_SIGNALS = (1, 2, 3, 10, 12, 14, 15, 18, 28)
_UNSUPPORTED = (("no_allocate", "--no-allocate"), ("async", "--async"), ("x11", "--x11"))


def run(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = "-") -> int:
    """The command. Returns its exit status; UsageError and ConfigError are the rim's to print."""
    session = find_session(environ, cluster)
    try:
        asked = submit.parse("srun", argv, environ, cwd, compat=session.compat, governors=session.governors)
    except submit.Finished as done:
        streams.out.write(done.text)
        return done.status
    notes = Notes("srun", streams, asked.components[-1].client, session.compat)
    for line in asked.warnings:
        notes.line(line)
    notes.defined(asked.components, environ)
    client = asked.client
    for name, option in _UNSUPPORTED:
        if client.get(name) not in (None, False, "none"):
            raise UsageError(f"{option} is not supported by this cluster", 1)
    surroundings.without_reserved(asked.requests, session, notes)
    session.ensure(environ)
    if "clusters" in client:
        from mgpu_slurm.commands import clusters

        clusters.of_request(client, session.cluster_name, "srun", streams)
    if client.get("test_only"):
        for component in asked.components:
            surroundings.complete(component.request, environ, component.client.get("propagate"))
        return test(session, {"kind": "allocate", "requests": asked.requests, "test_only": True}, notes, environ)
    if "bcast" in client or "SLURM_TEST_EXEC" in environ:
        _must_execute(asked, cwd)
    with_signals = stepsignals.SignalPipe(number for number in _SIGNALS if number not in (client.get("ignore_signals") or ()))
    try:
        return Srun(session, asked, environ, cwd, notes, with_signals).run()
    finally:
        with_signals.close()


def _must_execute(asked: submit.Submission, cwd: str) -> None:
    """Programs must be there on this host. A request shows the whole path then. UsageError."""
    from mgpu_slurm.commands import bringing

    for component in asked.components:
        if component.operands and not component.client.get("multi_prog"):
            path = bringing.found(component.operands[0], cwd)
            if not (os.path.isfile(path) and os.access(path, os.R_OK | os.X_OK)):
                raise UsageError([("fatal", f"Can not execute {component.operands[0]}")], 1)
            component.request["argv"] = [path, *component.operands[1:]]


class Srun:
    """One srun, from its options to its exit status."""

    def __init__(
        self, session: Session, asked: submit.Submission, environ: Mapping[str, str], cwd: str, notes: Notes,
        signals: stepsignals.SignalPipe,
    ) -> None:  # fmt: skip
        self.session = session
        self.components = asked.components
        self.client = asked.client
        self.environ = environ
        self.cwd = cwd
        self.notes = notes
        self.signals = signals
        self.owner: allocating.Owner | None = None
        if session.config is not None:
            for key, which in (("SrunProlog", "prolog"), ("SrunEpilog", "epilog")):
                if session.config.get(key):
                    self.client.setdefault(which, str(session.config.get(key)))
        for component in asked.components:
            steppart.mpi_type(component.client, session)  # refused before anything is asked for

    def run(self) -> int:
        """Allocate where there is no allocation yet, run the step, give back."""
        programs = [self._multi_prog(component) for component in self.components]
        jobid = self.client.get("jobid")
        try:
            if jobid:
                for component in self.components:
                    stepchecks.ignored(component, self.notes)
                state = stepasking.existing(self.session, str(jobid), self.notes)
                facts, addresses = state["facts"], state.get("node_addresses") or {}
            else:
                owner = self.owner = self._allocate()
                facts, addresses = owner.facts or {}, owner.addresses
            parts = self._parts(facts)
            if self.notes.verbose:
                from mgpu_slurm.commands import verbosity

                verbosity.allocated(self.notes, parts)
            if jobid:
                for part in parts:
                    stepchecks.size(part, self.notes)
                    stepchecks.devices(part, self.session, self.notes)
        except (stepasking.NoStep, _Refused):
            return error_status(self.environ, bool(self._at_once()) and not jobid)
        except allocating.Revoked as revoked:
            return self._revoked(revoked)
        for part, program in zip(parts, programs, strict=True):
            part.multi_prog = program
        environ = self.environ
        if self.owner is not None and len(parts) > 1:
            from mgpu_slurm.facts import environ as facts_environ

            environ = {**environ, **facts_environ.srun_environment(facts)}
        status = 1 << 8
        try:
            status = self._step(parts, addresses, environ)
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

    def _multi_prog(self, component: submit.Component) -> str:
        """The text of a component's --multi-prog file."""
        if not component.client.get("multi_prog"):
            return ""
        from mgpu_slurm.intake import multiprog

        return multiprog.read(component.operands[0], self.cwd)

    def _parts(self, facts: dict[str, Any]) -> list[steppart.Part]:
        """Each component with the job that it is for. NoStep: there is no such component."""
        jobs = facts.get("components") or []
        highest = max(component.group for component in self.components)
        if not jobs and len(self.components) > 1:
            stepchecks.parts(self.components, facts, self.notes)
            return [steppart.Part(self.session, component, facts) for component in self.components]
        if not jobs and self.owner is not None:
            highest = 0  # a job of its own is what it is, whichever component was named
        if highest > max(len(jobs) - 1, 0):
            if len(self.components) == 1:
                text = f"Requested het-group offset exceeds highest hetjob index ({highest} > {max(len(jobs) - 1, 0)})"
            else:
                text = f"Attempt to run a job step with het group value of {highest}"
                text += f", but the job allocation has maximum value of {len(jobs) - 1}"
            self.notes.error(text)
            raise stepasking.NoStep
        if not jobs and self.owner is None and self.client.get("het_group"):
            self.notes.error("No directives to start application on any available hetjob components")
            raise stepasking.NoStep
        return [
            steppart.Part(self.session, component, jobs[component.group] if jobs else facts) for component in self.components
        ]

    # --- the allocation ---------------------------------------------------------------------------------------------

    def _allocate(self) -> allocating.Owner:
        for component in self.components:
            surroundings.complete(component.request, self.environ, component.client.get("propagate"))
        requests = [component.request for component in self.components]
        message = {"kind": "allocate", "requests": requests, "request_id": new_request_id()}
        immediate = self._at_once()
        try:
            owner = allocating.ask(self.session, message, self.notes, immediate)
        except SlurmError as error:
            refused(self.notes, error, "Unable to allocate resources: ")
            raise _Refused from None
        allocating.wait(owner, self.notes, self.signals, immediate)
        if owner.preparing:
            nodes = hostlist.fold([share["node"] for share in (owner.facts or {})["allocation"]["shares"]])
            if allocating.prepared(owner, self.notes, self.signals):
                self.notes.detail(f"Nodes {nodes} are ready for job")
                return owner
            self.notes.error(f"Nodes {nodes} are still not ready")
            self.notes.error("Something is wrong with the boot of the nodes.")
            raise _Refused
        return owner

    def _revoked(self, revoked: allocating.Revoked) -> int:
        if revoked.signal:
            self.notes.info(f"Job allocation {revoked.job_id} has been revoked")
            for offset in range(len(self.components)):
                self.notes.info(f"Force Terminated JobId={revoked.job_id + offset}")
        elif self._at_once():
            self.notes.error(f"Unable to allocate resources: {revoked.text}")
            return error_status(self.environ, True)
        else:
            self.notes.info("Job has been cancelled")
            self.notes.error("Unable to allocate resources: Job/step already completing or completed")
        return error_status(self.environ)

    def _at_once(self) -> int:
        """Seconds within which the allocation must start, 0 for no such wish."""
        return max(int(component.request.get("immediate") or 0) for component in self.components)

    # --- the step ---------------------------------------------------------------------------------------------------

    def _step(self, parts: list[steppart.Part], addresses: Mapping[str, Any], environ: Mapping[str, str]) -> int:
        """Create, launch and follow the step: its wait status. NoStep, UsageError, CannotOpen."""
        for part in parts:
            stepchecks.ports(part, self.session, self.notes)
        requests = [part.request for part in parts]
        if self.owner is not None:
            for part, request in zip(parts, requests, strict=True):
                self._whole(request, part.facts)
        created = stepasking.create(self.session, requests, self.notes, self.signals, self.owner)
        before = 0
        for part, one in zip(parts, [created, *(created.get("others") or ())], strict=True):
            part.created, part.before = one, before
            before += part.ntasks
        plan = Plan(parts[0].name, before)
        status, failed = 1 << 8, True
        try:
            for part in parts:
                if part.client.get("multi_prog"):
                    from mgpu_slurm.intake import multiprog

                    part.multi_prog = multiprog.records(part.multi_prog, part.component.operands[0], part.ntasks)
            status = self._launch(plan, parts, {**addresses, **(created.get("node_addresses") or {})}, environ)
            failed = False
        except LaunchError as error:
            self.notes.error(f"Task launch for StepId={plan.step} failed on node {error.node}: {error.text}")
            self.notes.error(f"Application launch failed: {error.text}")
            if error.code == ESLURMD_INVALID_ACCT_FREQ:
                self.notes.info("Job step aborted")
                status = (error.code & 0xFF) << 8
        finally:
            if self.owner is None or failed:
                for part in parts:
                    stepasking.done(self.session, part.job_id, part.step_id, status, failed, self.notes)
        return status

    def _whole(self, request: dict[str, Any], facts: Mapping[str, Any]) -> None:
        """The step of an allocation of its own uses all its nodes, of which --nodelist may have named only some, but where that
        tells the node of each task."""
        nodes = [share["node"] for share in facts["allocation"].get("shares") or ()]
        named = set(hostlist.expand(request.get("nodelist") or ""))
        if named < set(nodes) and not str(request.get("distribution")).startswith("arbitrary"):
            request.pop("nodelist", None)
            request["min_nodes"] = len(nodes)

    def _launch(
        self, plan: Plan, parts: list[steppart.Part], addresses: Mapping[str, Any], environ: Mapping[str, str]
    ) -> int:
        client, first = self.client, parts[0]
        sinks: dict[tuple[int, int], Sink] = {}
        for part in parts:
            part.open(self.cwd, self.notes)
        stepfiles.share([stream for part in parts for stream in (part.out, part.err)])
        failed = self._hook("prolog", first)
        if failed:
            self.notes.error(f"srun prolog failed rc = {failed}. Aborting step.")
            where = "launch/slurm: launch_p_step_launch: " if self.session.compat < (23, 2) else ""
            self.notes.info(f"{where}StepId={plan.step} aborted before step completely launched.")
            return 0  # no failure in Slurm either
        for part in parts:
            self._sampled(part)
            part.connect(sinks, plan.ntasks)
        self._describe(plan, first)
        if self.notes.verbose:
            from mgpu_slurm.commands import verbosity

            verbosity.launching(self.notes, parts)
        links: list[NodeLink] = []
        try:
            for part in parts:
                launch = part.launch(environ, self.cwd, addresses, len(parts) == 1, self.notes)
                begun = launch.start(part.nodes, addresses)
                for link in begun:
                    link.before, link.step, link.outputs = part.before, part.name, part.outputs
                links += begun
                if part.took_input(launch, begun):
                    plan.source = None
        except BaseException as problem:
            for link in links:
                link.close()
            if not isinstance(problem, steppart.NotBrought):
                raise
            return 1 << 8
        interrupts = stepsignals.Interrupts(bool(client.get("disable_status")), bool(client.get("quit_on_interrupt")))
        loop = StepLoop(plan, links, self.notes, self.signals, interrupts, self.owner)
        raw = None
        if first.pty:
            from mgpu_slurm.commands import terminal

            raw = terminal.RawTerminal(first.source.fd)
        try:
            status = loop.run()
        finally:
            if raw is not None:
                raw.restore()
        failed = self._hook("epilog", first)
        if failed:
            self.notes.error(f"srun epilog failed status={failed}")
        return status

    def _sampled(self, part: steppart.Part) -> None:
        """Each node refuses a step whose tasks are to be looked at less often than the cluster does. LaunchError."""
        wanted = (part.component.request.get("other") or {}).get("acctg-freq")
        if wanted is None or self.session.config is None:
            return
        from mgpu_slurm.intake import sampling

        seconds = sampling.of_tasks(str(wanted))
        if seconds is None or sampling.permitted(seconds, sampling.of_cluster(self.session.config)):
            return
        text = strerror(ESLURMD_INVALID_ACCT_FREQ, self.session.compat)
        *others, last = [str(node["node"]) for node in part.nodes]
        for node in others:
            self.notes.error(f"Task launch for StepId={part.name} failed on node {node}: {text}")
        raise LaunchError(last, ESLURMD_INVALID_ACCT_FREQ, text)

    def _describe(self, plan: Plan, first: steppart.Part) -> None:
        """Fill in what the loop must know."""
        client = self.client
        plan.source = first.input()
        plan.input_task = first.source.only
        plan.pty = first.pty
        spec = jsontext.loads(first.created["spec"].encode())
        plan.kill_wait = int(spec.get("kill_wait", 30)) if isinstance(spec, dict) else 30
        plan.kill_on_bad_exit = bool(client.get("kill_on_bad_exit"))
        plan.no_kill = bool(first.component.request.get("no_kill"))
        plan.wait = int(client.get("wait") or 0)
        plan.debug = bool(client.get("debugger_test"))
        plan.reduce = self.environ.get("SLURM_SRUN_REDUCE_TASK_EXIT_MSG", "0") not in ("", "0")

    def _hook(self, which: str, part: steppart.Part) -> int:
        """Run --prolog or --epilog here, with the command as arguments: its exit code, 1 where a signal ended it, 0 where
        it is none or cannot be run."""
        program = self.client.get(which)
        if not program or program == "none":
            return 0
        from mgpu_slurm.facts import environ_programs

        told = environ_programs.of_srun(part.facts, part.created, self.owner is not None)
        surround = {**self.environ, **told, "SLURM_SCRIPT_CONTEXT": f"{which}_srun"}
        try:
            child = os.posix_spawnp(program, [program, *self.components[0].operands], surround)
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
