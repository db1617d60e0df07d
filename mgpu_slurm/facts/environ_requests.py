"""Variables that repeat what was asked for: set only where it was, so that a nested command reads it back."""

from __future__ import annotations

from mgpu_slurm.base.bindwords import MemBind, bare
from mgpu_slurm.facts import gpu_binding
from mgpu_slurm.facts.cpu_frequency import WRITTEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NUMBERS = (
    ("SLURM_CPUS_PER_TASK", "cpus_per_task"),
    ("SLURM_NTASKS_PER_NODE", "ntasks_per_node"),
    ("SLURM_NTASKS_PER_CORE", "ntasks_per_core"),
    ("SLURM_NTASKS_PER_SOCKET", "ntasks_per_socket"),
    ("SLURM_NTASKS_PER_GPU", "ntasks_per_gpu"),
    ("SLURM_THREADS_PER_CORE", "threads_per_core"),
)
JOB_NUMBERS = (("SLURM_CPUS_PER_GPU", "cpus_per_gpu"),)
TEXTS = (("SLURM_DISTRIBUTION", "distribution"),)
JOB_TEXTS = (
    ("SLURM_GPUS", "gpus"),
    ("SLURM_GPUS_PER_NODE", "gpus_per_node"),
    ("SLURM_GPUS_PER_SOCKET", "gpus_per_socket"),
    ("SLURM_GPU_FREQ", "gpu_freq"),
    ("SLURM_HINT", "hint"),
)
ANY_NUMBER = 65535
"""Tasks per core where --hint=multithread leaves it open."""

OTHER = (("SLURM_ACCTG_FREQ", "acctg-freq"),)
"""Options that are only kept: variable, long name."""

NEWER = (
    ("SLURM_JOB_SEGMENT_SIZE", "segment", (24, 5)),
    ("SLURM_OOM_KILL_STEP", "oom-kill-step", (24, 11)),
    ("SLURM_RUNTIME", "runtime", (26, 5)),
)
"""The same with the version that began to tell."""

SHELL_OTHER = (("SLURM_NETWORK", "network"),)
"""Those that up to 22.05 only salloc's shell hears of."""


def frequency(text: str) -> str:
    """The value of --cpu-freq, MIN-MAX:GOVERNOR or one of them, in Slurm's writing of its words."""
    import re

    return re.sub("[a-z0-9]+", lambda word: WRITTEN.get(word[0].lower(), word[0]), text, flags=re.IGNORECASE)


PROFILES = ("energy", "lustre", "network", "task")


def profile(text: str) -> str:
    """The value of --profile as Slurm shows it: what is collected, in its order. A word counts wherever it stands."""
    lower = text.lower()
    if "none" in lower:
        return "None"
    return ",".join(word.capitalize() for word in PROFILES if word in lower or "all" in lower)


def requested(
    request: Mapping[str, Any], compat: tuple[int, int], step: bool = False, shell: bool = False
) -> dict[str, str | None]:
    """From a JobRequest, or with `step` from a StepRequest, both as plain data. `shell`: for the shell of salloc."""
    changes: dict[str, str | None] = {}
    for name, key in NUMBERS if step else NUMBERS + JOB_NUMBERS:
        if request.get(key):
            # up to 22.05 tasks hear of this by the option's old name
            older = step and key == "ntasks_per_gpu" and compat < (23, 2)
            changes["SLURM_NTASKS_PER_TRES" if older else name] = str(request[key])
    for name, key in TEXTS if step else TEXTS + JOB_TEXTS:
        if request.get(key) is not None:
            changes[name] = "block" if request[key] == "*" else str(request[key])
    if request.get("plane_size"):
        changes["SLURM_DIST_PLANESIZE"] = str(request["plane_size"])
    if request.get("overcommit"):
        changes["SLURM_OVERCOMMIT"] = "1"
    other = request.get("other") or {}
    asked = OTHER + SHELL_OTHER if shell or compat >= (23, 2) else OTHER
    for name, key in () if step and compat < (23, 2) else asked:
        if key in other:
            changes[name] = other[key]
    for name, key, since in NEWER:
        if key in other and compat >= since:
            changes[name] = other[key] or "1"
    if other.get("cpu-freq"):
        changes["SLURM_CPU_FREQ_REQ"] = frequency(other["cpu-freq"])
    if step and request.get("gpu_freq"):
        changes["SLURMD_TRES_FREQ"] = f"gpu:{request['gpu_freq']}"
    if other.get("profile") and not (step and compat < (23, 2)):
        changes["SLURM_PROFILE"] = profile(other["profile"])
    if step:
        changes.update(_cpu_bind(request))
        changes.update(_mem_bind(request.get("mem_bind") or "", True))
    else:
        changes.update(_per_task(request, compat))
        changes.update(_mem_bind(other.get("mem-bind") or "", False))
    return changes


