"""MPI programs for tests: compiled with the MPI implementations of the system's packages, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("hello.c")


def compiled(kind: str, directory: Path) -> Path:
    """The program of hello.c for "mpich" or "openmpi"; skips the test where its compiler is not there."""
    compiler = shutil.which(f"mpicc.{kind}")
    if compiler is None:
        pytest.skip(f"mpicc.{kind} is not installed (apt-get install lib{kind}-dev)")
    program = directory / f"hello-{kind}"
    if not program.exists():
        subprocess.run([compiler, "-o", str(program), str(SOURCE)], check=True, capture_output=True)
    return program
