"""cgroup.conf, beside the configuration -> what it says, by the names of facts/cgroupkeys.py."""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.facts.cgroupkeys import CGROUP_KEYS, UNSHOWN_KEYS
from mgpu_slurm.intake.conf_lines import lines
from mgpu_slurm.intake.conf_nodes import settings_of
from mgpu_slurm.intake.conf_values import pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TABLE = {row[0].lower(): row for row in (*CGROUP_KEYS, *UNSHOWN_KEYS)}


def load_cgroup(path: str, unknown: list[tuple[str, str, int]]) -> dict[str, Any]:
    """Values by name; keys that are not known go to `unknown`. Raises ConfigError."""
    found: dict[str, Any] = {}
    for file, number, line in lines(path):
        try:
            strange: list[str] = []
            found.update(settings_of(_TABLE, pairs(line), strange))
            unknown += [(key, file, number) for key in strange]
        except ValueError as error:
            raise ConfigError(file, number, str(error)) from None
    return found


def beside(path: str, unknown: list[tuple[str, str, int]]) -> dict[str, Any]:
    """The same for the file beside a configuration; nothing where there is none. Raises ConfigError."""
    file = os.path.join(os.path.dirname(path), "cgroup.conf")
    return load_cgroup(file, unknown) if os.path.exists(file) else {}
