"""What is copied: equal trees give equal archives, and a host gets what it can run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from mgpu_slurm import boot
from mgpu_slurm.deploy import bundle, contents
from mgpu_slurm.deploy.bundle import BINARY, PYTHON, Bundles
from mgpu_slurm.deploy.contents import BundleError, Link
from mgpu_slurm.deploy.hosts import Facts

OURS = sys.version_info[:2]
HOST = Facts(arch=platform.machine(), libc="glibc 2.36", pythons=((sys.executable, *OURS),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Something that looks like the binary; its library wants glibc 2.34."""
    place = tmp_path / "mgpu"
    (place / "_internal").mkdir(parents=True)
    (place / "mgpu").write_bytes(b"\x7fELF ... \0GLIBC_2.2.5\0 \0GLIBC_2.34\0")
    (place / "mgpu").chmod(0o755)
    (place / "_internal/lib.so.1").write_bytes(b"text \0GLIBC_2.99\0")  # no program
    (place / "_internal/lib.so").symlink_to("lib.so.1")
    return place


@pytest.mark.parametrize(
    ("wanted", "change", "expected"),
    [
        ("auto", {}, BINARY),
        ("python", {}, PYTHON),
        ("auto", {"libc": "glibc 2.31"}, PYTHON),
        ("auto", {"libc": "musl"}, PYTHON),
        ("auto", {"arch": "riscv64"}, PYTHON),
        ("binary", {"pythons": ()}, BINARY),
        ("python", {"pythons": ()}, "no Python 3.11"),
        ("binary", {"libc": "glibc 2.31"}, "needs glibc 2.34"),
        ("auto", {"arch": "riscv64", "pythons": ()}, "is for"),
        ("binary", {"arch": "riscv64"}, "is for"),
    ],
)
def test_choice(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, change: dict[str, object], expected: str
) -> None:
    monkeypatch.setattr(bundle, "stale", lambda folder: "")
    bundles = Bundles(tmp_path / "cache", wanted, folder)
    facts = replace(HOST, **change)  # type: ignore[arg-type]
    if expected in (BINARY, PYTHON):
        assert bundles.choose(facts)[0] == expected
    else:
        with pytest.raises(BundleError, match=expected):
            bundles.choose(facts)


def test_an_old_c_library_is_told_before_anything_is_copied(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "stale", lambda folder: "")
    old = replace(HOST, libc="glibc 2.31", system="Old Linux 11")
    why = "the binary needs glibc 2.34 or later, it has glibc 2.31 (Old Linux 11); what packaging/build makes there runs there"
    bundles = Bundles(tmp_path / "cache", "auto", folder)
    assert bundles.note(old) == f"gets packages for its Python, since {why}"
    assert bundles.note(HOST) == ""
    with pytest.raises(BundleError) as refused:
        bundles.release(replace(old, pythons=()))
    assert str(refused.value) == f"it has no Python 3.11 or later with sqlite3, and {why}"
    assert not list((tmp_path / "cache").glob("*.gz"))


def test_the_interpreter_that_fits_best(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path, PYTHON)
    others = (("/usr/bin/python3.99", 3, 99), ("/opt/python", *OURS))
    assert bundles.choose(replace(HOST, pythons=others)) == (PYTHON, "/opt/python")
    assert bundles.choose(replace(HOST, pythons=others[:1])) == (PYTHON, "/usr/bin/python3.99")


def test_an_old_binary_is_noticed(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(folder / "mgpu", (0, 0))
    bundles = Bundles(tmp_path / "cache", "auto", folder)
    assert bundles.choose(HOST)[0] == PYTHON
    with pytest.raises(BundleError, match=r"out of date: mgpu_slurm/.* is newer"):
        bundles.choose(replace(HOST, pythons=()))


def test_equal_files_give_equal_archives(tmp_path: Path, folder: Path) -> None:
    first = Bundles(tmp_path / "one", BINARY, folder).release(HOST)
    for file in folder.rglob("*"):
        os.utime(file, (1, 1), follow_symlinks=False)
    again = Bundles(tmp_path / "two", BINARY, folder).release(HOST)
    assert first.id == again.id
    with tarfile.open(first.pieces[0].path) as archive:
        names = {entry.name: entry for entry in archive}
    assert names["mgpu"].mode == 0o755
    assert names["_internal/lib.so"].linkname == "lib.so.1"
    assert names["bin/mgpu_srun"].linkname == "../mgpu"
    (folder / "mgpu").write_bytes(b"\x7fELF changed")
    assert Bundles(tmp_path / "one", BINARY, folder).release(HOST).id != first.id


def test_an_archive_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[contents.File] = [("a", b"text", 0o644), ("b", Link("a"), 0o777)]
    made = bundle.pack("piece", files, tmp_path)
    monkeypatch.setattr(bundle, "_add", None)
    assert bundle.pack("piece", files, tmp_path) == made
    assert made.unpacked == 5


def test_old_archives_are_forgotten(tmp_path: Path) -> None:
    files: list[contents.File] = [("a", b"one", 0o644)]
    old, other = bundle.pack("piece", files, tmp_path), bundle.pack("piece-3", files, tmp_path)
    for made in (old, other):
        os.utime(made.path, (0, 0))
    new = bundle.pack("piece", [("a", b"two", 0o644)], tmp_path)
    assert [Path(made.path).exists() for made in (old, other, new)] == [False, True, True]


def test_launchers_where_pip_has_put_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def words(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("# ")]

    assert words(contents.launcher_text()) == words(contents.LAUNCHER)
    monkeypatch.setattr(boot, "ROOT", str(tmp_path))
    assert contents.launcher_text() == contents.LAUNCHER
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mgpu_srun").write_text("#!/some/venv/bin/python\nfrom mgpu_slurm.__main__ import main\n")
    assert contents.launcher_text() == contents.LAUNCHER


def test_a_python_release_runs_by_itself(tmp_path: Path) -> None:
    """Unpacked as on a host, with nothing of this tree: the daemons start, and all their packages are its own."""
    release = Bundles(tmp_path / "cache", PYTHON).release(HOST)
    place = tmp_path / "release"
    place.mkdir()
    for piece in release.pieces:
        subprocess.run(["tar", "-xzf", piece.path, "-C", place], check=True)
    (place / ".venv/bin").mkdir()
    (place / ".venv/bin/python").symlink_to(os.path.realpath(sys.executable))
    (place / ".venv/pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    (place / ".venv/.complete").touch()
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    for program in ("mgpu_master", "mgpu_node", "mgpu_sinfo"):
        done = subprocess.run([place / "bin" / program, "--version"], env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), program
    code = "import msgspec, sqlalchemy, alembic, psutil, pynvml, sys; print(*(m.__file__ for m in"
    code += " (msgspec, sqlalchemy, alembic, psutil, pynvml)), sep='\\n')"
    shown = subprocess.run([place / ".venv/bin/python", "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(line.startswith(str(place)) for line in shown.splitlines()), shown
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([place / ".venv/bin/python", "-I", "-c", "import paramiko"], capture_output=True, check=True)
