"""The environment that a user has after a login on this node, for batch jobs that start without that of their submitter.

The user's own shell is started as a login shell and told to print its variables. What its files print before is skipped;
one that does not come to an end is ended, and the job gets on with the few variables that every login sets.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.identity import Identity

SECONDS = 120.0
"""How long the files of a login may take, as in Slurm."""

LONGEST = 1 << 22
"""Bytes of output, what the files print included."""

USER_PATH = "/usr/local/bin:/usr/bin:/bin"
ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LEFT_OUT = ("_", "PWD", "OLDPWD")
"""Variables that speak of the shell's own surroundings."""


class LoginFailed(Exception):
    """The shell did not tell its environment; the text says why."""


def basic(who: Identity) -> dict[str, str]:
    """What a login sets before any file of the user's is read."""
    return {
        "HOME": who.home,
        "LOGNAME": who.name,
        "MAIL": f"/var/mail/{who.name}",
        "PATH": USER_PATH if who.uid else ROOT_PATH,
        "SHELL": who.shell,
        "USER": who.name,
    }


def environment(who: Identity, seconds: float = SECONDS) -> dict[str, str]:
    """The variables of a login shell of the user, whom this process has become already. LoginFailed."""
    mark = f"mgpu-{secrets.token_hex(8)}"
    output = _run(who, f"echo {mark}; /usr/bin/env -0; true", seconds)
    _, found, told = output.partition(f"{mark}\n".encode())
    if not found or b"=" not in told:
        raise LoginFailed(f"{who.shell} does not tell its environment")
    variables = basic(who)
    for word in told.split(b"\0"):
        name, equal, value = word.partition(b"=")
        if equal and name:
            variables[os.fsdecode(name)] = os.fsdecode(value)
    return {name: value for name, value in variables.items() if name not in LEFT_OUT}


def _run(who: Identity, command: str, seconds: float) -> bytes:
    out, into = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, into, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    argv = ["-" + who.shell.rpartition("/")[2], "-c", command]
    try:
        pid = os.posix_spawn(who.shell, argv, basic(who), file_actions=actions, setpgroup=0)
    except OSError as error:
        os.close(out)
        raise LoginFailed(f"{who.shell}: {error.strerror}") from error
    finally:
        os.close(into)
        os.close(null)
    try:
        return _read(out, pid, time.monotonic() + seconds)
    finally:
        os.close(out)


def _read(out: int, pid: int, until: float) -> bytes:
    """Everything until the shell ends; what it has left running in the background does not count."""
    os.set_blocking(out, False)
    found = b""
    ended = False
    while True:
        ready, _, _ = select.select([out], [], [], 0.0 if ended else 0.05)
        piece = os.read(out, 1 << 16) if ready else b""
        found += piece
        if ended and not piece:
            return found
        if not ended:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        if len(found) > LONGEST or time.monotonic() > until:
            if not ended:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            raise LoginFailed("the files of the login take too long" if len(found) <= LONGEST else "they print too much")
