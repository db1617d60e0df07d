"""What the machines of the cluster say of themselves, for mgpu_doctor: the table "inspection".

The controller asks every connected node at once and reports what has come within a few seconds. Its own machine is the
row without a name; nodes that do not answer have a row without a version. Anybody may ask: ids of users and names of
hosts are no secrets, and of home directories only the caller's own is looked at.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any

from mgpu_slurm import __version__
from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import machine
from mgpu_slurm.wire.messages import Inspect, Inspected, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mgpu_slurm.controller.daemon import Controller
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.wire.messages import Query

PATIENCE = 5.0
"""Seconds that nodes have to answer; a name service may be slow."""

COLUMNS = (
    "node", "version", "uid", "offset", "doubt", "uids", "unresolved", "home", "spool", "spool_free", "cgroup", "gpus", "notes",
)  # fmt: skip


class Inspector:
    """Questions on their way. `ask(node, message)` says it once and tells whether the node is there."""

    def __init__(self, ask: Callable[[str, Inspect], bool]) -> None:
        self._ask = ask
        self._numbers = itertools.count(1)
        self._open: dict[int, dict[str, asyncio.Future[tuple[Inspected, float]]]] = {}

    async def question(
        self, nodes: Iterable[str], users: list[str], hosts: list[str], user: str
    ) -> dict[str, tuple[Inspected, float, float]]:
        """By node what it says, how far its clock is ahead of this one, and how exact that is (seconds)."""
        number = next(self._numbers)
        message = Inspect(ask=number, users=users, hosts=hosts, user=user)
        loop = asyncio.get_running_loop()
        sent = time.time()
        waiting = self._open[number] = {node: loop.create_future() for node in nodes if self._ask(node, message)}
        try:
            if waiting:
                await asyncio.wait(waiting.values(), timeout=PATIENCE)
        finally:
            del self._open[number]
        return {
            node: (answer.result()[0], *clock(sent, answer.result()[0], answer.result()[1]))
            for node, answer in waiting.items()
            if answer.done()
        }

    def said(self, node: str, message: Inspected) -> None:
        answer = self._open.get(message.ask, {}).get(node)
        if answer is not None and not answer.done():
            answer.set_result((message, time.time()))


def clock(sent: float, answer: Inspected, come: float) -> tuple[float, float]:
    """How far the node's clock is ahead, and half the time that the two ways took: the true offset is within it. Seconds.

    The question went out at `sent` and the answer came at `come`, by this clock; the node notes both moments by its own.
    """
    offset = ((answer.received - sent) + (answer.said - come)) / 2
    return offset, max(0.0, (come - sent) - (answer.said - answer.received)) / 2


async def rows(controller: Controller, query: Query, caller: Caller, now: float) -> Table:
    """A row for this machine (node "") and for each node. `filters`: `users` and `hosts`, names to look up everywhere.

    Raises SlurmError 2036: an unknown column, or names that are too many or too long.
    """
    users, hosts = query.filters.get("users", []), query.filters.get("hosts", [])
    if any(len(name) > machine.LONGEST_NAME for name in [*users, *hosts]) or len(users) + len(hosts) > machine.MOST_NAMES:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    if not all(name in COLUMNS for name in query.columns):
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    names = list(controller.state.nodes)
    own = asyncio.create_task(asyncio.to_thread(_own, controller, users, hosts, caller.user))
    answers = await controller.inspector.question(names, users, hosts, caller.user)
    found = [await own]
    for name in names:
        row: dict[str, Any] = {**_EMPTY, "node": name}
        if name in answers:
            answer, offset, doubt = answers[name]
            row.update({key: getattr(answer, key) for key in COLUMNS if hasattr(answer, key)}, offset=offset, doubt=doubt)
        found.append(row)
    return Table(columns=[[row[name] for row in found] for name in query.columns], now=now)


_EMPTY: dict[str, Any] = {
    "version": "", "uid": -1, "offset": 0.0, "doubt": 0.0, "uids": {}, "unresolved": [], "home": [], "spool": "",
    "spool_free": -1, "cgroup": "", "gpus": 0, "notes": [],
}  # fmt: skip


def _own(controller: Controller, users: list[str], hosts: list[str], user: str) -> dict[str, Any]:
    state = str(controller.config.get("StateSaveLocation"))
    return {
        **_EMPTY,
        "node": "",
        "version": __version__,
        "uids": machine.uids(users),
        "unresolved": machine.unresolved(hosts),
        "home": machine.home_mark(user),
        "spool": state,
        "spool_free": machine.free_mib(state),
    }
