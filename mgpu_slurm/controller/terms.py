"""The terms of a dependency as a record keeps them (waiting.py explains them): what they point at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.intake.dependency import SINGLETON

if TYPE_CHECKING:
    from mgpu_slurm.records.job import Job


def targets(job: Job) -> list[int]:
    """Ids of the jobs and arrays that the job waits for."""
    return [int(term[1].partition("_")[0]) for term in job.dependency if term[1]]


def alone(job: Job) -> bool:
    """Whether the job waits for all earlier ones of its name and user."""
    return any(term[0] == SINGLETON for term in job.dependency)
