"""Streams of steps under strain: readers that do not read, or leave, and output of which there is no end."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.kit import processes
from tests.kit.cluster import Cluster, Suite
from tests.kit.commands import finish

ENOUGH = 128
"""MiB that a process between a task and its reader may take, with its interpreter."""


def memory(pid: int) -> int:
    """Resident MiB; 0 for a process that has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) >> 10
    except OSError:
        pass
    return 0


def written(pid: int) -> int:
    """Bytes that a process has written so far."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return -1
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def tasks_named(word: str) -> list[int]:
    return [one.pid for one in processes.mentioning(word) if one.words[0] == word]


def endless(here: Path) -> str:
    """A program of a name of its own that writes for ever."""
    program = str(here / "endless")
    os.symlink("/usr/bin/yes", program)
    return program


@pytest.mark.parametrize("options", [[], ["-l"], ["-u"], ["-N2"]], ids=lambda words: " ".join(words) or "plain")
def test_a_reader_that_does_not_read_costs_no_memory(cluster: Suite, here: Path, options: list[str]) -> None:
    if not isinstance(cluster, Cluster):
        pytest.skip("looks into processes of ours")
    program = endless(here)
    process = cluster.start("srun", "-n2", *options, program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    cluster.until(lambda: len(tasks_named(program)) == 2, "both tasks run")
    seen = [-1]

    def blocked() -> bool:
        """Whether no task has written anything since the last look."""
        now = [written(pid) for pid in tasks_named(program)]
        still, seen[:] = now == seen, now
        return still and len(now) == 2

    cluster.until(blocked, "the tasks wait for their reader", every=0.3)
    jobs = [int(job) for job in cluster.ask("squeue", "-h", "-o", "%A").split()]
    between = [process.pid, *(pid for job in jobs for pid in cluster.supervisors(job))]
    assert len(between) > 1
    assert all(memory(pid) < ENOUGH for pid in between), [(pid, memory(pid)) for pid in between]
    reader = process.stdout
    os.set_blocking(reader.fileno(), False)

    def goes_on() -> bool:
        reader.read(1 << 20)  # less than may wait on the way
        return [written(pid) for pid in tasks_named(program)] != seen

    cluster.until(goes_on, "they go on when it reads")
    process.stdout.close()
    done = finish(process)
    assert (done.status, done.err) == (0, "")
    cluster.until(lambda: not tasks_named(program), "nothing is left")


def test_input_that_nobody_reads_costs_no_memory(cluster: Suite, here: Path) -> None:
    if not isinstance(cluster, Cluster):
        pytest.skip("looks into processes of ours")
    source = subprocess.Popen([endless(here)], stdout=subprocess.PIPE)
    patient = f"until [ -e {here}/go ]; do sleep 0.1; done; head -n 1"
    process = cluster.start("srun", "-n2", "-l", "sh", "-c", patient, stdin=source.stdout)
    assert source.stdout is not None
    source.stdout.close()
    seen = [-1]

    def blocked() -> bool:
        now = [written(source.pid)]
        still, seen[:] = now == seen, now
        return still and now[0] > 0

    cluster.until(blocked, "the source waits", every=0.3)
    assert memory(process.pid) < ENOUGH
    (here / "go").touch()
    done = finish(process)
    assert (done.status, sorted(done.lines)) == (0, ["0: y", "1: y"])
    source.wait(10)
