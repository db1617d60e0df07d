"""Column name -> raw value of a record: what a listing may ask the controller for. Pure.

Values are what JSON carries: numbers, texts, lists of texts, None for "not set". Times are UTC seconds with 0 for none,
limits minutes with -1 for unlimited, memory MiB. How they are shown is decided by whoever shows them (facts/fields).
Columns of steps, nodes and partitions: step_columns.py, node_columns.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mgpu_slurm.base import hostlist, idset
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts.environ_requests import ANY_NUMBER
from mgpu_slurm.facts.states import COMPLETING
from mgpu_slurm.records import job_files, job_sizes, sharing
from mgpu_slurm.records.job_devices import details, gpu_text, job_gres, tres_per_node
from mgpu_slurm.records.step_columns import step_cpus as step_cpus
from mgpu_slurm.records.step_columns import step_nodes as step_nodes
from mgpu_slurm.records.step_columns import steps_use
from mgpu_slurm.records.tres import asked_tres, job_tres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mgpu_slurm.records.job import Job
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.records.reservation import Reservation


SENTENCES = (
    "Nodes required for job are DOWN",
    "job requeued in held state",
    "launch failed requeued held",
    "ReqNodeNotAvail, ",
    "Reservation ",
    "Job's ",
)
"""Beginnings of the sentences with which Slurm's controller replaces a reason word."""


MAX_SWITCH_WAIT = 300
"""Seconds that a job may wait for few switches at most."""


class Source:
    """What columns may look at besides their record. `use`: node -> what jobs hold there (masks of CPUs and devices, memory)."""

    def __init__(
        self,
        jobs: Mapping[int, Job],
        nodes: Mapping[str, Node],
        partitions: Mapping[str, Partition],
        use: Mapping[str, Any],
        now: float,
        reservations: Mapping[str, Reservation] | None = None,
    ) -> None:
        self.jobs = jobs
        self.nodes = nodes
        self.partitions = partitions
        self.use = use
        self.now = now
        self._most_cpus = 0
        self.reservations = reservations or {}
        self.tracked: Sequence[str] = ()  # names of trackable resources that are counted besides those that always are
        self.licenses: Mapping[str, int] = {}  # all there are
        self.asked: Callable[[Job], Mapping[str, int]] = lambda job: {"gres/gpu": job.asked_gpus}  # of these, by name
        self._marks: dict[str, tuple[str, ...]] | None = None
        self._partitions_of: dict[str, list[str]] | None = None
        self._planned: set[str] | None = None

    def is_planned(self, node: str) -> bool:
        """Whether a job that waits is expected to start on the node."""
        if self._planned is None:
            self._planned = {name for job in self.jobs.values() if job.state == "PENDING" for name in job.planned_nodes}
        return node in self._planned

    def marks(self, node: str) -> tuple[str, ...]:
        """The flags that reservations put on the node while they last: RESERVED, and MAINT beside it for maintenance."""
        if self._marks is None:
            self._marks = {}
            for one in self.reservations.values():
                if (one.floats or one.start <= self.now < one.end) and not one.cores:
                    put = ("MAINT", "RESERVED") if "MAINT" in one.flags else ("RESERVED",)
                    self._marks.update((name, max(put, self._marks.get(name, ()), key=len)) for name in one.nodes)
        return self._marks.get(node, ())

    def partitions_of(self, node: str) -> list[str]:
        if self._partitions_of is None:
            found: dict[str, list[str]] = {name: [] for name in self.nodes}
            for partition in self.partitions.values():
                for name in self.nodes if partition.all_nodes else partition.nodes:
                    found.setdefault(name, []).append(partition.name)
            self._partitions_of = found
        return self._partitions_of.get(node, [])

    @property
    def most_cpus(self) -> int:
        """CPUs of the largest node, endless where no node is known."""
        if not self._most_cpus:
            self._most_cpus = max((node.cpus for node in self.nodes.values()), default=1 << 31) or 1
        return self._most_cpus

    def het_members(self, het_job_id: int, size: int) -> list[int]:
        near = range(het_job_id, het_job_id + max(size, 1))
        found = [one for one in near if one in self.jobs and self.jobs[one].het_job_id == het_job_id]
        if len(found) != size:
            found = sorted(one for one, job in self.jobs.items() if job.het_job_id == het_job_id)
        return found


def slurm_sentence(job: Job, _source: Source) -> str:
    """The reason's text where it is one that Slurm shows in place of the word; our longer explanations are `explanation`."""
    return job.reason_text if job.reason_text.startswith(SENTENCES) else ""


def run_seconds(job: Job, source: Source) -> int:
    """How long it has run, without the time it was suspended."""
    if not job.start_time or job.state == "PENDING":
        return 0
    if job.state == "SUSPENDED":
        until = job.suspend_time
    elif job.state == "RUNNING":
        until = source.now
    else:
        until = job.end_time
    return max(int(until) - int(job.start_time) - int(job.suspended_seconds), 0)


