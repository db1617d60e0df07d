"""What is copied to hosts: the binary, or for hosts with a Python the package and the packages it needs.

A release is a directory of its own on a host, made from pieces: gzipped tar archives that are kept in a cache here and
known by their digests, so that what a host has already is not copied again.

- binary: dist/mgpu as packaging/build makes it, or the binary that is running. Runs where architecture and C library fit.
- python: `program` (the package, its launchers) and `packages` (msgspec, SQLAlchemy, ...) for one version of Python. The
  host's release looks like a checkout with its virtual environment made, so that boot.py finds everything.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata as metadata
import io
import os
import platform
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mgpu_slurm import __version__, boot
from mgpu_slurm.deploy.contents import (
    BundleError,
    File,
    Link,
    downloaded_files,
    folder_files,
    needed,
    package_files,
    program_files,
)
from mgpu_slurm.deploy.hosts import Facts

LEVEL = 4
"""gzip's level: on a local network, packing must not take longer than sending."""

WHEN = 1577836800
"""The time of every file in an archive, so that equal contents give equal archives: 2020-01-01."""

DAY = 86400.0

BINARY, PYTHON, AUTO = "binary", "python", "auto"

@dataclass(frozen=True)
class Piece:
    """An archive: where it lies, its digest (sha256), its size and that of its contents, in bytes."""

    name: str
    path: str
    digest: str
    size: int
    unpacked: int


@dataclass(frozen=True)
class Release:
    """What a host gets. `id` names its directory there; `python` is "" or the host's interpreter."""

    kind: str
    id: str
    pieces: tuple[Piece, ...]
    python: str = ""

    @property
    def unpacked(self) -> int:
        return sum(piece.unpacked for piece in self.pieces)


def binary_folder() -> Path | None:
    """The binary to bring: that which is running, else what packaging/build has made of this tree."""
    if boot.FROZEN:
        return Path(sys.executable).resolve().parent
    place = Path(boot.ROOT) / "dist" / "mgpu"
    return place if (place / "mgpu").is_file() and (place / "_internal").is_dir() else None


def stale(folder: Path) -> str:
    """Why a built binary is not this tree's program; "" where it is, as far as the dates tell."""
    if boot.FROZEN:
        return ""
    built = (folder / "mgpu").stat().st_mtime
    newer = [file for file in Path(boot.ROOT, "mgpu_slurm").rglob("*.py") if file.stat().st_mtime > built]
    return f"{newer[0].relative_to(boot.ROOT)} is newer than dist/mgpu" if newer else ""


