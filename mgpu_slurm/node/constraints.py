"""What the steps of a node are kept to beside their CPUs: cgroup.conf and a launch order -> the fence of that step.

Rules of memory as Slurm's cgroup.conf(5): a limit is AllowedRAMSpace percent of what was allocated, not below MinRAMSpace and
not above MaxRAMPercent of the node's memory; swap is AllowedSwapSpace percent of it, at most MaxSwapPercent of the node's memory.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mgpu_slurm.facts.cgroupkeys import DEFAULTS
from mgpu_slurm.facts.environ_shares import of_node, shares
from mgpu_slurm.node.supervisor.cgroup import Cgroup
from mgpu_slurm.node.supervisor.fence import Fence
from mgpu_slurm.records.gpu import Gpu

_MIB = 1 << 20
_ASKED = ("mem_per_node", "mem_per_cpu", "mem_per_gpu")


class Constraints(msgspec.Struct, kw_only=True, frozen=True):
    """`ram`, `swap`, `devices`, `cores`: what is limited. `asked`: memory only where the job or the step has asked for some.
    Shares are percent, `min_ram` is MiB."""

    ram: bool = False
    swap: bool = False
    devices: bool = False
    cores: bool = False
    asked: bool = False
    allowed_ram: float = DEFAULTS["allowed_ram"]
    allowed_swap: float = DEFAULTS["allowed_swap"]
    max_ram: float = DEFAULTS["max_ram"]
    max_swap: float = DEFAULTS["max_swap"]
    min_ram: int = DEFAULTS["min_ram"]

    @property
    def any(self) -> bool:
        return self.ram or self.swap or self.devices or self.cores

    def fence(
        self, order: Mapping[str, Any], node: str, real_memory: int, numbers: Mapping[str, list[list[int]]], group: str
    ) -> dict[str, Any]:
        """The part of a launch order that supervisor/fence.py takes; nothing where nothing limits this step.

        `real_memory`: MiB of this machine; `numbers`: what `device_numbers` says; `group`: a name for the job's own cgroup.
        """
        if not self.any:
            return {}
        spec = order.get("spec") or {}
        facts = spec.get("job") or order.get("facts") or {}
        job = self._memory(of_node(shares(facts), node), real_memory)
        step = self._memory(of_node(spec["layout"]["nodes"], node).get("share") or {}, real_memory) if spec else job
        job_asked = not self.asked or _asks(facts)
        step_asked = job_asked or _asks(spec)
        made: dict[str, Any] = {
            "job": job if job_asked else [0, -1],
            "step": (step if step[0] else job) if step_asked else [0, -1],
            "devices": dict(numbers) if self.devices else {},
            "cores": self.cores,
        }
        if not any((made["job"][0], made["step"][0], made["devices"], made["cores"])):
            return {}
        return {"fence": {**made, "group": group}}

    def _memory(self, share: Mapping[str, Any], real_memory: int) -> list[int]:
        """Bytes of memory, 0 for no limit, and of swap beside it, -1 for no limit."""
        given = int(share.get("mem") or 0)
        if not given or not (self.ram or self.swap):
            return [0, -1]
        ram = max(min(given * self.allowed_ram, real_memory * self.max_ram) / 100, self.min_ram)
        swap = min(given * self.allowed_swap, real_memory * self.max_swap) / 100
        return [int(ram * _MIB), int(swap * _MIB) if self.swap else -1]


def of(cgroup: Mapping[str, Any]) -> Constraints:
    """Those of a cgroup.conf, by the names of facts/cgroupkeys.py."""
    fields = Constraints.__struct_fields__
    return Constraints(**{name: value for name, value in cgroup.items() if name in fields})


def device_numbers(gpus: Sequence[Gpu]) -> dict[str, list[list[int]]]:
    """GPU index -> major and minor numbers of the device files that a task needs for it and that others must not open.

    Nothing at all where one of the GPUs has no file: hiding some would number the rest wrongly.
    """
    found: dict[str, list[list[int]]] = {}
    for gpu in gpus:
        slices = [file for part in gpu.mig_instances for file in part.device_files] if gpu.mig_enabled else []
        numbers = [number for file in dict.fromkeys([gpu.device_file, *slices]) if (number := _number(file))]
        if not numbers:
            return {}
        found[str(gpu.index)] = numbers
    return found


def prove(wanted: Constraints, group: str, numbers: Mapping[str, list[list[int]]]) -> None:
    """Make and remove a cgroup with everything that is wanted. OSError: this machine does not allow it."""
    if not wanted.any:
        return
    if os.geteuid() != 0:
        raise OSError(errno.EPERM, "this daemon does not run as root")
    memory = [1 << 30, 0 if wanted.swap else -1] if wanted.ram or wanted.swap else [0, -1]
    raw = {"group": group, "job": memory, "step": memory, "devices": numbers if wanted.devices else {}, "cores": wanted.cores}
    made = Cgroup.make(group, Fence(raw))
    if made is not None:
        made.remove()


def _number(path: str) -> list[int]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return []
    return [os.major(found.st_rdev), os.minor(found.st_rdev)] if stat.S_ISCHR(found.st_mode) else []


def _asks(holder: Mapping[str, Any]) -> bool:
    request = holder.get("request") or {}
    return any(request.get(name) is not None for name in _ASKED)
