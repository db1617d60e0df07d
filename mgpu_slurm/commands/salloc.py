"""salloc: an allocation, a command or shell that runs with it on this host, and the end of both.

On a terminal the command is a process group of its own in the foreground, may be stopped and continued, and salloc with it.
"""

from __future__ import annotations

import errno
import os
import select

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import ESLURM_NODE_NOT_AVAIL, SlurmError, UsageError, strerror
from mgpu_slurm.commands import allocating, stepsignals, surroundings
from mgpu_slurm.commands.report import Notes, error_status
from mgpu_slurm.commands.sbatch import refused
from mgpu_slurm.commands.session import Session, find_session, new_request_id
from mgpu_slurm.intake import submit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SIGNALS = (1, 2, 3, 10, 12, 15, 17, 18)
_CHILD = 17
_USERS_OWN = (1, 2, 3, 9)
"""A command that ended by HUP, INT, QUIT or KILL was most likely ended by its user: no failure. (Measured on 22.05.)"""


def run(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = "-") -> int:
    """The command. Returns its exit status; UsageError and ConfigError are the rim's to print."""
    session = find_session(environ, cluster)
    try:
        asked = submit.parse("salloc", argv, environ, cwd, compat=session.compat, governors=session.governors)
    except submit.Finished as done:
        streams.out.write(done.text)
        return done.status
    client = asked.client
    notes = Notes("salloc", streams, client, session.compat)
    if "container" in asked.requests[0].get("other", {}):
        raise UsageError("--container requires LaunchParameters=use_interactive_step", 1)
    directory = _directory(asked, cwd)
    for line in asked.warnings:
        notes.line(line)
    notes.defined(asked.components, environ)
    surroundings.without_reserved(asked.requests, session, notes)
    no_shell = bool(client.get("no_shell"))
    interactive = not asked.operands and not no_shell
    if interactive and not os.isatty(0) and _terminal() < 0 and session.compat >= (23, 2):
        notes.error("no controlling terminal: please set --no-shell")
        return 1
    session.ensure(environ)
    if "clusters" in client:
        from mgpu_slurm.commands import clusters

        clusters.of_request(client, session.cluster_name, "salloc", streams)
    signals = stepsignals.SignalPipe(_SIGNALS)
    try:
        for request in asked.requests:
            surroundings.complete(request, environ, None)
        owner = _allocate(session, asked, notes, signals, environ, no_shell)
        if isinstance(owner, int):
            return owner
        if (client.get("bell") or (interactive and owner.queued and client.get("bell") is not False)) and os.isatty(1):
            streams.out.write("\a")
            streams.out.flush()
        notes.info(f"Granted job allocation {owner.job_id}")
        if no_shell:
            owner.close()
            return 0
        if owner.preparing:
            notes.info("Waiting for resource configuration")
            if not allocating.prepared(owner, notes, signals):
                notes.info(f"Job allocation {owner.job_id} has been revoked.")
                notes.error(f"Job allocation {owner.job_id} has been revoked")
                return error_status(environ)
            nodes = hostlist.fold([share["node"] for share in (owner.facts or {})["allocation"]["shares"]])
            notes.info(f"Nodes {nodes} are ready for job")
        return _Command(owner, asked, environ, directory, notes, signals).run()
    finally:
        signals.close()


def _directory(asked: submit.Submission, cwd: str) -> str:
    """Where the command will run (--chdir); the job's own directory stays that of salloc. UsageError: nobody can go there."""
    directory = str(asked.requests[0].get("work_dir") or cwd)
    try:
        os.stat(f"{directory}/.")
    except OSError as problem:
        raise UsageError(f"chdir({directory}): {problem.strerror}", 1) from None
    for request in asked.requests:
        request["work_dir"] = cwd
    return directory