class Bundles:
    """Makes releases, each piece once. `cache` is where archives are kept."""

    def __init__(self, cache: Path, wanted: str = AUTO, folder: Path | None = None) -> None:
        self.cache = cache
        self.wanted = wanted
        self.folder = folder if folder is not None else binary_folder()
        self._pieces: dict[str, Piece] = {}

    def choose(self, facts: Facts) -> tuple[str, str]:
        """("binary", "") or ("python", interpreter) for a host. Pure but for a look at the binary. BundleError."""
        why_not = self._no_binary(facts)
        if self.wanted != PYTHON and not why_not:
            return BINARY, ""
        if self.wanted == BINARY:
            raise BundleError(why_not)
        if not facts.pythons:
            raise BundleError(f"it has no Python 3.11 or later with sqlite3, and {why_not}")
        ours = sys.version_info[:2]
        best = max(facts.pythons, key=lambda found: (found[1:] == ours, found[1:]))
        return PYTHON, best[0]

    def _no_binary(self, facts: Facts) -> str:
        if self.folder is None:
            return "no binary is here (packaging/build makes one)"
        old = stale(self.folder)
        if old and self.wanted == AUTO:
            return f"the binary here is out of date: {old}"
        if facts.arch != platform.machine():
            return f"the binary here is for {platform.machine()}, it is {facts.arch}"
        needed = self.needed_libc()
        if facts.glibc < needed:
            runs = f"the binary needs glibc {needed[0]}.{needed[1]} or later, it has {facts.libc}"
            return f"{runs}{f' ({facts.system})' if facts.system else ''}; what packaging/build makes there runs there"
        return ""

    def note(self, facts: Facts) -> str:
        """Why a host that could have got the binary gets packages for its Python, where it is worth a word; else ""."""
        if self.wanted != AUTO or self.folder is None or stale(self.folder) or self.choose(facts)[0] == BINARY:
            return ""
        return f"gets packages for its Python, since {self._no_binary(facts)}"

    def release(self, facts: Facts) -> Release:
        """What this host gets, packed. Seconds when it has to be packed first. BundleError."""
        kind, python = self.choose(facts)
        if kind == BINARY:
            pieces: tuple[Piece, ...] = (self._piece("binary", lambda: folder_files(self.folder or Path())),)
        else:
            version = next((found[1], found[2]) for found in facts.pythons if found[0] == python)
            pieces = self._program(), self._packages(version, facts)
        digest = hashlib.sha256("".join(piece.digest for piece in pieces).encode() + python.encode()).hexdigest()
        return Release(kind, f"{__version__}-{digest[:12]}", pieces, python)

    def needed_libc(self) -> tuple[int, int]:
        """The newest version of the C library that a file of the binary asks for."""
        folder = self.folder
        assert folder is not None
        note = self.cache / f"libc-{_stamp(folder_files(folder))}"
        try:
            major, minor = note.read_text().split(".")
            return int(major), int(minor)
        except (OSError, ValueError):
            pass  # not looked at yet
        newest = (2, 0)
        for _, source, _ in folder_files(folder):
            if isinstance(source, Path):
                data = source.read_bytes()
                if data[:4] == b"\x7fELF":
                    found = re.findall(rb"\0GLIBC_(\d+)\.(\d+)", data)
                    newest = max([newest, *((int(a), int(b)) for a, b in found)])
        self.cache.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{newest[0]}.{newest[1]}")
        return newest

    def _program(self) -> Piece:
        return self._piece("program", program_files)

    def _packages(self, version: tuple[int, int], facts: Facts) -> Piece:
        if version == sys.version_info[:2] and facts.arch == platform.machine() and facts.glibc >= (2, 17):
            try:
                return self._piece(f"packages-{version[0]}.{version[1]}", lambda: package_files(version))
            except metadata.PackageNotFoundError as missing:
                raise BundleError(f"the package {missing.name} is not installed here") from None
        place = self._downloaded(version, facts)
        return self._piece(f"packages-{version[0]}.{version[1]}-{facts.arch}", lambda: downloaded_files(place, version))

    def _downloaded(self, version: tuple[int, int], facts: Facts) -> Path:
        """A directory with the packages for another Python or machine than ours, from the package index. BundleError."""
        wanted = needed()
        kind = "musllinux_1_2" if "musl" in facts.libc else "manylinux2014"
        named = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
        place = self.cache / f"{version[0]}.{version[1]}-{facts.arch}-{kind}-{named}"
        if place.exists():
            return place
        draft = self.cache / f".{place.name}.{os.getpid()}"
        words = [
            sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile",
            "--target", str(draft), "--python-version", f"{version[0]}.{version[1]}", "--only-binary=:all:",
            "--platform", f"{kind}_{facts.arch}",
            *(["--platform", f"manylinux_2_28_{facts.arch}"] if kind == "manylinux2014" and facts.glibc >= (2, 28) else []),
            *wanted,
        ]  # fmt: skip
        what = f"packages for Python {version[0]}.{version[1]} on {facts.arch}"
        if boot.FROZEN:
            raise BundleError(f"{what} can be fetched only by a mgpu_cluster that pip installed")
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines() or [""]
            raise BundleError(f"pip could not get {what}: {said[-1].removeprefix('ERROR: ')}")
        draft.rename(place)
        return place

    def _piece(self, name: str, files: object) -> Piece:
        if name not in self._pieces:
            assert callable(files)
            self._pieces[name] = pack(name, list(files()), self.cache)
        return self._pieces[name]


def _stamp(files: Iterable[File]) -> str:
    """What tells one set of files from another without reading them."""
    digest = hashlib.sha256()
    for name, source, mode in files:
        if isinstance(source, Path):
            status = source.stat()
            seen = f"{status.st_size} {status.st_mtime_ns}"
        else:
            seen = source if isinstance(source, Link) else hashlib.sha256(source).hexdigest()
        digest.update(f"{name}\0{mode}\0{seen}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:24]


def pack(name: str, files: list[File], cache: Path) -> Piece:
    """An archive of the files in the cache, made unless it is there. BundleError: no room for it."""
    archive = cache / f"{name}-{_stamp(files)}.tar.gz"
    note = archive.with_suffix(".sha256")
    unpacked = sum(source.stat().st_size if isinstance(source, Path) else len(source) for _, source, _ in files)
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (archive.exists() and note.exists()):
            draft = cache / f".{archive.name}.{os.getpid()}"
            try:
                _write(draft, files)
                note.write_text(_digest(draft))
                draft.rename(archive)
            finally:
                draft.unlink(missing_ok=True)
            _forget_old(name, cache)
        return Piece(name, str(archive), note.read_text(), archive.stat().st_size, unpacked)
    except OSError as error:
        raise BundleError(f"{error.filename or archive}: {error.strerror}") from None


def _write(file: Path, files: list[File]) -> None:
    with (
        open(file, "wb") as out,
        gzip.GzipFile("", "wb", LEVEL, out, WHEN) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for entry in files:
            _add(tar, *entry)


def _forget_old(name: str, cache: Path) -> None:
    """Remove earlier archives of a piece, but for those of the last day, which another run may be sending."""
    mine = re.compile(re.escape(name) + r"-[0-9a-f]{24}\.tar\.(gz|sha256)")
    for old in cache.glob(f"{name}-*"):
        if mine.fullmatch(old.name) and time.time() - old.stat().st_mtime > DAY:
            old.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, source: Path | bytes | Link, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = WHEN, mode
    if isinstance(source, Link):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(source)
        tar.addfile(entry)
        return
    data = source.read_bytes() if isinstance(source, Path) else source
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def _digest(file: Path) -> str:
    with open(file, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
