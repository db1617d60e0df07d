"""Ends what a killed supervisor left behind: by the step's cgroup where there is one, and by the tag in its environment."""

from __future__ import annotations

import os
import time

from mgpu_slurm.node.supervisor import cgroup, descendants

LONGEST = 1.0


def end_leftovers(tag: str) -> None:
    """Kill until nothing with this tag lives. Blocks; a process that cannot be killed keeps it, as it keeps the step."""
    if not tag:
        return
    wait = 0.01
    while _kill(tag):
        time.sleep(wait)
        wait = min(wait * 2, LONGEST)
    group = cgroup.Cgroup.found(tag)
    if group is not None:
        group.remove()


def _kill(tag: str) -> bool:
    """Whether there was something to kill."""
    pids = set(descendants.tagged(tag))
    for pid in list(pids):
        # A child may have dropped the variable; while its parent lives it can be found below it.
        pids.update(descendants.below(pid))
    group = cgroup.Cgroup.found(tag)
    if group is not None:
        pids.update(group.pids())
    pids.discard(os.getpid())
    descendants.send_each(sorted(pids), 9)
    return bool(pids)
