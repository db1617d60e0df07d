"""The Debian package on a machine with systemd: installed, used, upgraded under running jobs, removed and purged."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm import __version__
from mgpu_slurm.__main__ import PROGRAMS
from tests.kit.commands import ROOT
from tests.kit.waiting import until
from tests.packaging import building, roots

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.ours, pytest.mark.slow]

NEWER = f"{__version__}.1"

NOT_OURS = "bogus-mail-host,bogus-mail-host-in-debian-changelog"
"""Who makes the package says who he is; the tests are nobody."""


@pytest.fixture(scope="module")
def package(built: Path) -> Path:
    if shutil.which("dh") is None:
        pytest.skip("needs debhelper")
    building.build(built, "deb")
    (made,) = (built / "dist").glob("mgpu-slurm_*.deb")
    assert f"_{__version__}_" in made.name
    return made


@pytest.fixture(scope="module")
def newer_package(package: Path) -> Iterator[Path]:
    with building.folder() as place:
        tree = building.copy_tree(place / "tree", NEWER)
        building.build(tree, "deb")
        (made,) = (tree / "dist").glob("mgpu-slurm_*.deb")
        assert f"_{NEWER}_" in made.name
        yield made


def test_lintian_has_nothing_to_say(package: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    words = ["lintian", "--allow-root", "--display-info", "--fail-on", "error,warning,info", "--suppress-tags", NOT_OURS, package]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_what_is_in_it(package: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout.splitlines()
    files = {line.split()[5].removeprefix(".") for line in listed}
    assert {f"/usr/bin/mgpu_{name}" for name in (*PROGRAMS, *building.OLDEST)} <= files
    pages = {f"/usr/share/man/man{page.suffix[1:]}/{page.name}.gz" for page in (ROOT / "man").glob("*.[1-8]")}
    assert pages <= files
    if (ROOT / "packaging/completions").exists():
        assert {f"/usr/share/bash-completion/completions/mgpu_{name}" for name in PROGRAMS} <= files
        assert {"/usr/share/zsh/vendor-completions/_mgpu", "/usr/share/fish/vendor_completions.d/mgpu_srun.fish"} <= files
    assert {
        "/lib/systemd/system/mgpu-master.service", "/lib/systemd/system/mgpu-node.service",
        "/usr/lib/sysusers.d/mgpu-slurm.conf", "/usr/lib/tmpfiles.d/mgpu-slurm.conf", "/etc/logrotate.d/mgpu-slurm",
    } <= files  # fmt: skip
    owners = {line.split()[1] for line in listed}
    assert owners == {"root/root"}
    assert not [line for line in listed if line[0] != "l" and (line[5] == "w" or line[8] == "w")]


def test_the_life_of_a_package(package: Path, newer_package: Path) -> None:
    why = roots.why_not("systemd-nspawn", "nsenter")
    if why:
        pytest.skip(why)
    with roots.debian("systemd", "systemd-sysv", "dbus", "logrotate") as root:
        for file in (package, newer_package):
            shutil.copy(file, root / "root")
        with roots.booted(root) as machine:
            live(machine, package.name, newer_package.name)


JOB = """#!/bin/sh
echo begun by $(id -un) as $$
while [ ! -e ~/go ]; do sleep 0.1; done
srun sh -c 'echo step $SLURM_STEP_ID'
echo ended as $$
exit 7
"""

WITHIN = "for _ in $(seq 600); do {} && exit 0; sleep 0.1; done; {}; exit 1"


def live(machine: roots.Machine, package: str, newer: str) -> None:
    def said(script: str, user: str = "ada") -> str:
        return machine.run(script, user).ok().out.strip()

    def wait(condition: str, last: str = "mgpu_sinfo; mgpu_squeue; journalctl -n 50 --no-pager") -> None:
        done = machine.run(WITHIN.format(condition, last), timeout=180)
        assert done.status == 0, repr(done)

    assert machine.run("command -v python3 || ls /usr/bin/python3*").status != 0
    machine.run("useradd -m -s /bin/sh ada").ok()

    # installed: both daemons run, with nothing configured by anybody
    machine.run(f"dpkg -i {package}").ok()
    assert said("systemctl is-enabled mgpu-master mgpu-node").split() == ["enabled", "enabled"]
    assert said("systemctl is-active mgpu-master mgpu-node").split() == ["active", "active"]
    wait("mgpu_sinfo -h -t idle -o %D | grep -qx 1")
    assert said("stat -c '%U %a' /etc/mgpu/mgpu.key /var/lib/mgpu /var/log/mgpu /var/log/mgpu/master").splitlines() == [
        "mgpu 600", "mgpu 700", "root 755", "mgpu 755",
    ]  # fmt: skip
    assert said("stat -c %U /proc/$(systemctl show -P MainPID mgpu-master)") == "mgpu"

    # used by an ordinary user, who sees no key
    assert said("mgpu_srun id -un") == "ada"
    assert machine.run("cat /etc/mgpu/mgpu.key", "ada").status != 0

    # a long job, a step that somebody watches, and one that waits
    job = said(f"cat >job.sh <<'E'\n{JOB}E\nmgpu_sbatch --parsable -n1 --mem=50 -o out job.sh")
    watched = machine.start("mgpu_srun -n1 --mem=50 sh -c 'while [ ! -e ~/go ]; do sleep 0.1; done; echo seen; exit 3'", "ada")
    waiting = said("mgpu_sbatch --parsable --hold --mem=50 -o waited --wrap 'echo was held'")
    wait("grep -q begun ~ada/out && [ $(mgpu_squeue -h -t running -o %A | wc -l) = 2 ]")
    machine.run("echo '# a line of the administrator' >>/etc/mgpu/mgpu.conf").ok()

    # the logs are turned over, and both daemons write the new ones
    machine.run("echo filler >>/var/log/mgpu/master/controller.log; logrotate --force /etc/logrotate.d/mgpu-slurm").ok()
    machine.run("systemctl reload mgpu-master mgpu-node").ok()
    wait("[ -s /var/log/mgpu/master/controller.log.1 ] && [ -e /var/log/mgpu/master/controller.log ]", "ls -lR /var/log/mgpu")
    wait("ls /var/log/mgpu/node.*.log.1 && ls /var/log/mgpu/node.*.log", "ls -lR /var/log/mgpu")

    # upgraded under them
    machine.run(f"dpkg -i {newer}").ok()
    assert said("mgpu_master --version") == f"mgpu_slurm {NEWER}"
    assert said("systemctl is-active mgpu-master mgpu-node").split() == ["active", "active"]
    wait(f"journalctl -u mgpu-master | grep -q 'mgpu_master {NEWER} serves'")
    wait("[ $(mgpu_squeue -h -t running -o %A | wc -l) = 2 ]")
    assert said("tail -n 1 /etc/mgpu/mgpu.conf") == "# a line of the administrator"
    assert "ended" not in said("cat out")
    said("touch go")
    wait(f"mgpu_squeue -h -t all -j {job} -o %T | grep -qx FAILED")
    begun, step, ended = said("cat out").splitlines()
    process = begun.removeprefix("begun by ada as ")
    assert (step, ended) == ("step 0", f"ended as {process}")
    assert said(f"mgpu_sacct -n -X -P -j {job} -o state,exitcode") == "FAILED|7:0"
    out, err = watched.communicate(timeout=60)
    assert (out, watched.returncode) == ("seen\n", 3), err
    said(f"mgpu_scontrol release {waiting}")
    wait(f"mgpu_squeue -h -t all -j {waiting} -o %T | grep -qx COMPLETED")
    assert int(said("mgpu_sbatch --parsable --wait --wrap true")) > int(waiting)

    # removed: nothing runs, what is the administrator's and the history stay; purged: they go too
    machine.run("dpkg --remove mgpu-slurm").ok()
    assert machine.run("command -v mgpu_sinfo || ls -d /usr/lib/mgpu").status != 0
    assert machine.run("grep -l mgpu /proc/[0-9]*/comm").status != 0
    machine.run("test -s /etc/mgpu/mgpu.conf && test -s /var/lib/mgpu/state.db && test -s /etc/mgpu/mgpu.key").ok()
    machine.run("dpkg --purge mgpu-slurm").ok()
    places = "/etc/mgpu /var/lib/mgpu /var/spool/mgpu /var/log/mgpu /run/mgpu /etc/logrotate.d/mgpu-slurm"
    assert machine.run(f"ls -d {places}").out == ""
    until(lambda: said("systemctl list-units --all 'mgpu*' --no-legend --plain") == "", "systemd has forgotten the units")
