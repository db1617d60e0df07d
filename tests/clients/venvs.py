"""Virtual environments for clients, made once and kept: real packages, away from the project's own.

They lie in build/clients-venv of the checkout, where other users can reach them too, or else below $XDG_CACHE_HOME. Each is
named after what is in it, so that a changed requirement makes another one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mgpu_slurm.boot import command_python

ROOT = Path(__file__).resolve().parents[2]


class CannotInstall(Exception):
    """The environment cannot be made; the text says why."""


def place() -> Path:
    """The directory of the environments."""
    near = ROOT / "build"
    if os.access(near if near.exists() else ROOT, os.W_OK):
        return near / "clients-venv"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mgpu-slurm" / "clients-venv"


def is_made(name: str, *requirements: str) -> bool:
    """Whether `client_bin` would find the environment finished."""
    return (_venv(name, requirements) / ".complete").exists()


def _venv(name: str, requirements: Sequence[str]) -> Path:
    mark = hashlib.sha256("\n".join([command_python(str(ROOT)), *requirements]).encode()).hexdigest()[:10]
    return place() / f"{name}-{mark}"


def client_bin(name: str, *requirements: str) -> Path:
    """The bin directory of an environment that holds `requirements`; makes it when it is not there (10 to 60 s).

    Raises CannotInstall where the packages cannot be had.
    """
    base = command_python(str(ROOT))
    venv = _venv(name, requirements)
    venv.parent.mkdir(parents=True, exist_ok=True)
    with open(venv.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / ".complete").exists():
            shutil.rmtree(venv, ignore_errors=True)
            _call(base, "-m", "venv", "--without-pip", str(venv))
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(venv / "bin" / "python")]
            _call(*pip, "install", "--quiet", "--retries", "1", "--timeout", "15", *requirements)
            (venv / ".complete").touch()
    return venv / "bin"


def _call(*words: str) -> None:
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines() or [""]
        raise CannotInstall(f"{' '.join(words[1:4])} ... ended with status {done.returncode}: {errors[-1].strip()}")
