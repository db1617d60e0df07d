"""The writer: grouped, in order, nothing carried out before it is on disk, patient with a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from mgpu_slurm.records.saves import Save, SaveScript
from mgpu_slurm.store import writer as writer_module
from mgpu_slurm.store.database import Store, open_store
from mgpu_slurm.store.errors import StoreDamaged, StoreFull
from mgpu_slurm.store.writer import Writer
from tests.store.test_kinds import job

DEADLINE = 20.0


class Recorder:
    """A store that notes its commits; `fault` may raise, `gate` holds commits up."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.fault: Callable[[], None] = lambda: None
        self.gate = threading.Event()
        self.gate.set()

    def commit(self, saves: Sequence[Save]) -> None:
        assert self.gate.wait(DEADLINE)
        self.fault()
        self.commits.append([save.job_id for save in saves])  # type: ignore[union-attr]


@pytest.fixture
def store() -> Recorder:
    return Recorder()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_RETRY", (0.001, 0.005))


def run(store: object, body: Callable[[Writer], object], damages: list[StoreDamaged] | None = None) -> None:
    async def main() -> None:
        made = Writer(store, (damages if damages is not None else []).append)  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(body(made), DEADLINE)  # type: ignore[arg-type]
        finally:
            made.close()

    asyncio.run(main())


def test_what_waits_goes_into_one_commit(store: Recorder) -> None:
    done: list[int] = []

    async def body(writer: Writer) -> None:
        store.gate.clear()
        writer.submit([job(1)], lambda: done.append(1))
        await asyncio.sleep(0)
        for number in range(2, 9):
            writer.submit([job(number)], lambda number=number: done.append(number))
        assert done == []
        store.gate.set()
        await writer.drain()

    run(store, body)
    assert done == list(range(1, 9))
    assert [number for commit in store.commits for number in commit] == done
    assert len(store.commits) <= 2


def test_nothing_overtakes(store: Recorder) -> None:
    """A batch without saves waits for those before it; alone it is carried out at once."""
    done: list[str] = []

    async def body(writer: Writer) -> None:
        writer.submit([], lambda: done.append("at once"))
        assert done == ["at once"]
        store.gate.clear()
        writer.submit([job(1)], lambda: done.append("saved"))
        writer.submit([], lambda: done.append("after"))
        assert not writer.idle
        store.gate.set()
        await writer.drain()
        assert writer.idle

    run(store, body)
    assert done == ["at once", "saved", "after"]


def test_a_fault_in_an_effect_does_not_stop_the_others(store: Recorder) -> None:
    done: list[int] = []

    async def body(writer: Writer) -> None:
        writer.submit([job(1)], lambda: 1 // 0)
        writer.submit([job(2)], lambda: done.append(2))
        await writer.drain()
        writer.submit([job(3)], lambda: done.append(3))
        await writer.drain()

    run(store, body)
    assert done == [2, 3]


def test_an_effect_may_submit_more(store: Recorder) -> None:
    done: list[int] = []

    async def body(writer: Writer) -> None:
        writer.submit([job(1)], lambda: writer.submit([job(2)], lambda: done.append(2)))
        await writer.drain()

    run(store, body)
    assert done == [2]


def test_a_full_disk_is_waited_for(store: Recorder) -> None:
    done: list[int] = []
    left = [3]

    def full() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise StoreFull("database or disk is full")

    async def body(writer: Writer) -> None:
        store.fault = full
        for number in (1, 2):
            writer.submit([job(number)], lambda number=number: done.append(number))
        while not writer.failing:
            assert done == []
            await asyncio.sleep(0)
        assert "full" in writer.failing
        writer.submit([job(3)], lambda: done.append(3))
        await writer.drain()
        assert writer.failing == ""

    run(store, body)
    assert done == [1, 2, 3]
    assert [number for commit in store.commits for number in commit] == [1, 2, 3]


def test_damage_is_reported_and_nothing_carried_out(store: Recorder) -> None:
    done: list[int] = []
    damages: list[StoreDamaged] = []

    def broken() -> None:
        raise StoreDamaged("malformed")

    async def body(writer: Writer) -> None:
        store.fault = broken
        writer.submit([job(1)], lambda: done.append(1))
        while not damages:
            await asyncio.sleep(0)

    run(store, body, damages)
    assert done == []


# A real disk that is full


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def script(number: int, size: int = 40_000) -> list[Save]:
    return [job(number), SaveScript(job_id=number, script="#" * size, environment={})]


def fill(file: pathlib.Path) -> None:
    """Take all of the space that is left."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while os.write(descriptor, b"\0" * size):
                    pass
    finally:
        os.close(descriptor)


def test_a_disk_that_fills_and_is_cleared(small_disk: pathlib.Path) -> None:
    store = open_store(str(small_disk / "state.db"))
    done: list[int] = []

    async def body(writer: Writer) -> None:
        writer.submit(script(1), lambda: done.append(1))
        await writer.drain()
        fill(small_disk / "other")
        for number in (2, 3, 4):
            writer.submit(script(number, 200_000), lambda number=number: done.append(number))
        while not writer.failing:
            await asyncio.sleep(0.001)
        assert done == [1]
        (small_disk / "other").unlink()
        await writer.drain()

    run(store, body)
    assert done == [1, 2, 3, 4]
    store.close()
    again = open_store(str(small_disk / "state.db"))
    assert [one.job_id for one in again.load().jobs] == [1, 2, 3, 4]
    again.close()


LIMITED = """
import resource, signal, sys
from mgpu_slurm.store.database import open_store
from mgpu_slurm.store.errors import StoreFull
from tests.store.test_writer import script
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(sys.argv[1])
store.commit(script(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
kept, number = 1, 2
try:
    while number < 100:
        store.commit(script(number))
        kept, number = number, number + 1
except StoreFull as error:
    print("full at", number, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert [one.job_id for one in store.load().jobs] == list(range(1, kept + 1))
store.commit(script(number))
assert [one.job_id for one in store.load().jobs] == list(range(1, number + 1))
print("written again")
"""


def test_a_file_that_may_not_grow(tmp_path: pathlib.Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    ended = subprocess.run([sys.executable, "-c", LIMITED, tmp_path / "state.db"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "full at" in ended.stdout
    assert "written again" in ended.stdout


def test_the_real_store_and_the_writer(tmp_path: pathlib.Path) -> None:
    store: Store = open_store(str(tmp_path / "state.db"))
    done: list[int] = []

    async def body(writer: Writer) -> None:
        for number in range(1, 201):
            writer.submit(script(number, 10), lambda number=number: done.append(number))
            if number % 20 == 0:
                await asyncio.sleep(0)
        await writer.drain()

    run(store, body)
    assert done == list(range(1, 201))
    assert len(store.load().jobs) == 200
    store.close()
