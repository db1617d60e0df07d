"""What a step asked for of CPUs and devices, as Slurm writes it in `squeue --steps` and `scontrol show step`. Pure.

A step that names devices shows its own terms, with its CPUs among those of the whole step; one that names none shows
what its job asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.records.columns import JOB, Source
from mgpu_slurm.records.job_devices import gpu_text, gres_text

if TYPE_CHECKING:
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.request import StepRequest
    from mgpu_slurm.records.step import StepLayout

NAMES = (
    "cpus_per_tres", "mem_per_tres", "tres_bind", "tres_freq", "tres_per_step", "tres_per_node", "tres_per_socket",
    "tres_per_task",
)  # fmt: skip

_NOTHING = Source({}, {}, {}, {}, 0.0)

_OF_JOB = {name: name for name in NAMES if name != "tres_per_step"} | {"tres_per_step": "tres_per_job"}
"""Where a step without terms of its own finds them."""


def texts(job: Job, request: StepRequest, layout: StepLayout) -> dict[str, str]:
    """Column name -> text, the binding without its name of a resource; what was not asked for is left out."""
    devices = (request.gres, request.gpus, request.gpus_per_node, request.gpus_per_socket, request.gpus_per_task)
    if all(text is None for text in devices):
        found = {name: str(JOB[column](job, _NOTHING) or "") for name, column in _OF_JOB.items()}
    else:
        found = _own(request, layout)
    found["cpu_freq"] = request.other.get("cpu-freq", "")
    found["all_memory"] = "yes" if 0 in (request.mem_per_node, request.mem_per_cpu) else ""
    return {name: text for name, text in found.items() if text}


def _own(request: StepRequest, layout: StepLayout) -> dict[str, str]:
    per_node = gres_text(request.gres) if request.gres != "none" else ""
    per_task = f"cpu:{request.cpus_per_task}" if request.cpus_per_task else ""
    whole = f"cpu:{layout.ntasks * (request.cpus_per_task or 1)}"
    counted = request.gpus_per_task
    bind = request.gpu_bind or (f"per_task:{counted.rpartition(':')[2]}" if counted else "")
    return {
        "cpus_per_tres": f"gres:gpu:{request.cpus_per_gpu}" if request.cpus_per_gpu else "",
        "mem_per_tres": f"gres:gpu:{request.mem_per_gpu}" if request.mem_per_gpu else "",
        "tres_bind": bind,
        "tres_freq": f"gpu:{request.gpu_freq}" if request.gpu_freq else "",
        "tres_per_step": _joined(whole, gpu_text(request.gpus)),
        "tres_per_node": _joined(per_node, gpu_text(request.gpus_per_node)),
        "tres_per_socket": gpu_text(request.gpus_per_socket),
        "tres_per_task": _joined(per_task, "" if counted == "0" else gpu_text(counted)),
    }


def _joined(*texts: str) -> str:
    return ",".join(text for text in texts if text)
