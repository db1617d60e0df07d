"""A controller that is nothing but its memory and store, for tests of what is told about jobs."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mgpu_slurm.__main__ import Streams, show
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import session as sessions
from mgpu_slurm.controller import accounting
from mgpu_slurm.controller.events import Caller
from mgpu_slurm.controller.settings import Settings
from mgpu_slurm.controller.state import State
from mgpu_slurm.controller.statistics import Statistics
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.saves import SaveJob
from mgpu_slurm.records.step import NodeTasks, Step, StepLayout
from mgpu_slurm.store.database import Store, open_store
from mgpu_slurm.wire import messages as wire

NOON = 1_795_478_400.0  # some midnight UTC
ROOT = Caller(uid=0, gid=0)


def share(node: str = "n0", cpus: int = 1, mem: int = 100, gpus: int = 0) -> NodeShare:
    return NodeShare(node=node, cpus=list(range(cpus)), mem=mem, gres={"gpu": list(range(gpus))} if gpus else {})


def step(job_id: int, step_id: str, shares: Iterable[NodeShare], tasks: int = 1, **more: Any) -> Step:
    """A step that has ended and was reported; "batch" or a number."""
    parts = [NodeTasks(node=one.node, share=one) for one in shares]
    values: dict[str, Any] = {
        "start_time": NOON + 10, "end_time": NOON + 12, "state": "COMPLETED", "ended_nodes": [part.node for part in parts],
    }  # fmt: skip
    values.update(more)
    return Step(job_id=job_id, step_id=step_id, layout=StepLayout(nodes=parts, ntasks=tasks), **values)


def job(job_id: int, shares: Iterable[NodeShare] | None = None, steps: Iterable[Step] = (), **more: Any) -> Job:
    """A job that has ended well, unless said otherwise; without `shares` one that waits."""
    held = list(shares or ())
    values: dict[str, Any] = {
        "uid": 0, "gid": 0, "user_name": "root", "group_name": "root", "name": f"job{job_id}", "partition": "gpu",
        "submit_time": NOON + 5, "eligible_time": NOON + 5, "min_nodes": max(len(held), 1), "time_limit": -1, "priority": 1,
        "min_cpus": sum(len(one.cpus) for one in held) or 1, "request": JobRequest(mem_per_cpu=100, work_dir="/tmp"),
    }  # fmt: skip
    if held:
        values.update(
            state="COMPLETED", start_time=NOON + 10, end_time=NOON + 12, allocation=Allocation(shares=held), batch_host="n0",
            steps={one.step_id: one for one in steps},
        )  # fmt: skip
    values.update(more)
    return Job(job_id=job_id, **values)


class Ledger:
    """`memory`: jobs the controller still has; `gone`: those only the store has."""

    def __init__(self, place: Path, memory: Iterable[Job] = (), gone: Iterable[Job] = (), eligible: Iterable[int] = ()) -> None:
        self.state = State()
        self.store: Store = open_store(str(place / "state.db"))
        self.statistics = Statistics(NOON)
        known = SimpleNamespace(eligible=dict.fromkeys(eligible), settings=Settings(slurm_uid=0), state=self.state)
        self.core = SimpleNamespace(ctx=known)
        for one in memory:
            self.state.jobs[one.job_id] = one
            self._save(one, False)
        for one in gone:
            self._save(one, True)

    def _save(self, one: Job, gone: bool) -> None:
        record = msgspec.json.encode(one)
        self.store.commit([SaveJob(job_id=one.job_id, record=record, state=one.state, uid=one.uid, gone=gone)])

    def ask(self, table: str, *columns: str, caller: Caller = ROOT, **filters: list[str]) -> list[tuple[Any, ...]]:
        """The rows of a Query."""
        query = wire.Query(table=table, columns=list(columns), filters=filters)
        answer = asyncio.run(accounting.rows(self, query, caller))  # type: ignore[arg-type]
        return list(zip(*answer.columns, strict=True))

    def call(self, message: Mapping[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """As a session's: through the types of the wire."""
        query = msgspec.convert(dict(message), wire.Query)
        answer = asyncio.run(accounting.rows(self, query, ROOT))  # type: ignore[arg-type]
        return dict(msgspec.json.decode(msgspec.json.encode(answer)))

    def session(self, compat: tuple[int, int] = (22, 5)) -> Any:
        return SimpleNamespace(
            call=self.call, compat=compat, cluster_name="oracle", config=None, embedded_dir="", endpoints=[], signers=[]
        )


def command(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, program: Any, *argv: str, **environ: str) -> tuple[int, str, str]:
    """Run a command's `run` on the ledger: status, output, errors. `compat`: "22.05" unless MGPU_COMPAT says otherwise."""
    compat = sessions.compat_of(environ.get("MGPU_COMPAT", "22.05")) or (22, 5)
    monkeypatch.setattr(sessions, "open_session", lambda *_: ledger.session(compat))
    out, err = io.StringIO(), io.StringIO()
    streams = Streams(out, err)
    try:
        status = program.run(list(argv), environ, "/", streams)
    except (UsageError, SlurmError) as error:
        status = show(error, program.__name__.rpartition(".")[2], streams)
    return status, out.getvalue(), err.getvalue()
