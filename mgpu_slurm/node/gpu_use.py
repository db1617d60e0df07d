"""What processes use of this machine's GPUs, as NVML tells it: their memory and how busy each keeps them.

Asked in a process of its own, as node/gpus.py asks for the GPUs themselves, every so often while a step holds some. A GPU
that does not answer, or not for processes, leaves the others' answers as they are.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from mgpu_slurm.node import gpus, nvml
from mgpu_slurm.node.core import Key

PATIENCE = 20.0
"""Seconds that NVML has to answer."""
FIRST = 2.0
"""Seconds from the start of a step to the first look; a program has hardly found its GPUs before."""
RECENT = 1_000_000
"""Microseconds of the past that a look at the load counts."""


def ask(environ: Mapping[str, str]) -> dict[int, list[int]]:
    """pid -> bytes of GPU memory and percent of one GPU's time, over all GPUs. Nothing where NVML is not there."""
    try:
        import pynvml
    except ImportError:
        return {}
    found: dict[int, list[int]] = {}
    try:
        nvml.load_library(environ.get(nvml.LIBRARY_VARIABLE, ""))
    except OSError:
        return found  # which the look at the GPUs themselves has told of
    try:
        pynvml.nvmlInit()
        for index in range(pynvml.nvmlDeviceGetCount()):
            _add(pynvml, index, found)
    except pynvml.NVMLError:
        pass  # what has been told is what there is
    return found


def _add(pynvml: Any, index: int, found: dict[int, list[int]]) -> None:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError:
        return
    held: dict[int, int] = {}
    for call in (pynvml.nvmlDeviceGetComputeRunningProcesses, pynvml.nvmlDeviceGetGraphicsRunningProcesses):
        for process in _answer(pynvml, call, handle):
            held[process.pid] = max(held.get(process.pid, 0), process.usedGpuMemory or 0)
    load: dict[int, int] = {}
    since = int(time.time() * 1e6) - RECENT
    for sample in _answer(pynvml, pynvml.nvmlDeviceGetProcessUtilization, handle, since):
        load[sample.pid] = max(load.get(sample.pid, 0), sample.smUtil)
    for pid in held.keys() | load.keys():
        row = found.setdefault(pid, [0, 0])
        row[0] += held.get(pid, 0)
        row[1] += load.get(pid, 0)


def _answer(pynvml: Any, call: Callable[..., Any], *arguments: Any) -> list[Any]:
    try:
        return list(call(*arguments))
    except pynvml.NVMLError:
        return []


async def look(environ: Mapping[str, str] | None = None, patience: float = PATIENCE) -> dict[int, list[int]]:
    """`ask` in a process of its own; nothing where it does not answer in time."""
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    environ = os.environ if environ is None else environ
    try:
        words = gpus.child(gpus.PROCESSES)
        child = await asyncio.create_subprocess_exec(*words, stdin=null, stdout=pipe, stderr=null, env=environ)
    except OSError:
        return {}
    try:
        out, _ = await asyncio.wait_for(child.communicate(), patience)
        return {int(pid): row for pid, row in json.loads(out or b"{}").items()}
    except (TimeoutError, ValueError):
        return {}
    finally:
        if child.returncode is None:
            child.kill()
            await _gone(child)


async def _gone(child: asyncio.subprocess.Process) -> None:
    """A process stuck inside the driver does not die; it is not waited for long."""
    try:
        await asyncio.wait_for(child.wait(), 1.0)
    except TimeoutError:
        pass


class GpuWatch:
    """Looks for the steps that hold GPUs. `tell(step, use)` says what was seen and whether the step is still there."""

    def __init__(self, tell: Callable[[Key, dict[int, list[int]]], bool]) -> None:
        self._tell = tell
        self._seen: tuple[float, dict[int, list[int]]] = (0.0, {})
        self._lock = asyncio.Lock()

    async def watch(self, key: Key, every: float) -> None:
        """Until the step is over: looks at doubling distances up to `every` seconds."""
        wait = min(FIRST, every)
        await asyncio.sleep(wait)
        while self._tell(key, await self._look(wait / 2)):
            wait = min(wait * 2, every)
            await asyncio.sleep(wait)

    async def _look(self, fresh: float) -> dict[int, list[int]]:
        """Steps that want to know at about the same time share a look."""
        async with self._lock:
            if time.monotonic() - self._seen[0] > fresh:
                self._seen = (time.monotonic(), await look())
            return self._seen[1]
