"""All records of the cluster and the indexes over them. Pure data with its bookkeeping; nothing here decides.

What a node's jobs hold is never stored: `take` and `give_back` keep it exactly, `check` recomputes it from the jobs and
compares. Indexes are kept so that an event touches only what it concerns: a job's dependants, a node's jobs, an array's
records, a user's jobs of one name.

An array is one record until tasks start: `array_tasks` lists what it still stands for. A split-off element is a record
with `array_task_id`. `Tally` counts an array's tasks by what has become of them, so that a dependant on 10,000 tasks is
answered without looking at them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import msgspec

from mgpu_slurm.base import idset
from mgpu_slurm.facts.states import COMPLETING, TERMINAL
from mgpu_slurm.records.job import Job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mgpu_slurm.base.ids import JobRef
    from mgpu_slurm.records.allocation import Allocation, NodeShare
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.partition import Partition
    from mgpu_slurm.records.reservation import Reservation
    from mgpu_slurm.records.step import Step


class NodeUse(msgspec.Struct, kw_only=True):
    """What jobs hold on a node. `cpus` and `gres` are masks, memory MiB."""

    cpus: int = 0
    mem: int = 0
    gres: dict[str, int] = {}
    jobs: set[int] = msgspec.field(default_factory=set)
    whole: int = 0  # the job that has the node for itself


class Tally(msgspec.Struct, kw_only=True):
    """An array's tasks: all, not ended, not begun, and ended other than well."""

    total: int = 0
    live: int = 0
    waiting: int = 0
    running: int = 0
    bad: int = 0


class Answered(msgspec.Struct, kw_only=True):
    """The reply a request id got."""

    answer: bytes
    time: float


def tasks_of(job: Job) -> int:
    """How many jobs, as users count them, the record stands for."""
    return len(job.array_tasks) or 1


def has_ended(job: Job) -> bool:
    """Whether it is over for dependants and --wait: a final state, and no process of it lives."""
    return job.state in TERMINAL and COMPLETING not in job.flags


def is_waiting(job: Job) -> bool:
    return job.state == "PENDING"


def steps_named(job: Job, ref: JobRef) -> list[Step]:
    """The steps of a job that an id names: one, or the parts (0+0, 0+1) of one that was started in several."""
    name = str(ref.step)
    if name in job.steps:
        return [job.steps[name]]
    part = f"{name}+{ref.het}" if ref.het is not None and not job.het_job_id else ""
    return [step for key, step in job.steps.items() if (key == part if part else key.partition("+")[0] == name)]


