"""What is made once for all these tests: the binary, and a virtual environment into which pip has installed the package."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging import building


@pytest.fixture(scope="session")
def built() -> Iterator[Path]:
    """A copy of the tree with the binary in its dist/."""
    why = building.why_no_binary()
    if why:
        pytest.skip(why)
    with building.folder() as place:
        tree = building.copy_tree(place / "tree")
        building.build(tree, "binary")
        yield tree


@pytest.fixture(scope="session")
def dist(built: Path) -> Path:
    return built / "dist"


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """The bin/ of a fresh virtual environment after `pip install .`, which everyone can reach."""
    with building.folder() as place:
        tree = building.copy_tree(place / "tree")
        subprocess.run([sys.executable, "-I", "-m", "venv", place / "venv"], check=True)
        pip = [place / "venv/bin/python", "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run([*pip, "install", "."], cwd=tree, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        yield place / "venv/bin"
