"""From a request for resources to an allocation that runs: what srun and salloc do and say while they wait.

The connection on which the allocation was asked for marks its owner as alive. When it is lost, or the controller is, the
owner attaches again within the controller's grace time; nothing happens to the allocation meanwhile.
"""

from __future__ import annotations

import time

from mgpu_slurm.base.errors import (
    ESLURM_ALREADY_DONE,
    ESLURM_DEPENDENCY,
    SlurmError,
    strerror,
)
from mgpu_slurm.facts.reasons import QUEUED_CODES
from mgpu_slurm.wire import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.session import Session
    from mgpu_slurm.commands.stepsignals import SignalPipe

_NOT_AT_ONCE = dict.fromkeys(("JobHeldUser", "JobHeldAdmin", "BeginTime", "Dependency"), ESLURM_DEPENDENCY)
"""What --immediate makes of jobs that wait by themselves."""

WAITS = (*QUEUED_CODES, "BeginTime", "Dependency", "Resources", "Licenses", "Reservation")
"""Reasons with which a job waits for longer than a moment."""

GRACE = 0.3
"""Seconds that the controller has to find resources before the user is told about a queue."""

STOPPING = (1, 2, 3, 15)  # HUP INT QUIT TERM: the user wants no allocation any more


class Revoked(Exception):
    """The allocation ended before it started. `signal` is the user's, 0 where somebody else ended it; `text` says why."""

    def __init__(self, job_id: int, signal: int = 0, text: str = "") -> None:
        super().__init__(job_id)
        self.job_id = job_id
        self.signal = signal
        self.text = text


class NotAtOnce(SlurmError):
    """--immediate: the job was taken and given back, because it is known to wait."""

    def __init__(self, job_id: int, code: int, text: str) -> None:
        super().__init__(code, text)
        self.job_id = job_id


