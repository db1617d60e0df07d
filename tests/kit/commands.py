"""Running a command of the suite as a user would: another process, a clean environment, a deadline."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.kit.users import User

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "bin"


class Done:
    """How a command ended: `status` as a shell shows it, `out` and `err` as text."""

    def __init__(self, words: list[str], status: int, out: str, err: str) -> None:
        self.words = words
        self.status = 128 - status if status < 0 else status
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"$ {' '.join(self.words)}\nstatus {self.status}\nout: {self.out[-3000:]}\nerr: {self.err[-3000:]}"

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def ok(self) -> Done:
        """Itself; AssertionError unless the status is 0."""
        assert self.status == 0, repr(self)
        return self


def clean_environment(user: User | None = None, **more: str) -> dict[str, str]:
    """What a login gives, in the C locale and UTC; nothing of the caller's."""
    entry = pwd.getpwuid(user.uid if user else os.geteuid())
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": entry.pw_dir, "USER": entry.pw_name,
        "LOGNAME": entry.pw_name, "SHELL": "/bin/bash", "LC_ALL": "C", "TZ": "UTC", "SLURM_TIME_FORMAT": "standard",
    }  # fmt: skip
    return {**environ, **more}


def popen(
    words: list[str], environ: dict[str, str], cwd: Path | str, user: User | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a command, as another user where one is given. Standard input is empty unless `stdin` says otherwise."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    if user is not None:
        options.update(user=user.uid, group=user.gid, extra_groups=user.groups)
    return subprocess.Popen(words, env=environ, cwd=cwd, text=True, errors="surrogateescape", **options)


def finish(process: subprocess.Popen[str], timeout: float = 30.0, stdin: str | None = None) -> Done:
    """Wait for a command's end; AssertionError with what it has printed when it takes too long."""
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        words = list(map(str, process.args))  # type: ignore[arg-type]
        raise AssertionError(f"not ended within {timeout:g} s: {Done(words, -9, out, err)}") from None
    return Done(list(map(str, process.args)), process.returncode, out or "", err or "")  # type: ignore[arg-type]


def boot_line(program: str, *args: str) -> list[str]:
    """How the tests start a daemon: on their own interpreter, which has the packages."""
    return [sys.executable, "-I", "-X", "utf8", str(ROOT / "mgpu_slurm" / "boot.py"), program, "-", *args]
