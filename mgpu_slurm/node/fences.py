"""What the steps of this daemon are kept to by the kernel: that it can be, and the part of each launch order that says it."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mgpu_slurm.node import constraints
from mgpu_slurm.node.core import Key
from mgpu_slurm.node.stepsettings import StepSettings
from mgpu_slurm.records.gpu import Gpu

log = logging.getLogger("mgpu.node")


class Fences:
    """Of the daemon of node `name`, whose own directory is `spool`."""

    def __init__(self, name: str, spool: str) -> None:
        self._name = name
        self._own = f"{zlib.crc32(os.path.abspath(spool).encode()):08x}"  # no other daemon of this machine has it
        self._wanted = constraints.Constraints()
        self._numbers: dict[str, list[list[int]]] = {}
        self._real_memory = 0

    def take(self, steps: StepSettings, gpus: Sequence[Gpu], real_memory: int) -> StepSettings:
        """From now on steps are kept to what these settings say. `real_memory`: MiB of this machine. OSError: they cannot be; a
        personal cluster does without, as the settings that are given back say."""
        wanted = steps.constraints
        numbers = constraints.device_numbers(gpus) if wanted.devices else {}
        if wanted.devices and gpus and not numbers:
            log.error("ConstrainDevices has no effect: not all GPUs have a device file (File= in gres.conf)")
        try:
            constraints.prove(wanted, self._group((0, "probe", 0)), numbers)
        except OSError as error:
            if not wanted.asked:
                raise OSError(error.errno, f"steps cannot be kept to what cgroup.conf says: {error.strerror}") from None
            log.info("memory cannot be limited here: %s", error.strerror)
            wanted = constraints.Constraints()
        self._wanted, self._numbers, self._real_memory = wanted, numbers, real_memory
        return msgspec.structs.replace(steps, constraints=wanted)

    def order(self, order: Mapping[str, Any], key: Key) -> dict[str, Any]:
        """The part of a launch order that comes from here."""
        return self._wanted.fence(order, self._name, self._real_memory, self._numbers, self._group(key))

    def _group(self, key: Key) -> str:
        """A name for the cgroup of a job on this node."""
        return f"{self._own}-{key[0]}.{key[2]}"