def time_limit(job: Job, source: Source) -> int | None:
    """The job's limit, else that of its partition: default, then maximum."""
    if job.time_limit is not None:
        return job.time_limit
    if job.request.time_limit is not None:
        return job.request.time_limit
    partition = source.partitions.get(job.partition.partition(",")[0])
    if partition is None:
        return None
    return partition.max_time if partition.default_time is None else partition.default_time


def start_time(job: Job, source: Source) -> float:
    if job.start_time:
        return job.start_time
    if job.state != "PENDING":
        return 0.0
    if job.planned_start > source.now:
        return job.planned_start
    begin = job.request.begin or 0.0
    return begin if begin > source.now else 0.0


def sched_nodes(job: Job, source: Source) -> str:
    """Where a waiting job is expected to start."""
    return hostlist.fold(job.planned_nodes) if job.state == "PENDING" and job.planned_start > source.now else ""


def end_time(job: Job, source: Source) -> float:
    if job.end_time:
        return job.end_time
    start = start_time(job, source)
    limit = time_limit(job, source)
    if not start or limit is None or limit == UNLIMITED:
        return 0.0
    return start + 60 * limit


def time_min(job: Job, _source: Source) -> int | None:
    """A job with a deadline and no limit may be cut down to a minute."""
    request = job.request
    if request.time_min is None and request.deadline and request.time_limit is None:
        return 1
    return request.time_min


def switches_wait(job: Job, _source: Source) -> int | None:
    """Seconds; the longest, which is also the default, is Slurm's default of max_switch_wait."""
    if not job.request.switches:
        return None
    wait = job.request.switches_wait
    return MAX_SWITCH_WAIT if wait is None else min(wait, MAX_SWITCH_WAIT)


def nodes(job: Job, _source: Source) -> str:
    if job.allocation is None or job.state == "PENDING":
        return ""
    if COMPLETING in job.flags and not job.holds_resources:
        return ""  # they are free, only the controller's own epilog still runs
    return hostlist.fold(job.allocation.nodes)


def command(job: Job, _source: Source) -> str:
    argv = job.request.argv
    if not argv:
        return ""
    if job.request.kind != "batch":
        return argv[0]
    return " ".join(argv)


def exec_host(job: Job, _source: Source) -> str:
    if job.request.kind != "batch":
        return job.request.submit_host
    return job.batch_host


def _counted(number: int | None) -> int | None:
    return None if number == ANY_NUMBER else number


def batch_host(job: Job, _source: Source) -> str:
    """Where its script runs; of an allocation without one the first node, as Slurm has it."""
    return job.batch_host or (job.allocation.nodes[0] if job.allocation is not None and job.allocation.nodes else "")


def het_job_id_set(job: Job, source: Source) -> str:
    return idset.fold(source.het_members(job.het_job_id, job.het_size)) if job.het_job_id else ""


def pending_seconds(job: Job, source: Source) -> int:
    return max(int(job.start_time or source.now) - int(job.submit_time), 0)


def eligible_time(job: Job, _source: Source) -> float:
    """When the job might have started. What waits for its array's %limit or for a reservation does not know yet."""
    if job.state == "PENDING" and job.reason in ("JobArrayTaskLimit", "Reservation"):
        return 0.0
    return job.eligible_time


def accrue_time(job: Job, source: Source) -> float:
    """What is held, or waits for others, and whose time has not come does not even know when it will begin to age, nor does a
    task of an array."""
    since = 0.0 if job.array_job_id else eligible_time(job, source)
    return (job.accrue_time or (since if since <= source.now or (job.priority and not job.dependency) else 0.0)) if since else 0.0


def wanted_nodes(text: str | None) -> str | None:
    """A node list as asked for, folded: each node once and in order; one that cannot be read is shown as it is."""
    try:
        return hostlist.fold_sorted(set(hostlist.expand(text))) if text else text
    except hostlist.HostlistError:
        return text


def _of_request(name: str) -> Callable[[Job, Source], object]:
    return lambda job, _source: getattr(job.request, name)


def _other(name: str) -> Callable[[Job, Source], object]:
    return lambda job, _source: job.request.other.get(name)


def _of_job(name: str) -> Callable[[Job, Source], object]:
    return lambda job, _source: getattr(job, name)


# columns that are attributes of the record, or of its request
_JOB_OWN = (
    "admin_comment job_id uid gid user_name group_name name partition qos state flags reason held_by"
    " submit_time suspend_time resize_time exit_code"
    " derived_exit_code restart_count array_job_id array_task_id array_limit het_job_id het_offset"
)
_REQUEST_OWN = (
    "submit_host work_dir comment contiguous cores_per_socket sockets_per_node threads_per_core core_spec thread_spec"
    " cpus_per_gpu deadline nice ntasks_per_socket ntasks_per_gpu prefer reboot"
    " reservation spread_job switches tmp_disk licenses wckey mail_type mail_user submit_line kind"
    " kill_on_invalid_dep use_min_nodes"
)

