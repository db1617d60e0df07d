"""What a job asks for of what is counted beside CPUs and memory: devices and licences, by their names as trackable resources.

`source` makes what columns look at, with this and the configuration's AccountingStorageTRES=.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.controller import licenses
from mgpu_slurm.intake import gres
from mgpu_slurm.records.columns import Source

if TYPE_CHECKING:
    from mgpu_slurm.controller.state import State
    from mgpu_slurm.records.job import Job


def source(state: State, now: float) -> Source:
    """The state as columns look at it."""
    found = Source(state.jobs, state.nodes, state.partitions, state.use, now, state.reservations)
    found.tracked, found.asked, found.licenses = state.tracked, resources, state.licenses
    return found


def resources(job: Job) -> dict[str, int]:
    """gres/NAME, gres/NAME:TYPE and license/NAME -> how many in all."""
    request = job.request
    found: dict[str, int] = {}
    texts = (
        (request.gres, job.min_nodes, None), (request.gpus_per_node, job.min_nodes, "gpu"),
        (request.gpus_per_task, job.ntasks, "gpu"), (request.gpus, 1, "gpu"),
    )  # fmt: skip
    for text, times, family in texts:
        said: dict[str, int] = {}
        for device, kind, count in gres.parse(text, family) if text else ():
            for name in (f"gres/{device}", f"gres/{device}:{kind}" if kind else ""):
                said[name] = said.get(name, 0) + count * times
        said.pop("", None)
        for name, count in said.items():
            found[name] = max(found.get(name, 0), count)
    if job.asked_gpus:
        found["gres/gpu"] = job.asked_gpus
    for ways in licenses.choices(request.licenses)[:1]:
        found.update({f"license/{name}": count for name, count in ways.items()})
    return found
