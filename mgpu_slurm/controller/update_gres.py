"""Devices of a waiting job that `scontrol update` changes: how many, for what, and how tasks are bound to them.

Until 23.11 Slurm wants "gres:" before each name of these keys but Gres= itself, and takes "gres/" from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller.update_wishes import ask, need_pending
from mgpu_slurm.intake import bindings, gres

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.job import Job

    Setter = Callable[[Context, Job, Caller, str, float], None]

SLASH = (23, 11)
"""From this version on devices are named gres/gpu."""


def _devices(ctx: Context, text: str) -> list[tuple[str, str | None, int]]:
    """What the words ask for. Raises SlurmError 2115 for a word that names no device, 2072 for one that is not there."""
    fronts = ("gres:", "gres/") if ctx.settings.compat >= SLASH else ("gres:",)
    if not all(word.startswith(fronts) for word in text.split(",")):
        raise SlurmError(errors.ESLURM_INVALID_TRES)
    found = gres.parse(text)
    if any(name not in ctx.settings.gres_types for name, _, _ in found):
        raise SlurmError(errors.ESLURM_INVALID_GRES)
    return found


def _of_gpus(ctx: Context, text: str) -> str | None:
    """As the options of the --gpus family have it: [TYPE:]COUNT."""
    found = _devices(ctx, text) if text else []
    if any(name != "gpu" for name, _, _ in found):
        raise SlurmError(errors.ESLURM_INVALID_GRES)
    return ",".join(f"{kind}:{count}" if kind else str(count) for _, kind, count in found) or None


def _of(field: str, needs: str = "", less: tuple[str, ...] = ()) -> Setter:
    """`needs`: a count of the request without which Slurm does not take it; `less`: what it cannot stand beside."""

    def change(ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
        need_pending(job)
        value = _of_gpus(ctx, text)
        request = job.request
        if value and ((needs and not getattr(request, needs)) or any(getattr(request, name) for name in less)):
            raise SlurmError(errors.ESLURM_INVALID_GRES)
        ask(job, **{field: value})

    return change


def _gres(ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    """Gres=: names need nothing before them. Nothing at all is refused where there is nothing to take away."""
    need_pending(job)
    if not text and not job.request.gres and not job.request.gpus:
        raise SlurmError(errors.ESLURM_INVALID_TRES)
    if text == "none" or (text and job.request.gpus):
        raise SlurmError(errors.ESLURM_INVALID_GRES)
    ask(job, gres=text or None)


def _per_node(ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    need_pending(job)
    if text:
        _devices(ctx, text)
        if job.request.gpus:
            raise SlurmError(errors.ESLURM_INVALID_GRES)
    ask(job, gres=text or None)


def _each(field: str) -> Setter:
    """A number for each GPU: gres:gpu:NUMBER."""

    def change(ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
        need_pending(job)
        value = _of_gpus(ctx, text)
        if value is not None and not value.isdecimal():
            raise SlurmError(errors.ESLURM_INVALID_GRES)
        ask(job, **{field: int(value) if value else None})

    return change


def _memory(ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    """A job has memory by node or by CPU already, beside which Slurm takes none by GPU."""
    need_pending(job)
    if not text:
        return
    if not text.startswith("gres:") and not job.request.gpus and not job.request.gres:
        raise SlurmError(errors.ESLURM_INVALID_TRES)
    if job.request.mem_per_gpu is None:
        raise SlurmError(errors.ESLURM_INVALID_GRES)
    _each("mem_per_gpu")(ctx, job, _caller, text, _now)


def _bind(_ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    if text and not text.startswith("gpu:"):
        raise SlurmError(errors.ESLURM_INVALID_TRES)
    ask(job, gpu_bind=text.removeprefix("gpu:") or None)


def _frequency(_ctx: Context, job: Job, _caller: Caller, text: str, _now: float) -> None:
    value = text.removeprefix("gpu:")
    if text and (value == text or not bindings.is_gpu_freq(value)):
        raise SlurmError(errors.ESLURM_INVALID_TRES)
    ask(job, gpu_freq=value or None)


KEYS: dict[str, Setter] = {
    "gres": _gres,
    "cpuspertres": _each("cpus_per_gpu"),
    "mempertres": _memory,
    "tresbind": _bind,
    "tresfreq": _frequency,
    "tresperjob": _of("gpus", less=("gres",)),
    "trespernode": _per_node,
    "trespersocket": _of("gpus_per_socket", needs="sockets_per_node"),
    "trespertask": _of("gpus_per_task", less=("gpus",)),
}
