"""What can happen to the controller's core, and what the core asks its shell to do.

`Core.handle(event, now)` returns effects. The shell commits every Save of the list first, in one transaction, and only
then carries out the rest in order: what a reply promises is on disk when the reply leaves.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.saves import Save as Save
from mgpu_slurm.records.saves import SaveAttempt as SaveAttempt
from mgpu_slurm.records.saves import SaveCounter as SaveCounter
from mgpu_slurm.records.saves import SaveJob as SaveJob
from mgpu_slurm.records.saves import SaveNode as SaveNode
from mgpu_slurm.records.saves import SavePartition as SavePartition
from mgpu_slurm.records.saves import SaveRequest as SaveRequest
from mgpu_slurm.records.saves import SaveReservation as SaveReservation
from mgpu_slurm.records.saves import SaveScript as SaveScript
from mgpu_slurm.sched.snapshot import Decision
from mgpu_slurm.wire.messages import FromClient, FromNode, ToClient, ToNode


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the credential says."""

    uid: int
    gid: int
    host: str = ""
    user: str = ""
    group: str = ""


# --- events ---------------------------------------------------------------------------------------------------------


class Asked(msgspec.Struct, kw_only=True):
    """A client's request; `conn` names its connection for Reply and Push."""

    conn: int
    caller: Caller
    message: FromClient
    user: UserFacts | None = None  # set where the request creates jobs for somebody else (--uid)


class UserFacts(msgspec.Struct, frozen=True, kw_only=True):
    uid: int
    gid: int
    user: str
    group: str


class ConnectionClosed(msgspec.Struct, kw_only=True):
    conn: int


class NodeSaid(msgspec.Struct, kw_only=True):
    name: str
    message: FromNode
    address: str = ""  # where the link comes from


class NodeLinkLost(msgspec.Struct, kw_only=True):
    name: str


class Planned(msgspec.Struct, kw_only=True):
    """The scheduler's proposal for snapshot `generation`; what no longer fits is dropped."""

    decisions: list[Decision]
    generation: int


class TimeReached(msgspec.Struct, kw_only=True):
    """A timer of the core (Core.next_timer) is due."""


class ProgramsEnded(msgspec.Struct, kw_only=True):
    """Programs that the core has had run for a job have ended."""

    job_id: int
    attempt: int
    name: str
    failed: bool


Event = Asked | ConnectionClosed | NodeSaid | NodeLinkLost | Planned | TimeReached | ProgramsEnded


# --- effects --------------------------------------------------------------------------------------------------------


class Reply(msgspec.Struct, kw_only=True):
    conn: int
    message: ToClient
    close: bool = True


class Push(msgspec.Struct, kw_only=True):
    conn: int
    message: ToClient


class ToNodeEffect(msgspec.Struct, kw_only=True):
    """To a node's link; `confirm` keeps it for re-sending after a reconnect until the core sends Unsend."""

    node: str
    message: ToNode
    key: str = ""  # e.g. "launch:12:1"; same key replaces
    needs_script: int = 0  # job id whose stored script and environment the shell adds (LaunchBatch)


class Unsend(msgspec.Struct, kw_only=True):
    node: str
    key: str


class Replan(msgspec.Struct, kw_only=True):
    pass


class RunPrograms(msgspec.Struct, kw_only=True):
    """Run the programs of a key (`name`) for a job on the controller's host, each `seconds` long at most (0: for ever).
    ProgramsEnded follows. Those that are for no job have a number of their own in the place of the attempt."""

    job_id: int
    attempt: int
    name: str
    patterns: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    seconds: float = 0.0


class Note(msgspec.Struct, kw_only=True):
    """A line for the log: level "info", "warning" or "error"."""

    level: str
    text: str


class Stop(msgspec.Struct, kw_only=True):
    """scontrol shutdown; the shell answers `conn`."""

    conn: int


class Reload(msgspec.Struct, kw_only=True):
    """scontrol reconfigure: the shell reads the configuration and calls Core.reconfigure.

    The reply that follows is Done; where the configuration is wrong the shell answers `conn` itself, before it.
    """

    conn: int


Effect = Save | Reply | Push | ToNodeEffect | Unsend | Replan | RunPrograms | Note | Stop | Reload
