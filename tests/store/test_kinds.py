"""Every kind of save, history, revisions, and what a damaged database leaves behind."""

from __future__ import annotations

import pathlib
import sqlite3

import msgspec
import pytest
import sqlalchemy as sa

from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.saves import SaveCounter, SaveJob, SaveNode, SavePartition, SaveRequest, SaveScript
from mgpu_slurm.store import migrate, schema
from mgpu_slurm.store.database import Store, open_store
from mgpu_slurm.store.errors import StoreDamaged, StoreError


def job(number: int, state: str = "PENDING", *, gone: bool = False, **fields: object) -> SaveJob:
    whole = {"job_id": number, "uid": 7, "gid": 7, "request": JobRequest(name="x"), "state": state, **fields}
    record = msgspec.json.encode(whole)
    msgspec.json.decode(record, type=Job)
    return SaveJob(job_id=number, record=record, state=state, uid=7, gone=gone)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "state.db")


def test_nodes_and_partitions_come_back_as_last_saved(path: str) -> None:
    store = open_store(path)
    for reason in ("first", "second"):
        store.commit([SaveNode(name="n1", record=msgspec.json.encode(Node(name="n1", flags=["DRAIN"], reason=reason)))])
    down = Partition(name="gpu", nodes=["n1"], state="DOWN")
    store.commit(
        [
            SavePartition(name="gpu", record=msgspec.json.encode(Partition(name="gpu"))),
            SavePartition(name="gpu", record=msgspec.json.encode(down)),
        ]
    )
    store.close()
    loaded = open_store(path).load()
    assert [(node.name, node.reason) for node in loaded.nodes] == [("n1", "second")]
    assert loaded.partitions == [down]


def test_an_empty_database_loads_empty(path: str) -> None:
    loaded = open_store(path).load()
    assert (loaded.jobs, loaded.nodes, loaded.partitions, loaded.requests) == ([], [], [], [])
    assert loaded.next_job_id == 0


def test_ended_jobs_stay_as_history(path: str) -> None:
    store = open_store(path)
    store.commit([job(1), job(2)])
    store.commit([job(1, "COMPLETED", gone=True, submit_time=5.0, end_time=9.0)])
    assert [one.job_id for one in store.load().jobs] == [2]
    with store.reading() as connection:
        row = connection.execute(sa.select(schema.jobs).where(schema.jobs.c.job_id == 1)).one()
    assert (row.gone, row.state, row.uid, row.submit_time, row.end_time) == (True, "COMPLETED", 7, 5.0, 9.0)


def test_a_requeued_job_lives_again(path: str) -> None:
    store = open_store(path)
    store.commit([job(1, "COMPLETED", gone=True)])
    store.commit([job(1, "PENDING")])
    assert [one.state for one in store.load().jobs] == ["PENDING"]


@pytest.mark.parametrize(("counter", "jobs", "expected"), [(10, [], 10), (10, [3], 10), (0, [3], 4), (4, [41], 42)])
def test_next_job_id(path: str, counter: int, jobs: list[int], expected: int) -> None:
    store = open_store(path)
    store.commit([*(job(number) for number in jobs), *([SaveCounter(next_job_id=counter)] if counter else [])])
    assert store.load().next_job_id == expected


def test_next_job_id_stays_when_rows_are_deleted(path: str) -> None:
    store = open_store(path)
    store.commit([job(41), SaveCounter(next_job_id=42)])
    store.close()
    raw = sqlite3.connect(path)
    raw.execute("DELETE FROM jobs")
    raw.commit()
    raw.close()
    assert open_store(path).load().next_job_id == 42


def test_old_requests_are_forgotten_an_hour_later(path: str) -> None:
    store = open_store(path)
    store.commit([SaveRequest(uid=1, request_id="old", answer=b"a", time=1000.0)])
    store.commit([SaveRequest(uid=1, request_id="edge", answer=b"a", time=3000.0)])
    store.commit([SaveRequest(uid=2, request_id="old", answer=b"b", time=5000.0)])
    assert sorted((uid, name) for uid, name, _, _ in store.load().requests) == [(1, "edge"), (2, "old")]


def test_scripts_are_dropped_with_their_job(path: str) -> None:
    store = open_store(path)
    for number, text in ((1, "a"), (2, "b")):
        store.commit([job(number), SaveScript(job_id=number, script=text, environment={})])
    store.commit([job(1, "FAILED", gone=True)])
    assert store.script(1) is None
    assert store.script(2) == ("b", {})


