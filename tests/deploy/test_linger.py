"""A user's own cluster on a machine with logind and polkit: lingering is asked for, used, and given back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.conftest import Admin
from tests.deploy.sshd import needs_sshd
from tests.kit.commands import Done, boot_line, finish, popen
from tests.kit.waiting import until
from tests.packaging import roots
from tests.packaging.roots import Machine

pytestmark = [needs_sshd, pytest.mark.ours, pytest.mark.slow, pytest.mark.xdist_group("deploy")]

PACKAGES = ("systemd", "systemd-sysv", "dbus", "libpam-systemd", "polkitd", "openssh-server", "python3")


@pytest.fixture
def setting_up() -> Iterator[Admin]:
    why = roots.why_not("systemd-nspawn", "nsenter")
    if why:
        pytest.skip(why)
    made = Admin()
    try:
        yield made
    finally:
        made.end()


def run(admin: Admin, machine: Machine, *words: str) -> Done:
    line = [*machine.network(), *boot_line("mgpu_cluster", *words)]
    return finish(popen(line, admin.environment, admin.directory), 180.0)


def idle(machine: Machine) -> bool:
    return machine.run("PATH=$HOME/.local/bin:$PATH mgpu_sinfo -h -o %T 2>/dev/null", "ann").out == "idle\n"


def test_lingering(setting_up: Admin) -> None:
    admin = setting_up
    with roots.debian(*PACKAGES) as root:
        (root / "root/key.pub").write_text((admin.ssh / "id_ed25519.pub").read_text())
        with roots.booted(root) as machine:
            machine.run(
                "useradd -m -s /bin/bash ann && install -d -o ann -g ann -m 700 ~ann/.ssh"
                " && install -o ann -g ann -m 600 /root/key.pub ~ann/.ssh/authorized_keys"
            ).ok()
            key = machine.run("cat /etc/ssh/ssh_host_ed25519_key.pub").ok().out
            (admin.ssh / "known_hosts").write_text(f"127.0.0.1 {key}")

            # where it may not be asked for, a process of the user's keeps the daemons, and a reboot is the user's business
            machine.run("systemctl mask --now polkit").ok()
            done = run(admin, machine, "up", "ann@127.0.0.1").ok()
            assert "1 of 1 nodes in service (1 idle)" in done.out
            assert "After a reboot of " in done.out
            assert "running (keeper)" in run(admin, machine, "status").ok().out
            assert machine.run("ls /var/lib/systemd/linger").out == ""

            # where it may, the user's systemd does, from the next time on
            machine.run("systemctl unmask polkit && systemctl start polkit").ok()
            done = run(admin, machine, "up").ok()
            assert "1 of 1 nodes in service (1 idle)" in done.out
            assert "After a reboot" not in done.out
            assert machine.run("ls /var/lib/systemd/linger").out == "ann\n"
            assert "running (user)" in run(admin, machine, "status").ok().out
            assert "nothing to do" in run(admin, machine, "up").ok().out
            until(lambda: machine.run("loginctl list-sessions --no-legend").out == "", "everybody has logged out", 60.0, 0.2)
            assert idle(machine)

        with roots.booted(root) as machine:  # it is switched on again, and nobody logs in
            until(lambda: idle(machine), "the cluster is back", 60.0, 0.2)
            run(admin, machine, "down").ok()
            assert machine.run("ls /var/lib/systemd/linger").out == ""
            assert machine.run("find ~ann -mindepth 1 ! -name '.bash*' ! -name '.profile' ! -path '*/.ssh*'").out == ""
