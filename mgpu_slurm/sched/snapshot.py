"""What the scheduler sees: a read-only picture of the cluster at one moment, and the decisions it answers with.

The controller builds a Snapshot, `plan` and `place` only read it. CPU and device sets are integer bit masks over the
node's logical CPU ids and device indices. Memory is MiB, instants are UTC seconds.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.allocation import Allocation, NodeShare


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A job's request with every default applied; equal needs are interchangeable for placement (it is hashable).

    Counts of 0 mean "not asked for". Per-device texts are tuples of (name, type or "", count).
    """

    min_nodes: int = 1
    said_nodes: int = 1  # those that the request itself speaks of: min_nodes without what follows from tasks
    max_nodes: int = 0  # 0: as many as it takes
    said_tasks: int = 0  # as asked for; ntasks may be more
    ntasks: int = 0  # 0: one task per node, or as many as the nodes' CPUs
    cpus_per_task: int = 1
    ntasks_per_node: int = 0
    least_tasks: int = 1  # what a node must be able to run to be taken
    ntasks_per_socket: int = 0
    ntasks_per_core: int = 0
    ntasks_per_gpu: int = 0
    min_cpus_per_node: int = 0
    sockets_per_node: int = 0
    cores_per_socket: int = 0
    threads_per_core: int = 0
    mem_per_node: int = 0  # MiB; whole_memory: all of it
    mem_per_cpu: int = 0
    mem_per_gpu: int = 0
    whole_memory: bool = False
    tmp_disk: int = 0
    gres_per_node: tuple[tuple[str, str, int], ...] = ()
    gres_per_job: tuple[tuple[str, str, int], ...] = ()
    gres_per_task: tuple[tuple[str, str, int], ...] = ()
    gres_per_socket: tuple[tuple[str, str, int], ...] = ()
    cpus_per_gpu: int = 0
    exclusive: bool = False  # whole nodes
    exclusive_user: bool = False
    overcommit: bool = False
    contiguous: bool = False
    fills_sockets: bool = False  # of a node one after the other; else cores are taken from them in turn
    spread: bool = False
    as_many_nodes: bool = False  # of a range of node counts the most that are free, not the fewest
    required_nodes: tuple[str, ...] = ()
    excluded_nodes: tuple[str, ...] = ()
    kept_cpus: tuple[tuple[str, int], ...] = ()  # node, and the mask of its CPUs that are not for the job now
    constraint: str = ""
    core_spec: int = 0

    @property
    def least_cpus(self) -> int:
        """What it takes at least, wherever it runs."""
        each = 1 if self.cpus_per_gpu else self.cpus_per_task  # those that come with GPUs are counted where these are looked for
        return max(self.min_nodes, 0 if self.overcommit else (self.said_tasks or self.ntasks) * each)

    def kept_on(self, node: str) -> int:
        """Mask of the node's CPUs that are not for the job now."""
        return next((mask for name, mask in self.kept_cpus if name == node), 0) if self.kept_cpus else 0

    def fixed_per_node(self, name: str) -> int:
        """Devices of a name that every node must give, 0 when that is not said."""
        return sum(number for key, _, number in self.gres_per_node if key == name) if self.gres_per_node else 0

    def asked_in_all(self, name: str) -> int:
        """Devices of a name that the whole job asks for, by the widest of its requests."""
        for rows, times in (
            (self.gres_per_job, 1),
            (self.gres_per_node, self.min_nodes),
            (self.gres_per_task, max(self.ntasks, 1)),
            (self.gres_per_socket, max(self.sockets_per_node, 1) * self.min_nodes),
        ):
            number = sum(row[2] for row in rows if row[0] == name)
            if number:
                return number * times
        return 0

    def gpus_fixed_per_node(self, name: str) -> bool:
        """A total per job says nothing more where the count per node or per task is given too."""
        return any(row[0] == name for row in self.gres_per_node + self.gres_per_task)


class GresSlot(msgspec.Struct, kw_only=True):
    """One resource name on a node. `types[i]` are the type names that device i answers to."""

    name: str
    types: list[list[str]]
    free: int  # mask of free, healthy devices
    total: int  # mask of all healthy devices
    links: list[list[int]] = []  # closeness of each pair, larger is tighter
    cpus: list[int] = []  # mask of near CPUs per device, 0 = unknown


class NodeSlot(msgspec.Struct, kw_only=True):
    name: str
    usable: bool  # may be given work
    down: bool = False  # cannot be counted on (DOWN, DRAIN, ...), for "ReqNodeNotAvail"
    weight: int = 1
    features: frozenset[str] = frozenset()
    sockets: int = 1
    cores_per_socket: int = 1
    threads_per_core: int = 1
    cpus_total: int = 0  # mask
    cpus_free: int = 0
    mem_total: int = 0
    mem_free: int = 0
    tmp_disk: int = 0
    gres: list[GresSlot] = []
    jobs: int = 0  # running jobs that hold something here
    held_whole: bool = False  # one job has it for itself
    users: frozenset[int] = frozenset()


class PartitionSlot(msgspec.Struct, kw_only=True):
    """Limits as in records/partition.py."""

    name: str
    state: str
    nodes: list[int]  # indices into Snapshot.nodes
    max_time: int = -1
    min_nodes: int = 1
    max_nodes: int = -1
    max_cpus_per_node: int = -1
    priority_tier: int = 1
    exclusive: bool = False  # OverSubscribe=EXCLUSIVE
    exclusive_user: bool = False


class PendingJob(msgspec.Struct, kw_only=True):
    """A pending record; one of an array stands for `count` equal elements."""

    job_id: int
    uid: int
    need: Need
    priority: int
    submit_time: float
    partitions: list[str]
    time_limit: int  # minutes, -1 unlimited; partition default applied
    count: int = 1  # elements left
    startable: int = 1  # how many of them may start now (%limit, MaxJobs...)
    blocked: str = ""  # reason word when it may not start: Dependency, BeginTime, JobHeldUser, ...
    max_start: float = 0.0  # deadline minus time limit; 0 = none
    het_job_id: int = 0  # components of one heterogeneous job start together
    het_size: int = 0


class RunningJob(msgspec.Struct, kw_only=True):
    job_id: int
    uid: int
    shares: list[NodeShare]
    end: float  # expected; inf when unlimited
    completing: bool = False


class Snapshot(msgspec.Struct, kw_only=True):
    """`pending` in any order. `seed` breaks ties. `backfill` plans beyond the first job that does not fit."""

    nodes: list[NodeSlot]
    partitions: dict[str, PartitionSlot]
    pending: list[PendingJob]
    running: list[RunningJob]
    generation: int = 0
    seed: int = 0
    backfill: bool = True
    max_starts: int = 1000  # decisions of one pass


class Start(msgspec.Struct, kw_only=True):
    """Start the job, or one more element of the array record, here."""

    job_id: int
    partition: str
    allocation: Allocation
    tasks_per_node: list[int]
    cpus_per_task: int = 1


class Wait(msgspec.Struct, kw_only=True):
    """Why it does not start; `planned` is the expected start (0 = unknown), `nodes` what would be used then."""

    job_id: int
    reason: str
    text: str = ""
    planned: float = 0.0
    nodes: list[str] = []


Decision = Start | Wait
