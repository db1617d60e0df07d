"""Roots of their own: a Debian made by debootstrap, entered by chroot or booted with its systemd.

Making one takes most of a minute, so what uses them is marked slow. Everything is gone at the end, also the processes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit import processes
from tests.kit.commands import Done, finish, popen
from tests.kit.waiting import until

APART = [sys.executable, str(Path(__file__).with_name("apart.py"))]
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
SUITE = "bookworm"

REACHING_OUT = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt")
"""What of this machine a root needs to reach the places that packages come from."""


def why_not(*tools: str) -> str:
    """Why there can be no roots here, or the first of `tools` that is missing; "" where all is there."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("debootstrap", "unshare", *tools):
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"needs {tool}"
    return ""


@contextmanager
def debian(*packages: str) -> Iterator[Path]:
    """The smallest Debian, with some packages more."""
    place = Path(tempfile.mkdtemp(prefix="mgpu-root-"))
    try:
        more = [f"--include={','.join(packages)}"] if packages else []
        done = finish(popen(["debootstrap", "--variant=minbase", *more, SUITE, str(place)], dict(os.environ), "/"), 900)
        assert done.status == 0, repr(done)
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def enter(root: Path, script: str, *, network: bool = False, timeout: float = 120.0) -> Done:
    """Run a shell script in a root, with /proc and loopback of its own; what it leaves running is ended."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc"]
    if network:
        for name in REACHING_OUT:
            if os.path.exists(f"/{name}"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(f"/{name}", root / name)
        words += ["--"]
    else:
        words += ["--net", "--", *APART]
    return finish(popen([*words, "chroot", str(root), "/bin/sh", "-c", script], ENVIRONMENT, "/"), timeout)


BOOT = """
set -e
# its own place for nspawn's notes, and version 2 of the control groups, which systemd needs
mount -t tmpfs tmpfs /run/systemd
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --resolv-conf=off --timezone=off \\
    --hostname=machine --console=pipe --boot -D "$1"
"""


class Machine:
    """A root that runs its systemd as process 1."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn = popen(
            ["unshare", "--mount", "sh", "-c", BOOT, "sh", str(root)], {**os.environ}, "/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._init = 0

    def wait_booted(self) -> None:
        def running() -> bool:
            assert self._nspawn.poll() is None, "systemd-nspawn has ended"
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            # nspawn has another child for a moment, before that which becomes process 1
            for child in children:
                if processes.alive(int(child)) and os.path.basename(os.readlink(f"/proc/{child}/exe")) == "systemd":
                    self._init = int(child)
                    return self.run("systemctl is-system-running").out.strip() == "running"
            return False

        def started() -> bool:
            try:
                return running()
            except OSError:
                return False

        until(started, "systemd boots", 90, 0.2)

    def start(self, script: str, user: str = "root") -> subprocess.Popen[str]:
        """Start a shell script on the machine."""
        as_user = ["runuser", "-u", user, "--", "/bin/sh", "-c", f"cd ~; {script}"]
        words = ["nsenter", f"--target={self._init}", "--all", "--", *as_user]
        home = "/root" if user == "root" else f"/home/{user}"
        return popen(words, {**ENVIRONMENT, "HOME": home}, "/")

    def run(self, script: str, user: str = "root", timeout: float = 120.0) -> Done:
        return finish(self.start(script, user), timeout)

    def network(self) -> list[str]:
        """What a command of this machine's is started with to be in that one's network."""
        return ["nsenter", f"--target={self._init}", "--net", "--"]

    def off(self) -> None:
        """Switch it off, as the plug is pulled."""
        if self._init:
            try:
                os.kill(self._init, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            self._nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()


@contextmanager
def booted(root: Path) -> Iterator[Machine]:
    machine = Machine(root)
    try:
        machine.wait_booted()
        yield machine
    finally:
        machine.off()
