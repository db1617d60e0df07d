"""What is measured of tasks: on real processes, below this one as tasks are below their supervisor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm.intake import conf, sampling
from mgpu_slurm.node import stepsettings
from mgpu_slurm.node.supervisor import clocks, descendants
from mgpu_slurm.node.supervisor.peaks import Peaks
from mgpu_slurm.node.supervisor.tasks import Task
from mgpu_slurm.node.supervisor.usage import FIRST, PSS, RSS, UNSHARED, Sampler

MIB = 1 << 20
ROOM = """
import mmap, sys
print("done", flush=True)
sys.stdin.readline()
room = mmap.mmap(-1, 300 << 20)
print("got", flush=True)
sys.stdin.read()
"""
WORK = """
import os, sys, time
block = bytearray(30 << 20)
with open(os.devnull, "wb", buffering=0) as file:
    file.write(block)
end = time.process_time() + 0.05
while time.process_time() < end:
    pass
print("done", flush=True)
sys.stdin.read()
"""


class Tree:
    """Programs that have done their work and wait for the end of their input."""

    def __init__(self, count: int, line: str, work: str = WORK) -> None:
        self.programs = []
        for _ in range(count):
            words = ["/bin/sh", "-c", line, "sh", sys.executable, work]
            pipe = subprocess.PIPE
            self.programs.append(subprocess.Popen(words, stdin=pipe, stdout=pipe))
        for program in self.programs:
            assert program.stdout is not None
            assert program.stdout.readline() == b"done\n"
        self.tasks = [Task(rank, program.pid) for rank, program in enumerate(self.programs)]

    def end(self, sampler: Sampler) -> None:
        """As a supervisor takes the exits."""
        for task, program in zip(self.tasks, self.programs, strict=True):
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.close()
            program.stdout.close()
            os.waitid(os.P_PID, task.pid, os.WEXITED | os.WNOWAIT)
            sampler.ending(task.pid, task)
            _, task.status, usage = os.wait4(task.pid, 0)
            program.returncode = 0
            sampler.ended(task, usage)


@pytest.fixture
def trees() -> Iterator[list[Tree]]:
    made: list[Tree] = []
    yield made
    for program in [program for tree in made for program in tree.programs if program.returncode is None]:
        program.kill()
        program.wait()


def test_tasks_are_measured_with_all_below_them(trees: list[Tree]) -> None:
    tree = Tree(2, '"$1" -c "$2"; true')
    trees.append(tree)
    sampler = Sampler(tree.tasks, None, None, 30, 0.0)
    sampler.look()
    use = sampler.summary()
    assert len(sampler.pids()) == 4
    for key, low, high in (
        ("cpu", 50, 20_000), ("rss", 30 * MIB, 200 * MIB), ("vsize", 30 * MIB, 2000 * MIB), ("written", 30 * MIB, 32 * MIB),
        ("read", 1, 50 * MIB), ("clock", 0, 10_000_000),
    ):  # fmt: skip
        most, _, least, _, total, count = use.get(key, [0, 0, 0, 0, 0, 2])
        assert low <= least <= most <= high, key
        assert (total >= most + least, count) == (True, 2)
    assert use["pages"][5] == 2


def test_short_tasks_are_known_by_their_end(trees: list[Tree]) -> None:
    tree = Tree(2, '"$1" -c "$2"; true')
    trees.append(tree)
    sampler = Sampler(tree.tasks, None, None, 30, 0.0)
    tree.end(sampler)
    use = sampler.summary()
    assert "vsize" not in use
    assert use["cpu"][2] >= 50
    if os.geteuid() == 0:  # of a process that has ended the kernel tells this to nobody else
        assert use["written"][2] >= 30 * MIB
    assert use["pages"][5] == 2
    assert use["rss"][2] >= 30 * MIB


def test_a_tree_that_does_nothing_is_not_searched_again(trees: list[Tree], monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(1, '"$1" -c "$2"; true')
    trees.append(tree)
    searches: list[int] = []
    below = descendants.below

    def search(top: int) -> list[int]:
        searches.append(top)
        return below(top)

    monkeypatch.setattr(descendants, "below", search)
    sampler = Sampler(tree.tasks, None, None, 30, 0.0)
    for _ in range(3):
        sampler.look()
    first = sampler.summary()
    # reading to the end of a pipe may still take it over a tick at the second look
    assert len(searches) <= 2
    sampler.look(closely=True)
    assert sampler.summary() == first


def test_memory_that_is_only_reserved_is_seen(trees: list[Tree]) -> None:
    tree = Tree(1, 'exec "$1" -c "$2"', ROOM)
    trees.append(tree)
    (program,) = tree.programs
    assert program.stdin is not None
    assert program.stdout is not None
    sampler = Sampler(tree.tasks, None, None, 30, 0.0)
    sampler.look()
    before = sampler.summary()["vsize"][0]
    program.stdin.write(b"\n")
    program.stdin.flush()
    assert program.stdout.readline() == b"got\n"
    sampler.look()
    assert sampler.summary()["vsize"][0] >= before + 300 * MIB


@pytest.mark.parametrize("memory", [PSS, UNSHARED])
def test_memory_without_what_others_have(trees: list[Tree], memory: str) -> None:
    tree = Tree(1, 'exec "$1" -c "$2"')
    trees.append(tree)
    whole, own = Sampler(tree.tasks, None, None, 30, 0.0), Sampler(tree.tasks, None, None, 30, 0.0, memory)
    for sampler in (whole, own):
        sampler.look()
    assert 30 * MIB <= own.summary()["rss"][0] < whole.summary()["rss"][0]
    tree.end(own)
    assert own.summary()["rss"][0] < whole.summary()["rss"][0]


def test_looks_come_ever_later() -> None:
    sampler = Sampler([], None, None, 30, 100.0)
    times = []
    for _ in range(12):
        times.append(round(sampler.next_at - 100, 1))
        sampler.due(sampler.next_at)
    assert times[:4] == [FIRST, 0.3, 0.7, 1.5]
    assert round(times[-1] - times[-2]) == 30
    assert Sampler([], None, None, 0, 100.0).next_at == 0.0


def test_the_peak_before_the_program_does_not_count() -> None:
    peaks = Peaks([4, 7])
    assert not peaks.noted(7)
    assert not peaks.exceeded(7, 1 << 30)
    pid = os.fork()
    if pid == 0:
        peaks.note(7)
        os._exit(0)
    _, _, usage = os.wait4(pid, 0)
    assert peaks.noted(7)
    assert not peaks.noted(4)
    assert not peaks.exceeded(7, usage.ru_maxrss)
    assert peaks.exceeded(7, usage.ru_maxrss + 8192)


def test_clocks(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\ncpu MHz\t\t: 2596.146\n\nprocessor\t: 1\ncpu MHz\t\t: 800.000\n")
    assert [clocks.of_cpu(number, str(tmp_path), str(info)) for number in (0, 1, 2)] == [2596146, 800000, 0]
    (tmp_path / "cpu1" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu1" / "cpufreq" / "scaling_cur_freq").write_text("3100000\n")
    assert clocks.of_cpu(1, str(tmp_path), str(info)) == 3100000


@pytest.mark.parametrize(
    ("asked", "cluster", "taken"),
    [(5, 10, True), (10, 10, True), (60, 10, False), (0, 10, False), (60, 0, True), (0, 0, True), (60, sampling.NOT_SET, True),
     (0, sampling.NOT_SET, False)],
)  # fmt: skip
def test_how_often_may_be_asked_for(asked: int, cluster: int, taken: bool) -> None:
    assert sampling.permitted(asked, cluster) is taken


@pytest.mark.parametrize(
    ("lines", "job", "step", "found"),
    [
        ([], "", "", {"sampling": 30, "memory": RSS}),
        (["JobAcctGatherFrequency=task=20"], "", "", {"sampling": 20, "memory": RSS}),
        (["JobAcctGatherFrequency=0"], "", "", {"sampling": 0, "memory": RSS}),
        (["JobAcctGatherFrequency=energy=5"], "", "", {"sampling": 30, "memory": RSS}),
        (["JobAcctGatherParams=NoOverMemoryKill,UsePss"], "10", "", {"sampling": 10, "memory": PSS}),
        (["JobAcctGatherParams=NoShared"], "10", "task=5,energy=9", {"sampling": 5, "memory": UNSHARED}),
        (["JobAcctGatherType=jobacct_gather/none"], "10", "5", {}),
    ],
)
def test_how_often_is_looked(tmp_path: Path, lines: list[str], job: str, step: str, found: dict[str, object]) -> None:
    file = tmp_path / "mgpu.conf"
    file.write_text("\n".join(["ClusterName=test", "SlurmctldHost=localhost", *lines, "NodeName=n0 CPUs=1", ""]))
    settings = stepsettings.of(conf.load(str(file)))
    facts = {"request": {"other": {"acctg-freq": job}}}
    assert settings.sampling_of({"spec": {"job": facts, "request": {"other": {"acctg-freq": step}}}}) == found
    assert settings.sampling_of({"facts": facts}).get("sampling") == (int(job) if job and found else found.get("sampling"))
