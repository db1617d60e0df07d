"""The store on real files: what was committed is there again, and a damaged file is never touched."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import msgspec
import pytest
import sqlalchemy as sa

from mgpu_slurm.records.job import Job
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.saves import Save, SaveCounter, SaveJob, SaveRequest, SaveScript
from mgpu_slurm.store import migrate, schema
from mgpu_slurm.store.database import open_store
from mgpu_slurm.store.errors import StoreDamaged


def saved(job: Job, gone: bool = False) -> SaveJob:
    return SaveJob(job_id=job.job_id, record=msgspec.json.encode(job), state=job.state, uid=job.uid, gone=gone)


def job(number: int, **fields: object) -> Job:
    return msgspec.structs.replace(Job(job_id=number, uid=7, gid=7, request=JobRequest(name="x")), **fields)


def test_round_trip(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "state.db")
    store = open_store(path)
    odd = "#!/bin/sh\necho \udcff\0"
    saves: list[Save] = [
        saved(job(1)),
        saved(job(2, state="RUNNING")),
        saved(job(1, state="COMPLETED"), gone=True),
        SaveScript(job_id=2, script=odd, environment={"A": "1", "B": "x\udcfey\nz="}),
        SaveCounter(next_job_id=3),
        SaveRequest(uid=7, request_id="r", answer=b"{}", time=5.0),
    ]
    store.commit(saves)
    store.close()
    again = open_store(path)
    loaded = again.load()
    assert [(one.job_id, one.state) for one in loaded.jobs] == [(2, "RUNNING")]
    assert loaded.next_job_id == 3
    assert loaded.requests == [(7, "r", b"{}", 5.0)]
    assert again.script(2) == (odd, {"A": "1", "B": "x\udcfey\nz="})
    assert again.script(1) is None
    again.close()


def test_ids_are_never_given_out_again(tmp_path: pathlib.Path) -> None:
    store = open_store(str(tmp_path / "state.db"))
    store.commit([saved(job(41), gone=True)])
    assert store.load().next_job_id == 42
    store.close()


def test_script_of_an_array_stays_while_an_element_lives(tmp_path: pathlib.Path) -> None:
    store = open_store(str(tmp_path / "state.db"))
    store.commit([saved(job(1, array_job_id=1)), saved(job(2, array_job_id=1)), SaveScript(job_id=1, script="s", environment={})])
    store.commit([saved(job(1, array_job_id=1), gone=True)])
    assert store.script(1) == ("s", {})
    store.commit([saved(job(2, array_job_id=1), gone=True)])
    assert store.script(1) is None
    store.close()


@pytest.mark.parametrize("content", [b"this is no database at all, and long enough to be looked at" * 40])
def test_a_damaged_file_is_refused_and_kept(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="backup"):
        open_store(str(path))
    assert path.read_bytes() == content


def test_pages_overwritten_in_the_middle_are_noticed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.db"
    store = open_store(str(path))
    store.commit([saved(job(number)) for number in range(1, 400)])
    store.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = b"\xff" * 3000
    path.write_bytes(data)
    with pytest.raises(StoreDamaged):
        open_store(str(path))


def test_migrations_make_the_same_schema(tmp_path: pathlib.Path) -> None:
    fresh = sa.create_engine(f"sqlite:///{tmp_path}/fresh.db")
    schema.metadata.create_all(fresh)
    migrated = sa.create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with migrated.begin() as connection:
        migrate.upgrade(connection, None)

    def columns(engine: sa.Engine) -> dict[str, list[tuple[str, str, bool]]]:
        seen = sa.inspect(engine)
        return {
            table: sorted((one["name"], str(one["type"]), one["nullable"]) for one in seen.get_columns(table))
            for table in seen.get_table_names()
            if table != "alembic_version"
        }

    assert columns(fresh) == columns(migrated)


WRITER = """
import msgspec, sys
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.saves import SaveJob
from mgpu_slurm.store.database import open_store
store = open_store(sys.argv[1])
number = store.load().next_job_id or 1
while True:
    job = Job(job_id=number, uid=1, gid=1, request=JobRequest())
    store.commit([SaveJob(job_id=number, record=msgspec.json.encode(job), state=job.state, uid=1)])
    print(number, flush=True)
    number += 1
"""


def test_kill_loses_nothing_that_was_acknowledged(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "state.db")
    acknowledged = 0
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True, cwd=os.getcwd())
        assert writer.stdout is not None
        for _ in range(25):
            number = int(writer.stdout.readline())
            assert number > acknowledged, "an id was given out twice"
            acknowledged = number
        writer.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in writer.stdout)])
        writer.wait()
    store = open_store(path)
    assert {one.job_id for one in store.load().jobs} >= set(range(1, acknowledged + 1))
    store.close()
