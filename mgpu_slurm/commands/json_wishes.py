"""What a job's request says of flags, CPU frequencies and profiles, in the words and numbers of Slurm's documents. Pure."""

from __future__ import annotations

from mgpu_slurm.facts import cpu_frequency
from mgpu_slurm.facts.environ_requests import PROFILES, profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SHARED = {"NO": ["none"], "YES": ["oversubscribe"], "USER": ["user"], "MCS": ["mcs"]}
"""By what scontrol shows as OverSubscribe."""


def flags(job: Mapping[str, Any]) -> list[str]:
    binding = (job["gres_flags"] or "").split(",")
    asked = (
        ("KILL_INVALID_DEPENDENCY", job["kill_on_invalid_dep"]),
        ("NO_KILL_INVALID_DEPENDENCY", job["kill_on_invalid_dep"] is False),
        ("GRES_BINDING_ENFORCED", "enforce-binding" in binding),
        ("GRES_BINDING_DISABLED", "disable-binding" in binding),
        ("SPREAD_JOB", job["spread_job"]),
        ("PREFER_MINIMUM_NODE_COUNT", job["use_min_nodes"]),
        ("EXACT_CPU_COUNT_REQUESTED", job["cpus_per_task_asked"]),
        ("JOB_WAS_RUNNING", job["state"] in ("RUNNING", "SUSPENDED")),
    )
    return [word for word, said in asked if said]


def profiles(text: str | None) -> list[str]:
    """What of --profile is collected."""
    if not text:
        return ["NOT_SET"]
    words = profile(text).lower().split(",")
    return ["NONE"] if words == ["none"] else [word.upper() for word in PROFILES if word in words]


def frequencies(text: str | None) -> tuple[int | None, int | None, int | None]:
    """--cpu-freq, MIN-MAX:GOVERNOR or one of them: least and most in kHz or as a number for a word, and the governor's."""
    low, high, governor = cpu_frequency.parts(text or "")
    return _speed(low), _speed(high), _number(governor, cpu_frequency.GOVERNORS)


def _speed(word: str) -> int | None:
    return int(word) if word.isdecimal() else _number(word, cpu_frequency.SPEEDS)


def _number(word: str, words: Mapping[str, tuple[str, int]]) -> int | None:
    return words[word][1] if word in words else None
