"""With whom a job shares its nodes, in the words of listings and of the environment of batch scripts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.partition import Partition

_KINDS = {"user": "USER", "mcs": "MCS", "topo": "TOPO"}


def exclusive(job: Job, partitions: Mapping[str, Partition]) -> str:
    """NODE where nobody else may be on its nodes, USER, MCS or TOPO where only those of its like may, else NO."""
    if job.request.exclusive is not None:
        return _KINDS.get(job.request.exclusive, "NODE")
    partition = partitions.get(job.partition.partition(",")[0])
    return "NODE" if partition is not None and partition.oversubscribe.startswith("EXCLUSIVE") else "NO"


def over_subscribe(job: Job, partitions: Mapping[str, Partition]) -> str:
    """As `scontrol show job` has it: NO, USER, MCS, TOPO, YES where it was asked to share, else OK."""
    if job.request.reboot:
        return "NO"
    kind = exclusive(job, partitions)
    if kind != "NO":
        return "NO" if kind == "NODE" else kind
    return "YES" if job.request.oversubscribe else "OK"
