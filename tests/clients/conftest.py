"""Real clients of Slurm, installed from the package index, on a cluster of ours.

The client's virtual environment is always first on PATH, before our commands: whatever `python3` is there must not run them.
Where the packages cannot be had the tests skip and say why; MGPU_CLIENTS=required makes that an error.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clients.venvs import CannotInstall, client_bin, is_made
from tests.kit.cluster import RealSlurm, Suite
from tests.kit.commands import BIN, Done, finish, popen
from tests.kit.users import User

LIGHT = [
    "submitit==1.5.4", "hydra-core==1.3.7", "hydra-submitit-launcher==1.2.0", "dask-jobqueue==0.9.0", "simple_slurm==0.3.6",
    "psij-python==0.9.11",
]  # fmt: skip
WORKFLOWS = ["snakemake==9.27.1", "snakemake-executor-plugin-slurm==2.8.0", "parsl==2026.10.26"]
TORCH = ["torch==2.13.0", "lightning==2.6.6"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clients: installs programs that others wrote")


def _installed(name: str, requirements: list[str]) -> Path:
    try:
        return client_bin(name, *requirements)
    except CannotInstall as error:
        if os.environ.get("MGPU_CLIENTS") == "required":
            raise
        pytest.skip(f"clients cannot be installed: {error}")


@pytest.fixture(scope="session")
def light() -> Path:
    """submitit, Hydra's launcher, dask-jobqueue, simple_slurm, psij."""
    return _installed("light", LIGHT)


@pytest.fixture(scope="session")
def workflows() -> Path:
    """snakemake, parsl."""
    return _installed("workflows", WORKFLOWS)


@pytest.fixture(scope="session")
def torch() -> Path:
    """PyTorch and Lightning, most of a gigabyte."""
    return _installed("torch", TORCH)


@pytest.fixture(scope="session")
def torch_at_hand(request: pytest.FixtureRequest) -> Path:
    """The same where it is made already: tests of seconds must not wait for the minutes of its making."""
    if not is_made("torch", *TORCH) and os.environ.get("MGPU_SLOW") != "1":
        pytest.skip("PyTorch's environment is not made yet; MGPU_SLOW=1 makes it")
    return Path(request.getfixturevalue("torch"))


class World:
    """Runs a client's program: its environment first on PATH, then Slurm's plain names, then the system's."""

    def __init__(self, suite: Suite, venv_bin: Path, directory: Path) -> None:
        self.suite = suite
        self.python = venv_bin / "python"
        self.directory = directory
        self.environ = suite.environment()
        ours = [] if isinstance(suite, RealSlurm) else [str(BIN / "slurm")]
        self.environ["PATH"] = ":".join([str(venv_bin), *ours, self.environ["PATH"]])

    def run(self, text: str, *args: str, user: User | None = None, timeout: float = 60.0) -> Done:
        """A Python program of this text, to its end with status 0."""
        (self.directory / "client.py").write_text(text)
        return self.call(str(self.python), "client.py", *args, user=user, timeout=timeout)

    def call(self, *words: str, user: User | None = None, timeout: float = 60.0) -> Done:
        return finish(popen(list(words), self.environ, self.directory, user), timeout).ok()
