"""Three machines of their own, in namespaces: up to all idle, a job across, a firewall, a reboot, down."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import machines
from tests.deploy.conftest import Admin
from tests.deploy.machines import Machine, Network
from tests.deploy.sshd import needs_sshd
from tests.kit.commands import Done, boot_line, finish, popen
from tests.kit.users import User
from tests.kit.waiting import until

pytestmark = [needs_sshd, pytest.mark.ours, pytest.mark.slow, pytest.mark.xdist_group("deploy")]


MANNER = {"cron": "keeper", "systemd": "user", "": "keeper"}


class Lab:
    """Machines and who sets them up; `user` None: all by root."""

    def __init__(self, user: User | None, keeps: str = "") -> None:
        self.admin = Admin()
        self.network = Network()
        self.user = user
        self.keeps = keeps
        self.machines: list[Machine] = []
        for number in (1, 2, 3):
            made = Machine(self.admin.directory, self.network, number, self.admin.ssh / "id_ed25519.pub", user, keeps)
            self.machines.append(made)
        (self.admin.ssh / "known_hosts").write_text("".join(machine.known for machine in self.machines))

    @property
    def words(self) -> list[str]:
        login = f"{self.user.name}@" if self.user else ""
        return [f"{login}{machine.address}" for machine in self.machines]

    def run(self, *words: str) -> Done:
        line = [*self.network.enter(), *boot_line("mgpu_cluster", *words)]
        return finish(popen(line, self.admin.environment, self.admin.directory), 180.0)

    def on_first(self, command: str) -> str:
        """A command as the cluster's user on the first machine, after a login."""
        machine = self.machines[0]
        path = "PATH=$HOME/.local/bin:/usr/local/bin:/usr/bin:/bin"
        if self.user is None:
            return machine.run(f"cd; {path} {command}")
        return machine.run(f"setpriv --reuid {self.user.uid} --regid {self.user.gid} --clear-groups env HOME={self.user.home}"
                           f" sh -c 'cd; export {path}; {command}'")  # fmt: skip

    def end(self) -> None:
        for machine in self.machines:
            machine.end()
        self.network.end()
        self.admin.end()


@pytest.fixture(scope="module", autouse=True)
def able() -> None:
    reason = machines.why_not()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def lab_of_one(alice: User, request: pytest.FixtureRequest) -> Iterator[Lab]:
    keeps = request.param
    if keeps and shutil.which(keeps, path="/usr/sbin:/lib/systemd") is None:
        pytest.skip(f"needs {keeps}")
    made = Lab(alice, keeps)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def lab_of_all(request: pytest.FixtureRequest) -> Iterator[Lab]:
    keeps = request.param
    if keeps and shutil.which(keeps, path="/lib/systemd") is None:
        pytest.skip(f"needs {keeps}")
    made = Lab(None, keeps)
    try:
        yield made
    finally:
        made.end()


def made_by_the_machine(path: Path) -> bool:
    """Whether it stands in a machine's /etc because of how the machine is made."""
    made = ("etc/shadow", "etc/hostname", "etc/machine-id", "etc/.pwd.lock", "home/.ssh")
    locked = path.parent.name == "etc" and path.suffix == ".lock"  # removed at boot where one lay there for a moment
    return locked or "/".join(path.parts[-2:]) in made or ("etc/systemd" in str(path) and "mgpu" not in path.name)


def files(lab: Lab) -> list[str]:
    """What lies on the machines that was not there before."""
    places = [machine.directory / place for machine in lab.machines for place in ("home", "opt", "bin", "etc")]
    return sorted(str(path) for place in places for path in place.rglob("*") if not made_by_the_machine(path))


