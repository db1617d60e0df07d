"""The RPM, built by Debian's rpm: what it says of itself, and an installation into a root of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm import __version__
from mgpu_slurm.__main__ import PROGRAMS
from tests.kit.commands import ROOT, clean_environment, finish, popen
from tests.packaging import building, roots
from tests.packaging.life import Tool, live

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.ours, pytest.mark.slow]


NEWER = f"{__version__}.1"


@pytest.fixture(scope="module")
def package(built: Path) -> Path:
    for tool in ("rpm", "rpmbuild"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    building.build(built, "rpm")
    (made,) = (built / "dist").glob("mgpu-slurm-*.rpm")
    return made


@pytest.fixture(scope="module")
def newer_package(package: Path, built: Path) -> Iterator[Path]:
    """What the present tree makes when it calls itself a later version."""
    with building.folder() as place:
        tree = building.copy_tree(place / "tree", NEWER)
        building.build(tree, "rpm")
        (made,) = (tree / "dist").glob("mgpu-slurm-*.rpm")
        yield made


def asked(package: Path, *what: str) -> list[str]:
    done = subprocess.run(["rpm", "--query", "--package", *what, package], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_is_in_it(package: Path) -> None:
    assert asked(package, "--queryformat", "%{NAME} %{VERSION} %{LICENSE}\n") == [f"mgpu-slurm {__version__} Apache-2.0"]
    files = set(asked(package, "--list"))
    assert {f"/usr/bin/mgpu_{name}" for name in (*PROGRAMS, *building.OLDEST)} <= files
    assert {f"/usr/share/man/man{page.suffix[1:]}/{page.name}.gz" for page in (ROOT / "man").glob("*.[1-8]")} <= files
    if (ROOT / "packaging/completions").exists():
        assert {f"/usr/share/bash-completion/completions/mgpu_{name}" for name in PROGRAMS} <= files
        assert "/usr/share/zsh/site-functions/_mgpu" in files
    assert {
        "/usr/lib/systemd/system/mgpu-master.service", "/usr/lib/systemd/system/mgpu-node.service",
        "/usr/lib/sysusers.d/mgpu-slurm.conf", "/usr/lib/tmpfiles.d/mgpu-slurm.conf", "/etc/logrotate.d/mgpu-slurm",
    } <= files  # fmt: skip


def test_what_it_asks_for(package: Path) -> None:
    """The C library, and for the script after installation a few tools; no library of what is inside."""
    needs = [line for line in asked(package, "--requires") if not line.startswith(("rpmlib(", "/bin/sh"))]
    assert sorted(line.partition("(")[0] for line in needs) == ["coreutils", "gawk", "libc.so.6", "sed", "shadow-utils"]


def test_configuration_is_kept(package: Path) -> None:
    kept = set(asked(package, "--configfiles"))
    assert {"/etc/mgpu/mgpu.conf", "/etc/mgpu/mgpu.key", "/etc/mgpu/gres.conf", "/etc/logrotate.d/mgpu-slurm"} == kept
    flags = dict(line.partition(" ")[::2] for line in asked(package, "--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]"))
    assert all("n" in flags[name] for name in kept)  # noreplace


def test_it_installs_and_its_units_are_in_order(package: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    root = tmp_path / "root"
    root.mkdir()
    rpm = ["rpm", "--root", str(root)]
    subprocess.run([*rpm, "--initdb"], check=True, capture_output=True)
    done = subprocess.run([*rpm, "--install", "--nodeps", "--noscripts", package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = finish(popen([str(root / "usr/bin/mgpu_srun"), "--version"], clean_environment(), "/"))
    assert told.ok().out.startswith("slurm ")
    verified = subprocess.run([*rpm, "--verify", "mgpu-slurm", "--nodeps"], capture_output=True, text=True, check=False)
    # root's own files of a scratch root: nothing but what the script after installation would have made
    assert not [line for line in verified.stdout.splitlines() if "/etc/mgpu/mgpu." not in line], verified.stdout
    if shutil.which("systemd-analyze") is not None:
        (root / "bin").mkdir()
        (root / "bin/sh").write_text("#!\n")
        (root / "bin/sh").chmod(0o755)
        place = root / "usr/lib/systemd/system"
        for target in ("sysinit", "basic", "shutdown", "multi-user", "network-online"):
            (place / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        for name in ("master", "node"):
            words = ["systemd-analyze", "verify", f"--root={root}", "--man=no", f"/usr/lib/systemd/system/mgpu-{name}.service"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert not [line for line in done.stderr.splitlines() if "mgpu" in line], done.stderr
    subprocess.run([*rpm, "--erase", "--noscripts", "mgpu-slurm"], check=True, capture_output=True)
    assert not list((root / "usr/bin").glob("mgpu_*"))
    assert not (root / "usr/lib/mgpu").exists()


def test_the_life_of_a_package(package: Path, newer_package: Path) -> None:
    """Its scripts are run by a real rpm under a real systemd; the machine around them is a Debian, whose own packages rpm does
    not know, so that what it asks for is not looked at here."""
    why = roots.why_not("systemd-nspawn", "nsenter")
    if why:
        pytest.skip(why)
    with roots.debian("systemd", "systemd-sysv", "dbus", "logrotate", "rpm") as root:
        for file in (package, newer_package):
            shutil.copy(file, root / "root")
        with roots.booted(root) as machine:
            rpm = "rpm --nodeps"
            tool = Tool(
                f"{rpm} --install {package.name}", f"{rpm} --upgrade {newer_package.name}", f"{rpm} --erase mgpu-slurm",
                start="systemctl start mgpu-master mgpu-node",
            )  # fmt: skip
            live(machine, tool, NEWER)
