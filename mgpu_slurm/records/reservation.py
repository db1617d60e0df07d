"""A reservation: nodes or cores that for some time only the jobs of some users, which name it, may start on."""

from __future__ import annotations

import msgspec


class Reservation(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Times are UTC seconds, those of one that floats (TIME_FLOAT) seconds from whatever moment it is. `flags` are Slurm's
    words."""

    name: str
    start: float
    begun: float = 0.0  # the start for which ResvProlog= has run
    end: float
    nodes: list[str] = []
    users: list[str] = []
    groups: list[str] = []
    accounts: list[str] = []
    partition: str = ""
    features: str = ""
    licenses: str = ""
    flags: list[str] = []
    burst_buffer: str = ""
    max_start_delay: int = 0  # seconds
    watts: str = ""
    uids: list[int] = []  # of `users` and of the members of `groups`
    cores: dict[str, list[int]] = {}  # of its nodes, where it has not the whole of them

    @property
    def floats(self) -> bool:
        """Whether it is always as far ahead as it was when it was made, so that it never begins."""
        return "TIME_FLOAT" in self.flags

    def at(self, now: float) -> Reservation:
        """With its times as they are at that moment."""
        return msgspec.structs.replace(self, start=now + self.start, end=now + self.end) if self.floats else self