@pytest.mark.parametrize("lab_of_one", ["cron", "systemd"], indirect=True)
def test_a_user_s_own_cluster(lab_of_one: Lab) -> None:
    lab = lab_of_one
    began = time.monotonic()
    done = lab.run("up", *lab.words).ok()
    print(f"three machines, up to all idle: {time.monotonic() - began:.1f} s")
    assert "3 of 3 nodes in service (3 idle)" in done.out
    assert "After a reboot" not in done.out
    assert f"running ({MANNER[lab.keeps]})" in lab.run("status").ok().out
    assert "cannot resolve gpu01" in done.out
    assert lab.on_first("mgpu_sinfo -h -o %N:%T:%D").split() == ["gpu[01-03]:idle:3"]
    assert sorted(lab.on_first("mgpu_srun -N3 uname -n").split()) == ["gpu01", "gpu02", "gpu03"]
    assert sorted(lab.on_first("mgpu_srun -N3 id -un").split()) == [lab.user.name if lab.user else ""] * 3
    assert "nothing to do" in lab.run("up").ok().out

    # one machine loses its power: the others go on, and it is back when it is
    lab.machines[2].power_off()
    looked = lab.run("status")
    assert looked.status == 1
    assert "gpu03: FAILED:" in looked.err
    assert "unreachable" in looked.out
    assert sorted(lab.on_first("mgpu_srun -N2 -w gpu0[1-2] uname -n").split()) == ["gpu01", "gpu02"]
    lab.machines[2].boot()
    until(lambda: lab.on_first("mgpu_sinfo -h -n gpu03 -o %T") == "idle\n", "the machine is back", 60.0)

    lab.run("down", "--force").ok()
    assert files(lab) == []
    for machine in lab.machines:
        left = machine.run("ps ax; ls /tmp; cat /var/spool/cron/crontabs/* 2>/dev/null || :")
        assert "mgpu" not in left.replace("mgpu-ssh-", "").replace("mgpu-home-", ""), left


@pytest.mark.parametrize("lab_of_all", ["", "systemd"], indirect=True)
def test_a_cluster_for_all_users(lab_of_all: Lab, alice: User, bob: User) -> None:
    """By root: jobs run as who submits them, the usual places lead to it, and a wall between two machines is found."""
    lab = lab_of_all
    first, second, third = lab.machines
    third.run(f"ip route add unreachable {first.address}")
    began = time.monotonic()
    done = lab.run("up", "--timeout=10", *lab.words)
    print(f"two machines of three, up to idle: {time.monotonic() - began:.1f} s")
    assert done.status == 1
    assert "gpu03: FAILED: cannot reach the controller: " in done.out
    assert "2 of 3 nodes in service (2 idle)" in done.out
    third.run(f"ip route del unreachable {first.address}")
    assert "3 of 3 nodes in service" in lab.run("up").ok().out
    for user in (alice, bob):
        who = f"setpriv --reuid {user.uid} --regid {user.gid} --init-groups"
        assert first.run(f"cd /; {who} /usr/local/bin/mgpu_srun -N3 id -un").split() == [user.name] * 3
    assert first.run("stat -c %a /opt/mgpu/*/etc/mgpu.key").split() == ["600"]
    assert second.run("readlink /etc/mgpu/mgpu.conf").startswith("/opt/mgpu/")
    if lab.keeps == "systemd":
        assert "running (system)" in lab.run("status").ok().out
        unit = f"mgpu-{lab.admin.name}-node-gpu02.service"
        before = second.run(f"systemctl show -p MainPID {unit}")
        job = first.run("cd /tmp; mgpu_sbatch -w gpu02 -o /dev/null --wrap 'sleep 600'").split()[-1]
        until(lambda: first.run(f"mgpu_squeue -h -j {job} -o %T") == "RUNNING\n", "the job runs")
        second.run(f"systemctl kill -s KILL --kill-who=main {unit}")
        until(lambda: second.run(f"systemctl show -p MainPID {unit}") not in (before, "MainPID=0\n"), "it comes back")
        assert first.run(f"mgpu_squeue -h -j {job} -o %T") == "RUNNING\n"
        first.run(f"mgpu_scancel {job}")
        for machine in lab.machines:
            machine.power_off()
            machine.boot()
        until(lambda: first.run("mgpu_sinfo -h -o %T 2>/dev/null || :") == "idle\n", "all is back after a reboot", 60.0)
    lab.run("down", "--force").ok()
    assert files(lab) == []
