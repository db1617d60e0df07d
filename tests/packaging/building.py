"""Copies of the tree, and what packaging/build and pip make of them."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.kit.commands import ROOT

MADE = ("build", "dist", ".venv", ".git", ".hypothesis", "*.egg-info")
"""What lies in a tree that is nobody's work."""

OLDEST = ("simple_master", "simple_node", "simple_client")
"""What the first releases called three of the programs."""

BESIDE = ("master", "node", "client", "queue", "cancel", "srun", *OLDEST)
"""Programs that have a link in dist/ itself."""


@contextmanager
def folder() -> Iterator[Path]:
    """A directory that every user can read, gone at the end."""
    place = Path(mkdtemp(prefix="mgpu-test-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def copy_tree(place: Path, version: str = "") -> Path:
    """The tree without what was made in it, at `place`, there called `version`. Builds in it use this tree's build/venv."""
    made, caches = shutil.ignore_patterns(*MADE), shutil.ignore_patterns("__pycache__", ".*_cache")

    def left_out(where: str, names: list[str]) -> set[str]:
        return {*caches(where, names), *(made(where, names) if Path(where) == ROOT else ())}

    shutil.copytree(ROOT, place, ignore=left_out, symlinks=True)
    if version:
        file = place / "mgpu_slurm" / "__init__.py"
        file.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', file.read_text()))
    (ROOT / "build").mkdir(exist_ok=True)
    (place / "build").mkdir()
    (place / "build" / "venv").symlink_to(ROOT / "build" / "venv")
    return place


def build(tree: Path, *kinds: str) -> str:
    """Run packaging/build there; what it said. AssertionError with that where it failed."""
    done = subprocess.run(
        [sys.executable, tree / "packaging" / "build", *kinds], capture_output=True, text=True, timeout=1500, check=False,
        env={**os.environ, "DEBFULLNAME": "The packager", "DEBEMAIL": "packager@localhost"},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return done.stderr


def why_no_binary() -> str:
    """Why packaging/build cannot make the binary here; "" where it can."""
    if shutil.which("objcopy") is None:
        return "needs objcopy (Debian: binutils)"
    loader = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    listed = subprocess.run([loader or "ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    if not re.search(r"libpython3\.\d+\.so", listed):
        return "needs Python's shared library (Debian: libpython3.11)"
    return ""


def installed_programs() -> list[str]:
    """What pip makes commands of."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return [line.split()[0] for line in setup["options.entry_points"]["console_scripts"].splitlines() if line]
