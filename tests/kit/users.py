"""Two or more users for tests of identity; only root can have them."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


class User:
    """A temporary account with a home directory and a supplementary group of its own."""

    def __init__(self, name: str) -> None:
        entry = pwd.getpwnam(name)
        self.name = name
        self.uid = entry.pw_uid
        self.gid = entry.pw_gid
        self.home = Path(entry.pw_dir)
        self.groups = os.getgrouplist(name, entry.pw_gid)


def why_not() -> str:
    """Why there can be no users here; "" where there can."""
    if os.geteuid() != 0:
        return "needs root to make users"
    if shutil.which("useradd") is None or shutil.which("groupadd") is None:
        return "needs useradd"
    if any(not place.stat().st_mode & 0o001 for place in (ROOT, *ROOT.parents)):
        return f"other users cannot reach {ROOT}"
    return ""


@contextlib.contextmanager
def temporary_user() -> Iterator[User]:
    """A user who is gone, with home and group, when the block ends."""
    name = f"mgputest{os.getpid() % 100000}{next(_numbers)}"
    home = tempfile.mkdtemp(prefix="mgpu-home-")
    group = f"{name}x"
    for words in (
        ["groupadd", group],
        ["useradd", "--no-log-init", "-M", "-U", "-d", home, "-s", "/bin/bash", "-G", group, name],
    ):
        subprocess.run(words, check=True, capture_output=True)
    try:
        user = User(name)
        os.chown(home, user.uid, user.gid)
        yield user
    finally:
        for words in (["userdel", "-f", name], ["groupdel", group]):
            subprocess.run(words, capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)
