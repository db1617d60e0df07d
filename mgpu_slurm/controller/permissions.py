"""Who may do what: users their own jobs, root and the cluster's owner (SlurmUser) everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.job import Job


def is_operator(ctx: Context, caller: Caller) -> bool:
    return caller.uid in (0, ctx.settings.slurm_uid)


def need_operator(ctx: Context, caller: Caller) -> None:
    """Raises SlurmError 2010, which is what Slurm answers to users who try what only its owner may."""
    if not is_operator(ctx, caller):
        raise SlurmError(errors.ESLURM_USER_ID_MISSING)


def need_owner(ctx: Context, caller: Caller, job: Job, code: int = errors.ESLURM_ACCESS_DENIED) -> None:
    """Raises SlurmError where the caller neither owns the job nor is an operator."""
    if caller.uid != job.uid and not is_operator(ctx, caller):
        raise SlurmError(code)
