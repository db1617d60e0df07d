"""What is remembered of a cluster between two runs: its hosts, where they lie, what they are called.

Kept in ~/.config/mgpu/clusters/NAME/ of whoever set the cluster up: cluster.json, and mgpu.key beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from mgpu_slurm.deploy import hosts
from mgpu_slurm.deploy.hosts import Word

VERSION = 1


class RecordError(Exception):
    """The record cannot be used. The text is for the user."""


@dataclass
class Member:
    """A host of the cluster. `line` is its hardware as `mgpu_node -C` gives it; `joined` once it stands in the configuration.
    `runs_jobs`: it is a node; the controller's host may be none."""

    name: str
    host: str
    user: str = ""
    port: int = 0
    base: str = ""
    hostname: str = ""
    address: str = ""
    node_port: int = 0
    line: str = ""
    joined: bool = False
    runs_jobs: bool = True

    @property
    def word(self) -> Word:
        return Word(self.host, self.user, self.port, self.name)


@dataclass
class Record:
    """A cluster. `links`: it becomes the default on its hosts. `settings` are the user's own lines of its configuration,
    `login` the options that ssh was given."""

    name: str
    directory: str = ""
    controller: str = ""
    port: int = 0
    links: bool = True
    settings: list[str] = field(default_factory=list)
    login: dict[str, str | int] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)

    def member(self, name: str) -> Member | None:
        """The host of that name."""
        return next((member for member in self.members if member.name == name), None)

    def find(self, word: Word) -> Member | None:
        """The host that a word names: by its node's name, or by the way to it."""
        for member in self.members:
            if word.name:
                if member.name == word.name:
                    return member
            elif (member.host, member.port) == (word.host, word.port) and word.user in ("", member.user):
                return member
        return self.member(word.host) if not word.name and not word.port else None

    @property
    def joined(self) -> list[Member]:
        """The hosts that stand in the configuration, the controller's first."""
        return sorted((member for member in self.members if member.joined), key=lambda member: member.name != self.controller)

    @property
    def nodes(self) -> list[Member]:
        """The hosts that run jobs, of those that stand in the configuration."""
        return [member for member in self.joined if member.runs_jobs]


class Home:
    """The directory of one cluster's record. A lock keeps two runs apart; the record is replaced in one go."""

    def __init__(self, home: str, name: str) -> None:
        self.directory = f"{home}/.config/mgpu/clusters/{name}"
        self.name = name

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with this cluster. RecordError: another mgpu_cluster is at work on it."""
        try:
            os.makedirs(self.directory, 0o700, exist_ok=True)
            lock = os.open(f"{self.directory}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RecordError(f"{error.filename}: {error.strerror}") from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RecordError(f'another mgpu_cluster is at work on the cluster "{self.name}"') from None
            yield
        finally:
            os.close(lock)

    def load(self) -> Record | None:
        """The record; None where there is none. RecordError: it cannot be read."""
        path = f"{self.directory}/cluster.json"
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            if found.pop("version") != VERSION:
                raise RecordError(f"{path} was written by a newer mgpu_cluster")
            found["members"] = [Member(**member) for member in found["members"]]
            return Record(**found)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RecordError(f"{path} is damaged; remove it and run `mgpu_cluster up` with all hosts again") from None

    def save(self, record: Record) -> None:
        """Replace the record. RecordError."""
        path = f"{self.directory}/cluster.json"
        try:
            draft = f"{path}.{os.getpid()}"
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, **asdict(record)}, file, indent=1)
                file.write("\n")
            os.rename(draft, path)
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror}") from None

    def key(self, make: bool = True) -> bytes:
        """The cluster's key as its file holds it, made at the first time; b"" where it is not to be made. RecordError."""
        path = f"{self.directory}/mgpu.key"
        try:
            if not make and not os.path.exists(path):
                return b""
            if not os.path.exists(path):  # alone here: the record is locked
                draft = f"{path}.new"
                with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    file.write(os.urandom(32).hex().encode() + b"\n")
                os.rename(draft, path)
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror}") from None

    def forget_nothing(self) -> None:
        """Remove the directory of a cluster that has no record: a look that led to nothing leaves nothing."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return
        if names == ["lock"]:
            self.erase()

    def erase(self) -> None:
        """Forget the cluster. RecordError."""
        try:
            for name in os.listdir(self.directory):
                os.unlink(f"{self.directory}/{name}")
            os.rmdir(self.directory)
            with contextlib.suppress(OSError):  # other clusters are remembered there, or a configuration lies there
                os.rmdir(os.path.dirname(self.directory))
                os.rmdir(os.path.dirname(os.path.dirname(self.directory)))
        except FileNotFoundError:
            return
        except OSError as error:
            raise RecordError(f"{error.filename}: {error.strerror}") from None


def unique_name(wanted: str, taken: set[str]) -> str:
    """A name for a node: `wanted`, or with a number where that is another's."""
    name = "".join(char if char.isalnum() or char in "-_" else "-" for char in wanted.lower()).strip("-_")
    name = name if hosts.valid_name(name) else f"node{name}" if name and hosts.valid_name(f"node{name}") else "node"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


