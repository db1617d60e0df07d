"""The scheduling functions the core calls, behind one name, so that tests can put a trivial planner in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mgpu_slurm.sched import layout, need
from mgpu_slurm.sched import plan as planning

if TYPE_CHECKING:
    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.records.request import JobRequest, StepRequest
    from mgpu_slurm.records.step import NodeTasks
    from mgpu_slurm.sched.snapshot import Decision, Need, Snapshot


class Scheduler(Protocol):
    def derive(self, request: JobRequest, partition: Partition, config: Any) -> Need:
        """A request with every default applied. Raises SlurmError."""
        ...

    def plan(self, snapshot: Snapshot, now: float) -> list[Decision]:
        """What may start where, and why the rest waits."""
        ...

    def layout_step(self, job: Job, request: StepRequest, in_use: list[NodeTasks], nodes: dict[str, Node]) -> Any:
        """StepLayout, or an object with `code` and `text`; its class is named NotNow or Never."""
        ...


class Installed:
    """The scheduler of this package."""

    def derive(self, request: JobRequest, partition: Partition, config: Any) -> Need:
        return need.derive(request, partition, config)

    def plan(self, snapshot: Snapshot, now: float) -> list[Decision]:
        return planning.plan(snapshot, now)

    def layout_step(self, job: Job, request: StepRequest, in_use: list[NodeTasks], nodes: dict[str, Node]) -> Any:
        return layout.layout_step(job, request, in_use, nodes)
