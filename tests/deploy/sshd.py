"""Hosts to enter: real sshd's on loopback, each with its own port, host key and home directory.

An sshd that root starts lets in the user it is made for; one of a plain user lets in that user only. What is run through
it has the host's own HOME, since several hosts are on one machine here.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.kit.cluster import free_ports
from tests.kit.users import User
from tests.kit.waiting import until

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
KEYGEN = shutil.which("ssh-keygen")

needs_sshd = pytest.mark.skipif(SSHD is None or KEYGEN is None, reason="needs openssh-server")


def keygen(file: Path, passphrase: str = "") -> None:
    """A new key pair."""
    subprocess.run([str(KEYGEN), "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(file)], check=True)


class Host:
    """One sshd and the directory that its users find as their home."""

    def __init__(self, directory: Path, name: str, public: Path, user: User | None = None, settings: str = "") -> None:
        self.name = name
        self.directory = directory / name
        self.user = user
        self.home = self.directory / "home"
        self.home.mkdir(parents=True)
        self.port = free_ports(1)[0]
        keygen(self.directory / "host_key")
        shutil.copy(public, self.directory / "authorized")
        # several hosts of one user would share that user's crontab, and it is not theirs
        (self.directory / "bin").mkdir()
        refusal = "#!/bin/sh\necho you are not allowed to use this program >&2\nexit 1\n"
        (self.directory / "bin/crontab").write_text(refusal)
        (self.directory / "bin/crontab").chmod(0o755)
        wrapper = self.directory / "enter"
        wrapper.write_text(
            f"#!/bin/sh\nexport HOME={self.home} PATH={self.directory}/bin:$PATH\n"
            "unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR\ncd\n"
            'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
        )
        wrapper.chmod(0o755)
        self.conf = self.directory / "sshd_config"
        self.conf.write_text(
            f"{settings}\nPort {self.port}\nListenAddress 127.0.0.1\nHostKey {self.directory}/host_key\nPidFile none\nUsePAM no\n"
            f"StrictModes no\nAuthorizedKeysFile {self.directory}/authorized\nForceCommand {wrapper}\nPrintMotd no\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nLogLevel VERBOSE\n"
        )
        if user is not None:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, user.uid, user.gid)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        identity = {} if self.user is None else {"user": self.user.uid, "group": self.user.gid, "extra_groups": self.user.groups}
        with open(self.directory / "sshd.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(SSHD), "-D", "-e", "-f", str(self.conf)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **identity,  # type: ignore[call-overload]
            )  # fmt: skip
        until(self.answers, lambda: f"sshd of {self.name} answers: {self.log()}")

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self) -> str:
        return (self.directory / "sshd.log").read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """End the sshd and the sessions below it."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    @property
    def known(self) -> str:
        """Its line of known_hosts."""
        kind, blob = (self.directory / "host_key.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {kind} {blob}\n"

    @property
    def word(self) -> str:
        return f"{self.name}=127.0.0.1:{self.port}"

    @property
    def base(self) -> Path:
        return self.home / "cluster"


def short_directory() -> Path:
    """A directory whose name leaves room for sockets below it, open to the users that tests make."""
    path = Path(tempfile.mkdtemp(prefix="mgpu-ssh-"))
    path.chmod(0o755)
    return path
