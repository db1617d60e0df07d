"""The fields of sinfo that belong to a partition, and the whole table of sinfo."""

from __future__ import annotations

from mgpu_slurm.base.units import UNLIMITED, format_seconds
from mgpu_slurm.facts.fields.field import MARKED, Field, Fields, View, plain
from mgpu_slurm.facts.fields.node import NODE_ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def available(_view: View, state: str) -> str:
    return state.lower()


def limit(_view: View, minutes: int | None) -> str:
    if minutes is None:
        return "n/a"
    return "infinite" if minutes == UNLIMITED else format_seconds(minutes * 60)


def job_size(_view: View, least: int, most: int) -> str:
    """1-4, 1-infinite, or one number."""
    low = max(least, 1)
    if most == UNLIMITED:
        return f"{low}-infinite"
    return str(low) if low == most else f"{low}-{most}"


def marked(_view: View, name: str, default: bool) -> str:
    return f"{name}*" if default else name


def names_or_all(_view: View, names: Sequence[str]) -> str:
    return ",".join(names) if names else "all"


def yes_no(_view: View, value: bool) -> str:
    return "yes" if value else "no"


def count_or_unlimited(_view: View, value: int) -> str:
    return "UNLIMITED" if value == UNLIMITED else str(value)


PARTITION_ROWS = [
    Field("S", "AllocNodes", "ALLOCNODES", "p.alloc_nodes", names_or_all),
    Field("a", "Available", "AVAIL", "p.state", available),
    Field("L", "DefaultTime", "DEFAULTTIME", "p.default_time", limit),
    Field("g", "Groups", "GROUPS", "p.allow_groups", names_or_all),
    Field("B", "MaxCPUsPerNode", "MAX_CPUS_PER_NODE", "p.max_cpus_per_node", count_or_unlimited),
    Field("h", "OverSubscribe Share", "OVERSUBSCRIBE", "p.oversubscribe", plain),
    Field("P", "Partition", "PARTITION", "p.name p.default", marked, MARKED),
    Field("R", "PartitionName", "PARTITION", "p.name", plain),
    Field("M", "PreemptMode", "PREEMPT_MODE", "p.preempt_mode", plain),
    Field("I", "PriorityJobFactor", "PRIO_JOB_FACTOR", "p.priority_job_factor", plain),
    Field("p", "PriorityTier", "PRIO_TIER", "p.priority_tier", plain),
    Field("r", "Root", "ROOT", "p.root_only", yes_no),
    Field("s", "Size", "JOB_SIZE", "p.min_nodes p.max_nodes", job_size),
    Field("l", "Time", "TIMELIMIT", "p.max_time", limit),
]

SINFO = Fields(NODE_ROWS + PARTITION_ROWS)

OWN_ROW = frozenset("PR")
"""Letters that give each partition rows of its own; by the others partitions are told apart only where they differ."""
