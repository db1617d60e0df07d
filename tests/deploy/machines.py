"""Machines made of namespaces: each with a network, a name, processes, a /tmp, an /opt and users' homes of its own.

The one who sets the cluster up sits in a network namespace too, with a bridge to which the machines are wired. Needs root
and the right to make namespaces; `why_not` says what is missing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.deploy import sshd
from tests.kit.users import User
from tests.kit.waiting import until

NETWORK = "10.99.{}.{}"


def why_not() -> str:
    """Why there can be no machines here; "" where there can."""
    if os.geteuid() != 0:
        return "needs root to make namespaces"
    for tool in ("ip", "unshare", "nsenter", "mount"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    trial = "mount -t tmpfs none /tmp && ip link add name veth0 type veth peer name veth1 && ip link add name br0 type bridge"
    done = subprocess.run(["unshare", "-nmupf", "--mount-proc", "sh", "-c", trial], capture_output=True, text=True)
    if done.returncode != 0:
        return f"may not make namespaces: {done.stderr.strip()}"
    return ""


def sh(script: str) -> None:
    subprocess.run(["sh", "-ec", script], check=True, capture_output=True)


class Network:
    """The namespace of the one who sets up, with its bridge."""

    def __init__(self) -> None:
        self.number = os.getpid() % 200
        self.name = f"mgpu{os.getpid()}a"
        sh(
            f"ip netns add {self.name}; ip -n {self.name} link add br0 type bridge; ip -n {self.name} link set br0 up\n"
            f"ip -n {self.name} addr add {NETWORK.format(self.number, 254)}/24 dev br0; ip -n {self.name} link set lo up"
        )

    def enter(self) -> list[str]:
        """What a command is started with to be in it."""
        return ["ip", "netns", "exec", self.name]

    def end(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


class Machine:
    """A machine of its own, entered by ssh on port 22."""

    def __init__(self, directory: Path, network: Network, number: int, public: Path, user: User | None, keeps: str = "") -> None:
        self.name = f"gpu{number:02}"
        self.address = NETWORK.format(network.number, number)
        self.directory = directory / self.name
        self.user = user
        self.netns = f"mgpu{os.getpid()}m{number}"
        self.network = network
        self.keeps = keeps
        self.process: subprocess.Popen[bytes] | None = None
        for place in ("home", "opt", "cron", "etc", "work", "bin", "linger"):
            (self.directory / place).mkdir(parents=True)
        if user is not None:
            os.chown(self.directory / "home", user.uid, user.gid)
        sshd.keygen(self.directory / "host_key")
        shutil.copy(public, self.directory / "authorized")
        self._write_init()
        n = self.netns
        sh(
            f"ip netns add {n}; ip link add {n[-8:]} netns {network.name} type veth peer name eth0 netns {n}\n"
            f"ip -n {network.name} link set {n[-8:]} master br0 up; ip -n {n} link set lo up\n"
            f"ip -n {n} addr add {self.address}/24 dev eth0; ip -n {n} link set eth0 up"
        )
        self.boot()

    def _write_init(self) -> None:
        """What its first process does: give it places of its own, then serve."""
        home = self.user.home if self.user else Path("/root")
        here = "/run/here"
        (self.directory / "sshd_config").write_text(
            f"ListenAddress {self.address}\nHostKey {here}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {here}/authorized\nPrintMotd no\nPasswordAuthentication no\nMaxStartups 100\n"
        )
        lines = [
            f"set -e\nhostname {self.name}\nmount --make-rprivate /\nmount -t tmpfs none /run\nmkdir /run/sshd {here}",
            f"mount --bind {self.directory} {here}\nmount -t tmpfs -o mode=1777 none /tmp\nmkdir -p {home}",
            f"mount -t overlay none -o lowerdir=/etc,upperdir={here}/etc,workdir={here}/work /etc",
            f"mount --bind {here}/home {home}\nmount --bind {here}/opt /opt\nmount --bind {here}/bin /usr/local/bin",
        ]
        if self.user is not None:  # sshd lets nobody in whose account is locked
            lines.append(f"sed -i 's/^{self.user.name}:!/{self.user.name}:*/' /etc/shadow")
        lines.append(f"if [ -d /var/spool/cron ]; then mount --bind {here}/cron /var/spool/cron; fi")
        if self.keeps == "cron":
            lines.append("mkdir -p -m 1730 /var/spool/cron/crontabs\nchgrp crontab /var/spool/cron/crontabs")
            lines.append("chmod 1730 /var/spool/cron/crontabs\ncron")
        serve = f"/usr/sbin/sshd -D -e -f {here}/sshd_config"
        lines += self._systemd(serve) if self.keeps == "systemd" else [serve, ""]
        (self.directory / "init").write_text("\n".join(lines))

    def _systemd(self, serve: str) -> list[str]:
        """The lines that make a real systemd the first process, with nothing but sshd to start, and nothing global to set."""
        unit = f"[Service]\nType=exec\nExecStart={serve}\nRuntimeDirectory=sshd\nKillMode=process\n"
        lines = [
            "[ -e /run/here/booted ] || rm -rf /etc/systemd/system/*.wants /etc/systemd/user/*.wants\ntouch /run/here/booted",
            "mkdir -p /etc/systemd/system/multi-user.target.wants",
            f"printf '{unit}' | tee /etc/systemd/system/here.service",
            "ln -sf ../here.service /etc/systemd/system/multi-user.target.wants/",
            "for unit in systemd-sysctl systemd-modules-load systemd-binfmt systemd-remount-fs systemd-udevd systemd-udev-trigger"
            " systemd-update-utmp systemd-random-seed; do ln -sf /dev/null /etc/systemd/system/$unit.service; done",
            f"ln -sf /dev/null /etc/systemd/system/getty.target\necho {self.name} >/etc/hostname",
            "mkdir -p /var/lib/systemd/linger\nmount --bind /run/here/linger /var/lib/systemd/linger",
        ]
        if self.user is not None:
            lines.append(f"touch /var/lib/systemd/linger/{self.user.name}")
        return [*lines, "export container=lxc\nexec /lib/systemd/systemd --system --unit=multi-user.target", ""]

    def boot(self) -> None:
        """Switch it on."""
        with open(self.directory / "console", "ab") as console:
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.netns}", "unshare", "-m", "-u", "-p", "-i", "-C", "-f", "--kill-child",
                 "--mount-proc", "sh", str(self.directory / "init")],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            )  # fmt: skip
        probe = [*self.network.enter(), "sh", "-c", f"exec 3<>/dev/tcp/{self.address}/22"]
        probe[-3] = "bash"
        until(
            lambda: subprocess.run(probe, capture_output=True).returncode == 0,
            lambda: f"{self.name} boots: {(self.directory / 'console').read_text()[-1000:]}",
        )

    def power_off(self) -> None:
        """Everything on it dies at once."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def run(self, script: str) -> str:
        """Run something on it as root; what it printed."""
        assert self.process is not None
        # unshare's child is the machine's first process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        words = ["nsenter", "-t", children[0], "-m", "-u", "-p", "-n", "-C", "sh", "-c", script]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, f"{script}: {done.stderr}"
        return done.stdout

    @property
    def known(self) -> str:
        kind, blob = (self.directory / "host_key.pub").read_text().split()[:2]
        return f"{self.address} {kind} {blob}\n"

    def end(self) -> None:
        self.power_off()
        subprocess.run(["ip", "netns", "del", self.netns], check=False, capture_output=True)
