"""A job as the controller knows it; also the form in which it is stored.

A record of an array whose elements have not started stands for all of them (`array_tasks` lists what is left); an
element gets a record of its own when it starts, or when a command touches it alone.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.allocation import Allocation
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.step import Step


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What a waiting job shows of its sizes after `scontrol update` has changed one: no longer the sum of its request."""

    cpus: int
    mem: int  # MiB
    ntasks: int
    min_nodes: int
    max_nodes: int  # 0: no bound
    node_cpus: int  # at least, on each node


class Job(msgspec.Struct, omit_defaults=True, kw_only=True):
    """States are the words of facts/states.py; times are UTC seconds; `exit_code` is a wait status (code << 8 | signal)."""

    job_id: int
    uid: int
    gid: int
    user_name: str = ""
    group_name: str = ""
    request: JobRequest  # script and environment are emptied here; the store keeps them apart
    name: str = ""
    partition: str = ""  # the one it runs in, else the list asked for
    account: str = ""
    qos: str = ""
    admin_comment: str = ""

    state: str = "PENDING"
    flags: list[str] = []  # COMPLETING, CONFIGURING, REQUEUED, ...
    reason: str = "None"  # a word of facts/reasons.py
    reason_text: str = ""  # a longer explanation where there is one
    waited_for: str = ""  # the last reason of its own for which it has waited, as accounting keeps it
    priority: int = 0  # 0 = held
    priority_fixed: bool = False  # given as it is: nice values do not count
    site_factor: int = 0  # an administrator's own share of the priority
    held_by: str = ""  # "", "user" or "admin"

    submit_time: float = 0.0  # of this run: when it was submitted or put back
    first_submit: float = 0.0  # of the first run, where there were others
    eligible_time: float = 0.0
    accrue_time: float = 0.0
    start_time: float = 0.0
    end_time: float = 0.0  # real end; while running the expected end (0 = unlimited)
    end_shift: float = 0.0  # seconds by which the expected end is not that of the limit, since it was set itself
    suspend_time: float = 0.0
    resize_time: float = 0.0  # when it last gave nodes back or got some
    suspended_seconds: float = 0.0
    last_sched: float = 0.0
    time_limit: int | None = None  # minutes, UNLIMITED = -1; None: the partition's
    planned_start: float = 0.0  # by backfill
    planned_nodes: list[str] = []  # what it would have then

    min_nodes: int = 1
    max_nodes: int = 0  # 0 = no bound
    min_cpus: int = 1
    ntasks: int = 1
    sums: Sums | None = None  # set by the first update of a size
    node_tasks: int = 0  # tasks that a node has GPUs for, where both are asked for; 0: any number
    asked_gpus: int = 0  # in all, as far as the request says
    default_memory: tuple[str, int] = ("Node", 0)  # "CPU" or "Node", MiB: shown while a request for memory per GPU waits
    allocation: Allocation | None = None  # kept after the end, for display and accounting
    licenses: dict[str, int] = {}  # what it holds while it runs
    holds_resources: bool = False
    tasks_per_node: list[int] = []  # of the allocation, for batch and salloc
    batch_host: str = ""
    attempt: int = 0  # counts starts; a node acts only on the latest
    restart_count: int = 0
    steps: dict[str, Step] = {}  # key: "0", "batch", "interactive", ...
    steps_apart: int = 0  # how many of them are not in the stored record but have rows of their own
    next_step: int = 0

    exit_code: int = 0
    derived_exit_code: int = 0
    killed_by: int | None = None  # uid that cancelled it
    ending: str = ""  # word of the final state while COMPLETING was asked for: CANCELLED, TIMEOUT, NODE_FAIL, ...

    array_job_id: int = 0  # 0 = no array
    array_task_id: int | None = None
    array_tasks: list[int] = []  # of a record that stands for several
    array_limit: int = 0  # %limit, 0 = none
    array_count: int = 0
    array_min: int = 0
    array_max: int = 0
    array_step: int = 1
    cut_out: bool = False  # tasks cancelled while they were part of a larger record that waits

    het_job_id: int = 0
    het_offset: int = 0
    het_size: int = 0

    dependency: list[list[str]] = []  # unresolved terms: [type, "12_*"...]; see intake/dependency.py
    dependency_any: bool = False  # terms joined by ?
    dependency_text: str = ""  # as shown
