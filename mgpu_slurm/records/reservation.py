"""A reservation: nodes that for some time only the jobs of some users, which name it, may start on."""

from __future__ import annotations

import msgspec


class Reservation(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Times are UTC seconds. `flags` are Slurm's words."""

    name: str
    start: float
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
