"""scontrol update partition: state, limits, membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import errors, hostlist, units
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import permissions
from mgpu_slurm.controller.state import has_ended
from mgpu_slurm.records.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.wire.messages import Update


def _minutes(text: str) -> int:
    return -1 if text.upper() in ("INFINITE", "UNLIMITED", "-1") else units.parse_minutes(text)


def _count(text: str) -> int:
    return -1 if text.upper() in ("INFINITE", "UNLIMITED", "-1") else int(text)


def _truth(text: str) -> bool:
    return text.upper() in ("YES", "TRUE", "1")


def _state(text: str) -> str:
    found = {"UP": "UP", "DOWN": "DOWN", "DRAIN": "DRAIN", "INACT": "INACTIVE", "INACTIVE": "INACTIVE"}.get(text.upper())
    if found is None:
        raise ValueError(text)
    return found


def _words(text: str) -> list[str]:
    return [] if text.upper() == "ALL" else [word for word in text.split(",") if word]


_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "state": ("state", _state),
    "maxtime": ("max_time", _minutes),
    "defaulttime": ("default_time", _minutes),
    "maxnodes": ("max_nodes", _count),
    "minnodes": ("min_nodes", _count),
    "maxcpuspernode": ("max_cpus_per_node", _count),
    "default": ("default", _truth),
    "hidden": ("hidden", _truth),
    "rootonly": ("root_only", _truth),
    "disablerootjobs": ("disable_root", _truth),
    "exclusiveuser": ("exclusive_user", _truth),
    "lln": ("lln", _truth),
    "reqresv": ("req_resv", _truth),
    "prioritytier": ("priority_tier", int),
    "priorityjobfactor": ("priority_job_factor", int),
    "oversubscribe": ("oversubscribe", str.upper),
    "shared": ("oversubscribe", str.upper),
    "overtimelimit": ("over_time_limit", _minutes),
    "gracetime": ("grace_time", int),
    "preemptmode": ("preempt_mode", str.upper),
    "defmempercpu": ("def_mem_per_cpu", units.parse_mem),
    "defmempernode": ("def_mem_per_node", units.parse_mem),
    "maxmempercpu": ("max_mem_per_cpu", units.parse_mem),
    "maxmempernode": ("max_mem_per_node", units.parse_mem),
    "allowgroups": ("allow_groups", _words),
    "allowaccounts": ("allow_accounts", _words),
    "denyaccounts": ("deny_accounts", _words),
    "allowqos": ("allow_qos", _words),
    "denyqos": ("deny_qos", _words),
    "allocnodes": ("alloc_nodes", _words),
    "qos": ("qos", str),
    "alternate": ("alternate", str),
    "nodes": ("nodes", hostlist.expand),
}


def _delete(ctx: Context, partition: Partition) -> list[tuple[str, int, str]]:
    """Raises SlurmError 2075 while a job is in it or waits for it."""
    if any(partition.name in job.partition.split(",") and not has_ended(job) for job in ctx.state.jobs.values()):
        raise SlurmError(errors.ESLURM_PARTITION_IN_USE)
    del ctx.state.partitions[partition.name]
    ctx.possible.clear()
    ctx.cache.clear()
    ctx.replan()
    return [(partition.name, 0, "")]


def update(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    """Raises SlurmError 2010, 2000, 2018 and for keys and values that cannot be."""
    permissions.need_operator(ctx, caller)
    partition = ctx.state.partitions.get(message.name)
    if message.action == "create":
        if partition is not None or not message.name:
            raise SlurmError(errors.ESLURM_INVALID_PARTITION_NAME)
        partition = Partition(name=message.name, min_nodes=1)
    elif partition is None:
        raise SlurmError(errors.ESLURM_INVALID_PARTITION_NAME)
    if message.action == "delete":
        return _delete(ctx, partition)
    values: dict[str, Any] = {}
    for key, text in message.changes:
        row = _KEYS.get(key.lower())
        if row is None:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Update of this parameter is not supported: {key}={text}")
        if row[0] == "nodes" and text.upper() == "ALL":
            values["nodes"], values["all_nodes"] = list(ctx.state.nodes), True
            continue
        try:
            values[row[0]] = row[1](text)
        except ValueError:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid value: {key}={text}") from None
    if not ctx.state.nodes.keys() >= set(values.get("nodes", ())):
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    if values.get("default"):
        for other in ctx.state.partitions.values():
            if other.default:
                other.default = False
                ctx.save_partition(other)
    changed = msgspec.structs.replace(partition, **values)
    ctx.state.partitions[partition.name] = changed
    ctx.save_partition(changed)
    ctx.cache.clear()
    ctx.replan()
    return [(partition.name, 0, "")]
