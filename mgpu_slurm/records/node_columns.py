"""Column name -> raw value of a node or a partition; see columns.py for the rules. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import hostlist, idset
from mgpu_slurm.facts.states import COMPLETING
from mgpu_slurm.records.tres import by_type, declared_types, named_tres, tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition


def state(node: Node, source: Source) -> str:
    """The base with what jobs make of it: IDLE becomes ALLOCATED or MIXED, unless all of them are ending."""
    if node.state not in ("IDLE", "UNKNOWN"):
        return node.state
    use = source.use.get(node.name)
    if use is None or not use.jobs or not use.cpus or all(_ends(job_id, source) for job_id in use.jobs):
        return node.state
    if use.whole:
        return "ALLOCATED"
    usable = max(node.cpus - node.core_spec * node.threads_per_core, 1)
    return "ALLOCATED" if use.cpus.bit_count() >= usable else "MIXED"


def _ends(job_id: int, source: Source) -> bool:
    job = source.jobs.get(job_id)
    return job is not None and COMPLETING in job.flags


def flags(node: Node, source: Source) -> list[str]:
    """The node's own flags, COMPLETING while a job is still ending there, what a reservation makes of it, and PLANNED of an idle
    one that is kept for a job."""
    marks = source.marks(node.name) if node.state != "FUTURE" else ()
    if not marks and state(node, source) == "IDLE" and source.is_planned(node.name):
        marks = ("PLANNED",)
    own = _own_flags(node, source)
    return [*own, *(mark for mark in marks if mark not in own)]


def _own_flags(node: Node, source: Source) -> list[str]:
    use = source.use.get(node.name)
    if use is not None and COMPLETING not in node.flags and any(_ends(job_id, source) for job_id in use.jobs):
        return [*node.flags, COMPLETING]
    return list(node.flags)


def cpus_alloc(node: Node, source: Source) -> int:
    use = source.use.get(node.name)
    if use is None:
        return 0
    return node.cpus if use.whole else int(use.cpus.bit_count())


def mem_alloc(node: Node, source: Source) -> int:
    use = source.use.get(node.name)
    return int(use.mem) if use is not None else 0


def gres_used(node: Node, source: Source) -> str:
    """gpu:a100:1(IDX:0), with 0(IDX:N/A) for kinds of which nothing is used."""
    use = source.use.get(node.name)
    words = []
    for name in gres_names(node):
        held = idset.unmask(use.gres.get(name, 0)) if use is not None else []
        everything = by_type(node, name, list(range(len(declared_types(node, name)))))
        taken = by_type(node, name, held)
        for word in everything:
            part = taken.get(word, [])
            words.append(f"{word}:{len(part)}(IDX:{idset.fold(part) or 'N/A'})")
    return ",".join(words)


def gres_names(node: Node) -> list[str]:
    names = list(dict.fromkeys(word.partition(":")[0] for word in node.gres_text.split(",") if word))
    if node.gpus and "gpu" not in names:
        names.insert(0, "gpu")
    return names


def gres(node: Node) -> str:
    """Devices as configured, else as found."""
    if node.gres_text or not node.gpus:
        return node.gres_text
    kinds = by_type(node, "gpu", list(range(len(node.gpus))))
    return ",".join(f"{word}:{len(devices)}" for word, devices in kinds.items())


def devices(node: Node) -> dict[str, list[int]]:
    """Name -> all of its devices."""
    return {name: list(range(len(declared_types(node, name)))) for name in gres_names(node)}


def counts(node: Node, of: Mapping[str, list[int]]) -> dict[str, int]:
    """gres/NAME and gres/NAME:TYPE -> how many of these devices."""
    found = {f"gres/{name}": len(ids) for name, ids in of.items()}
    for name, ids in of.items():
        found |= {f"gres/{word}": len(some) for word, some in by_type(node, name, ids).items()}
    return found


def _configured(node: Node, source: Source) -> str:
    more = tracked(counts(node, devices(node)), source) if source.tracked else {}
    return named_tres(node.cpus, node.real_memory, 0, node.cpus, more)


def _allocated(node: Node, source: Source) -> str:
    use = source.use.get(node.name)
    more = {}
    if source.tracked and use is not None:
        more = tracked(counts(node, {name: idset.unmask(held) for name, held in use.gres.items()}), source)
    return named_tres(cpus_alloc(node, source), mem_alloc(node, source), 0, 0, more)


def _of_node(name: str) -> Callable[[Node, Source], object]:
    return lambda node, _source: getattr(node, name)


_NODE_OWN = (
    "name hostname address port reason reason_uid reason_time cpus boards sockets cores_per_socket threads_per_core"
    " real_memory tmp_disk weight core_spec mem_spec boot_time start_time resume_at cpu_load free_mem arch os version"
    " comment extra dynamic cpu_bind"
)

NODE: dict[str, Callable[[Node, Source], object]] = {
    **{
        name: _of_node(name)
        for name in _NODE_OWN.split()
    },
    "alloc_tres": _allocated,
    "cfg_tres": _configured,
    "cpus_alloc": cpus_alloc,
    "active_features": lambda node, _source: ",".join(node.active_features),
    "features": lambda node, _source: ",".join(node.features),
    "flags": flags,
    "gres": lambda node, _source: gres(node),
    "gres_used": gres_used,
    # a node that nobody has used yet was busy with its own start
    "last_busy": lambda node, _source: node.last_busy or node.start_time,
    "mem_alloc": mem_alloc,
    "reason_by": lambda node, _source: node.reason_uid if node.reason else None,
    "partitions": lambda node, source: source.partitions_of(node.name),
    "state": state,
}


# --- partitions -----------------------------------------------------------------------------------------------------


def names_of(partition: Partition, source: Source) -> list[str]:
    return [name for name in (source.nodes if partition.all_nodes else partition.nodes) if name in source.nodes]


def total_cpus(partition: Partition, source: Source) -> int:
    return sum(source.nodes[name].cpus for name in names_of(partition, source))


def partition_amounts(partition: Partition, source: Source) -> dict[str, int]:
    """Resource -> how much the partition has of it; of devices and licences where AccountingStorageTRES= names any. A GPU counts
    for the one type it has, whatever other names it answers to."""
    nodes = [source.nodes[name] for name in names_of(partition, source)]
    cpus = sum(node.cpus for node in nodes)
    found = {"cpu": cpus, "mem": sum(node.real_memory for node in nodes), "node": len(nodes), "billing": cpus}
    if source.tracked:
        found |= {f"license/{name}": count for name, count in source.licenses.items()}
        for node in nodes:
            for word, count in counts(node, devices(node)).items():
                found[word] = found.get(word, 0) + count
    return found


def partition_tres(partition: Partition, source: Source) -> str:
    found = partition_amounts(partition, source)
    more = tracked(found, source)
    return named_tres(found["cpu"], found["mem"], found["node"], found["billing"], more) if found["node"] else ""


def _of_partition(name: str) -> Callable[[Partition, Source], Any]:
    return lambda partition, _source: getattr(partition, name)


_PARTITION_OWN = (
    "name default state max_time default_time min_nodes max_nodes max_cpus_per_node def_mem_per_cpu def_mem_per_node"
    " max_mem_per_cpu max_mem_per_node def_cpus_per_gpu def_mem_per_gpu allow_groups allow_accounts deny_accounts"
    " allow_qos deny_qos alloc_nodes hidden root_only disable_root req_resv oversubscribe exclusive_user lln"
    " priority_tier priority_job_factor preempt_mode grace_time over_time_limit qos alternate"
    " cpu_bind tres_billing_weights"
)

PARTITION: dict[str, Callable[[Partition, Source], object]] = {
    **{
        name: _of_partition(name)
        for name in _PARTITION_OWN.split()
    },
    "node_names": names_of,
    "nodes": lambda partition, source: hostlist.fold(names_of(partition, source)),
    "total_cpus": total_cpus,
    "total_nodes": lambda partition, source: len(names_of(partition, source)),
    "tres": partition_tres,
}
