"""Clusters, needs and rows of recorded answers for the tests of the scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mgpu_slurm.base import idset
from mgpu_slurm.intake import submit
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.request import JobRequest, StepRequest
from mgpu_slurm.sched.need import derive
from mgpu_slurm.sched.place import Placement
from mgpu_slurm.sched.snapshot import GresSlot, Need, NodeSlot, PartitionSlot, PendingJob, RunningJob, Snapshot

CONFIG: dict[str, Any] = {"DefMemPerCPU": 100}
COMPAT = (22, 5)


def node(name: str, cpus: int = 8, gpus: int = 4, mem: int = 16000, **more: Any) -> NodeSlot:
    """An empty, usable node of one socket."""
    gres = [GresSlot(name="gpu", types=[["a100"]] * gpus, free=(1 << gpus) - 1, total=(1 << gpus) - 1)] if gpus else []
    fields: dict[str, Any] = {
        "cores_per_socket": cpus,
        "cpus_total": (1 << cpus) - 1,
        "cpus_free": (1 << cpus) - 1,
        "mem_total": mem,
        "mem_free": mem,
        "gres": gres,
    }
    return NodeSlot(name=name, usable=True, **{**fields, **more})


def nodes(count: int = 4, **more: Any) -> list[NodeSlot]:
    return [node(f"n{at}", **more) for at in range(count)]


def partition(count: int = 4, name: str = "gpu", **more: Any) -> PartitionSlot:
    return PartitionSlot(**{"name": name, "state": "UP", "nodes": list(range(count)), **more})


def snapshot(slots: list[NodeSlot], pending: list[PendingJob], running: Sequence[RunningJob] = (), **more: Any) -> Snapshot:
    parts = more.pop("partitions", None) or {"gpu": partition(len(slots))}
    return Snapshot(nodes=slots, partitions=parts, pending=pending, running=list(running), **more)


def job(job_id: int, need: Need | None = None, **more: Any) -> PendingJob:
    """A pending job of one CPU, younger for a larger id."""
    fields: dict[str, Any] = {"uid": 1, "priority": 1, "submit_time": float(job_id), "partitions": ["gpu"], "time_limit": 10}
    return PendingJob(job_id=job_id, need=need or Need(ntasks=1), **{**fields, **more})


def request(words: str) -> JobRequest:
    """What sbatch would send for these words."""
    parsed = submit.parse("sbatch", [*words.split(), "--wrap", "true"], {}, "/tmp", compat=COMPAT)
    return msgspec.convert(parsed.requests[0], JobRequest)


def need(words: str, part: Partition | None = None, config: dict[str, Any] = CONFIG) -> Need:
    return derive(request(words), part, config)


def step(words: str) -> StepRequest:
    """What srun would send for these words from within job 1."""
    parsed = submit.parse("srun", [*words.split(), "true"], {"SLURM_JOB_ID": "1"}, "/tmp", compat=COMPAT)
    return msgspec.convert(submit.step(parsed.components[0], 1), StepRequest)


def shown(placement: Placement) -> str:
    """The shares as in placements.tsv."""
    rows = []
    for share in placement.allocation.shares:
        gpus = share.gres.get("gpu")
        rows.append(f"{share.node} {idset.fold(share.cpus)} {share.mem}" + (f" gpu:{idset.fold(gpus)}" if gpus else ""))
    return "; ".join(rows)


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a table of recorded answers."""
    for line in (Path(__file__).parent / name).read_text().splitlines():
        if not line.startswith("#"):
            yield line.split("\t")
