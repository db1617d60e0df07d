"""What the running processes of a step use at this moment, a row for each task: from /proc, in the supervisor."""

from __future__ import annotations

import os

from mgpu_slurm.node.supervisor import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.tasks import Task

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE") // 1024


def of_tasks(tasks: list[Task]) -> list[dict[str, object]]:
    """For each live task with all below it: `rank`, `pids`, `cpu` seconds, `rss` and `vsize` KiB, `pages` (major faults),
    `read` and `written` bytes. What has ended and was waited for inside the task counts in `cpu`."""
    rows: list[dict[str, object]] = []
    for task in tasks:
        if task.status is not None:
            continue
        totals = {"cpu": 0.0, "rss": 0, "vsize": 0, "pages": 0, "read": 0, "written": 0}
        pids = []
        for pid in [task.pid, *descendants.below(task.pid)]:
            found = _of_process(pid)
            if found is None:
                continue
            pids.append(pid)
            for name, number in found.items():
                totals[name] += number
        rows.append({"rank": task.rank, "pids": pids, **totals})
    return rows


def _of_process(pid: int) -> dict[str, float] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read(1024)
    except OSError:
        return None
    # fields from the third on; the second is a name that may hold anything
    fields = text[text.rindex(b")") + 2 :].split()
    found: dict[str, float] = {
        "cpu": sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICKS,
        "rss": int(fields[21]) * _PAGE,
        "vsize": int(fields[20]) // 1024,
        "pages": int(fields[9]),
    }
    try:
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            lines = dict(line.split(b": ") for line in file.read(1024).splitlines())
        found["read"] = int(lines[b"rchar"])
        found["written"] = int(lines[b"wchar"])
    except (OSError, KeyError, ValueError):
        pass  # not ours to look at: a program that changed its user
    return found
