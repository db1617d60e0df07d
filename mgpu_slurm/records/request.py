"""What a user asks for: a job (sbatch, salloc, srun outside an allocation) or a step (srun inside one).

The client's option table fills plain dicts with these field names; the controller decodes them here. None means "not
given": defaults of partition and cluster are applied by the controller, never by the client. Units: memory and disk in
MiB, time limits in minutes (UNLIMITED = -1), instants in UTC seconds.
"""

from __future__ import annotations

import msgspec


class JobRequest(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One job, or one component of a heterogeneous job."""

    # What runs, and in which surroundings
    kind: str = "batch"  # "batch", or "alloc" for salloc and srun
    name: str = ""
    script: str | None = None  # text of the batch script, surrogateescape for other bytes
    argv: list[str] = []  # script path as given and its arguments; for kind "alloc" the command
    environment: dict[str, str] = {}
    work_dir: str = "/"
    submit_dir: str = "/"
    submit_host: str = ""
    std_in: str | None = None  # file name patterns as given
    std_out: str | None = None
    std_err: str | None = None
    open_mode: str | None = None  # "a" or "t"
    umask: int = 0o022
    rlimits: dict[str, int] = {}  # soft limits by name ("NOFILE"), -1 = unlimited
    export: str | None = None  # text of --export as given
    get_user_env: bool = False
    submit_line: str = ""

    # Whose it is and where it goes
    as_uid: int | None = None  # --uid / --gid, root only
    as_gid: int | None = None
    account: str | None = None
    qos: str | None = None
    partition: str | None = None  # comma list
    reservation: str | None = None
    comment: str | None = None
    wckey: str | None = None
    licenses: str | None = None
    mail_type: str | None = None  # comma list of Slurm's words
    mail_user: str | None = None

    # How much
    min_nodes: int | None = None
    max_nodes: int | None = None
    ntasks: int | None = None
    cpus_per_task: int | None = None
    ntasks_per_node: int | None = None
    ntasks_per_socket: int | None = None
    ntasks_per_core: int | None = None
    ntasks_per_gpu: int | None = None
    min_cpus_per_node: int | None = None  # --mincpus
    min_cpus: int | None = None  # in all; only `scontrol update NumCPUs=` sets them
    max_cpus: int | None = None  # shown while it waits: what gets CPUs gets the fewest that suffice
    sockets_per_node: int | None = None
    cores_per_socket: int | None = None
    threads_per_core: int | None = None
    mem_per_node: int | None = None  # 0 = all of the node
    mem_per_cpu: int | None = None
    mem_per_gpu: int | None = None
    tmp_disk: int | None = None
    gres: str | None = None  # text of --gres as given, e.g. "gpu:a100:2"
    gpus: str | None = None
    gpus_per_node: str | None = None
    gpus_per_socket: str | None = None
    gpus_per_task: str | None = None
    cpus_per_gpu: int | None = None
    tres_per_task: str | None = None
    gpu_bind: str | None = None
    gpu_freq: str | None = None
    exclusive: str | None = None  # "exclusive", "user", "mcs", "topo"
    oversubscribe: bool = False
    overcommit: bool = False
    contiguous: bool = False
    core_spec: int | None = None
    thread_spec: int | None = None

    # Which nodes
    nodelist: str | None = None
    exclude: str | None = None
    constraint: str | None = None
    prefer: str | None = None
    switches: int | None = None
    switches_wait: int | None = None  # seconds
    use_min_nodes: bool = False
    spread_job: bool = False
    distribution: str | None = None  # as given
    plane_size: int | None = None

    # When and for how long
    time_limit: int | None = None  # minutes, UNLIMITED = -1
    time_min: int | None = None
    begin: float | None = None
    deadline: float | None = None
    dependency: str | None = None
    array: str | None = None
    hold: bool = False
    immediate: int | None = None  # seconds; fail if not started by then
    nice: int = 0
    priority: int | None = None
    signal: int = 0
    signal_time: int = 60  # seconds before the limit
    signal_flags: str = ""  # letters B, R
    requeue: bool | None = None
    no_kill: bool = False
    kill_on_invalid_dep: bool | None = None
    wait_all_nodes: int | None = None
    reboot: bool = False
    hint: str | None = None
    # Options that are checked, kept and shown, but do not change what happens here: long name -> text
    other: dict[str, str] = {}

    @property
    def cpus_of_task_gpus(self) -> int:
        """CPUs that a task has by --cpus-per-gpu and --gpus-per-task; 0 where one of them is not given."""
        if not (self.cpus_per_gpu and self.gpus_per_task):
            return 0
        number = self.gpus_per_task.rpartition(":")[2]
        return self.cpus_per_gpu * (int(number) if number.isdecimal() else 1)

    def __repr__(self) -> str:
        """Without script and environment, which are nobody else's business and may hold passwords."""
        names = [name for name in self.__struct_fields__ if name not in ("script", "environment")]
        given = [f"{name}={value!r}" for name in names if (value := getattr(self, name)) not in (None, "", [], {}, False)]
        return f"JobRequest({', '.join(given)})"


class StepRequest(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One step within a job's allocation. Counts of None take the allocation's."""

    job_id: int
    name: str = ""
    argv: list[str] = []
    submit_line: str = ""
    min_nodes: int | None = None
    max_nodes: int | None = None
    ntasks: int | None = None
    cpus_per_task: int | None = None
    ntasks_per_node: int | None = None
    ntasks_per_socket: int | None = None
    ntasks_per_core: int | None = None
    ntasks_per_gpu: int | None = None
    threads_per_core: int | None = None
    mem_per_node: int | None = None
    mem_per_cpu: int | None = None
    mem_per_gpu: int | None = None
    gres: str | None = None  # "none" = no GRES
    gpus: str | None = None
    gpus_per_node: str | None = None
    gpus_per_socket: str | None = None
    gpus_per_task: str | None = None
    cpus_per_gpu: int | None = None
    cpus_of_gpus: int = 0  # those that each GPU brings to an exact step
    tres_per_task: str | None = None
    cpu_bind: str | None = None
    mem_bind: str | None = None
    gpu_bind: str | None = None
    gpu_freq: str | None = None
    nodelist: str | None = None
    exclude: str | None = None
    constraint: str | None = None
    relative: int | None = None
    distribution: str | None = None
    plane_size: int | None = None
    exclusive: bool = False  # --exclusive or --exact: dedicated CPUs
    overlap: bool = False
    whole: bool = False
    overcommit: bool = False
    time_limit: int | None = None  # minutes
    immediate: int | None = None
    wait: bool = True  # wait for resources instead of failing
    no_kill: bool = False
    kill_on_bad_exit: bool | None = None
    kind: str = "task"  # "task" or "interactive"
    other: dict[str, str] = {}
