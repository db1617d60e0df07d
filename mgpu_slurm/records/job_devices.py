"""Devices of a job as listings show them: what it asks for and what it holds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import hostlist, idset
from mgpu_slurm.records.tres import by_type, declared_types, share_devices

if TYPE_CHECKING:
    from mgpu_slurm.records.allocation import NodeShare
    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job


def gres_text(text: str | None) -> str:
    """A request's devices as Slurm shows them: gpu:a100:2 -> gres:gpu:a100:2."""
    if not text:
        return ""
    return ",".join(f"gres:{word.removeprefix('gres:').removeprefix('gres/')}" for word in text.split(",") if word)


def gpu_text(text: str | None) -> str:
    """The value of a --gpus option, with the name that it leaves out."""
    if not text:
        return ""
    return ",".join(f"gres:gpu:{word}" for word in text.split(",") if word)


def tres_per_node(job: Job, _source: Source) -> str:
    return ",".join(word for word in (gpu_text(job.request.gpus_per_node), gres_text(job.request.gres)) if word)


def job_devices(job: Job, share: NodeShare, source: Source) -> dict[str, list[int]]:
    """What the job holds on a node: name with type -> devices. Of GPUs that it only counted CPUs by it holds none, by name."""
    node = source.nodes.get(share.node)
    found = share_devices(share, node)
    if job.request.cpus_per_gpu and "gpu" not in share.gres:
        found.update({word: [] for word in by_type(node, "gpu", list(range(len(declared_types(node, "gpu")))))})
    return found


def job_gres(job: Job, source: Source) -> str:
    """What the job holds of devices: gpu:a100:2."""
    if job.allocation is None:
        return ""
    total: dict[str, int] = {}
    for share in job.allocation.shares:
        for word, devices in job_devices(job, share, source).items():
            total[word] = total.get(word, 0) + len(devices)
    return ",".join(f"{word}:{count}" for word, count in total.items())


def details(job: Job, source: Source) -> list[list[str]]:
    """Rows of nodes that hold the same: [nodes, cpu ids, memory, devices], for scontrol -d. A job that is over has given its
    devices back."""
    if job.allocation is None or job.state == "PENDING":
        return []
    rows: list[tuple[list[str], list[str]]] = []
    for share in job.allocation.shares:
        held = job_devices(job, share, source) if job.state in ("RUNNING", "SUSPENDED") else {}
        gres = ",".join(f"{word}:{len(devices)}(IDX:{idset.fold(devices)})" for word, devices in held.items())
        same = [idset.fold(share.cpus), str(share.mem), gres]
        if rows and rows[-1][1] == same:
            rows[-1][0].append(share.node)
        else:
            rows.append(([share.node], same))
    return [[hostlist.fold(names), *same] for names, same in rows]
