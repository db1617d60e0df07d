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
from tests.packaging import building, roots
from tests.packaging.life import Tool, live

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
            tool = Tool(
                f"dpkg -i {package.name}", f"dpkg -i {newer_package.name}", "dpkg --remove mgpu-slurm", "dpkg --purge mgpu-slurm"
            )
            live(machine, tool, NEWER)
