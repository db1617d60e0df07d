"""Counters of the controller, questions about use, and rows of history."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import statistics
from mgpu_slurm.controller.events import Asked, Caller, NodeSaid, Reply, SaveAttempt, SaveJob, TimeReached, ToNodeEffect
from mgpu_slurm.controller.state import State
from mgpu_slurm.controller.statistics import Statistics
from mgpu_slurm.controller.usage_query import UsageAsker
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.store import history
from mgpu_slurm.wire import messages as wire
from tests.kit.ledger import NOON, Ledger, job, share, step

ANN = Caller(uid=1000, gid=1000)


def save(job_id: int, state: str, gone: bool = False) -> SaveJob:
    return SaveJob(job_id=job_id, record=b"{}", state=state, uid=0, gone=gone)


def test_each_job_is_counted_once() -> None:
    figures, state = Statistics(0.0), State()
    asked = Asked(conn=1, caller=ANN, message=wire.SubmitJob(requests=[JobRequest()]))
    state.jobs[1] = job(1, array_job_id=1, array_count=4)
    figures.event(asked, [Reply(conn=1, message=wire.JobSubmitted(job_id=1))], state, 0.001)
    ending = [
        NodeSaid(name="n0", message=wire.StepResult(node="n0", job_id=1, step_id="batch", attempt=1)),
        NodeSaid(name="n0", message=wire.StepResult(node="n0", job_id=2, step_id="batch", attempt=2)),
        Asked(conn=1, caller=ANN, message=wire.ReleaseJob(job_id=3)), TimeReached(),
        NodeSaid(name="n0", message=wire.LaunchRefused(node="n0", job_id=5, attempt=1)), asked,
    ]  # fmt: skip
    lives = [
        (1, ["PENDING", "RUNNING", "RUNNING", "COMPLETED", "COMPLETED"]), (2, ["RUNNING", "PENDING", "RUNNING", "FAILED"]),
        (3, ["PENDING", "CANCELLED", "CANCELLED"]), (4, ["RUNNING", "TIMEOUT"]), (5, ["RUNNING", "FAILED"]), (6, ["CANCELLED"]),
    ]  # fmt: skip
    for (job_id, states), event in zip(lives, ending, strict=True):
        for word in states:
            figures.event(event, [save(job_id, word)], state, 0.0)
        figures.event(event, [save(job_id, states[-1], gone=True)], state, 0.0)
    figures.event(asked, [SaveAttempt(job_id=2, restart=0, record=b"{}", uid=0)], state, 0.0)
    facts = figures.facts(state)
    assert [facts[name] for name in ("submitted", "started", "completed", "canceled", "failed")] == [4, 5, 4, 0, 1]
    assert facts["requests"][0][:2] == ["REQUEST_SUBMIT_BATCH_JOB", 4003]
    assert {row[0] for row in facts["users"]} == {0, 1000}
    figures.reset(5.0)
    assert figures.facts(state)["since"] == 5.0
    assert not figures.facts(state)["requests"]


@pytest.mark.parametrize(
    ("signal", "ids", "rows", "signalled", "counted"),
    [
        (None, ["1", "7"], [("1", 0, ""), ("7", 2017, "no")], [], 1), (9, ["1.0"], [("1.0", 0, "")], [], 0),
        (10, ["1"], [("1", 0, "")], [1, 2, 2], 2), (10, ["3"], [("3", 0, "")], [3, 4], 1),
        (10, ["1.0"], [("1.0", 0, "")], [1], 0),
    ],
)  # fmt: skip
def test_requests_that_cancel_are_counted(
    signal: int | None, ids: list[str], rows: list[tuple[str, int, str]], signalled: list[int], counted: int
) -> None:
    figures, state = Statistics(0.0), State()
    state.jobs = {1: job(1), 2: job(2), 3: job(3, het_job_id=3), 4: job(4, het_job_id=3, het_offset=1)}
    asked = Asked(conn=1, caller=ANN, message=wire.CancelJobs(ids=ids, signal=signal))
    told = [ToNodeEffect(node="n0", message=wire.SignalJob(job_id=number, signal=10)) for number in signalled]
    figures.event(asked, [*told, Reply(conn=1, message=wire.Results(rows=rows))], state, 0.0)
    assert figures.canceled == counted


def test_only_operators_reset(tmp_path: Path) -> None:
    with pytest.raises(SlurmError):
        Ledger(tmp_path).ask("statistics", "since", caller=ANN, reset=["1"])


def test_unknown_columns_are_refused(tmp_path: Path) -> None:
    for table in ("history", "priorities", "statistics", "sstat"):
        with pytest.raises(SlurmError):
            Ledger(tmp_path).ask(table, "nonsense")


def test_usage_is_complete_when_every_node_has_said_all() -> None:
    said: list[tuple[str, int]] = []

    def ask(node: str, message: wire.GetUsage) -> bool:
        said.append((node, message.ask))
        return node != "down"

    async def trip() -> list[tuple[str, str]]:
        asker = UsageAsker(ask)
        question = asyncio.create_task(asker.question(["n0", "n1", "down"], 7, ""))
        await asyncio.sleep(0)
        number = said[0][1]
        asker.said("n0", wire.Usage(node="n0", ask=number, count=2))
        asker.said("n0", wire.Usage(node="n0", ask=number, job_id=7, step_id="batch"))
        asker.said("n1", wire.Usage(node="n1", ask=number, count=0))
        assert not question.done()
        asker.said("n0", wire.Usage(node="n0", ask=number, job_id=7, step_id="0"))
        asker.said("n0", wire.Usage(node="n0", ask=number + 99, count=1))
        return sorted(await asyncio.wait_for(question, 1))

    assert asyncio.run(trip()) == [("n0", "0"), ("n0", "batch")]


def test_memory_is_newer_than_the_store(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, memory=[job(4)], gone=[job(3, [share()])])
    ledger.state.jobs[4] = job(4, [share()], state="RUNNING", end_time=0.0)
    assert ledger.ask("history", "job_id", "state") == [(3, "COMPLETED"), (4, "RUNNING")]


def test_many_ids_are_asked_for_in_parts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, gone=[job(number, [share()]) for number in (1, 700, 1400)])
    wanted = history.Selection(ids=range(1, 1500))
    assert [one.job_id for one in history.find(ledger.store, wanted, {700}, lambda _: True)] == [1, 1400]


def test_selection_by_user_and_time(tmp_path: Path) -> None:
    early = job(1, [share()], end_time=NOON - 100, submit_time=NOON - 200)
    ledger = Ledger(tmp_path, gone=[early, job(2, [share()], uid=7), job(3, [share()])])

    def found(**bounds: float | list[int]) -> list[int]:
        wanted = history.Selection(**bounds)  # type: ignore[arg-type]
        return [one.job_id for one in history.find(ledger.store, wanted, (), lambda _: True)]

    assert found(uids=[7]) == [2]
    assert found(since=NOON) == [2, 3]
    assert found(before=NOON) == [1]


@pytest.mark.parametrize(
    ("more", "state", "status"),
    [
        ({"exit_code": 15}, "CANCELLED", 15),
        ({"exit_code": 2 << 8}, "FAILED", 2 << 8),
        ({"ending": "OUT_OF_MEMORY", "exit_code": 9}, "OUT_OF_MEMORY", 125),
        ({"end_time": 0.0, "state": "RUNNING", "ended_nodes": []}, "RUNNING", 0),
        ({"state": "CANCELLED", "ended_nodes": []}, "CANCELLED", 0),
        ({"state": "CANCELLED"}, "COMPLETED", 0),
    ],
)
def test_how_a_step_ended(tmp_path: Path, more: dict[str, Any], state: str, status: int) -> None:
    one = job(1, [share()], [step(1, "0", [share()], **more)])
    assert Ledger(tmp_path, [one]).ask("history", "state", "exit_code")[1] == (state, status)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (wire.Query(table="jobs", columns=[], filters={"ids": ["1"]}), ("REQUEST_JOB_INFO_SINGLE", 2021)),
        (wire.Query(table="jobs", columns=[], filters={"ids": ["1", "2"]}), ("REQUEST_JOB_INFO", 2003)),
        (wire.JobAction(action="hold", ids=["1"]), ("REQUEST_UPDATE_JOB", 3001)),
        (wire.JobAction(action="requeue", ids=["1"]), ("REQUEST_JOB_REQUEUE", 5023)),
        (wire.Update(what="node", name="n0", changes=[]), ("REQUEST_UPDATE_NODE", 3002)),
        (wire.Update(what="reservation", name="r", changes=[], action="delete"), ("REQUEST_DELETE_RESERVATION", 3008)),
        (wire.Update(what="job", name="1", changes=[]), ("REQUEST_UPDATE_JOB", 3001)),
        (wire.CancelJobs(ids=["1.0"]), ("REQUEST_CANCEL_JOB_STEP", 5005)),
        (wire.CancelJobs(ids=["1.0", "2"]), ("REQUEST_KILL_JOB", 5032)),
    ],
)
def test_under_which_name_a_request_is_counted(message: wire.Message, expected: tuple[str, int]) -> None:
    assert statistics.asked(message) == expected
