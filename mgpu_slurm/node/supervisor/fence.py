"""What a step must keep to, as its launch order says (node/constraints.py made it)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any


class Fence:
    """`group`: the name of the job's cgroup. `job`, `step`: bytes of memory (0: no limit) and of swap (-1: no limit) of all steps
    of the job on this node together and of this one. `devices`: GPU index -> device numbers. `cores`: whether to be shut in."""

    __slots__ = ("cores", "devices", "group", "job", "step")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.group: str = raw["group"]
        self.job: tuple[int, int] = (int(raw["job"][0]), int(raw["job"][1]))
        self.step: tuple[int, int] = (int(raw["step"][0]), int(raw["step"][1]))
        self.devices = {int(index): [(int(major), int(minor)) for major, minor in rows] for index, rows in raw["devices"].items()}
        self.cores: bool = bool(raw["cores"])

    @property
    def controllers(self) -> list[str]:
        """Of the kernel's cgroup controllers, those that it needs."""
        return [*(["memory"] if self.job[0] or self.step[0] else []), *(["cpuset"] if self.cores else [])]

    def denied(self, held: Collection[int]) -> list[tuple[int, int]]:
        """Device numbers of the GPUs that are not held. Slices of one GPU have a file in common, which stays open."""
        kept = {number for index in held for number in self.devices.get(index, ())}
        return sorted({number for rows in self.devices.values() for number in rows} - kept)