class State:
    """See the module. Change a job's state only between `out_of_indexes` and `into_indexes` (lifecycle does)."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.nodes: dict[str, Node] = {}
        self.partitions: dict[str, Partition] = {}
        self.reservations: dict[str, Reservation] = {}
        self.reservation_count = 0  # made since the start; part of the names that are given
        self.licenses: dict[str, int] = {}  # all there are, by name
        self.tracked: tuple[str, ...] = ()  # trackable resources besides those that always are
        self.next_job_id = 1
        self.requests: dict[tuple[int, str], Answered] = {}
        self.use: dict[str, NodeUse] = {}
        self.generation = 0
        self.arrays: dict[int, set[int]] = {}  # array id -> its records
        self.tallies: dict[int, Tally] = {}
        self.array_pending: dict[int, set[int]] = {}  # array id -> those of its records that wait
        self.elements: dict[tuple[int, int], int] = {}  # (array id, task) -> record of that task alone
        self.dependants: dict[int, set[int]] = {}  # job or array id -> records that wait for it
        self.names: dict[tuple[int, str], dict[int, None]] = {}  # live records of a user under one name, by id
        self.singletons: dict[tuple[int, str], set[int]] = {}  # those that wait for being the only one
        self.pending: dict[int, None] = {}
        self.holding: dict[int, None] = {}  # records that hold resources
        self.live_tasks = 0  # what MaxJobCount counts

    # --- jobs ---

    def add(self, job: Job) -> None:
        self.jobs[job.job_id] = job
        if job.array_job_id:
            self.arrays.setdefault(job.array_job_id, set()).add(job.job_id)
            if job.array_task_id is not None:
                self.elements[(job.array_job_id, job.array_task_id)] = job.job_id
        self.into_indexes(job)
        if job.holds_resources and job.allocation is not None:
            self._take(job)

    def remove(self, job: Job) -> None:
        """Forget an ended job."""
        self.out_of_indexes(job)
        del self.jobs[job.job_id]
        if job.array_job_id:
            records = self.arrays[job.array_job_id]
            records.discard(job.job_id)
            if not records:
                del self.arrays[job.array_job_id]
                self.array_pending.pop(job.array_job_id, None)
                self.tallies.pop(job.array_job_id, None)
            if job.array_task_id is not None:
                self.elements.pop((job.array_job_id, job.array_task_id), None)

    def into_indexes(self, job: Job, sign: int = 1) -> None:
        """Enter what depends on the job's state; `sign` -1 takes it out again."""
        ended = has_ended(job)
        tasks = tasks_of(job)
        if job.array_job_id:
            tally = self.tallies.setdefault(job.array_job_id, Tally())
            tally.total += sign * tasks
            if not ended:
                tally.live += sign * tasks
            elif job.state != "COMPLETED":
                tally.bad += sign * tasks
            if job.state == "PENDING":
                tally.waiting += sign * tasks
                waiting = self.array_pending.setdefault(job.array_job_id, set())
                if sign > 0:
                    waiting.add(job.job_id)
                else:
                    waiting.discard(job.job_id)
            if job.holds_resources:
                tally.running += sign * tasks
        key = (job.uid, job.name)
        if sign > 0:
            if not ended:
                self.names.setdefault(key, {})[job.job_id] = None
                self.live_tasks += tasks
            if job.state == "PENDING":
                self.pending[job.job_id] = None
        else:
            if not ended:
                self.live_tasks -= tasks
                same = self.names.get(key)
                if same is not None:
                    same.pop(job.job_id, None)
                    if not same:
                        del self.names[key]
            self.pending.pop(job.job_id, None)

    def out_of_indexes(self, job: Job) -> None:
        self.into_indexes(job, -1)

    def records_of(self, job_id: int) -> list[Job]:
        """All records behind an id as users write it: an array's, or the one job's."""
        if job_id in self.arrays:
            return [self.jobs[one] for one in sorted(self.arrays[job_id])]
        job = self.jobs.get(job_id)
        return [job] if job is not None else []

    def components(self, job: Job) -> list[Job]:
        """The heterogeneous job that the job is a component of, in order; any other job alone."""
        if not job.het_job_id:
            return [job]
        near = (self.jobs.get(job.het_job_id + offset) for offset in range(job.het_size))
        return [one for one in near if one is not None and one.het_job_id == job.het_job_id]

    def element(self, array_id: int, task: int) -> Job | None:
        """The record that stands for a task of an array, alone or among others."""
        found = self.elements.get((array_id, task))
        if found is not None:
            return self.jobs[found]
        for one in self.arrays.get(array_id, ()):
            tasks = self.jobs[one].array_tasks
            at = bisect_left(tasks, task)
            if at < len(tasks) and tasks[at] == task:
                return self.jobs[one]
        return None

    # --- dependencies ---

    def watch(self, job: Job, targets: Iterable[int], singleton: bool) -> None:
        for target in targets:
            self.dependants.setdefault(target, set()).add(job.job_id)
        if singleton:
            self.singletons.setdefault((job.uid, job.name), set()).add(job.job_id)

    def unwatch(self, job: Job, targets: Iterable[int]) -> None:
        for target in targets:
            waiting = self.dependants.get(target)
            if waiting is not None:
                waiting.discard(job.job_id)
                if not waiting:
                    del self.dependants[target]
        key = (job.uid, job.name)
        alone = self.singletons.get(key)
        if alone is not None:
            alone.discard(job.job_id)
            if not alone:
                del self.singletons[key]

    # --- resources ---

    def whole_cpus(self, node: Node) -> int:
        """The mask of a node's CPUs that jobs may have; reserved ones are the highest, as in Slurm."""
        return (1 << max(node.cpus - node.core_spec * node.threads_per_core, 0)) - 1

    def whole_memory(self, node: Node) -> int:
        return max(node.real_memory - node.mem_spec, 0)

    def fits(self, share: NodeShare, devices: dict[str, int]) -> bool:
        """Whether all of a share is free on its node; `devices` are the masks of the node's healthy devices."""
        node = self.nodes.get(share.node)
        if node is None:
            return False
        use = self.use.get(share.node) or NodeUse()
        if use.whole or (share.whole and use.jobs):
            return False
        cpus = idset.mask(share.cpus)
        if cpus & ~self.whole_cpus(node) or cpus & use.cpus:
            return False
        if use.mem + share.mem > self.whole_memory(node):
            return False
        for name, ids in share.gres.items():
            wanted = idset.mask(ids)
            if wanted & ~devices.get(name, 0) or wanted & use.gres.get(name, 0):
                return False
        return True

    def has_memory(self, name: str, amount: int) -> bool:
        """Whether so much memory of a node is free, MiB."""
        node = self.nodes.get(name)
        return node is not None and (self.use.get(name) or NodeUse()).mem + amount <= self.whole_memory(node)

    def take(self, job: Job) -> None:
        """Enter the job's allocation as held. The caller has made sure that it fits."""
        self.out_of_indexes(job)
        job.holds_resources = True
        self.into_indexes(job)
        self._take(job)

    def _take(self, job: Job) -> None:
        assert job.allocation is not None
        self.holding[job.job_id] = None
        for share in job.allocation.held:
            use = self.use.setdefault(share.node, NodeUse())
            use.cpus |= idset.mask(share.cpus)
            use.mem += share.mem
            for name, ids in share.gres.items():
                use.gres[name] = use.gres.get(name, 0) | idset.mask(ids)
            use.jobs.add(job.job_id)
            if share.whole:
                use.whole = job.job_id
        self.generation += 1

    def give_back(self, job: Job) -> None:
        """The job holds nothing any more. `allocation` stays, for display."""
        if not job.holds_resources:
            return
        self.out_of_indexes(job)
        job.holds_resources = False
        self.into_indexes(job)
        self.holding.pop(job.job_id, None)
        for share in job.allocation.held if job.allocation else ():
            self.let_go(job, share)
        self.generation += 1

    def reshape(self, job: Job, allocation: Allocation) -> None:
        """The running job holds this instead of what it has held. The caller has made sure that it fits."""
        for share in job.allocation.held if job.allocation else ():
            self.let_go(job, share)
        job.allocation = allocation
        self._take(job)

    def let_go(self, job: Job, share: NodeShare) -> None:
        """What the job has held of one node is free."""
        use = self.use[share.node]
        use.cpus &= ~idset.mask(share.cpus)
        use.mem -= share.mem
        for name, ids in share.gres.items():
            use.gres[name] &= ~idset.mask(ids)
        use.jobs.discard(job.job_id)
        if use.whole == job.job_id:
            use.whole = 0
        self.generation += 1

    def jobs_on(self, node: str) -> list[Job]:
        use = self.use.get(node)
        return [self.jobs[one] for one in sorted(use.jobs)] if use else []

    # --- what must hold ---

    def check(self) -> None:
        """Raise AssertionError where records and indexes disagree, or something is held twice."""
        fresh = State()
        fresh.nodes = self.nodes
        for job in self.jobs.values():
            assert (job.allocation is not None) or not job.holds_resources, f"job {job.job_id} holds nothing"
            assert job.job_id < self.next_job_id, f"id {job.job_id} is not below the counter"
            if job.state in ("RUNNING", "SUSPENDED"):
                assert job.holds_resources, f"job {job.job_id} is {job.state} without resources"
            elif job.holds_resources and COMPLETING not in job.flags:
                # one that is completing may have given them back, and wait for the controller's own epilog
                raise AssertionError(f"job {job.job_id} is {job.state} and holds resources")
            if job.holds_resources and job.allocation is not None:
                for share in job.allocation.held:
                    self._check_share(fresh, job, share)
            fresh.add(job)
            if job.het_job_id == job.job_id:
                self._check_components(job)
        for name in set(fresh.use) | set(self.use):
            assert (fresh.use.get(name) or NodeUse()) == _tidy(self.use.get(name)), f"use of {name} is wrong"
        assert fresh.tallies == self.tallies, (fresh.tallies, self.tallies)
        assert fresh.arrays == self.arrays
        assert fresh.elements == self.elements
        assert {key: set(value) for key, value in fresh.names.items()} == {k: set(v) for k, v in self.names.items()}
        assert set(fresh.pending) == set(self.pending)
        assert set(fresh.holding) == set(self.holding)
        assert fresh.live_tasks == self.live_tasks
        for target, waiting in self.dependants.items():
            for one in waiting:
                assert one in self.pending, f"job {one} waits for {target} but is not pending"

    def _check_components(self, job: Job) -> None:
        found = self.components(job)
        assert [one.job_id for one in found] == list(range(job.job_id, job.job_id + job.het_size)), f"het job {job.job_id}"
        assert [one.het_offset for one in found] == list(range(job.het_size)), f"het job {job.job_id} has gaps"
        running = [one for one in found if one.state in ("RUNNING", "SUSPENDED")]
        waits = [one for one in found if one.state == "PENDING"]
        assert not (running and waits), f"het job {job.job_id} has started in part"
        assert not running or found[0] in running, f"het job {job.job_id} runs without its first component"

    def _check_share(self, fresh: State, job: Job, share: NodeShare) -> None:
        use = fresh.use.get(share.node) or NodeUse()
        cpus = idset.mask(share.cpus)
        assert not cpus & use.cpus, f"a CPU of {share.node} is held twice (job {job.job_id})"
        for name, ids in share.gres.items():
            assert not idset.mask(ids) & use.gres.get(name, 0), f"a {name} of {share.node} is held twice (job {job.job_id})"
        assert not use.whole, f"{share.node} belongs to job {use.whole} alone"
        assert not (share.whole and use.jobs), f"{share.node} is not free for job {job.job_id} alone"
        node = self.nodes.get(share.node)
        if node is not None and share.mem:
            assert use.mem + share.mem <= self.whole_memory(node), f"memory of {share.node} is overdrawn"


def _tidy(use: NodeUse | None) -> NodeUse:
    """Without empty masks, which are left where a resource was held once."""
    if use is None:
        return NodeUse()
    return NodeUse(
        cpus=use.cpus, mem=use.mem, gres={name: mask for name, mask in use.gres.items() if mask}, jobs=use.jobs, whole=use.whole
    )
