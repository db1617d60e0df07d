"""Programs that the controller runs on its own host around jobs, beside all else; their ends come back as events."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from mgpu_slurm.controller.events import ProgramsEnded, RunPrograms
from mgpu_slurm.wire import programs

log = logging.getLogger("mgpu.programs")


class Programs:
    """`ended` is told how each turned out; `directory` has the notes of those that run."""

    def __init__(self, directory: str, ended: Callable[[ProgramsEnded], None]) -> None:
        self._directory = directory
        self._ended = ended
        self._running: set[asyncio.Task[None]] = set()

    def end_left(self) -> None:
        """End what an earlier controller was running: it is run again where it is still wanted."""
        for name in programs.end_left(self._directory):
            log.warning("%s was still running, and was killed", name)

    def start(self, effect: RunPrograms) -> None:
        task = asyncio.get_running_loop().create_task(self._run(effect))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, effect: RunPrograms) -> None:
        note = os.path.join(self._directory, f"{effect.name}.{effect.job_id}.{effect.attempt}")
        ended = await programs.run(effect.patterns, effect.environment, effect.seconds, note, effect.arguments)
        if ended.status:
            whose = f"job {effect.job_id}" if effect.job_id else " ".join(effect.arguments)
            log.error("%s: %s", whose, ended.told(effect.name))
        self._ended(
            ProgramsEnded(job_id=effect.job_id, attempt=effect.attempt, name=effect.name, failed=ended.status != 0)
        )
