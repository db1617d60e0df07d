"""The embedded cluster's node daemon: a program of its own, started by the controller and again whenever it dies."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time

from mgpu_slurm.boot import python_command

log = logging.getLogger("mgpu.embedded")

_LONGEST_WAIT = 30.0


class NodeKeeper:
    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._told_to_end = False
        self._running: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Keep it running until `stop`. One that dies at once is started again with growing waits."""
        self._running = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        command = [*python_command("node"), "--embedded", self._directory]
        wait = 0.05
        with open(os.path.join(self._directory, "log", "node.out"), "ab") as output:
            while not self._stopping:
                begun = time.monotonic()
                self._process = await asyncio.create_subprocess_exec(
                    *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
                status = await self._process.wait()
                self._process = None
                if self._stopping or (self._told_to_end and status == 0):
                    return
                wait = 0.05 if time.monotonic() - begun > 10 else min(wait * 2, _LONGEST_WAIT)
                log.error("the node daemon ended with status %d; starting it again", status)
                await asyncio.sleep(wait)

    def no_more(self) -> asyncio.Future[None]:
        """Do not start it again when it ends of itself, which is when the future is done: the cluster is being shut down.

        One that was killed is still started again, since it has yet to end what runs.
        """
        self._told_to_end = True
        return self._running or asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        """End it as SIGTERM does, and wait."""
        self._stopping = True
        process = self._process
        if process is not None:
            try:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 10)
            except (ProcessLookupError, TimeoutError):
                pass
        if self._running is not None:
            self._running.cancel()
