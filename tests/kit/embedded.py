"""The cluster that starts itself: a temporary user who has nothing but a home directory."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.kit import processes
from tests.kit.cluster import Suite
from tests.kit.commands import BIN, clean_environment
from tests.kit.processes import Process
from tests.kit.users import User
from tests.kit.waiting import until


class Embedded(Suite):
    """Commands of one user without configuration. `down` ends every process of that user, who has no others."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.directory = user.home

    def environment(self, user: User | None = None) -> dict[str, str]:
        return clean_environment(user or self.user)

    def program(self, name: str) -> str:
        return str(BIN / f"mgpu_{name}")

    def start(self, program: str, *args: str, user: User | None = None, **options: Any) -> subprocess.Popen[str]:
        return super().start(program, *args, user=user or self.user, **options)

    def processes(self) -> list[Process]:
        """All that this user runs."""
        return processes.of_user(self.user.uid)

    def daemons(self) -> dict[str, Process]:
        """ "master" and "node" -> process, of those that live."""
        found = {}
        for process in self.processes():
            if process.name.startswith("mgpu_"):
                continue  # a daemon's child, which calls itself what it is; its command line is still the daemon's
            for name in ("master", "node"):
                if {name, f"mgpu_{name}"} & set(process.words) and any("boot.py" in word for word in process.words):
                    found[name] = process
        return found

    def state_directory(self) -> Path:
        found = list((self.user.home / ".local/state/mgpu").glob("*/controller.sock"))
        assert found, "no embedded cluster has started"
        return found[0].parent

    def told(self) -> str:
        parts = []
        for file in sorted((self.user.home / ".local/state/mgpu").glob("*/log/*")):
            parts.append(f"--- {file.name} ---\n" + "\n".join(file.read_text(errors="replace").splitlines()[-25:]))
        return "\n".join(parts)

    def down(self, strict: bool = True) -> None:
        left: list[Process] = []
        try:
            if self.processes():
                done = self.run("scontrol", "shutdown")
                if strict:
                    done.ok()
                    until(lambda: not self.processes(), lambda: f"shutdown leaves {self.processes()}", 10)
        finally:
            left = self.processes()
            processes.kill(left)
            if left:
                until(lambda: not self.processes(), "killed processes are gone", 5)
