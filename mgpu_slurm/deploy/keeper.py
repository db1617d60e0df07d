"""`mgpu_cluster keep BASE NODE ROLES`: keeps the daemons of one host running where no systemd does.

A process of the user's own, in the background. A daemon that dies is started again, at once and then ever less often; one
that ends by itself with status 0 was told to (`mgpu_scontrol shutdown`) and stays away. Daemons live on when the keeper
is killed, and the next keeper takes them up; cron starts one at each boot and looks every five minutes (scripts.py).

SIGTERM ends daemons and keeper, jobs go on; SIGHUP is passed on, so that all read their configuration again.

Below BASE/nodes/NODE: keeper.lock is held as long as a keeper lives, keeper.pid is there until it ends as it should,
ROLE.pid names a daemon, keeper.log and ROLE.out are what they print.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Mapping

from mgpu_slurm import boot

SHORTEST, LONGEST = 0.2, 15.0
"""Seconds until a daemon that died is started again: doubled each time, up to the longest."""

STEADY = 30.0
"""A daemon that has lived for so many seconds may die as if for the first time."""

LOOK = 1.0
"""Seconds between looks at daemons that an earlier keeper has started: their end is told to nobody."""

STOP_SECONDS = 60.0

PROGRAMS = {"controller": "master", "node": "node"}
_DROPPED = ("SLURM", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SINFO_", "MGPU_C", "SSH_", "XDG_SESSION", "PYTHON", "_PYI")


class Daemon:
    """One daemon: its process, and when to start it again."""

    def __init__(self, role: str, place: str, words: list[str]) -> None:
        self.role = role
        self.place = place
        self.words = words
        self.pid = 0
        self.ours = False
        self.since = 0.0
        self.wait = SHORTEST
        self.due: float | None = 0.0

    @property
    def pid_file(self) -> str:
        return f"{self.place}/{self.role}.pid"

    def find(self) -> None:
        """Take up the daemon that an earlier keeper has started, if it lives."""
        pid = read_pid(self.pid_file)
        if pid and runs(pid, self.words):
            self.pid, self.ours, self.due, self.since = pid, False, None, time.monotonic()

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it. OSError."""
        out = os.open(f"{self.place}/{self.role}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(out, environ)
        finally:
            os.close(out)
        self.pid, self.ours, self.due, self.since = pid, True, None, time.monotonic()
        with open(self.pid_file, "w") as file:
            file.write(f"{pid}\n")

    def _become(self, out: int, environ: Mapping[str, str]) -> None:
        """In the child."""
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.setsid()
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.execve(self.words[0], self.words, dict(environ))
        except OSError as error:
            os.write(2, f"{self.words[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)

    def ended(self, status: int | None, now: float) -> str:
        """Note its end; `status` None: nobody knows. Returns a line for the log."""
        lived = now - self.since
        self.pid = 0
        unlink(self.pid_file)
        if status == 0:
            self.due = None
            return f"{self.role} has ended as it was told to"
        if lived >= STEADY:
            self.wait = SHORTEST
        self.due = now + self.wait
        how = "has gone" if status is None else f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        text = f"{self.role} {how} after {lived:.0f} s, is started again in {self.wait:.1f} s"
        self.wait = min(self.wait * 2, LONGEST)
        return text


def run(argv: list[str], environ: Mapping[str, str]) -> int:
    """The verb. Returns when the daemons are started (0), when a keeper is there already (0), or with what went wrong (1)."""
    base, node, roles = argv
    place = f"{base}/nodes/{node}"
    os.makedirs(place, 0o700, exist_ok=True)
    lock = os.open(f"{place}/keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _in_background(base, node, roles.split(","), place, lock, write, environ)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as said:
        text = said.read().decode(errors="replace")
    if text != "ok":
        sys.stderr.write(f"mgpu_cluster: error: {text or 'the keeper ended at once'}\n")
        return 1
    return 0


def _in_background(
    base: str, node: str, roles: list[str], place: str, lock: int, tell: int, environ: Mapping[str, str]
) -> None:
    """In the child: leave session and terminal, then keep. Never returns."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.umask(0o077 if os.geteuid() else 0o022)  # other users' commands come to the sockets of root's daemons
        os.chdir("/")
        log = os.open(f"{place}/keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, target)
        surroundings = {name: value for name, value in environ.items() if not name.startswith(_DROPPED)}
        conf = f"{base}/etc/mgpu.conf"
        daemons = [Daemon(role, place, _words(role, conf, node)) for role in roles]
        Keeper(place, daemons, surroundings).keep(tell)
        os.close(lock)
        os._exit(0)
    except BaseException as error:
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        try:
            os.write(tell, text.encode())
        except OSError:
            pass  # it was started long ago, the log has to do
        print(f"{_now()} ends: {text}", flush=True)
        os._exit(1)


def _words(role: str, conf: str, node: str) -> list[str]:
    words = [*boot.python_command(PROGRAMS[role]), "-f", conf]
    return [*words, "-N", node] if role == "node" else words


class Keeper:
    """The loop around the daemons."""

    def __init__(self, place: str, daemons: list[Daemon], environ: Mapping[str, str]) -> None:
        self.place = place
        self.daemons = daemons
        self.environ = environ
        self.stopping = 0.0

    def keep(self, tell: int) -> None:
        """Until told to stop, or until all daemons have ended as they should. `tell` hears "ok" when all are started."""
        signals = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        with open(f"{self.place}/keeper.pid", "w") as file:
            file.write(f"{os.getpid()}\n")
        for daemon in self.daemons:
            daemon.find()
        self._start_due()
        os.write(tell, b"ok")
        os.close(tell)
        self._say(f"keeps {', '.join(f'{daemon.role} ({daemon.pid})' for daemon in self.daemons)}")
        while any(daemon.pid or (daemon.due is not None and not self.stopping) for daemon in self.daemons):
            found = signal.sigtimedwait(signals, self._patience())
            if found is not None and found.si_signo in (signal.SIGTERM, signal.SIGINT):
                self.stopping = self.stopping or time.monotonic() + STOP_SECONDS
                self._pass_on(signal.SIGTERM)
            elif found is not None and found.si_signo == signal.SIGHUP:
                self._pass_on(signal.SIGHUP)
            self._reap()
            if not self.stopping:
                self._start_due()
            elif time.monotonic() > self.stopping:
                self._pass_on(signal.SIGKILL)
        unlink(f"{self.place}/keeper.pid")
        self._say("stopped" if self.stopping else "nothing is left to keep")

    def _patience(self) -> float:
        """Seconds until something is due."""
        now = time.monotonic()
        due = [daemon.due - now for daemon in self.daemons if daemon.due is not None and not self.stopping]
        looks = [LOOK for daemon in self.daemons if daemon.pid and not daemon.ours]
        return max(0.0, min([*due, *looks, LOOK if self.stopping else 3600.0]))

    def _start_due(self) -> None:
        for daemon in self.daemons:
            if daemon.due is not None and daemon.due <= time.monotonic():
                daemon.start(self.environ)

    def _pass_on(self, number: signal.Signals) -> None:
        for daemon in self.daemons:
            if daemon.pid:
                try:
                    os.kill(daemon.pid, number)
                except ProcessLookupError:
                    continue  # _reap finds it gone

    def _reap(self) -> None:
        for daemon in self.daemons:
            if not daemon.pid:
                continue
            if daemon.ours:
                pid, status = os.waitpid(daemon.pid, os.WNOHANG)
                if pid:
                    self._say(daemon.ended(os.waitstatus_to_exitcode(status), time.monotonic()))
            elif not runs(daemon.pid, daemon.words):
                self._say(daemon.ended(0 if self.stopping else None, time.monotonic()))

    def _say(self, text: str) -> None:
        print(f"{_now()} {text}", flush=True)


def _now() -> str:
    return time.strftime("[%Y-%m-%dT%H:%M:%S]")


def read_pid(path: str) -> int:
    """The process id in a file; 0 where there is none."""
    try:
        with open(path) as file:
            text = file.read().strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0


def runs(pid: int, words: list[str]) -> bool:
    """Whether that process runs this program with this configuration: ids are given out again. Releases may differ."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            found = file.read().split(b"\0")
        with open(f"/proc/{pid}/stat", "rb") as file:
            state = file.read().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    at = words.index("-f")
    return state not in (b"Z", b"X") and [os.fsencode(word) for word in words[at:]] == found[-len(words[at:]) - 1 : -1]


def unlink(path: str) -> None:
    """Remove a file that may be gone."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