def _per_task(request: Mapping[str, Any], compat: tuple[int, int]) -> dict[str, str | None]:
    """GPUs per task: a variable of their own up to 22.05, part of a list of all kinds later."""
    changes: dict[str, str | None] = {}
    if request.get("gpu_bind"):
        shown = gpu_binding.shown(request["gpu_bind"], compat)
        changes["SLURM_TRES_BIND" if compat >= (23, 11) else "SLURM_GPU_BIND"] = shown.removeprefix("gpu:")
    if compat < (23, 2):
        if request.get("gpus_per_task") is not None:
            changes["SLURM_GPUS_PER_TASK"] = request["gpus_per_task"]
        return changes
    parts = [request["tres_per_task"]] if request.get("tres_per_task") else []
    if not parts and request.get("gpus_per_task"):
        if request.get("cpus_per_task"):
            parts.append(f"cpu={request['cpus_per_task']}")
        kind, _, count = str(request["gpus_per_task"]).rpartition(":")
        parts.append(f"gres/gpu{':' + kind if kind else ''}={count}")
    return {**changes, "SLURM_TRES_PER_TASK": ",".join(parts)} if parts else changes


def _mem_bind(text: str, step: bool) -> dict[str, str | None]:
    """--mem-bind: its parts in a step, before that the text as it is to be read again."""
    asked = MemBind(text)
    if not asked.text():
        return {}
    loud = "verbose" if asked.verbose else "quiet"
    changes: dict[str, str | None] = {"SLURM_MEM_BIND": asked.text(), "SLURM_MEM_BIND_VERBOSE": loud}
    if asked.sort:
        changes["SLURM_MEM_BIND_SORT"] = "sort"
    if not step:
        return changes
    if asked.prefer:
        changes["SLURM_MEM_BIND_PREFER"] = "prefer"
    changes["SLURM_MEM_BIND_TYPE"], changes["SLURM_MEM_BIND_LIST"] = asked.kind, asked.values
    parts = (loud, "prefer" * asked.prefer, asked.kind + asked.values)
    changes["SLURM_MEM_BIND"] = ",".join(word for word in parts if word)
    return changes


def _cpu_bind(request: Mapping[str, Any]) -> dict[str, str | None]:
    """--cpu-bind=[quiet|verbose,]type[:list] in its parts."""
    by_threads = request.get("threads_per_core") or request.get("ntasks_per_core") == ANY_NUMBER
    of_core, of_socket = request.get("ntasks_per_core"), request.get("ntasks_per_socket")
    named = "threads" if by_threads else "cores" if of_core else "sockets" if of_socket else ""
    text = request.get("cpu_bind") or named
    if not text:
        return {}
    loud = "quiet"
    first, _, rest = text.partition(",")
    if first in ("q", "quiet", "v", "verbose"):
        loud = "verbose" if first.startswith("v") else "quiet"
        text = rest
    kind, colon, values = text.partition(":")
    if not colon:
        kind = kind.rpartition(",")[2]  # of several the last counts
    if kind.startswith("mask_"):
        values = bare(values)
    return {
        "SLURM_CPU_BIND": f"{loud},{kind}{colon}{values}",
        "SLURM_CPU_BIND_VERBOSE": loud,
        "SLURM_CPU_BIND_TYPE": kind + colon,
        "SLURM_CPU_BIND_LIST": values,
    }