def _allocate(
    session: Session, asked: submit.Submission, notes: Notes, signals: stepsignals.SignalPipe, environ: Mapping[str, str],
    keep: bool,
) -> allocating.Owner | int:  # fmt: skip
    """The allocation once it has resources, or the exit status where there will be none."""
    message = {"kind": "allocate", "requests": asked.requests, "request_id": new_request_id(), "keep": keep}
    immediate = max(int(request.get("immediate") or 0) for request in asked.requests)
    try:
        owner = allocating.ask(session, message, notes, immediate)
    except SlurmError as error:
        refused(notes, error, "Job submit/allocate failed: ")
        if isinstance(error, allocating.NotAtOnce):
            notes.info(f"Job allocation {error.job_id} has been revoked.")
        return error_status(environ, bool(immediate))
    try:
        allocating.wait(owner, notes, signals, immediate)
    except allocating.Revoked as revoked:
        if revoked.signal:
            notes.info(f"Job allocation {revoked.job_id} has been revoked.")
            notes.info("Job aborted due to signal")
            return error_status(environ)
        if immediate:
            text = revoked.text if immediate == 1 else os.strerror(errno.ETIMEDOUT)
            several = len(asked.requests) > 1 or text == strerror(ESLURM_NODE_NOT_AVAIL)
            what = "Job submit/allocate failed" if several else "Unable to allocate resources"
            notes.error(f"{what}: {text}")
        else:
            notes.info("Job has been cancelled")
            notes.error("Job submit/allocate failed: Job/step already completing or completed")
        notes.info(f"Job allocation {revoked.job_id} has been revoked.")
        return error_status(environ, bool(immediate))
    return owner


def _terminal() -> int:
    """A descriptor of the controlling terminal; -1 without one."""
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return -1


