"""Which files a release is made of: those of the binary's folder, of the package, and of the packages that it needs."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mgpu_slurm import boot

MODULES = {"nvidia-ml-py": "pynvml", "SQLAlchemy": "sqlalchemy"}
"""Packages whose module is called otherwise."""


class BundleError(Exception):
    """There is nothing to bring to a host. The text is the reason, for the user."""


class Link(str):
    """Where a symbolic link of an archive leads."""


# A file of an archive: its name there, what it is (a file, its contents, or where a link leads), its mode.
File = tuple[str, Path | bytes | Link, int]


def folder_files(folder: Path) -> Iterator[File]:
    """The binary's folder, and the links of its commands, which lie in `bin` as in the other kind of release."""
    from mgpu_slurm.__main__ import PROGRAMS

    for name in ("mgpu", "_internal"):
        for place, folders, names in os.walk(folder / name) if (folder / name).is_dir() else [(str(folder), [], [name])]:
            folders.sort()
            for each in sorted([*names, *(sub for sub in folders if Path(place, sub).is_symlink())]):
                file = Path(place, each)
                source = Link(os.readlink(file)) if file.is_symlink() else file
                yield str(file.relative_to(folder)), source, 0o755 if os.access(file, os.X_OK) else 0o644
    for program in PROGRAMS:
        yield f"bin/mgpu_{program}", Link("../mgpu"), 0o755


def program_files() -> Iterator[File]:
    """The package, the launchers of its commands, and what boot.py reads to find its packages beside it."""
    package = Path(boot.ROOT, "mgpu_slurm")
    for place, folders, names in os.walk(package):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            file = Path(place, name)
            if not name.endswith(".pyc"):
                yield str(file.relative_to(package.parent)), file, 0o644
    from mgpu_slurm.__main__ import PROGRAMS

    launcher = launcher_text().encode()
    for program in PROGRAMS:
        yield f"bin/mgpu_{program}", launcher, 0o755
    yield "setup.cfg", ("[options]\ninstall_requires =\n" + "".join(f"    {line}\n" for line in needed())).encode(), 0o644


def launcher_text() -> str:
    """The launchers' one text: a checkout's; where pip installed, whose programs name its own interpreter, the same again."""
    try:
        text = Path(boot.ROOT, "bin", "mgpu_srun").read_text()
    except OSError:
        return LAUNCHER
    return text if boot.SYSTEM_PATH in text else LAUNCHER


LAUNCHER = f"""\
#!/usr/bin/env -S PATH={boot.SYSTEM_PATH}${{PATH}} python3 -ISXutf8
import os
import sys

script = os.path.realpath(__file__)
sys.path.insert(0, script[: script.rindex("/bin/")])
from mgpu_slurm import boot  # noqa: E402

boot.from_bin(script)
"""


def needed() -> list[str]:
    """The requirements of what runs on the hosts: ours, without those that no module there imports, this room not counted."""
    files = (file for file in Path(boot.ROOT, "mgpu_slurm").rglob("*.py") if file.parent.name != "deploy")
    text = "".join(file.read_text() for file in files)
    wanted = []
    for line in requirements():
        name = re.split(r"[<>=!~\[; ]", line, maxsplit=1)[0]
        module = MODULES.get(name, name)
        if re.search(rf"^\s*(import|from) {re.escape(module)}\b", text, re.M):
            wanted.append(line)
    return wanted


def requirements() -> list[str]:
    """What setup.cfg lists, from the file of a checkout or from the installed package. BundleError."""
    import configparser

    setup = configparser.ConfigParser(interpolation=None)
    if setup.read(Path(boot.ROOT, "setup.cfg"), encoding="utf-8"):
        return [line.strip() for line in setup["options"]["install_requires"].splitlines() if line.strip()]
    try:
        return [line for line in metadata.requires("mgpu-slurm") or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        raise BundleError("this mgpu_slurm is neither a checkout nor installed by pip") from None


def package_files(version: tuple[int, int]) -> Iterator[File]:
    """The packages that are installed here, with what they need themselves. PackageNotFoundError."""
    target = f".venv/lib/python{version[0]}.{version[1]}/site-packages"
    for name in closure(needed()):
        found = metadata.distribution(name)
        for file in found.files or ():
            source = Path(str(file.locate()))
            if ".." in file.parts or file.suffix == ".pyc" or _for_tests(file.parts) or not source.is_file():
                continue
            yield f"{target}/{file}", source, 0o755 if file.suffix == ".so" else 0o644


def _for_tests(parts: tuple[str, ...]) -> bool:
    return any(part in ("tests", "testing") for part in parts[1:-1]) and parts[0] in ("numpy", "psutil", "alembic")


def closure(wanted: Iterable[str]) -> list[str]:
    """The names of these requirements' packages and of all that they need here. PackageNotFoundError."""
    names: dict[str, None] = {}
    left = list(wanted)
    while left:
        line = left.pop(0)
        name = re.split(r"[<>=!~\[;( ]", line, maxsplit=1)[0]
        key = name.lower().replace("_", "-")
        if key in names:
            continue
        try:
            more = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            if ";" in line:
                continue  # for another system or an extra
            raise
        names[key] = None
        left += [entry for entry in more if "extra ==" not in entry]
    return list(names)


def downloaded_files(place: Path, version: tuple[int, int]) -> Iterator[File]:
    """What pip has put into `place`."""
    target = f".venv/lib/python{version[0]}.{version[1]}/site-packages"
    for where, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", "bin"))
        for name in sorted(names):
            file = Path(where, name)
            yield f"{target}/{file.relative_to(place)}", file, 0o755 if file.suffix == ".so" else 0o644