JOB: dict[str, Callable[[Job, Source], object]] = {
    **{
        name: _of_job(name)
        for name in _JOB_OWN.split()
    },
    **{
        name: _of_request(name)
        for name in _REQUEST_OWN.split()
    },
    **{
        column: _other(option)
        for column, option in {
            "burst_buffer": "bb",
            "cluster_features": "cluster-constraint",
            "container": "container",
            "container_id": "container-id",
            "cpu_freq": "cpu-freq",
            "extra": "extra",
            "gres_flags": "gres-flags",
            "mcs_label": "mcs-label",
            "network": "network",
            "power": "power",
            "profile": "profile",
        }.items()
    },
    "account": lambda job, _source: job.account or job.request.account,
    "accrue_time": accrue_time,
    "eligible_time": eligible_time,
    "priority": lambda job, _source: 0 if job.state == "SUSPENDED" else job.priority,
    "explanation": lambda job, _source: job.reason_text,
    "last_sched": lambda job, _source: job.last_sched or job.start_time or job.submit_time,
    "reason_text": slurm_sentence,
    "std_err_given": lambda job, source: job_files.std_err(job, source, fill=False),
    "std_in_given": lambda job, source: job_files.std_in(job, source, fill=False),
    "std_out_given": lambda job, source: job_files.std_out(job, source, fill=False),
    "array_tasks": lambda job, _source: idset.fold_steps(job.array_tasks) if job.array_tasks else "",
    "alloc_sid": lambda job, _source: job.request.other.get("alloc-sid", "0"),
    "batch_host": batch_host,
    "batch": lambda job, _source: job.request.kind == "batch",
    "command": command,
    "cpus_per_task_asked": lambda job, _source: job.request.cpus_per_task is not None,
    "cpus_per_task": lambda job, _source: job_sizes.cpus_per_task(job),
    "cpus_per_tres": lambda job, _source: f"gres:gpu:{job.request.cpus_per_gpu}" if job.request.cpus_per_gpu else "",
    "delay_boot": job_sizes.delay_boot,
    "dependency": lambda job, _source: job.dependency_text,
    "details": details,
    "end_time": end_time,
    "exc_nodes": lambda job, _source: wanted_nodes(job.request.exclude),
    "exec_host": exec_host,
    "features": lambda job, _source: job.request.constraint,
    "het_job_id_set": het_job_id_set,
    "job_gres": job_gres,
    "min_nodes": job_sizes.min_nodes,
    "ntasks": job_sizes.num_tasks,
    "max_nodes": lambda job, _source: job.max_nodes,
    "mem_per_tres": lambda job, _source: "" if job.request.mem_per_gpu is None else f"gres:gpu:{job.request.mem_per_gpu}",
    "memory": job_sizes.memory_shown,
    "memory_kind": job_sizes.memory_kind,
    "ntasks_per_node": job_sizes.tasks_per_node,
    "ntasks_per_core": lambda job, _source: _counted(job.request.ntasks_per_core),
    "min_cpus_node": job_sizes.min_cpus_node,
    "nodes": nodes,
    "max_cpus": job_sizes.max_cpus,
    "num_cpus": job_sizes.num_cpus,
    "num_nodes": job_sizes.num_nodes,
    "over_subscribe": lambda job, source: sharing.over_subscribe(job, source.partitions),
    "steps_use": steps_use,
    "pending_seconds": pending_seconds,
    "req_nodes": lambda job, _source: wanted_nodes(job.request.nodelist),
    "requeue": lambda job, _source: job.request.requeue is not False,
    "run_seconds": run_seconds,
    "sched_nodes": sched_nodes,
    "start_time": start_time,
    "std_err": job_files.std_err,
    "std_in": job_files.std_in,
    "std_out": job_files.std_out,
    "switches_wait": switches_wait,
    "time_limit": time_limit,
    "time_min": time_min,
    "asked_tres": asked_tres,
    "tres": job_tres,
    "tres_bind": lambda job, _source: job.request.gpu_bind or "",
    "tres_freq": lambda job, _source: f"gpu:{job.request.gpu_freq}" if job.request.gpu_freq else "",
    "tres_per_job": lambda job, _source: gpu_text(job.request.gpus),
    "tres_per_node": tres_per_node,
    "tres_per_socket": lambda job, _source: gpu_text(job.request.gpus_per_socket),
    "tres_per_task": lambda job, _source: gpu_text(job.request.gpus_per_task) or job.request.tres_per_task or "",
}
