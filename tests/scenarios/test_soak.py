"""Thousands of steps in one allocation, several at a time: afterwards nothing of them is left but what is remembered.

Counted on the daemons and everything they started: processes, open descriptors, directories of steps, and steps that the
controller believes alive. MGPU_SLOW=1 runs all 2,000 steps; a hundred of them run always.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.kit import processes
from tests.kit.cluster import Cluster
from tests.kit.commands import Done
from tests.kit.waiting import until

AT_ONCE = 8

FORMS = (
    (("-n1", "--exact", "true"), 0, ""),
    (("-N4", "-n4", "--exact", "true"), 0, ""),
    (("-n2", "--exact", "-l", "echo", "word"), 0, "0: word\n1: word\n"),
    (("-n1", "--exact", "sh", "-c", "exit 3"), 3, ""),
    (("-n1", "--exact", "cat"), 0, "input\n"),
    (("-n1", "--exact", "sh", "-c", "sleep 100 & exit 0"), 0, ""),
    (("-n2", "--exact", "--overlap", "-o", "/dev/null", "echo", "word"), 0, ""),
    (("-n1", "--exact", "--mpi=pmi2", "sh", "-c", "echo $PMI_RANK"), 0, "0\n"),
)
"""Arguments, exit status, output."""


class Count:
    """What there is of a cluster now."""

    def __init__(self, cluster: Cluster) -> None:
        self.processes = Counter(name_of(each.pid) for each in processes.mentioning(str(cluster.directory)))
        self.descriptors = {name: len(os.listdir(f"/proc/{daemon.pid}/fd")) for name, daemon in cluster.daemons.items()}
        self.directories = {name: len(list(Path(f"{cluster.directory}/spool/{name}/steps").iterdir())) for name in cluster.nodes}
        self.steps = cluster.ask("squeue", "-s", "-h", "-o", "%i").split()
        self.memory = {name: resident(daemon.pid) for name, daemon in cluster.daemons.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Count) and self.counts() == other.counts()

    __hash__ = None  # type: ignore[assignment]

    def counts(self) -> tuple[object, ...]:
        """All but the memory, which holds what is remembered of the steps."""
        return self.processes, self.descriptors, self.directories, self.steps

    def __repr__(self) -> str:
        return (
            f"processes {dict(self.processes)}, descriptors {self.descriptors}, directories {self.directories}, "
            f"steps {self.steps}, KiB {self.memory}"
        )


def at_rest(cluster: Cluster) -> Count:
    """Once nodes and controller have told each other the last of the steps: no directory is left, and nothing changes."""
    last = Count(cluster)

    def quiet() -> bool:
        nonlocal last
        now = Count(cluster)
        same, last = now == last, now
        return same and not any(now.directories.values()) and set(now.processes) <= {"python", "python3", "mgpu_launcher"}

    until(quiet, lambda: f"at rest, not {last}", 60, 0.2)
    return last


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"


def resident(pid: int) -> int:
    """KiB."""
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


def run_steps(cluster: Cluster, job: int, count: int) -> list[str]:
    """Start them from AT_ONCE threads; what was not as it should be."""
    numbers = iter(range(count))
    lock = threading.Lock()
    problems: list[str] = []

    def work() -> None:
        while not problems:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            words, status, out = FORMS[number % len(FORMS)]
            done: Done = cluster.run("srun", f"--jobid={job}", *words, stdin="input\n" if "cat" in words else None, timeout=120)
            if done.status != status or "".join(sorted(done.out.splitlines(keepends=True))) != out:
                problems.append(repr(done))

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


@pytest.mark.ours
@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_steps_leave_nothing(count: int) -> None:
    with Cluster.up(4, 4) as cluster:
        said = cluster.run("salloc", "--no-shell", "-N4", "-n32", "--mem=1000").ok().err
        job = int(said.split("job allocation ")[1].split()[0])
        assert run_steps(cluster, job, len(FORMS)) == [], "each form once, so that what stays open stays open"
        before = at_rest(cluster)
        began = time.monotonic()
        assert run_steps(cluster, job, count) == []
        seconds = time.monotonic() - began
        after = at_rest(cluster)
        assert after == before
        steps = cluster.run("sacct", "-n", "-P", "-j", str(job), "-o", "jobid,state").ok().lines
        states = Counter(line.partition("|")[2] for line in steps if "." in line and line.split(".")[1][0].isdigit())
        each = (count + len(FORMS)) // len(FORMS)
        print(f"\n{count} steps in {seconds:.1f} s, {count / seconds:.0f} a second\nbefore {before}\nafter  {after}\n{states}")
        assert sum(states.values()) == count + len(FORMS)
        assert abs(states["FAILED"] - each) <= 1
        cluster.run("scancel", str(job)).ok()
