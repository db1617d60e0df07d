"""scontrol update partition: state, limits, membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import billing, errors, hostlist, units
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


def _sharing(text: str) -> str:
    """Without a number several jobs are those that Slurm has by default."""
    kind, colon, _ = text.upper().partition(":")
    return f"{kind}:4" if kind in ("YES", "FORCE") and not colon else text.upper()


def job_defaults(text: str) -> dict[str, int | None]:
    """DefCpuPerGPU=N,DefMemPerGPU=MiB as fields of a partition. Raises SlurmError 2117."""
    found: dict[str, int | None] = dict.fromkeys(_DEFAULTS.values())
    for word in text.split(",") if text else ():
        name, _, number = word.partition("=")
        if name.lower() not in _DEFAULTS or not number.isdecimal():
            raise SlurmError(errors.ESLURM_INVALID_JOB_DEFAULTS)
        found[_DEFAULTS[name.lower()]] = int(number)
    return found


_DEFAULTS = {"defcpupergpu": "def_cpus_per_gpu", "defmempergpu": "def_mem_per_gpu"}

_TOGETHER = {
    "def_mem_per_cpu": "def_mem_per_node", "def_mem_per_node": "def_mem_per_cpu",
    "max_mem_per_cpu": "max_mem_per_node", "max_mem_per_node": "max_mem_per_cpu",
}  # fmt: skip
"""Two of which only the last one given counts."""

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
    "priority": ("priority_tier", int),
    "prioritytier": ("priority_tier", int),
    "priorityjobfactor": ("priority_job_factor", int),
    "oversubscribe": ("oversubscribe", _sharing),
    "shared": ("oversubscribe", _sharing),
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
    "cpubind": ("cpu_bind", str),
    "nodes": ("nodes", hostlist.expand),
}


def _weights(ctx: Context, text: str) -> str:
    """Of what is always weighed and of what AccountingStorageTRES adds. Raises SlurmError 2116."""
    try:
        billing.check(text, ctx.state.tracked)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_TRES_BILLING_WEIGHTS) from None
    return text


def _drop_without_effect(partition: Partition, values: dict[str, Any]) -> None:
    """What Slurm accepts and leaves as it is: no binding, a default time above the longest, ways of preemption that only the
    cluster as a whole can have."""
    if not {"GANG", "WITHIN"}.isdisjoint(values.get("preempt_mode", "").split(",")):
        del values["preempt_mode"]
    if not values.get("cpu_bind", "-"):
        del values["cpu_bind"]
    longest = values.get("max_time", partition.max_time)
    default = values.get("default_time", 0)
    if longest >= 0 and not 0 <= default <= longest:
        del values["default_time"]


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
        if key.lower() == "jobdefaults":
            values.update(job_defaults(text))
            continue
        if key.lower() == "tresbillingweights":
            values["tres_billing_weights"] = _weights(ctx, text)
            continue
        row = _KEYS.get(key.lower())
        if row is None:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Update of this parameter is not supported: {key}={text}")
        if row[0] == "nodes" and text.upper() == "ALL":
            values["nodes"], values["all_nodes"] = list(ctx.state.nodes), True
            continue
        if row[0] == "nodes":
            values["all_nodes"] = False
        try:
            values[row[0]] = row[1](text)
        except ValueError:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid value: {key}={text}") from None
        if row[0] in _TOGETHER:
            values[_TOGETHER[row[0]]] = None
        elif key.lower() == "priority":
            values["priority_job_factor"] = values["priority_tier"]
    _drop_without_effect(partition, values)
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
