"""HealthCheckProgram=: the administrator's own look at whether this node is well. What it does about it, such as draining the
node by scontrol, is its affair; that it failed is a line in the log."""

from __future__ import annotations

import logging
import os

from mgpu_slurm.wire import programs

log = logging.getLogger("mgpu.node")

LONGEST = 60.0
"""Seconds that it may take, as in Slurm."""


class HealthProgram:
    """`program`: its path, "" for none."""

    def __init__(self, node: str, spool: str, program: str) -> None:
        self.program = program
        self._node = node
        self._note = os.path.join(spool, "health", "check.0.0")
        self._running = False

    async def run(self) -> None:
        """Run it and wait for it; not while it is running already."""
        if not self.program or self._running:
            return
        self._running = True
        try:
            ended = await programs.run([self.program], {"SLURMD_NODENAME": self._node}, LONGEST, self._note)
        finally:
            self._running = False
        if ended.status:
            log.error("%s", ended.told("health_check"))
