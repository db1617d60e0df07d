"""Keys of cgroup.conf: how steps are kept to what they were given.

A row is (key, name here, kind, choices); kinds are those of confkeys.py, and percent, a number with or without fractions. The
defaults and their texts are those that `scontrol show config` of Slurm 22.05.8 shows for an empty file.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CGROUP_KEYS: tuple[tuple[str, str, str, Any], ...] = (
    ("AllowedKmemSpace", "allowed_kmem", "percent", None),
    ("AllowedRAMSpace", "allowed_ram", "percent", None),
    ("AllowedSwapSpace", "allowed_swap", "percent", None),
    ("CgroupAutomount", "automount", "bool", None),
    ("CgroupMountpoint", "mountpoint", "str", None),
    ("CgroupPlugin", "plugin", "str", None),
    ("ConstrainCores", "cores", "bool", None),
    ("ConstrainDevices", "devices", "bool", None),
    ("ConstrainKmemSpace", "kmem", "bool", None),
    ("ConstrainRAMSpace", "ram", "bool", None),
    ("ConstrainSwapSpace", "swap", "bool", None),
    ("IgnoreSystemd", "ignore_systemd", "bool", None),
    ("IgnoreSystemdOnFailure", "ignore_systemd_on_failure", "bool", None),
    ("MaxKmemPercent", "max_kmem", "percent", None),
    ("MaxRAMPercent", "max_ram", "percent", None),
    ("MaxSwapPercent", "max_swap", "percent", None),
    ("MemorySwappiness", "swappiness", "int", (0, 100)),
    ("MinKmemSpace", "min_kmem", "int", None),
    ("MinRAMSpace", "min_ram", "int", None),
)  # fmt: skip

UNSHOWN_KEYS: tuple[tuple[str, str, str, Any], ...] = (
    ("CgroupReleaseAgentDir", "", "str", None),
    ("EnableControllers", "", "bool", None),
    ("SystemdTimeout", "", "int", None),
    ("TaskAffinity", "", "bool", None),
)  # fmt: skip
"""Keys of other versions, which are accepted."""

DEFAULTS: dict[str, Any] = {
    "allowed_ram": 100.0, "allowed_swap": 0.0, "automount": False, "mountpoint": "/sys/fs/cgroup", "cores": False,
    "devices": False, "kmem": False, "ram": False, "swap": False, "ignore_systemd": False, "ignore_systemd_on_failure": False,
    "max_kmem": 100.0, "max_ram": 100.0, "max_swap": 100.0, "min_kmem": 30, "min_ram": 30,
}  # fmt: skip

MEANINGS: dict[str, str] = {
    "AllowedRAMSpace": "how much of its memory a job or step may use, in percent",
    "AllowedSwapSpace": "how much swap it may use beside that, in percent of its memory; with ConstrainSwapSpace",
    "ConstrainCores": "whether tasks are shut into the CPUs of their step, so that they cannot leave them",
    "ConstrainDevices": "whether the GPUs that a job, step or task does not hold are hidden from it; those it holds are"
                        " numbered from 0 then",
    "ConstrainRAMSpace": "whether a job or step that uses more than its memory is ended as OUT_OF_MEMORY",
    "ConstrainSwapSpace": "whether swap is limited as well",
    "MaxRAMPercent": "the most memory of a job, in percent of the node's",
    "MaxSwapPercent": "the most swap of a job, in percent of the node's memory",
    "MinRAMSpace": "the least limit of memory",
}  # fmt: skip
"""What the keys that have an effect are for, in words of this suite."""


def text(value: Any, kind: str, name: str) -> str:
    """A value as `scontrol show config` shows it."""
    if value is None or value == "":
        return "(null)"
    if kind == "bool":
        return "yes" if value else "no"
    if kind == "percent":
        return f"{value:.1f}%"
    return f"{value} MB" if name.startswith("min_") else str(value)


def rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(key, text) of every row of `scontrol show config`, from what a file says by `name here`."""
    return [(key, text(values.get(name, DEFAULTS.get(name)), kind, name)) for key, name, kind, _ in CGROUP_KEYS]
