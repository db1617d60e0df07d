"""This node's answer to mgpu_doctor: what must agree with the other machines, and what the daemon found here."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from mgpu_slurm import __version__
from mgpu_slurm.node.supervisor.cgroup import path_for
from mgpu_slurm.wire import machine
from mgpu_slurm.wire.messages import Inspected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mgpu_slurm.wire.messages import Inspect


def look(message: Inspect, received: float, name: str, spool: str, gpus: int, notes: Sequence[str]) -> Inspected:
    """The whole answer. May wait for name services and file servers: for a thread. `received` is this clock's UTC seconds."""
    return Inspected(
        node=name,
        ask=message.ask,
        received=received,
        version=__version__,
        uid=os.geteuid(),
        uids=machine.uids(message.users[: machine.MOST_NAMES]),
        unresolved=machine.unresolved(message.hosts[: machine.MOST_NAMES]),
        home=machine.home_mark(message.user) if message.user else [],
        spool=spool,
        spool_free=machine.free_mib(spool),
        cgroup=cgroup(),
        gpus=gpus,
        notes=list(notes),
        said=time.time(),
    )


def cgroup() -> str:
    """"" where steps get a cgroup of their own; else why they do not."""
    path = path_for("x")
    if os.geteuid() != 0:
        return "the daemon does not run as root"
    if path is None:
        return "there is no cgroup hierarchy of version 2"
    if not os.access(os.path.dirname(path), os.W_OK):
        return f"{os.path.dirname(path)} cannot be written"
    return ""
