"""The fields of sstat, in the order of its own list. Each is made from the use of a step's live tasks.

`use` holds a row for each task: node, rank, cpu seconds, rss and vsize (KiB), pages, bytes read and written.
"""

from __future__ import annotations

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.facts.fields.accounted import NEVER, Column, amount, blank, clock, job_name, kib, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mgpu_slurm.facts.fields.field import View

    Use = list[list[Any]]
    Maker = Callable[[View, Use], str]

CPU, RSS, VSIZE, PAGES, READ, WRITTEN = 2, 3, 4, 5, 6, 7


def job_id(view: View, job: int, array: int, task: int | None, het: int, offset: int, step: str) -> str:
    return job_name(job, array, task, "", 0, het, offset, step)


def _shown(view: View, at: int, number: float) -> str:
    if at == CPU:
        return clock(number)
    if at in (RSS, VSIZE):
        return kib(view, int(number))
    return amount(view, int(number), "", raw=True)


def most(at: int) -> Maker:
    return lambda view, use: _shown(view, at, max(row[at] for row in use)) if use else ""


def least(at: int) -> Maker:
    return lambda view, use: _shown(view, at, min(row[at] for row in use)) if use else ""


def mean(at: int) -> Maker:
    return lambda view, use: _shown(view, at, sum(row[at] for row in use) / len(use)) if use else ""


def total(at: int) -> Maker:
    return lambda view, use: _shown(view, at, sum(row[at] for row in use)) if use else ""


def where(at: int, field: int, lowest: bool = False) -> Maker:
    """Node (0) or rank (1) of the task with the most, or least, of it."""

    def made(_view: View, use: Use) -> str:
        if not use:
            return ""
        row = (min if lowest else max)(use, key=lambda one: (one[at], one[1] if lowest else -one[1]))
        return str(row[field])

    return made


_IN = (("cpu", CPU), ("fs/disk", READ), ("mem", RSS), ("pages", PAGES), ("vmem", VSIZE))


def _words(parts: list[tuple[str, str]]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(parts))


def usage_in(one: Callable[[int], Maker], constant: str | None) -> Maker:
    """cpu=..,energy=0,fs/disk=..,mem=..; `constant`: what stands for energy, None leaves it out."""

    def made(view: View, use: Use) -> str:
        if not use:
            return ""
        words = [(name, one(at)(view, use)) for name, at in _IN]
        return _words(words + ([("energy", constant or str(use[0][0]))] if constant is not None else []))

    return made


def usage_out(one: Callable[[int], Maker], constant: str | None) -> Maker:
    def made(view: View, use: Use) -> str:
        if not use:
            return ""
        words = [("fs/disk", one(WRITTEN)(view, use))]
        return _words(words + ([("energy", constant or str(use[0][0]))] if constant is not None else []))

    return made


def most_node(at: int) -> Maker:
    return where(at, 0)


def most_task(at: int) -> Maker:
    return where(at, 1)


def least_node(at: int) -> Maker:
    return where(at, 0, True)


def least_task(at: int) -> Maker:
    return where(at, 1, True)


def zero(_view: View, _job: int) -> str:
    return "0"


def frequency(_view: View, step: str) -> str:
    return "Unknown" if is_numbered(step) else "0"


def pids(_view: View, rows: list[list[Any]]) -> str:
    return ",".join(str(pid) for _, numbers in rows for pid in numbers)


COLUMNS: tuple[Column, ...] = (
    Column("AllocTRES", 10, "job_id", blank, since=(22, 6)),
    Column("AveCPU", 10, "use", mean(CPU)),
    Column("AveCPUFreq", 10, "job_id", zero),
    Column("AveDiskRead", 12, "use", mean(READ)),
    Column("AveDiskWrite", 12, "use", mean(WRITTEN)),
    Column("AvePages", 10, "use", mean(PAGES)),
    Column("AveRSS", 10, "use", mean(RSS)),
    Column("AveVMSize", 10, "use", mean(VSIZE)),
    Column("ConsumedEnergy", 14, "job_id", zero),
    Column("ConsumedEnergyRaw", 17, "job_id", zero),
    Column("JobID", -12, "job_id array_job_id array_task_id het_job_id het_offset step_id", job_id),
    Column("MaxDiskRead", 12, "use", most(READ)),
    Column("MaxDiskReadNode", 15, "use", most_node(READ)),
    Column("MaxDiskReadTask", 15, "use", most_task(READ)),
    Column("MaxDiskWrite", 12, "use", most(WRITTEN)),
    Column("MaxDiskWriteNode", 16, "use", most_node(WRITTEN)),
    Column("MaxDiskWriteTask", 16, "use", most_task(WRITTEN)),
    Column("MaxPages", 8, "use", most(PAGES)),
    Column("MaxPagesNode", 12, "use", most_node(PAGES)),
    Column("MaxPagesTask", 14, "use", most_task(PAGES)),
    Column("MaxRSS", 10, "use", most(RSS)),
    Column("MaxRSSNode", 10, "use", most_node(RSS)),
    Column("MaxRSSTask", 10, "use", most_task(RSS)),
    Column("MaxVMSize", 10, "use", most(VSIZE)),
    Column("MaxVMSizeNode", 14, "use", most_node(VSIZE)),
    Column("MaxVMSizeTask", 14, "use", most_task(VSIZE)),
    Column("MinCPU", 10, "use", least(CPU)),
    Column("MinCPUNode", 10, "use", least_node(CPU)),
    Column("MinCPUTask", 10, "use", least_task(CPU)),
    Column("Nodelist", 20, "nodes", text),
    Column("NTasks", 8, "tasks", text, NEVER),
    Column("Pids", 20, "pids", pids),
    Column("ReqCPUFreq", 10, "step_id", frequency),
    Column("ReqCPUFreqMin", 13, "step_id", frequency),
    Column("ReqCPUFreqMax", 13, "step_id", frequency),
    Column("ReqCPUFreqGov", 13, "step_id", frequency),
    Column("SLUID", 14, "job_id", blank, since=(22, 6)),
    Column("TRESUsageInAve", 14, "use", usage_in(mean, "0")),
    Column("TRESUsageInMax", 14, "use", usage_in(most, "0")),
    Column("TRESUsageInMaxNode", 18, "use", usage_in(most_node, "")),
    Column("TRESUsageInMaxTask", 18, "use", usage_in(most_task, None)),
    Column("TRESUsageInMin", 14, "use", usage_in(least, "0")),
    Column("TRESUsageInMinNode", 18, "use", usage_in(least_node, "")),
    Column("TRESUsageInMinTask", 18, "use", usage_in(least_task, None)),
    Column("TRESUsageInTot", 14, "use", usage_in(total, "0")),
    Column("TRESUsageOutAve", 15, "use", usage_out(mean, "0")),
    Column("TRESUsageOutMax", 15, "use", usage_out(most, "0")),
    Column("TRESUsageOutMaxNode", 19, "use", usage_out(most_node, "")),
    Column("TRESUsageOutMaxTask", 19, "use", usage_out(most_task, None)),
    Column("TRESUsageOutMin", 15, "use", usage_out(least, "0")),
    Column("TRESUsageOutMinNode", 19, "use", usage_out(least_node, "")),
    Column("TRESUsageOutMinTask", 19, "use", usage_out(least_task, None)),
    Column("TRESUsageOutTot", 15, "use", usage_out(total, "0")),
)
