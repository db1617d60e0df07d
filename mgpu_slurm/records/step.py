"""A job step: tasks started together on some of a job's nodes, with the part of its resources that they use."""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.allocation import NodeShare
from mgpu_slurm.records.usage import Use

EXTERN = "extern"
"""The step of what comes to a job from outside."""


class NodeTasks(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A step's part on one node."""

    node: str
    tasks: list[int] = []  # global ranks, ascending
    task_cpus: list[list[int]] = []  # CPUs of each task, [] = all of the share
    task_gpus: list[list[int]] = []  # GPUs each task sees when bound per task, [] = all of the step's on this node
    share: NodeShare  # what the step holds of the job's share
    mem_shared: bool = False  # asked for no memory: may use the job's, and holds none of it against other steps


class StepLayout(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Which tasks run where."""

    nodes: list[NodeTasks] = []
    ntasks: int = 1
    cpus_per_task: int | None = None
    distribution: str = ""  # as asked for with -m


class Step(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`step_id` is a number as text, or "batch", "extern", "interactive". `ended_nodes`: where no process of it is (any more)."""

    job_id: int
    step_id: str
    uid: int = 0
    name: str = ""
    state: str = "RUNNING"
    start_time: float = 0.0
    end_time: float = 0.0
    time_limit: int | None = None
    layout: StepLayout = msgspec.field(default_factory=StepLayout)
    overlap: bool = False
    exit_code: int = 0  # highest wait status of its tasks, a signal above every exit code
    ended_nodes: list[str] = []
    submit_line: str = ""
    src_host: str = ""
    src_pid: int = 0
    cpu_seconds: float = 0.0
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    use: dict[str, Use] = {}  # by measure, of all its tasks that have ended
    asked: dict[str, str] = {}  # what it asked for, in Slurm's words (step_asks.py)
    killed_by: int | None = None
    apart: bool = False  # not in the job's stored record: it has a row of its own
    ending: str = ""
