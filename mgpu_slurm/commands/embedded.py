"""The user's own cluster on this machine: where it lives, and how the first command starts it.

Its directory belongs to the user alone (0700, no link, checked each time): whoever could write there could read and take
over the user's jobs. Two first commands at once start one cluster, since the starter holds a lock.
"""

from __future__ import annotations

import os
import time

from mgpu_slurm.base.errors import SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR, SlurmError
from mgpu_slurm.wire import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

START_SECONDS = 30.0
"""How long a controller may take: it restores its store first, which is longest for a large history on a busy machine."""

NODE_SECONDS = 5.0
"""How long the first command waits for the machine to be known to its own cluster."""

LOG_LINES = 12
_LONGEST_SOCKET = 107
_DROPPED = ("SLURM_", "SLURMD_", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SINFO_", "MGPU_CONF", "PYTHON")


class StartFailed(SlurmError):
    """The embedded cluster did not come up. The text says why, with the end of its log."""

    def __init__(self, text: str) -> None:
        super().__init__(SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR, text)


def directory(home: str) -> str:
    """The state directory of this user on this host, made and checked: below `home`, or where that cannot be, in /var/tmp.

    StartFailed: neither place can be used.
    """
    host = os.uname().nodename.partition(".")[0]
    places = []
    if home.startswith("/") and home != "/" and _mine(home):
        places.append((home, [".local", "state", "mgpu", host]))
    places.append(("/var/tmp", [f"mgpu-{os.getuid()}", host]))
    reasons = []
    for base, names in places:
        try:
            return _make(base, names)
        except OSError as error:
            reasons.append(f"{error.filename or base}: {error.strerror}")
    raise StartFailed("no directory for the embedded cluster: " + "; ".join(reasons))


def _mine(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return found.st_uid == os.getuid() and os.access(path, os.W_OK | os.X_OK)


def _make(base: str, names: list[str]) -> str:
    path = base
    private = False
    for name in names:
        path = f"{path}/{name}"
        private = private or name.startswith("mgpu")
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        if private:
            check(path)
    if len(os.fsencode(f"{path}/controller.sock")) > _LONGEST_SOCKET:
        raise OSError(36, "the path is too long for a socket", path)
    return path


def check(path: str) -> None:
    """Refuse a directory that is a link, not the caller's, or open to others; the last is repaired. OSError."""
    found = os.lstat(path)
    if (found.st_mode & 0o170000) != 0o040000:
        raise OSError(20, "is not a directory", path)
    if found.st_uid != os.getuid():
        raise OSError(1, f"belongs to user {found.st_uid}", path)
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)


def start(path: str, environ: Mapping[str, str]) -> None:
    """Start the cluster of directory `path` unless somebody else just does, and return when it answers. StartFailed."""
    import fcntl

    endpoint = client.Endpoint(path=f"{path}/controller.sock")
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        check(path)
        os.makedirs(f"{path}/log", 0o700, exist_ok=True)
        lock = os.open(f"{path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StartFailed(f"the embedded cluster cannot use {error.filename or path}: {error.strerror}") from error
    try:
        deadline = time.monotonic() + START_SECONDS
        wait = 0.005
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if answers(endpoint):
                    return
                if time.monotonic() > deadline:
                    text = f"the embedded cluster is being started by another command and does not come up: {path}"
                    raise StartFailed(text) from None
                time.sleep(wait)
                wait = min(wait * 1.5, 0.1)
        if not answers(endpoint):
            _launch(path, environ, endpoint)
    finally:
        os.close(lock)


def answers(endpoint: client.Endpoint) -> bool:
    """Whether somebody listens there."""
    try:
        client.connect(endpoint).close()
    except client.ControllerUnreachable:
        return False
    return True


def _launch(path: str, environ: Mapping[str, str], endpoint: client.Endpoint) -> None:
    from mgpu_slurm import boot

    command = [*boot.python_command("master"), "--embedded", path]
    surroundings = {name: value for name, value in environ.items() if not name.startswith(_DROPPED)}
    # The daemon holds the pipe's other end: it reads as ended the moment the daemon dies, however that happens.
    alive, held = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            _become_daemon(path, command, surroundings, held)
        os.close(held)
        os.waitpid(child, 0)
        _await(path, endpoint, alive)
        _await_node(endpoint)
    finally:
        os.close(alive)


def _become_daemon(path: str, command: list[str], environ: dict[str, str], held: int) -> None:
    """In the child: leave session and directory, then become the daemon in a grandchild. Never returns."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.umask(0o077)
        os.chdir(path)
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(f"{path}/log/controller.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, target)
        os.dup2(held, 3, inheritable=True)
        os.closerange(4, 256)
        os.execve(command[0], command, environ)
    finally:
        os._exit(127)


def _await(path: str, endpoint: client.Endpoint, alive: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    wait = 0.002
    os.set_blocking(alive, False)
    while not answers(endpoint):
        try:
            ended = os.read(alive, 1) == b""
        except BlockingIOError:
            ended = False
        if ended:
            raise StartFailed(f"the embedded cluster's controller ended at once{log_end(path)}")
        if time.monotonic() > deadline:
            late = f"the embedded cluster's controller did not come up within {START_SECONDS:.0f} seconds"
            raise StartFailed(late + log_end(path))
        time.sleep(wait)
        wait = min(wait * 1.4, 0.05)


def _await_node(endpoint: client.Endpoint) -> None:
    """Let the node join, so that the first command sees the machine as it is; a node in trouble keeps nobody waiting."""
    deadline = time.monotonic() + NODE_SECONDS
    while time.monotonic() < deadline:
        try:
            if client.call([endpoint], {"kind": "ping"}).get("mode") != "starting":
                return
        except SlurmError:
            return
        time.sleep(0.01)


def log_end(path: str) -> str:
    """The last lines of the controller's output, for an error message."""
    file = f"{path}/log/controller.out"
    try:
        with open(file, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 8192))
            lines = log.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]
    except OSError:
        return f"; it left no log in {file}"
    return f"; the end of {file}:" + "".join(f"\n    {line}" for line in lines)
