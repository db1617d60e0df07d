"""MPI programs for tests: compiled with the MPI implementations of the system's packages, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("hello.c")

TASK = """\
import os, socket, sys
sock = socket.socket(fileno=int(os.environ["PMI_FD"]))
rank, size = int(os.environ["PMI_RANK"]), int(os.environ["PMI_SIZE"])

def ask(line):
    sock.sendall(line.encode() + b"\\n")
    data = b""
    while not data.endswith(b"\\n"):
        data += sock.recv(4096)
    return data.decode().strip()

ask("cmd=init pmi_version=1 pmi_subversion=1")
name = ask("cmd=get_my_kvsname").rpartition("=")[2]
"""
"""How a task in Python that speaks PMI-1 itself begins: `ask` says a line and returns the answer."""


def compiled(kind: str, directory: Path) -> Path:
    """The program of hello.c for "mpich" or "openmpi"; skips the test where its compiler is not there."""
    compiler = shutil.which(f"mpicc.{kind}")
    if compiler is None:
        pytest.skip(f"mpicc.{kind} is not installed (apt-get install lib{kind}-dev)")
    program = directory / f"hello-{kind}"
    if not program.exists():
        subprocess.run([compiler, "-o", str(program), str(SOURCE)], check=True, capture_output=True)
    return program
