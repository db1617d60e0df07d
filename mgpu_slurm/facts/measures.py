"""What is measured of a step's tasks: one row a measure. From it come what supervisors look for, what travels and is
stored, and the fields of sacct and sstat. Pure.

Of each task the greatest value seen counts: counters only grow, and of sizes the peak is what is asked for. Over the tasks of
a step there are the most and the least with their places, and the total (records/usage.py).
"""

from __future__ import annotations

TIME, SIZE, COUNT, CLOCK = "time", "size", "count", "clock"
"""Milliseconds, bytes, a plain number, kHz."""

IN, OUT = "in", "out"
"""Whether Slurm counts it as what a task takes (TRESUsageIn) or gives (TRESUsageOut)."""


class Measure:
    """`key`: as it is stored; `tres`: Slurm's name among the resources, "" where it is none; `since`: Slurm that has it."""

    __slots__ = ("form", "key", "side", "since", "tres")

    def __init__(self, key: str, form: str, tres: str = "", side: str = IN, since: tuple[int, int] | None = None) -> None:
        self.key = key
        self.form = form
        self.tres = tres
        self.side = side
        self.since = since


MEASURES: tuple[Measure, ...] = (
    Measure("cpu", TIME, "cpu"),
    Measure("rss", SIZE, "mem"),
    Measure("vsize", SIZE, "vmem"),
    Measure("pages", COUNT, "pages"),  # faults that had to wait for a disk
    Measure("read", SIZE, "fs/disk"),  # by system calls, whatever the device
    Measure("written", SIZE, "fs/disk", OUT),
    Measure("clock", CLOCK),  # of the CPUs it ran on, weighted by the time it ran
    Measure("gpu_memory", SIZE, "gres/gpumem", since=(23, 2)),
    Measure("gpu_load", COUNT, "gres/gpuutil", since=(23, 2)),  # percent of the time that one GPU was busy
)

BY_KEY = {one.key: one for one in MEASURES}
