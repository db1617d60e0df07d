"""What mgpu_doctor knows of a machine and its cluster, and what a verdict is. Data only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

PASS, WARN, FAIL = "PASS", "WARN", "FAIL"
"""FAIL: jobs cannot run, or not safely, until it is mended. WARN: something works less well than it could, or will soon not
work."""

SHOWN = 5
"""So many of a kind are named, the others counted."""


class Verdict:
    """`level` is PASS, WARN or FAIL, `text` what was found, `mend` what to do ("" where nothing is)."""

    __slots__ = ("level", "mend", "text")

    def __init__(self, level: str, text: str, mend: str = "") -> None:
        self.level = level
        self.text = text
        self.mend = mend

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and (self.level, self.text, self.mend) == (other.level, other.text, other.mend)

    def __repr__(self) -> str:
        return f"{self.level} {self.text} [{self.mend}]"


class Key:
    """The cluster key's file as the caller sees it. `size` and `mode` are -1 where the caller may not look."""

    __slots__ = ("mode", "owner", "path", "regular", "size", "there")

    def __init__(
        self, path: str, there: bool | None = True, mode: int = 0o600, owner: int = 0, size: int = 65, regular: bool = True
    ) -> None:
        self.path = path
        self.there = there
        self.mode = mode
        self.owner = owner
        self.size = size
        self.regular = regular


class Place:
    """A file or directory of the cluster on this machine. `private`: nobody but its owner has business in it."""

    __slots__ = ("mode", "owner", "path", "private")

    def __init__(self, path: str, mode: int = 0o755, owner: int = 0, private: bool = False) -> None:
        self.path = path
        self.mode = mode
        self.owner = owner
        self.private = private


class Device:
    """A device file of the driver. `usable`: the caller may read and write it."""

    __slots__ = ("mode", "path", "usable")

    def __init__(self, path: str, mode: int = 0o666, usable: bool = True) -> None:
        self.path = path
        self.mode = mode
        self.usable = usable


class Facts:
    """What is known. Attributes that were not found out keep their defaults, and the checks on them stay silent.

    `rows` and `nodes` are the controller's tables "inspection" and "nodes" as dicts by column; `pong` its answer to a ping.
    """

    def __init__(self, **known: Any) -> None:
        # this machine
        self.version = ""
        self.hostname = ""
        self.uid = 0
        self.daemon_status: int | None = None  # of mgpu_node -C; -1: its packages are not there
        self.daemon_said = ""
        self.gres = ""  # what mgpu_node -C would offer
        self.nvidia_cards = 0  # on the PCI bus
        self.driver = ""
        self.nvml_said = ""
        self.devices: list[Device] = []
        self.plain: dict[str, tuple[str, bool]] = {}  # plain name -> first on PATH, whether it is this suite's
        # the cluster
        self.where = ""  # path of the configuration; "embedded:DIR"; "first:HOST:PORT"
        self.config_error = ""
        self.unknown: list[str] = []
        self.warnings: list[str] = []
        self.relative: list[str] = []  # keys whose paths are not full ones
        self.slurm_uid = 0
        self.master_here = False  # this machine is (one of) the configured controller's
        self.key: Key | None = None
        self.places: list[Place] = []
        self.daemons_here = False
        self.ports: dict[str, str] = {}  # "host:port" -> why it cannot be reached, "" for well
        self.stale: list[str] = []
        self.disks: dict[str, int] = {}  # directory of a daemon of this machine -> MiB free
        # what the controller says
        self.pong: dict[str, Any] | None = None
        self.unreachable = ""
        self.refused = False  # the controller has answered, and did not take the credential
        self.nodes: list[dict[str, Any]] | None = None
        self.rows: list[dict[str, Any]] | None = None
        self.clock: tuple[float, float] | None = None  # of this machine: ahead of the controller's, doubt
        self.unresolved: list[str] = []
        self.uids: dict[str, int] = {}
        self.known_here: list[str] = []  # of those users: they are on this machine, and nobody has asked for them
        self.home: list[int] = []
        for name, value in known.items():
            if name not in self.__dict__:
                raise AttributeError(name)
            setattr(self, name, value)

    @property
    def embedded(self) -> bool:
        return self.where.startswith("embedded:")

    @property
    def file(self) -> str:
        """The configuration file; "" where the cluster has none."""
        return "" if self.where.startswith(("embedded:", "first:")) else self.where

    def answered(self) -> list[dict[str, Any]]:
        """Rows of nodes that have answered."""
        return [row for row in self.rows or () if row["node"] and row["version"]]


def some(words: Iterable[str]) -> str:
    """a, b, c, d, e and 7 more."""
    found = list(words)
    more = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {more} more" if more > 0 else "")
