"""Grouped commits: what arrives while one transaction is being written goes into the next one, together.

Batches are carried out strictly in the order in which they came, each after its own saves are on disk; so a reply never
leaves before the state it promises is durable, and nothing overtakes anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mgpu_slurm.records.saves import Save
from mgpu_slurm.store.database import Store
from mgpu_slurm.store.errors import StoreDamaged, StoreFull

log = logging.getLogger("mgpu.store")

Then = Callable[[], None]

_RETRY = (0.1, 0.3, 1.0, 3.0, 5.0)  # seconds between attempts on a full disk; the last one repeats


class Writer:
    """`failing` tells why commits do not succeed at the moment, "" when they do. `on_damage` is called when the database
    turns out to be damaged: nothing more can be promised then."""

    def __init__(self, store: Store, on_damage: Callable[[StoreDamaged], None]) -> None:
        self.failing = ""
        self._store = store
        self._on_damage = on_damage
        self._queue: deque[tuple[Sequence[Save], Then]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self._task is None

    def submit(self, saves: Sequence[Save], then: Then) -> None:
        """Carry out `then` once `saves`, and all that was submitted before, is on disk."""
        if not saves and self._task is None:
            then()
            return
        self._queue.append((saves, then))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def drain(self) -> None:
        """Wait until everything submitted is on disk and carried out."""
        while self._task is not None:
            await asyncio.shield(self._task)

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                batch = list(self._queue)
                self._queue.clear()
                saves = [save for group, _ in batch for save in group]
                attempt = 0
                while saves:
                    try:
                        await loop.run_in_executor(self._thread, self._store.commit, saves)
                        break
                    except StoreFull as error:
                        if not self.failing:
                            log.error("cannot write the job state, trying again until it succeeds: %s", error)
                        self.failing = str(error)
                    await asyncio.sleep(_RETRY[min(attempt, len(_RETRY) - 1)])
                    attempt += 1
                if self.failing:
                    log.warning("the job state is written again")
                    self.failing = ""
                for _, then in batch:
                    try:
                        then()
                    except Exception:
                        log.exception("an effect failed by a fault of our own")
        except StoreDamaged as error:
            self._on_damage(error)
        finally:
            self._task = None
