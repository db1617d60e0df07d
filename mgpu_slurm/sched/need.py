"""A job's request with the defaults of partition and cluster applied: what placement has to satisfy.

The rules are those of sbatch(1): counts that can be derived from others are derived, memory comes from the request, else
from the partition, else from the cluster, else it is the whole node's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from mgpu_slurm.base import hostlist
from mgpu_slurm.intake import gres
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.sched.snapshot import Need


class Defaults(Protocol):
    """The part of a configuration that is read here."""

    def get(self, key: str, default: Any = None) -> Any: ...


Devices = tuple[tuple[str, str, int], ...]


def derive(request: JobRequest, partition: Partition | None, config: Defaults) -> Need:
    """The Need of a request in a partition. Raises SlurmError for GRES texts that cannot be read."""
    per_node = _of_node(request)
    per_job = _devices(request.gpus, "gpu")
    per_task = _devices(request.gpus_per_task, "gpu")
    per_socket = _devices(request.gpus_per_socket, "gpu")
    tres = _tres_per_task(request.tres_per_task)
    per_task += tuple(row for row in tres if row[0] != "cpu")
    cpus_per_task = request.cpus_per_task or request.cpus_of_task_gpus or next((n for name, _, n in tres if name == "cpu"), 1)

    ntasks = request.ntasks or 0
    min_nodes = said_nodes = request.min_nodes or 1
    max_nodes = request.max_nodes or 0
    required = tuple(dict.fromkeys(hostlist.expand(request.nodelist))) if request.nodelist else ()
    if required:
        # Of more names than nodes the first count: sbatch has lowered the number to that of the tasks.
        required = required[: max_nodes or None]
        min_nodes = said_nodes = max(min_nodes, len(required))
    if request.ntasks_per_gpu and not per_job and not _count(per_node):
        number = max(1, ntasks // request.ntasks_per_gpu)
        if request.min_nodes and number % min_nodes == 0:
            per_node = (("gpu", "", number // min_nodes),)
            max_nodes = min_nodes
        else:
            per_job = (("gpu", "", number),)
    gpus_total = _count(per_job)
    if not ntasks and request.ntasks_per_gpu:
        gpus = gpus_total or _count(per_node) * min_nodes
        ntasks = gpus * request.ntasks_per_gpu
    if not ntasks and gpus_total and _count(per_task):
        ntasks = max(1, gpus_total // _count(per_task))
    per_node_tasks = tasks_per_node(request)
    if request.ntasks == 1:
        # A single task gets CPUs for itself alone (22.05, measured), two get them for as many as a node may run.
        per_node_tasks = min(per_node_tasks, 1)
    if per_node_tasks and request.ntasks and not request.ntasks_per_node and max_nodes > min_nodes:
        max_nodes = max(min_nodes, min(max_nodes, -(-request.ntasks // per_node_tasks)))  # none beyond those that the tasks fill
    if per_node_tasks and not ntasks:
        max_nodes = min(max_nodes, per_node_tasks * min_nodes)
    if ntasks and not request.min_nodes and per_node_tasks:
        min_nodes = max(min_nodes, -(-ntasks // per_node_tasks))
    if ntasks or max_nodes in (0, min_nodes):
        # Every node is given CPUs for all the tasks it may run, also where fewer were asked for (22.05, measured).
        ntasks = max(ntasks, per_node_tasks * min_nodes)
    if request.spread_job and request.ntasks:
        max_nodes = max(min_nodes, min(max_nodes or request.ntasks, request.ntasks))  # no node without a task of its own
    of_node = _count(per_node)
    if gpus_total and of_node and (not request.min_nodes or gpus_total % of_node == 0):
        min_nodes = max(min_nodes, -(-gpus_total // of_node))
        max_nodes = said_nodes = min_nodes
    elif gpus_total and max_nodes > min_nodes:
        max_nodes = max(min_nodes, min(max_nodes, gpus_total))  # none without a GPU

    memory = _memory(request, partition, config)
    return Need(
        min_nodes=min_nodes,
        said_nodes=said_nodes,
        max_nodes=max_nodes,
        said_tasks=request.ntasks or 0,
        ntasks=ntasks,
        cpus_per_task=cpus_per_task,
        ntasks_per_node=tasks_per_node(request),
        least_tasks=request.ntasks_per_node or 1,
        ntasks_per_socket=request.ntasks_per_socket or 0,
        ntasks_per_core=request.ntasks_per_core or (1 if request.hint == "nomultithread" else 0),
        ntasks_per_gpu=request.ntasks_per_gpu or 0,
        min_cpus_per_node=max(
            request.min_cpus_per_node or 0,
            0 if request.overcommit else per_node_tasks * cpus_per_task,
            -(-(request.min_cpus or 0) // min_nodes),
        ),
        sockets_per_node=request.sockets_per_node or 0,
        cores_per_socket=request.cores_per_socket or 0,
        threads_per_core=request.threads_per_core or 0,
        tmp_disk=request.tmp_disk or 0,
        gres_per_node=per_node,
        gres_per_job=per_job,
        gres_per_task=per_task,
        gres_per_socket=per_socket,
        cpus_per_gpu=request.cpus_per_gpu
        or _positive(partition.def_cpus_per_gpu if partition else None)
        or _positive(config.get("DefCpuPerGPU")),
        exclusive=request.exclusive == "exclusive" or request.reboot,
        exclusive_user=request.exclusive == "user",
        overcommit=request.overcommit,
        contiguous=request.contiguous,
        fills_sockets=_fills_sockets(request.distribution or "", config),
        spread=request.spread_job and bool(ntasks or request.max_nodes),
        as_many_nodes=max_nodes > min_nodes and not request.use_min_nodes and not gpus_total,
        required_nodes=required,
        excluded_nodes=tuple(hostlist.expand(request.exclude)) if request.exclude else (),
        constraint=request.constraint or "",
        core_spec=request.core_spec or 0,
        **memory,
    )


def _fills_sockets(distribution: str, config: Defaults) -> bool:
    """Whether -m, or the configuration where that says nothing of it, asks for blocks within a node."""
    levels = distribution.partition(",")[0].split(":")
    if len(levels) > 1:
        return levels[1] == "block"
    return levels[0].startswith("plane") or "CR_CORE_DEFAULT_DIST_BLOCK" in (config.get("SelectTypeParameters") or ())


def tasks_per_node(request: JobRequest) -> int:
    """As asked for, else as many as have their GPUs on a node; 0: any number. Raises SlurmError."""
    if request.ntasks_per_node or not request.gpus_per_task:
        return request.ntasks_per_node or 0
    each = _count(_devices(request.gpus_per_task, "gpu"))
    there = _count(_of_node(request))
    return there // each if each else 0


class Sizes(NamedTuple):
    """What a job is said to ask for, before anything is given to it."""

    min_nodes: int
    max_nodes: int  # 0: no bound
    ntasks: int
    min_cpus: int


def sizes(request: JobRequest, need: Need, nodes: int) -> Sizes:
    """As Slurm counts a request: nodes as typed, and CPUs of a range of nodes for the one task that is sure. `nodes`: how
    many the cluster has."""
    per_node = request.ntasks_per_node or 0
    if request.min_nodes == 0:  # held, and never to start
        return Sizes(0, 0, request.ntasks or 0, (request.ntasks or 0) * need.cpus_per_task)
    least = need.min_nodes
    if request.ntasks and tasks_per_node(request) and not request.min_nodes:
        least = max(1, len(need.required_nodes))
    per_task = need.cpus_per_task
    if request.ntasks:
        tasks = request.ntasks
        per_task = request.cpus_per_task or (per_task if request.tres_per_task else 1)
    elif per_node:
        tasks = per_node * max(request.min_nodes or 1, len(need.required_nodes))  # not those that follow from devices
        per_task = request.cpus_per_task or (per_task if request.tres_per_task else 1)
    else:
        tasks = need.ntasks or least
    most = request.max_nodes or need.max_nodes
    if need.gres_per_job:
        most = min(most, need.max_nodes or most)
    if need.spread and not most:
        most = nodes if not need.ntasks else min(nodes, need.ntasks)
    if request.ntasks:
        most = min(most, request.ntasks)
    if need.spread:
        least, most = min(least, nodes), min(most, nodes)
    counted = request.ntasks or per_node or need.ntasks
    fixed = request.min_nodes if request.max_nodes in (None, request.min_nodes) else 0
    cpus = max((tasks if counted else fixed or len(need.required_nodes) or 1) * per_task, request.min_cpus or 0)
    if need.overcommit:  # one for each node, but not for those that follow from devices
        cpus = least if request.min_nodes or not need.gres_per_job else max(1, len(need.required_nodes))
    return Sizes(least, most, tasks, cpus)


def memory_defaults(request: JobRequest, partition: Partition | None, config: Defaults) -> dict[str, int]:
    """{"mem_per_node"|"mem_per_cpu"|"mem_per_gpu": MiB} as applied to a request; 0 means the whole node."""
    for key in ("mem_per_node", "mem_per_cpu", "mem_per_gpu"):
        value = getattr(request, key)
        if value or (value == 0 and key != "mem_per_gpu"):
            return {key: value}
    return configured_memory(partition, config)


def configured_memory(partition: Partition | None, config: Defaults) -> dict[str, int]:
    """What counts where a request says nothing of memory."""
    for source in (_of(partition), _of_config(config)):
        for key in ("mem_per_cpu", "mem_per_node", "mem_per_gpu"):
            value = source.get(key)
            if value:
                return {key: value}
    return {"mem_per_node": 0}


def _memory(request: JobRequest, partition: Partition | None, config: Defaults) -> dict[str, Any]:
    chosen = memory_defaults(request, partition, config)
    if chosen in ({"mem_per_node": 0}, {"mem_per_cpu": 0}):
        return {"whole_memory": True}
    return dict(chosen)


def _of(partition: Partition | None) -> Mapping[str, int | None]:
    if partition is None:
        return {}
    return {
        "mem_per_cpu": partition.def_mem_per_cpu,
        "mem_per_node": partition.def_mem_per_node,
        "mem_per_gpu": partition.def_mem_per_gpu,
    }


def _of_config(config: Defaults) -> Mapping[str, int | None]:
    return {
        "mem_per_cpu": _positive(config.get("DefMemPerCPU")),
        "mem_per_node": _positive(config.get("DefMemPerNode")),
        "mem_per_gpu": _positive(config.get("DefMemPerGPU")),
    }


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _devices(text: str | None, name: str | None = None) -> Devices:
    if not text:
        return ()
    return tuple((key, kind or "", number) for key, kind, number in gres.parse(text, name))


def _of_node(request: JobRequest) -> Devices:
    return tuple((key, kind or "", number) for key, kind, number in gres.of_node(request.gres, request.gpus_per_node))


def _tres_per_task(text: str | None) -> Devices:
    """`cpu=4,gres/gpu:a100=1` (or `:1`) as device rows; cpu is a row of its own name."""
    rows: list[tuple[str, str, int]] = []
    for word in (text or "").split(","):
        if not word:
            continue
        if word.startswith(("cpu=", "cpu:")):
            rows.append(("cpu", "", int(word[4:])))
        else:
            rows.extend(_devices(word))
    return tuple(rows)


def _count(devices: Devices) -> int:
    return sum(number for name, _, number in devices if name == "gpu")
