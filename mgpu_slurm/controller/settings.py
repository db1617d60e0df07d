"""The cluster's configuration as the core uses it: plain values, each with Slurm's default.

`intake.conf` reads files; `configured.settings` makes this record from what it read; tests make it directly.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.sched.priority import Weights


class Programs(msgspec.Struct, frozen=True, kw_only=True):
    """What runs around jobs. `prolog`, `epilog`: patterns of programs on the controller's machine; `on_nodes`: the nodes have a
    Prolog, `at_end` an Epilog; `flags`: of PrologFlags=, with what they bring. Times in seconds, 0 for ever."""

    prolog: tuple[str, ...] = ()
    epilog: tuple[str, ...] = ()
    prolog_seconds: float = 0.0
    epilog_seconds: float = 0.0
    on_nodes: bool = False
    at_end: bool = False
    flags: frozenset[str] = frozenset()
    no_hold: bool = False  # a job whose Prolog has failed goes back into the queue, and is not held there


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds unless said otherwise; memory in MiB; names are those of slurm.conf's keys."""

    cluster_name: str = "cluster"
    compat: tuple[int, int] = (26, 5)
    conf_path: str = ""
    slurm_uid: int = 0  # SlurmUser; may do everything, like root
    kill_wait: int = 30
    min_job_age: int = 300
    slurmd_timeout: int = 300
    lease: int = 0  # 0: SlurmdTimeout
    heartbeat: int = 15
    margin: int = 10  # between the end of a lease and what is done about its jobs
    owner_grace: int = 60
    over_time_limit: int = 0  # minutes, -1 unlimited
    resv_overrun: int = 0  # minutes that jobs may go on after their reservation, -1 unlimited
    max_job_count: int = 10000
    max_array_size: int = 1001
    first_job_id: int = 1
    max_job_id: int = 0x03FF0000
    job_requeue: bool = True
    requeue_exit: frozenset[int] = frozenset()  # exit codes that put a batch job back into the queue
    requeue_exit_hold: frozenset[int] = frozenset()  # the same, held
    kill_invalid_depend: bool = False
    enforce_part_limits: bool = False
    config_overrides: bool = False
    return_to_service: int = 0
    fifo_priority: bool = False  # priority/basic: each job a lower number than the one before
    weights: Weights = Weights()  # of the factors of priorities
    priority_period: int = 300  # seconds after which they are looked at again
    gres_types: frozenset[str] = frozenset({"gpu"})
    task_sampling: int = 30  # seconds between two looks at tasks, as sampling.of_cluster tells
    licenses: dict[str, int] = {}  # name -> how many there are
    contain: bool = False  # jobs have a step "extern"
    programs: Programs = Programs()
    resv_prolog: str = ""  # program that is run when a reservation begins
    resv_epilog: str = ""  # and when its time is over
    health_interval: int = 0  # seconds between two looks at nodes by HealthCheckProgram=, 0 for none
    health_states: frozenset[str] = frozenset({"ANY"})
    requeue_delay: int = 0  # before a requeued job may start again
    backfill: bool = True
    job_expansion: bool = False  # a running job may take over what another was started for
    embedded: bool = False
    without_file: bool = False  # the first generation's cluster: nodes join by themselves
    request_memory: int = 3600  # how long an answered request id is remembered
