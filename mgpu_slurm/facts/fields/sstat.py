"""The fields of sstat, in the order of its own list."""

from __future__ import annotations

from mgpu_slurm.facts import cpu_frequency
from mgpu_slurm.facts.cpu_frequency import GOVERNOR, LEAST, MOST
from mgpu_slurm.facts.fields import usage
from mgpu_slurm.facts.fields.accounted import NEVER, Column, blank, text
from mgpu_slurm.facts.fields.field import RUN, run_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mgpu_slurm.facts.fields.field import View


def job_id(_view: View, job: int, step: str) -> str:
    """sstat names tasks of arrays and components by ids of their own."""
    return f"{job}.{step}"


def zero(_view: View, _job: int) -> str:
    return "0"


def frequency(at: int) -> Callable[[View, str | None, str], str]:
    return lambda _view, text, step: cpu_frequency.field(at, text or "", step)


def pids(_view: View, rows: list[list[Any]]) -> str:
    return ",".join(str(pid) for _, numbers in rows for pid in numbers)


COLUMNS: tuple[Column, ...] = (
    Column("AllocTRES", 10, "job_id", blank, since=(22, 6)),
    *usage.averages(usage.plain, 12),
    Column("ConsumedEnergy", 14, "job_id", zero),
    Column("ConsumedEnergyRaw", 17, "job_id", zero),
    Column("JobID", -12, "job_id step_id", job_id),
    *usage.maxima(usage.plain),
    *usage.MIN_CPU,
    Column("Nodelist", 20, "nodes", text),
    Column("NTasks", 8, "tasks", text, NEVER),
    Column("Pids", 20, "pids", pids),
    Column("ReqCPUFreq", 10, "cpu_freq step_id", frequency(LEAST)),
    Column("ReqCPUFreqMin", 13, "cpu_freq step_id", frequency(LEAST)),
    Column("ReqCPUFreqMax", 13, "cpu_freq step_id", frequency(MOST)),
    Column("ReqCPUFreqGov", 13, "cpu_freq step_id", frequency(GOVERNOR)),
    Column("SLUID", 14, RUN, run_name, since=(22, 6)),
    *usage.TRES_USAGE,
)
