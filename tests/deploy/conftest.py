"""Who sets clusters up in these tests: a home directory with a key, and hosts to enter with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import sshd
from tests.deploy.sshd import Host
from tests.kit import processes
from tests.kit.commands import ROOT, Done, boot_line, clean_environment, finish, popen
from tests.kit.users import User


class Admin:
    """Somebody with a home directory, a private key and hosts that know it. `user` None: the caller."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.directory = sshd.short_directory()
        self.home = self.directory / "me"
        self.ssh = self.home / ".ssh"
        self.ssh.mkdir(parents=True)
        sshd.keygen(self.ssh / "id_ed25519")
        self.own()
        self.hosts: list[Host] = []
        self.name = f"t{os.getpid()}"

    def own(self) -> None:
        """Give what lies in the home directory to the user."""
        if self.user is not None:
            for path in (self.directory, self.home, *self.home.rglob("*")):
                os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def host(self, name: str, known: bool = True, settings: str = "") -> Host:
        """A new host, whose key is known unless that is what is tested."""
        made = Host(self.directory, name, self.ssh / "id_ed25519.pub", self.user, settings)
        self.hosts.append(made)
        if known:
            with open(self.ssh / "known_hosts", "a") as file:
                file.write(made.known)
            self.own()
        return made

    @property
    def environment(self) -> dict[str, str]:
        return clean_environment(self.user, HOME=str(self.home), MGPU_CLUSTER=self.name)

    def start(self, *words: str, tree: Path = ROOT, **options: object) -> subprocess.Popen[str]:
        """Start mgpu_cluster."""
        line = boot_line("mgpu_cluster", *words)
        line = [word.replace(str(ROOT / "mgpu_slurm"), str(tree / "mgpu_slurm")) for word in line]
        if tree != ROOT:
            line[0] = str(tree / ".venv/bin/python")
        return popen(line, self.environment, self.directory, self.user, **options)  # type: ignore[arg-type]

    def run(self, *words: str, tree: Path = ROOT, seconds: float = 120.0) -> Done:
        return finish(self.start(*words, tree=tree), seconds)

    def up(self, *hosts: Host, more: tuple[str, ...] = ()) -> Done:
        return self.run("up", "--no-links", "-d", "~/cluster", *more, *(host.word for host in hosts))

    def suite(self, host: Host, program: str, *words: str) -> Done:
        """A command of the suite on a host, on the cluster there."""
        environ = clean_environment(self.user, MGPU_CONF=str(host.base / "etc/mgpu.conf"), HOME=str(host.home))
        line = [str(host.base / "current/bin" / f"mgpu_{program}"), *words]
        return finish(popen(line, environ, host.home, self.user), 60.0)

    def states(self, host: Host) -> list[str]:
        """`NODE STATE` of every node."""
        return sorted(self.suite(host, "sinfo", "-h", "-N", "-o", "%N %T").out.splitlines())

    def daemons(self) -> list[processes.Process]:
        """What runs of the clusters that were made."""
        return [found for found in processes.mentioning(str(self.directory)) if "sshd" not in " ".join(found.words)]

    def end(self) -> None:
        for host in self.hosts:
            host.stop()
        processes.kill(self.daemons())
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def admin() -> Iterator[Admin]:
    """The caller, be it root or not."""
    made = Admin()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def plain_admin(request: pytest.FixtureRequest) -> Iterator[Admin]:
    """A user who is not root: a temporary one where root runs the tests, else the caller."""
    made = Admin(request.getfixturevalue("alice") if os.geteuid() == 0 else None)
    try:
        yield made
    finally:
        made.end()


def newer_tree(place: Path) -> Path:
    """A copy of this tree that calls itself a later version."""
    tree = place / "newer"
    tree.mkdir()
    for name in ("bin", "mgpu_slurm"):
        shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "setup.cfg", tree)
    (tree / ".venv").symlink_to(sys.prefix)
    version = tree / "mgpu_slurm/__init__.py"
    version.write_text(version.read_text().replace("__version__ =", "__version__ = '99.0' if True else"))
    return tree
