"""A host: how a user names it, and what is known of it. Pure.

A host word is `[NAME=][USER@]HOST[:PORT]`: HOST is what ssh is told (a Host of ~/.ssh/config, a name, an address, an IPv6
address in brackets), NAME is what the node is to be called in the cluster. `ssh://USER@HOST:PORT` is read too.

`Facts` is what the survey (survey.py) has found on a host; everything that is decided about a host is decided from it.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

_NAME = frozenset(string.ascii_letters + string.digits + "-_.")
SAFE_PATH = frozenset(string.ascii_letters + string.digits + "-_./+@")
"""Characters of a directory that needs no quoting in a shell, a unit or a configuration."""


class WordError(ValueError):
    """A host word that says nothing. The text is for the user."""


@dataclass(frozen=True)
class Word:
    """A host as the user named it; "" and 0 for what was left out."""

    host: str
    user: str = ""
    port: int = 0
    name: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user + '@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}"

    def written(self) -> str:
        """The word that reads back as this one."""
        return f"{self.name}={self}" if self.name else str(self)


def parse(text: str) -> Word:
    """A host word. Raises WordError."""
    name, mark, rest = text.partition("=")
    if not mark:
        name, rest = "", text
    elif not valid_name(name):
        raise WordError(f'"{name}" in "{text}" is not a name for a node')
    rest = rest.removeprefix("ssh://").rstrip("/")
    user, mark, host = rest.rpartition("@")
    if mark and not user:
        raise WordError(f'there is no user before the @ in "{text}"')
    port = ""
    if host.startswith("["):
        host, mark, after = host[1:].partition("]")
        if not mark or (after and not after.startswith(":")):
            raise WordError(f'"{text}" is not [USER@]HOST[:PORT]')
        port = after[1:]
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or host.startswith("-") or any(char.isspace() or char in "'\"`$;|&<>\\" for char in host + user):
        raise WordError(f'"{text}" is not [USER@]HOST[:PORT]')
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise WordError(f'"{port}" in "{text}" is not a port')
    return Word(host, user, int(port or 0), name)


def valid_name(text: str) -> bool:
    """Whether a node can be called that."""
    return bool(text) and set(text) <= _NAME and text[0].isalnum() and text.upper() not in ("ALL", "DEFAULT")


@dataclass(frozen=True)
class Facts:
    """What is true of a host. Sizes in KiB, times in seconds.

    `base` is the cluster's directory there, `disk_free` what its file system has left, `hindrance` why nothing can be put
    there. `skew` is how far the clock is ahead of this machine's, `skew_error` how wrong that may be. `pythons` are the
    interpreters that can run the suite, with their versions. `reached_at` is the address that ssh came in at, `ports` are
    those that are listened on. `manager` and `user_manager`: systemd's manager of the system and of this user answers;
    `linger`: the latter outlives the login. `missing` are tools that are not there. `releases` are the versions that are
    installed, `existing` holds what else of this cluster is: "current" (the release), "conf", "key" (digests), "links",
    and by node "started NODE" (a Mark). `nodes` are those that lie there, `running` those whose daemons run. `foreign` is
    what others have there.
    """

    user: str = ""
    uid: int = -1
    home: str = ""
    hostname: str = ""
    kernel: str = ""
    arch: str = ""
    system: str = ""
    libc: str = ""
    boot_id: str = ""
    cpus: int = 0
    memory: int = 0
    cpu_model: str = ""
    gpus: tuple[str, ...] = ()
    base: str = ""
    disk_free: int = 0
    hindrance: str = ""
    skew: float = 0.0
    skew_error: float = 0.0
    pythons: tuple[tuple[str, int, int], ...] = ()
    addresses: tuple[str, ...] = ()
    reached_at: str = ""
    ports: frozenset[int] = frozenset()
    manager: bool = False
    user_manager: bool = False
    linger: bool = False
    cron: bool = False
    missing: tuple[str, ...] = ()
    users: tuple[tuple[str, int], ...] = ()
    existing: dict[str, str] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    running: frozenset[str] = frozenset()
    releases: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def root(self) -> bool:
        return self.uid == 0

    @property
    def glibc(self) -> tuple[int, int]:
        """Version of the GNU C library; (0, 0) where the host has another one."""
        kind, _, version = self.libc.partition(" ")
        major, _, minor = version.partition(".")
        return (int(major), int(minor)) if kind == "glibc" and major.isdecimal() and minor.isdecimal() else (0, 0)

    def described(self) -> str:
        """One line for a listing."""
        gpus = f", {len(self.gpus)} GPUs ({self.gpus[0]})" if self.gpus else ""
        return f"{self.cpus} CPUs, {self.memory / 1048576:.0f} GB{gpus}, {self.system or self.kernel}, {self.arch}"
