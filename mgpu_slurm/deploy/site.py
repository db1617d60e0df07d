"""The hosts of one run: connected, looked at and worked on side by side, each failing for itself.

A host that fails is noted with its reason in `failed` and left out of what follows.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mgpu_slurm.deploy import scripts, survey
from mgpu_slurm.deploy.actions import KEEPER, manner
from mgpu_slurm.deploy.bundle import Piece
from mgpu_slurm.deploy.connection import PIECE, Connection, HostError
from mgpu_slurm.deploy.hosts import Facts, Word
from mgpu_slurm.deploy.progress import Progress
from mgpu_slurm.deploy.ssh import Network

T = TypeVar("T")


@dataclass
class Host:
    """One host of this run. `key` is how it is called until it has a name."""

    key: str
    word: Word
    connection: Connection
    facts: Facts = field(default_factory=Facts)


class Site:
    """Connections and facts by the hosts' names; what went wrong by name."""

    def __init__(self, cluster: str, directory: str, network: Network, progress: Progress, parallel: int, verbose: int) -> None:
        self.cluster = cluster
        self.directory = directory
        self.network = network
        self.progress = progress
        self.parallel = parallel
        self.verbose = verbose
        self.hosts: dict[str, Host] = {}
        self.failed: dict[str, str] = {}
        self._lock = threading.Lock()

    def fail(self, name: str, reason: str) -> None:
        """A host is out; the reason is told at once and again at the end."""
        with self._lock:
            if name in self.failed:
                return
            self.failed[name] = reason
            host = self.hosts.pop(name, None)
        if host is not None:
            host.connection.close()
        self.progress.say(f"{name}: FAILED: {reason}")

    def each(self, names: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
        """Do something for several hosts at a time; who raises HostError is out. Answers of the others by name."""
        answers: dict[str, T] = {}

        def one(name: str) -> None:
            try:
                answers[name] = work(name)
            except HostError as error:
                self.fail(name, str(error))

        wanted = list(names)
        pool = ThreadPoolExecutor(max(1, min(self.parallel, len(wanted))))
        try:
            list(pool.map(one, wanted))
        except KeyboardInterrupt:
            self.network.close()  # whoever waits for a host waits no longer
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()
        return {name: answers[name] for name in wanted if name in answers}

    def connect(self, words: Mapping[str, Word]) -> None:
        """Reach, enter and look at hosts."""
        self.progress.begin(words)

        def one(name: str) -> Host:
            self.progress.host(name, "connecting", passing=True)
            route = self.network.configuration.route(words[name])
            host = Host(name, words[name], self.network.connect(route))
            self._survey(host)
            return host

        self.hosts.update(self.each(words, one))
        self.progress.end()

    def _survey(self, host: Host) -> None:
        sent = time.time()
        done = host.connection.run(survey.script(self.cluster, self.directory))
        try:
            host.facts = survey.read(done.out, sent, done.began)
        except survey.SurveyError as error:
            raise HostError(f"{error}{f': {done.reason()}' if done.err else ''}") from None

    def run(self, name: str, script: str, what: str, seconds: float = 60.0) -> str:
        """Run a script that has to succeed; what it printed. HostError, saying what it was for."""
        if self.verbose:
            self.progress.say(f"{name}: {what}")
        done = self.hosts[name].connection.run(script, seconds)
        if done.status != 0:
            raise HostError(f"{what}: {done.reason()}")
        return done.out

    def facts(self) -> dict[str, Facts]:
        """Facts of the hosts that are still in."""
        return {name: host.facts for name, host in self.hosts.items()}

    def rename(self, names: Mapping[str, str]) -> None:
        """Call hosts by their nodes' names from here on."""
        self.hosts = {names.get(key, key): host for key, host in self.hosts.items()}

    def manner(self, name: str) -> str:
        """Who keeps the daemons of a host running; a user's systemd is asked to outlive the login first."""
        host = self.hosts[name]
        if host.facts.user_manager and not host.facts.linger and not host.facts.root:
            linger = host.connection.run(scripts.linger(host.facts.base)).out.strip() == "yes"
            host.facts = replace(host.facts, linger=linger)
        return manner(host.facts) if host.facts.kernel else KEEPER

    def copy(self, name: str, piece: Piece, path: str, have: int) -> None:
        """Bring an archive, of which `have` bytes are there already and right. HostError."""
        if have < piece.size:
            how = ">>" if have else ">"
            done = self.hosts[name].connection.send(f"cat {how}{path}", self._pieces(name, piece, have), 120.0)
            if done.status != 0:
                raise HostError(f"copying {piece.name}: {done.reason()}")

    @staticmethod
    def right(piece: Piece, size: int, digest: str) -> int:
        """How much of what lies there of a piece, so many bytes with this digest, is what we would send: all or nothing."""
        if size > piece.size:
            return 0
        with open(piece.path, "rb") as file:
            return size if hashlib.sha256(file.read(size)).hexdigest() == digest else 0

    def _pieces(self, name: str, piece: Piece, have: int) -> Iterable[bytes]:
        with open(piece.path, "rb") as file:
            file.seek(have)
            while data := file.read(PIECE):
                self.progress.host(name, f"copying {piece.name}", have, piece.size)
                yield data
                have += len(data)
