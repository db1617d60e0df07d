"""Fields of sacct and sstat that say what the tasks of a step used. Pure.

Their column `use` holds a row of records.usage.Use for each measure that is known; None or nothing: there are no figures.
"""

from __future__ import annotations

from mgpu_slurm.facts.fields.accounted import Column, amount, clock
from mgpu_slurm.facts.measures import BY_KEY, IN, MEASURES, OUT, TIME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mgpu_slurm.facts.fields.field import View

    Row = list[Any]
    Use = dict[str, Row] | None
    Maker = Callable[[View, Use], str]
    Figure = Callable[[Row], Any]

NO_ENERGY = "0"
"""Nothing here measures energy; Slurm without a plugin for it shows this."""


def most(row: Row) -> Any:
    return row[0]


def most_task(row: Row) -> Any:
    return row[1]


def least(row: Row) -> Any:
    return row[2]


def least_task(row: Row) -> Any:
    return row[3]


def total(row: Row) -> Any:
    return row[4]


def mean(row: Row) -> Any:
    return row[4] / row[5]


def most_node(row: Row) -> Any:
    return row[6]


def least_node(row: Row) -> Any:
    return row[7]


def shown(view: View, form: str, number: float) -> str:
    """A figure of a measure of this form. Means of sizes are cut to whole bytes."""
    if form == TIME:
        return clock(number / 1000)
    return amount(view, int(number), "")


def field(key: str, figure: Figure, form: Callable[[View, float], str] | None = None) -> Maker:
    """A figure of one measure."""
    kind = BY_KEY[key].form

    def made(view: View, use: Use) -> str:
        row = use.get(key) if use else None
        if row is None:
            return ""
        number = figure(row)
        return form(view, number) if form is not None else shown(view, kind, number)

    return made


def place(key: str, figure: Figure) -> Maker:
    """The node or task of a figure."""

    def made(_view: View, use: Use) -> str:
        row = use.get(key) if use else None
        return "" if row is None else str(figure(row))

    return made


def megabytes(view: View, number: float) -> str:
    """What sacct shows of disks: MiB with a fraction, larger units where it fills them, never smaller ones below one."""
    return loose(view, number / 1048576, "MGTPE", 1024)


def plain(_view: View, number: float) -> str:
    """What sstat shows of disks."""
    return str(int(number))


def rate(view: View, number: float) -> str:
    """Of CPUs. Slurm takes MHz and calls them K."""
    return loose(view, int(number) // 1000, "KMGTPE", 1000)


def loose(view: View, number: float, units: str, step: int) -> str:
    """A number that counts the first of `units`, in the unit asked for or the largest that it fills."""
    wanted = getattr(view, "unit", "")
    at = 0
    if wanted and int(number):
        at = "KMGTPE".index(wanted) - "KMGTPE".index(units[0])
        number /= float(step) ** at
        mark = wanted
    else:
        while not wanted and not view.raw_units and number >= step and at < len(units) - 1:
            number, at = number / step, at + 1
        mark = units[at]
    if not number:
        return "0"
    return f"{int(number)}{mark}" if number == int(number) else f"{number:.2f}{mark}"


def tres(side: str, figure: Figure, of: str = "value", always: bool = False) -> Maker:
    """cpu=..,energy=0,fs/disk=..,mem=..: a figure of each resource of a side. `of` is what the figure is: a value, node or
    task; `always`: where nothing is known there is still no energy."""

    def made(view: View, use: Use) -> str:
        if use is None:
            return ""
        words = {}
        for measure in MEASURES:
            row = use.get(measure.key)
            if row is None or not measure.tres or measure.side != side or (measure.since or view.compat) > view.compat:
                continue
            number = figure(row)
            words[measure.tres] = shown(view, measure.form, number) if of == "value" else str(number)
        if of == "value" and (words or always):
            words["energy"] = NO_ENERGY
        elif of == "node" and words:
            words["energy"] = first_node(use)
        return ",".join(f"{name}={words[name]}" for name in sorted(words))

    return made


def first_node(use: dict[str, Row]) -> str:
    """Where nothing was used everywhere."""
    return str(min((node for row in use.values() for node in row[6:8]), default=""))


def frequency(view: View, use: Use) -> str:
    """Slurm's 0 stands for a rate that nobody saw."""
    if use is None:
        return ""
    row = use.get("clock")
    return "0" if row is None else rate(view, mean(row))


# --- what sacct and sstat list alike -----------------------------------------------------------------------------------


def averages(disks: Callable[[View, float], str], disk_width: int) -> tuple[Column, ...]:
    """AveCPU to AveVMSize. `disks`: how what went to and from disks is shown."""
    return (
        Column("AveCPU", 10, "use", field("cpu", mean)),
        Column("AveCPUFreq", 10, "use", frequency),
        Column("AveDiskRead", disk_width, "use", field("read", mean, disks)),
        Column("AveDiskWrite", disk_width, "use", field("written", mean, disks)),
        Column("AvePages", 10, "use", field("pages", mean)),
        Column("AveRSS", 10, "use", field("rss", mean)),
        Column("AveVMSize", 10, "use", field("vsize", mean)),
    )


def maxima(disks: Callable[[View, float], str]) -> tuple[Column, ...]:
    """MaxDiskRead to MaxVMSizeTask."""
    return (
        Column("MaxDiskRead", 12, "use", field("read", most, disks)),
        Column("MaxDiskReadNode", 15, "use", place("read", most_node)),
        Column("MaxDiskReadTask", 15, "use", place("read", most_task)),
        Column("MaxDiskWrite", 12, "use", field("written", most, disks)),
        Column("MaxDiskWriteNode", 16, "use", place("written", most_node)),
        Column("MaxDiskWriteTask", 16, "use", place("written", most_task)),
        Column("MaxPages", 8, "use", field("pages", most)),
        Column("MaxPagesNode", 12, "use", place("pages", most_node)),
        Column("MaxPagesTask", 14, "use", place("pages", most_task)),
        Column("MaxRSS", 10, "use", field("rss", most)),
        Column("MaxRSSNode", 10, "use", place("rss", most_node)),
        Column("MaxRSSTask", 10, "use", place("rss", most_task)),
        Column("MaxVMSize", 10, "use", field("vsize", most)),
        Column("MaxVMSizeNode", 14, "use", place("vsize", most_node)),
        Column("MaxVMSizeTask", 14, "use", place("vsize", most_task)),
    )


MIN_CPU: tuple[Column, ...] = (
    Column("MinCPU", 10, "use", field("cpu", least)),
    Column("MinCPUNode", 10, "use", place("cpu", least_node)),
    Column("MinCPUTask", 10, "use", place("cpu", least_task)),
)


def _tres_usage(name: str, side: str, width: int) -> tuple[Column, ...]:
    return (
        Column(f"{name}Ave", width, "use", tres(side, mean, always=True)),
        Column(f"{name}Max", width, "use", tres(side, most)),
        Column(f"{name}MaxNode", width + 4, "use", tres(side, most_node, "node")),
        Column(f"{name}MaxTask", width + 4, "use", tres(side, most_task, "task")),
        Column(f"{name}Min", width, "use", tres(side, least)),
        Column(f"{name}MinNode", width + 4, "use", tres(side, least_node, "node")),
        Column(f"{name}MinTask", width + 4, "use", tres(side, least_task, "task")),
        Column(f"{name}Tot", width, "use", tres(side, total, always=True)),
    )


TRES_USAGE: tuple[Column, ...] = (*_tres_usage("TRESUsageIn", IN, 14), *_tres_usage("TRESUsageOut", OUT, 15))
