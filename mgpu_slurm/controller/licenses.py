"""Licences: counted names of the configuration (Licenses=lic:4), held by running jobs, waited for by others. Pure.

A request is `lic:2,matlab` (all of them; a semicolon does as well) or, from 24.11 on, `lic:2|matlab` (the first that is
free). What an active reservation keeps is nobody's but that of jobs which name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.intake.values import leading_int

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.state import State
    from mgpu_slurm.records.job import Job

REASON = "Licenses"
ONE_OF = (24, 11)
"""The version since which `|` parts licences of which one will do."""

_COUNT = 1 << 32


def parse(text: str, apart: str = ",;") -> list[tuple[str, int]]:
    """Names and counts. Raises ValueError for a count that is no number; what is 2**32 or more begins again, as in Slurm."""
    for other in apart[1:]:
        text = text.replace(other, apart[0])
    found = []
    for word in text.split(apart[0]):
        name, colon, count = word.partition(":")
        if not word:
            continue
        number, rest = leading_int(count) if count else (0 if colon else 1, "")
        if number is None or rest:
            raise ValueError(word)
        found.append((name, number % _COUNT))
    return found


def totals(words: Iterable[str]) -> dict[str, int]:
    """The configuration's licences."""
    return dict(pair for word in words for pair in parse(word.replace("*", ":")))


def choices(text: str | None) -> list[dict[str, int]]:
    """The ways to satisfy a request, each as name -> count."""
    parts = (text or "").split("|")
    if len(parts) > 1:
        return [{name: count} for part in parts for name, count in parse(part)]
    wanted: dict[str, int] = {}
    for name, count in parse(parts[0]):
        wanted[name] = wanted.get(name, 0) + count
    return [wanted] if wanted else []


def check(ctx: Context, text: str | None) -> None:
    """Raises SlurmError 2048 for names that do not exist and counts that never can be had."""
    known = ctx.settings.licenses
    try:
        ways = choices(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_LICENSES) from None
    if "|" in (text or "") and ctx.settings.compat < ONE_OF:
        raise SlurmError(errors.ESLURM_INVALID_LICENSES)
    for way in ways:
        if any(name not in known or count > known[name] for name, count in way.items()):
            raise SlurmError(errors.ESLURM_INVALID_LICENSES)


def used(state: State) -> dict[str, int]:
    """What running jobs hold."""
    held: dict[str, int] = {}
    for job_id in state.holding:
        for name, count in state.jobs[job_id].licenses.items():
            held[name] = held.get(name, 0) + count
    return held


def reserved(state: State, now: float, own: str | None = None) -> dict[str, int]:
    """What active reservations keep, but for the one called `own`."""
    kept: dict[str, int] = {}
    for one in (one.at(now) for one in state.reservations.values()):
        if one.licenses and one.name != own and one.start <= now < one.end:
            for name, count in parse(one.licenses):
                kept[name] = kept.get(name, 0) + count
    return kept


def add(held: dict[str, int], more: dict[str, int]) -> None:
    """Count licences to those that are held."""
    for name, count in more.items():
        held[name] = held.get(name, 0) + count


def taken(state: State, job: Job, now: float, held: dict[str, int] | None = None) -> dict[str, int]:
    """What this job cannot have now. `held` saves counting again what runs."""
    held = dict(used(state) if held is None else held)
    for name, count in reserved(state, now, job.request.reservation).items():
        held[name] = held.get(name, 0) + count
    return held


def choose(ctx: Context, job: Job, away: dict[str, int]) -> dict[str, int] | None:
    """The licences that the job gets while `away` is not there; None where it has to wait."""
    known = ctx.settings.licenses
    ways = choices(job.request.licenses)
    if not ways:
        return {}
    for way in ways:
        if all(away.get(name, 0) + count <= known.get(name, 0) for name, count in way.items()):
            return way
    return None