class Owner:
    """An allocation of this process. `facts` and `addresses` are set while it has resources (JobFacts, NodeAddress).

    `reason`: why it waits, as far as that is known; `queued`: its user was told that it waits; `preparing`: programs of the
    administrator still run before its nodes are ready.
    """

    __slots__ = (
        "_connection", "_retry_at", "_session", "_turn", "addresses", "ended", "facts", "job_id", "preparing",
        "queued", "reason",
    )  # fmt: skip

    def __init__(self, session: Session, connection: client.Connection, state: dict[str, Any]) -> None:
        self._session = session
        self._connection: client.Connection | None = connection
        self._retry_at = 0.0
        self._turn = 0
        self.job_id = int(state["job_id"])
        self.facts: dict[str, Any] | None = state.get("facts")
        self.addresses: dict[str, Any] = state.get("node_addresses") or {}
        self.ended = False
        self.preparing = bool(state.get("preparing"))
        self.queued = False
        self.reason = ""

    def fileno(self) -> int | None:
        """What to poll; None while the connection is lost."""
        return self._connection.fileno() if self._connection is not None else None

    def timeout(self) -> float | None:
        """Seconds until `events` should be called without being readable; None: not before it is."""
        if self._connection is not None:
            return 0.0 if self._connection.ready() else None
        return None if self.ended else max(self._retry_at - time.monotonic(), 0.0)

    def events(self, readable: bool) -> list[dict[str, Any]]:
        """What the controller has pushed. Facts and end are kept in the attributes, too."""
        found: list[dict[str, Any]] = []
        if self._connection is None:
            if not self.ended and time.monotonic() >= self._retry_at:
                self._attach(found)
            return found
        try:
            while readable or self._connection.ready():
                readable = False
                message = self._connection.receive(0.5)
                if isinstance(message, dict):
                    self._note(message)
                    found.append(message)
        except TimeoutError:
            pass  # part of a message: the rest will make the socket readable again
        except SlurmError:
            self._lost()
        return found

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("facts"):
            self.facts = message["facts"]
            self.addresses = message.get("node_addresses") or {}
            self.preparing = bool(message.get("preparing"))
        if message.get("kind") == "job_event" and message.get("event") == "ended":
            self.ended = True
        elif message.get("event") == "ready":
            self.preparing = False

    def _lost(self) -> None:
        self.close()
        self._turn += 1
        self._retry_at = time.monotonic() + client.back_off(self._turn)

    def _attach(self, found: list[dict[str, Any]]) -> None:
        message = {"kind": "attach", "job_id": self.job_id}
        try:
            self._connection, state = client.reach(self._session.endpoints, message, 0.5, 2.0, 0)
        except client.ControllerUnreachable:
            self._lost()
            return
        except SlurmError:
            # It is gone: its end was told while nobody listened.
            self.ended = True
            found.append({"kind": "job_event", "event": "ended", "job_id": self.job_id, "state": ""})
            return
        self._turn = 0
        had = self.facts is not None
        self._note(state)
        if self.facts is not None and not had:
            found.append({"kind": "job_event", "event": "started", "job_id": self.job_id})

    def release(self, status: int, notes: Notes) -> None:
        """Give the allocation back with a wait status."""
        try:
            self._session.call({"kind": "release_job", "job_id": self.job_id, "exit_code": status})
        except SlurmError as error:
            if error.code != ESLURM_ALREADY_DONE and not self.ended:
                notes.detail(f"error: could not release job {self.job_id}: {error.text}")
        self.close()

    def close(self) -> None:
        """Close the connection; the allocation stays for the grace time."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def ask(session: Session, message: dict[str, Any], notes: Notes, immediate: int = 0) -> Owner:
    """Ask for the allocation. SlurmError: refused; with one second of `immediate` also where it is known that it has to
    wait."""
    connection, state = session.reach(message)
    notes.from_controller(state.get("warnings", []))
    owner = Owner(session, connection, state)
    owner.reason = str(state.get("reason", "")).partition(",")[0]
    if owner.facts is None:
        code = QUEUED_CODES.get(owner.reason)
        if immediate == 1:
            code = _NOT_AT_ONCE.get(owner.reason, code)
        if code is not None and immediate == 1:
            owner.release(0, notes)
            raise NotAtOnce(owner.job_id, code, strerror(code, session.compat))
        if code is not None:
            notes.info(strerror(code, session.compat))
    return owner


def wait(owner: Owner, notes: Notes, signals: SignalPipe, immediate: int = 0) -> None:
    """Until the allocation has resources. Revoked: it ended before, or a signal asked to give up.

    With one second of `immediate` the controller ends it at once, so there is no talk of a queue.
    """
    silent = immediate == 1
    grace = time.monotonic() + (0.0 if owner.reason in WAITS else GRACE)
    while owner.facts is None:
        if not silent and not owner.queued and time.monotonic() >= grace:
            owner.queued = True
            if notes.prog == "salloc":
                notes.info(f"Pending job allocation {owner.job_id}")
            notes.info(f"job {owner.job_id} queued and waiting for resources")
        for event in _events(owner, notes, signals, [] if owner.queued or silent else [grace - time.monotonic()]):
            if event.get("event") == "ended":
                raise Revoked(owner.job_id, 0, str(event.get("text") or ""))
    if owner.queued:
        notes.info(f"job {owner.job_id} has been allocated resources")


def _events(owner: Owner, notes: Notes, signals: SignalPipe, times: list[float]) -> list[dict[str, Any]]:
    """What the controller says next of the allocation, waited for no longer than the shortest of `times` (seconds). Revoked: a
    signal asked to give up."""
    import select

    poll = select.poll()
    poll.register(signals.fileno(), select.POLLIN)
    descriptor = owner.fileno()
    if descriptor is not None:
        poll.register(descriptor, select.POLLIN)
    times = [*times, *(seconds for seconds in (owner.timeout(),) if seconds is not None)]
    seen = dict(poll.poll(max(min(times), 0.0) * 1000 + 1 if times else None))
    for number in signals.take():
        if number in STOPPING:
            owner.release(0, notes)
            raise Revoked(owner.job_id, number)
    return owner.events(descriptor in seen)


def prepared(owner: Owner, notes: Notes, signals: SignalPipe) -> bool:
    """Wait until programs of the administrator have made the nodes ready; False: the allocation ended before. Revoked: a signal
    asked to give up. Slurm's words speak of nodes that boot, though none does."""
    notes.detail("Waiting for nodes to boot (delay looping 450 times @ 0.100000 secs x index)")
    while owner.preparing:
        for event in _events(owner, notes, signals, []):
            if event.get("event") == "message":
                notes.info(str(event.get("text", "")))
        if owner.ended:
            return False
    return True
