"""Programs that the controller starts on its own host (mail, hooks): with a built environment, never waited for."""

from __future__ import annotations

import asyncio
import logging

from mgpu_slurm.controller.events import RunProgram

log = logging.getLogger("mgpu.programs")

_running: set[asyncio.Task[None]] = set()


def start_program(effect: RunProgram) -> None:
    """Start it in the background; a failure is a line in the log."""
    task = asyncio.get_running_loop().create_task(_run(effect))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _run(effect: RunProgram) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *effect.argv,
            env=effect.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        log.warning("cannot run %s: %s", effect.argv[0], error.strerror)
        return
    await process.communicate(effect.stdin.encode("utf-8", "surrogateescape"))
    if process.returncode:
        log.warning("%s ended with status %s", effect.argv[0], process.returncode)
