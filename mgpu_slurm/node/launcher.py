"""The launcher: a tiny process without threads or event loop that forks one supervisor per step.

It is forked from the daemon before the daemon loads anything heavy, with the supervisor's modules in memory, and is told
over a socket pair what to launch, with the descriptors that belong to it. It ends when the daemon does; supervisors go on.
"""

from __future__ import annotations

import gc
import os
import signal
import socket

from mgpu_slurm.node import receiving, unlaunched
from mgpu_slurm.node.supervisor import identity, kernel
from mgpu_slurm.node.supervisor import main as supervisor
from mgpu_slurm.wire import passing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


class Launcher:
    """The daemon's handle of its launcher."""

    def __init__(self, sock: socket.socket, pid: int) -> None:
        self._sock = sock
        self.pid = pid

    def launch(self, order: dict[str, Any], descriptors: Sequence[int]) -> None:
        """Fork a supervisor. The caller still owns its descriptors. OSError: there is no launcher any more."""
        passing.send(self._sock, order, descriptors)

    def close(self) -> None:
        """The launcher ends."""
        self._sock.close()


def start() -> Launcher:
    """Fork the launcher. The process must have no threads yet."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve(theirs)
    theirs.close()
    return Launcher(ours, pid)


def _serve(sock: socket.socket) -> NoReturn:
    status = 1
    try:
        os.setsid()
        _close_inherited(sock.fileno())
        kernel.set_name("mgpu_launcher")
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _load_the_rest()
        # Nobody waits for supervisors: the kernel buries them.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        gc.collect()
        gc.freeze()
        while True:
            order, descriptors = passing.receive(sock)
            _fork(sock, order, descriptors)
    except EOFError:
        status = 0
    finally:
        os._exit(status)


def _load_the_rest() -> None:
    """What supervisors import only where they use it. They live on while an upgrade replaces the files of the program."""
    import shlex  # noqa: F401 - supervisor/programs.py
    import traceback  # noqa: F401 - supervisor/main.py

    # The C library's modules for users and groups, too, which would take each step milliseconds to load.
    identity.look_up(os.getuid(), os.getgid())


def _close_inherited(keep: int) -> None:
    """What the daemon was started with is nothing that tasks should get."""
    top = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
    os.closerange(3, keep)
    os.closerange(max(3, keep + 1), top)


def _fork(sock: socket.socket, order: dict[str, Any], descriptors: list[int]) -> None:
    try:
        pid = os.fork()
    except OSError:
        # The daemon sees it: the control socket, held by nobody, closes.
        pid = -1
    if pid == 0:
        sock.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if order.get("kind") == "file":
            receiving.run(order, descriptors)
        if "line" in order:
            unlaunched.run(order)
        supervisor.run(order, descriptors)
    passing.close_all(descriptors)
