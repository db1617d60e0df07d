"""The files of a batch job's standard streams, as listings show them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import patterns

if TYPE_CHECKING:
    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.job import Job


def file_name(job: Job, given: str | None, default: str, fill: bool = True) -> str:
    """A batch job's file: absolute; with `fill`, and always for the default name, with its letters filled in that the whole
    job shares. scontrol fills them in, squeue does not."""
    if job.request.kind != "batch":
        return ""
    name = default if given is None else given
    values: dict[str, int | str] = {
        "j": job.job_id,
        "J": str(job.job_id),
        "A": job.array_job_id or job.job_id,
        "a": 0xFFFFFFFE if job.array_task_id is None else job.array_task_id,
        "u": job.user_name,
        "x": job.name,
    }
    filled = patterns.expand(name, values) if fill or given is None else name
    return filled if filled.startswith("/") else f"{job.request.work_dir}/{filled}"


def std_out(job: Job, _source: Source, fill: bool = True) -> str:
    default = patterns.ARRAY_DEFAULT if job.array_job_id else patterns.BATCH_DEFAULT
    return file_name(job, job.request.std_out, default, fill)


def std_err(job: Job, source: Source, fill: bool = True) -> str:
    if job.request.std_err is None:
        return std_out(job, source, fill)
    return file_name(job, job.request.std_err, "", fill)


def std_in(job: Job, _source: Source, fill: bool = True) -> str:
    return file_name(job, job.request.std_in, "/dev/null", fill)
