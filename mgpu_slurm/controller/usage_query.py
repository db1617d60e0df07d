"""What running steps use, asked of their nodes at the moment of the question: the table "sstat".

Nodes answer within the time of a scheduler's breath or not at all: a step whose node says nothing has no row.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import errors, hostlist, ids
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import permissions, steps
from mgpu_slurm.records import usage
from mgpu_slurm.records.step import EXTERN
from mgpu_slurm.wire.messages import GetUsage, Table, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.controller.daemon import Controller
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.step import Step
    from mgpu_slurm.records.usage import Use
    from mgpu_slurm.wire.messages import Query

PATIENCE = 3.0
"""Seconds that nodes have to answer."""

Answers = dict[tuple[str, str], Usage]
"""(node, step) -> what its tasks there use."""


class UsageAsker:
    """Questions on their way. `ask(node, message)` says it once and tells whether the node is there."""

    def __init__(self, ask: Callable[[str, GetUsage], bool]) -> None:
        self._ask = ask
        self._numbers = itertools.count(1)
        self._open: dict[int, _Question] = {}

    async def question(self, nodes: list[str], job_id: int, step_id: str) -> Answers:
        """What nodes say of a job's steps; `step_id` "" means all."""
        number = next(self._numbers)
        asked = {node for node in nodes if self._ask(node, GetUsage(ask=number, job_id=job_id, step_id=step_id))}
        question = self._open[number] = _Question(asked)
        try:
            async with asyncio.timeout(PATIENCE):
                await question.done.wait()
        except TimeoutError:
            pass  # what has come is what there is
        finally:
            del self._open[number]
        return question.answers

    def said(self, node: str, message: Usage) -> None:
        question = self._open.get(message.ask)
        if question is not None:
            question.said(node, message)


class _Question:
    def __init__(self, nodes: set[str]) -> None:
        self.answers: Answers = {}
        self.done = asyncio.Event()
        self._expected: dict[str, int | None] = dict.fromkeys(nodes)
        self._look()

    def said(self, node: str, message: Usage) -> None:
        if message.step_id:
            self.answers[node, message.step_id] = message
        elif node in self._expected:
            self._expected[node] = message.count
        self._look()

    def _look(self) -> None:
        if None not in self._expected.values() and len(self.answers) >= sum(count or 0 for count in self._expected.values()):
            self.done.set()


async def rows(controller: Controller, query: Query, caller: Caller, now: float) -> Table:
    """A row for each live step that the filter `ids` (JOB or JOB.STEP) names. Raises SlurmError: 2017 an unknown job,
    2002 not the caller's, 2036 an unknown column."""
    if not all(name in _COLUMNS for name in query.columns):
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    found: list[dict[str, Any]] = []
    for text in query.filters.get("ids") or []:
        jobs, step_id = _jobs(controller, text)
        for job in jobs:
            permissions.need_owner(controller.core.ctx, caller, job)
            if job.allocation is None:
                continue
            answers = await controller.usage.question(job.allocation.nodes, job.job_id, step_id)
            for name, step in job.steps.items():
                parts = [answer for (_, of), answer in answers.items() if of == name]
                if parts or (name == EXTERN and step_id in ("", EXTERN) and steps.is_live(step)):
                    found.append(_row(job, step, parts))
    return Table(columns=[[row[name] for row in found] for name in query.columns], now=now)


def _jobs(controller: Controller, text: str) -> tuple[list[Job], str]:
    """The job, all running tasks of an array that is named without one, and the step."""
    try:
        ref = ids.parse_job(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID) from None
    job = controller.state.jobs.get(ref.job)
    if ref.task is not None:
        job = controller.state.element(ref.job, ref.task)
    elif ref.het is not None:
        job = controller.state.jobs.get(ref.job + ref.het)
    running = [one for one in controller.state.jobs.values() if one.array_job_id == ref.job and one.state == "RUNNING"]
    jobs = running if running and ref.tasks is None else [job] if job is not None else []
    if not jobs:
        raise SlurmError(errors.ESLURM_INVALID_JOB_ID)
    return jobs, "" if ref.step is None else ids.format_step(ref.step)


_COLUMNS = ("job_id", "submit_time", "restart_count", "step_id", "cpu_freq", "tasks", "nodes", "pids", "use")


def _row(job: Job, step: Step, parts: list[Usage]) -> dict[str, Any]:
    """`pids`: [node, [pid, ...]]; `use`: by measure, a row of records.usage.Use."""
    use: dict[str, Use] = {}
    order = {part.node: index for index, part in enumerate(step.layout.nodes)}
    parts = sorted(parts, key=lambda part: order.get(part.node, 0))
    for part in parts:
        usage.add(use, part.use, part.node)
    return {
        "job_id": job.job_id,
        "submit_time": job.submit_time,
        "restart_count": job.restart_count,
        "step_id": step.step_id,
        "cpu_freq": step.asked.get("cpu_freq", ""),
        "tasks": step.layout.ntasks,
        "nodes": hostlist.fold([part.node for part in parts or step.layout.nodes]),
        "pids": [[part.node, part.pids] for part in parts],
        "use": use,
    }
