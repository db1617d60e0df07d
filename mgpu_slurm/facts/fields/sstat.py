"""The fields of sstat, in the order of its own list."""

from __future__ import annotations

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.facts.fields import usage
from mgpu_slurm.facts.fields.accounted import NEVER, Column, blank, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from mgpu_slurm.facts.fields.field import View


def job_id(_view: View, job: int, step: str) -> str:
    """sstat names tasks of arrays and components by ids of their own."""
    return f"{job}.{step}"


def zero(_view: View, _job: int) -> str:
    return "0"


def frequency(_view: View, step: str) -> str:
    return "Unknown" if is_numbered(step) else "0"


def pids(_view: View, rows: list[list[Any]]) -> str:
    return ",".join(str(pid) for _, numbers in rows for pid in numbers)


COLUMNS: tuple[Column, ...] = (
    Column("AllocTRES", 10, "job_id", blank, since=(22, 6)),
    Column("AveCPU", 10, "use", usage.field("cpu", usage.mean)),
    Column("AveCPUFreq", 10, "use", usage.frequency),
    Column("AveDiskRead", 12, "use", usage.field("read", usage.mean, usage.plain)),
    Column("AveDiskWrite", 12, "use", usage.field("written", usage.mean, usage.plain)),
    Column("AvePages", 10, "use", usage.field("pages", usage.mean)),
    Column("AveRSS", 10, "use", usage.field("rss", usage.mean)),
    Column("AveVMSize", 10, "use", usage.field("vsize", usage.mean)),
    Column("ConsumedEnergy", 14, "job_id", zero),
    Column("ConsumedEnergyRaw", 17, "job_id", zero),
    Column("JobID", -12, "job_id step_id", job_id),
    Column("MaxDiskRead", 12, "use", usage.field("read", usage.most, usage.plain)),
    Column("MaxDiskReadNode", 15, "use", usage.place("read", usage.most_node)),
    Column("MaxDiskReadTask", 15, "use", usage.place("read", usage.most_task)),
    Column("MaxDiskWrite", 12, "use", usage.field("written", usage.most, usage.plain)),
    Column("MaxDiskWriteNode", 16, "use", usage.place("written", usage.most_node)),
    Column("MaxDiskWriteTask", 16, "use", usage.place("written", usage.most_task)),
    Column("MaxPages", 8, "use", usage.field("pages", usage.most)),
    Column("MaxPagesNode", 12, "use", usage.place("pages", usage.most_node)),
    Column("MaxPagesTask", 14, "use", usage.place("pages", usage.most_task)),
    Column("MaxRSS", 10, "use", usage.field("rss", usage.most)),
    Column("MaxRSSNode", 10, "use", usage.place("rss", usage.most_node)),
    Column("MaxRSSTask", 10, "use", usage.place("rss", usage.most_task)),
    Column("MaxVMSize", 10, "use", usage.field("vsize", usage.most)),
    Column("MaxVMSizeNode", 14, "use", usage.place("vsize", usage.most_node)),
    Column("MaxVMSizeTask", 14, "use", usage.place("vsize", usage.most_task)),
    Column("MinCPU", 10, "use", usage.field("cpu", usage.least)),
    Column("MinCPUNode", 10, "use", usage.place("cpu", usage.least_node)),
    Column("MinCPUTask", 10, "use", usage.place("cpu", usage.least_task)),
    Column("Nodelist", 20, "nodes", text),
    Column("NTasks", 8, "tasks", text, NEVER),
    Column("Pids", 20, "pids", pids),
    Column("ReqCPUFreq", 10, "step_id", frequency),
    Column("ReqCPUFreqMin", 13, "step_id", frequency),
    Column("ReqCPUFreqMax", 13, "step_id", frequency),
    Column("ReqCPUFreqGov", 13, "step_id", frequency),
    Column("SLUID", 14, "job_id", blank, since=(22, 6)),
    Column("TRESUsageInAve", 14, "use", usage.inward(usage.mean, always=True)),
    Column("TRESUsageInMax", 14, "use", usage.inward(usage.most)),
    Column("TRESUsageInMaxNode", 18, "use", usage.inward(usage.most_node, "node")),
    Column("TRESUsageInMaxTask", 18, "use", usage.inward(usage.most_task, "task")),
    Column("TRESUsageInMin", 14, "use", usage.inward(usage.least)),
    Column("TRESUsageInMinNode", 18, "use", usage.inward(usage.least_node, "node")),
    Column("TRESUsageInMinTask", 18, "use", usage.inward(usage.least_task, "task")),
    Column("TRESUsageInTot", 14, "use", usage.inward(usage.total, always=True)),
    Column("TRESUsageOutAve", 15, "use", usage.outward(usage.mean, always=True)),
    Column("TRESUsageOutMax", 15, "use", usage.outward(usage.most)),
    Column("TRESUsageOutMaxNode", 19, "use", usage.outward(usage.most_node, "node")),
    Column("TRESUsageOutMaxTask", 19, "use", usage.outward(usage.most_task, "task")),
    Column("TRESUsageOutMin", 15, "use", usage.outward(usage.least)),
    Column("TRESUsageOutMinNode", 19, "use", usage.outward(usage.least_node, "node")),
    Column("TRESUsageOutMinTask", 19, "use", usage.outward(usage.least_task, "task")),
    Column("TRESUsageOutTot", 15, "use", usage.outward(usage.total, always=True)),
)
