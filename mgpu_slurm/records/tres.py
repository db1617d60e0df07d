"""Trackable resources as text: cpu=2,mem=400M,node=2,billing=2, and devices with their type and indices. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import billing
from mgpu_slurm.facts.fields.field import scaled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mgpu_slurm.records.allocation import NodeShare
    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node


def named_tres(cpus: int, mem: int, nodes: int = 0, billing: int = 0, more: Mapping[str, int] | None = None) -> str:
    """What is 0 is left out. `mem` in MiB; `more`: others, as `tracked` gives them."""
    words = []
    if cpus:
        words.append(f"cpu={cpus}")
    if mem:
        words.append(f"mem={scaled(mem)}")
    if nodes:
        words.append(f"node={nodes}")
    if billing:
        words.append(f"billing={billing}")
    words += [f"{name}={count}" for name, count in (more or {}).items()]
    return ",".join(words)


def job_tres(job: Job, source: Source) -> str:
    """What the job holds, or would hold as asked for."""
    if job.allocation is not None and job.allocation.shares and job.state != "PENDING":
        shares = job.allocation.shares
        held = {
            "cpu": job.allocation.cpus, "mem": sum(share.mem for share in shares), "node": len(shares),
            **held_devices(shares, source), **held_licenses(job),
        }  # fmt: skip
        return named_tres(held["cpu"], held["mem"], held["node"], billed(job, source, held), tracked(held, source))
    return asked_tres(job, source)


def tracked(found: Mapping[str, int], source: Source) -> dict[str, int]:
    """What AccountingStorageTRES= adds, of these names."""
    return {name: found[name] for name in source.tracked if found.get(name)}


def held_devices(shares: Iterable[NodeShare], source: Source) -> dict[str, int]:
    """gres/NAME and gres/NAME:TYPE -> how many."""
    found: dict[str, int] = {}
    for share in shares:
        for name, ids in share.gres.items():
            found[f"gres/{name}"] = found.get(f"gres/{name}", 0) + len(ids)
        for word, ids in share_devices(share, source.nodes.get(share.node)).items():
            if ":" in word:
                found[f"gres/{word}"] = found.get(f"gres/{word}", 0) + len(ids)
    return found


def held_licenses(job: Job) -> dict[str, int]:
    """license/NAME -> how many."""
    return {f"license/{name}": count for name, count in job.licenses.items()}


def billed(job: Job, source: Source, held: Mapping[str, int]) -> int:
    """Units that its partition bills for what the job holds."""
    partition = source.partitions.get(job.partition.partition(",")[0])
    return billing.billed(partition.tres_billing_weights if partition is not None else "", held)


def whole_memory(job: Job, source: Source) -> int:
    """What --mem=0 means: the memory of a node of its partition."""
    partition = source.partitions.get(job.partition.partition(",")[0])
    names = source.nodes if partition is None or partition.all_nodes else partition.nodes
    return max((source.nodes[name].real_memory for name in names if name in source.nodes), default=0)


def asked_tres(job: Job, source: Source) -> str:
    """What the job asks for."""
    held = asked_amounts(job, source)
    return named_tres(held["cpu"], held["mem"], held["node"], held["billing"], tracked(source.asked(job), source))


def asked_amounts(job: Job, source: Source) -> dict[str, int]:
    """Resource -> how much of it the job asks for."""
    request = job.request
    cpus = job.min_cpus
    if job.sums is not None:
        mem = job.sums.mem
    elif request.mem_per_node is not None:
        mem = (request.mem_per_node or whole_memory(job, source)) * job.min_nodes
    elif request.mem_per_gpu:
        mem = request.mem_per_gpu * job.asked_gpus
    else:
        mem = (request.mem_per_cpu or 0) * cpus
    held = {"cpu": cpus, "mem": mem, "node": job.min_nodes, **source.asked(job)}
    return {**held, "billing": billed(job, source, held)}


def declared_types(node: Node | None, name: str) -> list[str]:
    """The type of each device of a name, in the order of their indices; "" where none is known."""
    if node is None:
        return []
    if name == "gpu" and node.gpus:
        return [gpu.type for gpu in node.gpus]
    found: list[str] = []
    for word in node.gres_text.split(","):
        parts = word.partition("(")[0].split(":")
        if parts[0] != name:
            continue
        count = parts[-1] if len(parts) > 1 and parts[-1].isdecimal() else "1"
        kind = parts[1] if len(parts) > 1 and not parts[1].isdecimal() else ""
        found += [kind] * min(int(count), 4096)
    return found


def device_type(node: Node | None, name: str, devices: list[int]) -> str:
    """The one type that all of these devices have, or ""."""
    types = declared_types(node, name)
    seen = {types[device] for device in devices if device < len(types)}
    return seen.pop() if len(seen) == 1 else ""


def by_type(node: Node | None, name: str, devices: list[int]) -> dict[str, list[int]]:
    """Name with type ("gpu:a100") -> devices of it."""
    types = declared_types(node, name)
    found: dict[str, list[int]] = {}
    for device in devices:
        kind = types[device] if device < len(types) else ""
        found.setdefault(f"{name}:{kind}" if kind else name, []).append(device)
    return found


def share_devices(share: NodeShare, node: Node | None) -> dict[str, list[int]]:
    """Name with type -> devices held on one node."""
    found: dict[str, list[int]] = {}
    for name, devices in share.gres.items():
        found.update(by_type(node, name, devices))
    return found