@pytest.mark.parametrize(
    ("keeps", "left"),
    [({"job_script"}, ("a", {})), ({"job_env"}, ("", {"A": "1"})), ({"job_env", "job_script"}, ("a", {"A": "1"}))],
)
def test_what_is_to_be_kept_of_scripts_stays(path: str, keeps: set[str], left: tuple[str, dict[str, str]]) -> None:
    store = open_store(path)
    store.keeps = frozenset(keeps)
    store.commit([job(1), SaveScript(job_id=1, script="a", environment={"A": "1"})])
    store.commit([job(1, gone=True)])
    assert store.script(1) == left


def test_any_bytes_in_scripts_and_environments(path: str) -> None:
    store = open_store(path)
    script = "#!/bin/sh\n" + bytes(range(1, 256)).decode("utf-8", "surrogateescape")
    environment = {"LATIN": "caf\udce9", "EMPTY": "", "EQUAL": "a=b=c", "LINES": "a\nb"}
    store.commit([job(1), SaveScript(job_id=1, script=script, environment=environment)])
    store.close()
    assert open_store(path).script(1) == (script, environment)


def test_a_commit_is_whole_or_nothing(path: str) -> None:
    store = open_store(path)
    bad = SaveJob(job_id=2, record=job(2).record, state=None, uid=7)  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        store.commit([job(1), bad])
    assert store.load().jobs == []
    store.commit([job(3)])
    assert [one.job_id for one in store.load().jobs] == [3]


def test_the_file_is_the_owners_alone(path: str) -> None:
    open_store(path).close()
    assert pathlib.Path(path).stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_opened(tmp_path: pathlib.Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        open_store(str(tmp_path / "missing" / "state.db"))


def test_a_record_that_cannot_be_read_is_damage(path: str) -> None:
    store = open_store(path)
    store.commit([job(1)])
    store.close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE jobs SET record = ?", (b'{"job_id": "one"}',))
    raw.commit()
    raw.close()
    with pytest.raises(StoreDamaged, match="nothing was changed"):
        open_store(path).load()


def overwrite_middle(data: bytes) -> bytes:
    return data[: len(data) // 2] + b"\xff" * 3000 + data[len(data) // 2 + 3000 :]


@pytest.mark.parametrize(
    "damage",
    [overwrite_middle, lambda data: data[: len(data) // 2], lambda data: b"\0" * 100 + data[100:]],
    ids=["overwritten", "cut short", "no header"],
)
def test_damage_is_told_and_left_as_it_is(tmp_path: pathlib.Path, path: str, damage: object) -> None:
    store = open_store(path)
    store.commit([job(number) for number in range(1, 400)])
    store.close()
    broken = damage(pathlib.Path(path).read_bytes())  # type: ignore[operator]
    pathlib.Path(path).write_bytes(broken)
    with pytest.raises(StoreDamaged, match=r"Nothing was changed. Restore it from a backup"):
        open_store(path)
    assert pathlib.Path(path).read_bytes() == broken


def indexes(engine: sa.Engine) -> dict[str, list[tuple[str | None, list[str | None]]]]:
    seen = sa.inspect(engine)
    return {
        table: sorted((one["name"], one["column_names"]) for one in seen.get_indexes(table))
        for table in seen.get_table_names()
        if table != "alembic_version"
    }


def test_migrations_make_the_same_indexes_and_keys(tmp_path: pathlib.Path) -> None:
    fresh = sa.create_engine(f"sqlite:///{tmp_path}/fresh.db")
    schema.metadata.create_all(fresh)
    migrated = sa.create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with migrated.begin() as connection:
        migrate.upgrade(connection, None)
    assert indexes(fresh) == indexes(migrated)
    for table in schema.metadata.tables:
        keys = [sa.inspect(engine).get_pk_constraint(table)["constrained_columns"] for engine in (fresh, migrated)]
        assert keys[0] == keys[1]
    with migrated.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == schema.REVISION


def test_a_database_without_tables_of_ours_is_migrated(tmp_path: pathlib.Path, path: str) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    raw.commit()
    raw.close()
    store = open_store(path)
    store.commit([job(1)])
    assert [one.job_id for one in store.load().jobs] == [1]


def test_a_later_releases_database_is_refused(path: str) -> None:
    store = open_store(path)
    store.commit([job(1)])
    store.close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match=r"9999.*later"):
        open_store(path)
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_postgresql() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    Store(sa.create_engine("postgresql+psycopg:///mgpu_test")).close()