class _Command:
    """The command while it runs, and the allocation that may end before it."""

    def __init__(
        self, owner: allocating.Owner, asked: submit.Submission, environ: Mapping[str, str], cwd: str, notes: Notes,
        signals: stepsignals.SignalPipe,
    ) -> None:  # fmt: skip
        self.owner = owner
        self.asked = asked
        self.environ = environ
        self.cwd = cwd
        self.notes = notes
        self.signals = signals
        self.shell = not asked.operands
        self.grouped = os.isatty(0)  # a process group of its own, in the foreground of the terminal
        self.kill_signal = asked.client.get("kill_command")
        self.pid = 0
        self.revoked = False
        self.signalled = False

    def run(self) -> int:
        """Start it, wait for it, give the allocation back. Returns salloc's exit status."""
        argv = list(self.asked.operands) or self._shell()
        terminal = _terminal() if self.grouped else -1
        before = os.tcgetpgrp(terminal) if terminal >= 0 else 0
        path = self._program(argv[0])
        status = 1 << 8
        if path:
            self.pid = self._start(path, argv, terminal)
            status = self._follow(terminal)
            if terminal >= 0:
                _give_terminal(terminal, before)
        else:
            self.notes.error(f'{"_fork_command: " if self.notes.compat < (23, 2) else ""}Unable to find command "{argv[0]}"')
        if not self.revoked:
            self.notes.info(f"Relinquishing job allocation {self.owner.job_id}")
            self.owner.release(status, self.notes)
        number = status & 0x7F
        if number:
            return 0 if number in _USERS_OWN else 1
        return (status >> 8) & 0xFF

    def _shell(self) -> list[str]:
        import pwd

        try:
            account = pwd.getpwuid(os.getuid()).pw_shell
        except KeyError:
            account = ""
        return [self.environ.get("SHELL") or account or "/bin/sh"]

    def _program(self, name: str) -> str:
        if "/" in name:
            return name
        for directory in self.environ.get("PATH", os.defpath).split(":"):
            path = os.path.join(directory or self.cwd, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return ""

    def _start(self, path: str, argv: list[str], terminal: int) -> int:
        from mgpu_slurm.facts import environ as facts_environ
        from mgpu_slurm.facts import environ_launch

        facts = self.owner.facts or {}
        changes = facts_environ.salloc_environment(facts, self.asked.requests)
        changes |= environ_launch.mpi_launchers(self.environ, self.notes.compat)
        surround = facts_environ.apply(self.environ, changes)
        child = os.fork()
        if child == 0:
            try:
                if self.grouped:
                    os.setpgid(0, 0)
                    if terminal >= 0:
                        _give_terminal(terminal, os.getpgrp())
                self.signals.restore()
                stepsignals.default_signals()
                os.chdir(self.cwd)
                _become(self.asked.requests[0])
                os.execve(path, argv, surround)
            except OSError as error:
                os.write(2, os.fsencode(f"salloc: error: {path}: {error.strerror}\n"))
            finally:
                os._exit(127)
        if self.grouped:
            try:
                os.setpgid(child, child)
            except OSError:
                pass  # it has already done so itself and become another program
        return child

    def _follow(self, terminal: int) -> int:
        """Until the command has ended: its wait status."""
        while True:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG | (os.WUNTRACED if terminal >= 0 else 0))
            except InterruptedError:
                continue
            if pid:
                if not os.WIFSTOPPED(status):
                    return status
                self._stopped(terminal)
                continue
            poll = select.poll()
            poll.register(self.signals.fileno(), select.POLLIN)
            number = self.owner.fileno()
            if number is not None:
                poll.register(number, select.POLLIN)
            seconds = self.owner.timeout()
            seen = dict(poll.poll(None if seconds is None else seconds * 1000 + 1))
            for signal in self.signals.take():
                self._signal(signal)
            for event in self.owner.events(number in seen):
                self._event(event)

    def _stopped(self, terminal: int) -> None:
        """The shell was stopped: salloc stops as well, and both go on together."""
        _give_terminal(terminal, os.getpgrp())
        os.kill(os.getpid(), 19)
        _give_terminal(terminal, self.pid)
        os.killpg(self.pid, 18)

    def _signal(self, number: int) -> None:
        if number in (1, 15) and not self.signalled:
            # Whoever ends salloc wants the allocation back; the command hears of it.
            self.signalled = True
            self._revoke()
            self.owner.release(0, self.notes)
            self._kill(number)
        elif number in (10, 12):
            self._kill(number)

    def _event(self, event: dict[str, Any]) -> None:
        what = event.get("event")
        if what == "message":
            self.notes.info(str(event.get("text", "")))
        elif what == "timeout":
            self.notes.info(f"Job {self.owner.job_id} has exceeded its time limit and its allocation has been revoked.")
        elif what == "node_fail":
            self.notes.error(f"Node failure on {event.get('text', '')}")
        elif what == "signal" and event.get("signal"):
            self._kill(int(event["signal"]))
        elif what == "ended":
            self._revoke()
            if self.kill_signal:
                self._kill(int(self.kill_signal))
            elif self.shell:
                self._kill(1)

    def _revoke(self) -> None:
        if not self.revoked:
            self.revoked = True
            self.notes.info(f"Job allocation {self.owner.job_id} has been revoked.")

    def _kill(self, number: int) -> None:
        try:
            if self.grouped:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # it has just ended


def _become(request: Mapping[str, Any]) -> None:
    """The user of --uid and the group of --gid, which only root may give. OSError."""
    uid, gid = request.get("as_uid"), request.get("as_gid")
    if uid is None and gid is None:
        return
    import pwd

    try:
        account = pwd.getpwuid(os.getuid() if uid is None else int(uid))
    except KeyError:
        raise OSError(1, "unknown user") from None
    group = account.pw_gid if gid is None else int(gid)
    os.initgroups(account.pw_name, group)
    os.setresgid(group, group, group)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def _give_terminal(terminal: int, group: int) -> None:
    """Make a process group the foreground of the terminal. The caller may be in the background, where that stops it."""
    import _signal  # type: ignore[import-not-found]

    before = _signal.signal(22, _signal.SIG_IGN)
    try:
        os.tcsetpgrp(terminal, group)
    except OSError:
        pass  # the terminal is gone
    finally:
        _signal.signal(22, before)
