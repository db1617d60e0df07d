"""Licences: counted names of the configuration (Licenses=lic:4), held by running jobs, waited for by others. Pure.

A request is `lic:2,matlab` (all of them) or `lic:2|matlab` (any one, the first that is free).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.state import State
    from mgpu_slurm.records.job import Job

REASON = "Licenses"


def parse(text: str) -> list[tuple[str, int]]:
    """Names and counts of either form. Raises ValueError for a count that is no number."""
    found = []
    for word in text.replace("|", ",").replace(";", ",").split(","):
        name, _, count = word.strip().replace("*", ":").replace("=", ":").partition(":")
        if name:
            if count and not (count.isascii() and count.isdecimal()):
                raise ValueError(word)
            found.append((name, int(count or 1)))
    return found


def totals(words: Iterable[str]) -> dict[str, int]:
    """The configuration's licences."""
    return dict(pair for word in words for pair in parse(word))


def check(ctx: Context, text: str | None) -> None:
    """Raises SlurmError 2048 for names that do not exist and counts that never can be had."""
    if not text:
        return
    try:
        wanted = parse(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_LICENSES) from None
    known = ctx.settings.licenses
    if any(name not in known or count > known[name] for name, count in wanted):
        raise SlurmError(errors.ESLURM_INVALID_LICENSES)


def used(state: State) -> dict[str, int]:
    """What running jobs hold."""
    held: dict[str, int] = {}
    for job_id in state.holding:
        for name, count in _of(state.jobs[job_id]):
            held[name] = held.get(name, 0) + count
    return held


def _of(job: Job) -> list[tuple[str, int]]:
    text = job.request.licenses
    if not text:
        return []
    wanted = parse(text)
    return wanted[:1] if "|" in text else wanted


def free(ctx: Context, job: Job, held: dict[str, int] | None = None) -> bool:
    """Whether the job's licences are free now; `held` saves counting again."""
    text = job.request.licenses
    if not text:
        return True
    held = used(ctx.state) if held is None else held
    known = ctx.settings.licenses
    return all(held.get(name, 0) + count <= known.get(name, 0) for name, count in _of(job))
