"""One scheduling pass: priority order, then backfill that delays nobody with a reserved start.

A pass looks at the pending jobs from the highest priority down. What fits now starts. The first jobs that do not fit are
promised the earliest start at which they would (running jobs end at their limits, at the latest); a later job may start
only if it fits beside these promises, or ends before they begin. This is conservative backfill with a bounded number of
promises (Mu'alem and Feitelson, "Utilization, predictability, workloads, and user runtime estimates", 2001).

Within a pass free resources only shrink and promises only grow in number. So what did not fit once does not fit again, and
a request equal to a refused one is refused without looking.

Pure: the snapshot is read, never changed; the same snapshot gives the same decisions.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.sched.explain import sentence
from mgpu_slurm.sched.fit import complaint
from mgpu_slurm.sched.place import Placement, Refusal, place
from mgpu_slurm.sched.snapshot import Decision, PartitionSlot, PendingJob, Snapshot, Start, Wait
from mgpu_slurm.sched.timeline import YEAR, Claim, Pool, collides, first_fit
from mgpu_slurm.sched.together import NoPlace, Part, first_fit_together, may_be_apart, place_together

PROMISES = 16  # jobs that get a reserved start in one pass

# How much a reason says, where a job may run in several partitions.
NODES_AWAY = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
_HARDER = {"Priority": 1, "Resources": 2, "ReqNodeNotAvail": 2}

Key = tuple[object, ...]


def order(pending: list[PendingJob], partitions: dict[str, PartitionSlot]) -> list[PendingJob]:
    """Partition tier, priority, age, id: the order in which jobs are looked at."""

    def key(job: PendingJob) -> tuple[int, int, float, int]:
        tier = max((partitions[name].priority_tier for name in job.partitions if name in partitions), default=1)
        return -tier, -job.priority, job.submit_time, job.job_id

    return sorted(pending, key=key)


def plan(snapshot: Snapshot, now: float) -> list[Decision]:
    """Decisions for every pending job: it starts (an array several times), or waits for a reason."""
    return _Pass(snapshot, now).decide()


class _Pass:
    """What one pass knows as it goes down the queue."""

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        self.snapshot = snapshot
        self.now = now
        self.pool = Pool(snapshot.nodes)
        # A job past its expected end may go any moment; promises still need a moment in the future.
        self.claims = [
            Claim(now, max(min(job.end, now + YEAR), now + 1), job.shares, job.uid) for job in snapshot.running
        ]
        self.promises: list[Claim] = []
        self.beside: dict[frozenset[int], Pool] = {}  # promises (their places in the list) -> what is free beside them
        self.waiting: set[str] = set()  # partitions in which a job of higher priority waits
        self.failed: dict[Key, tuple[str, str]] = {}  # refused requests, with reason and sentence
        self.shortest: dict[Key, float] = {}  # requests that do not fit beside the promises when they end then, or later
        self.earliest: dict[Key, float] = {}  # promised starts; equal requests get no earlier ones
        self.limits: dict[tuple[object, ...], str] = {}
        self.cpus: dict[str, int] = {}  # of the partitions, by name
        self.refused: dict[Key, str] = {}  # components of one job for which there is no room, with the sentence
        self.hopeless: set[Key] = set()  # those for which there never is
        self.never: dict[Key, tuple[str, str]] = {}
        self.decisions: list[Decision] = []
        self.starts = 0

    def decide(self) -> list[Decision]:
        components: dict[int, list[PendingJob]] = {}
        for job in order(self.snapshot.pending, self.snapshot.partitions):
            if job.het_job_id:
                # a heterogeneous job's turn is that of its last component
                of_one = components.setdefault(job.het_job_id, [])
                of_one.append(job)
                if len(of_one) == job.het_size:
                    self._together(sorted(of_one, key=lambda one: one.job_id))
                continue
            if job.blocked:
                self.decisions.append(Wait(job_id=job.job_id, reason=job.blocked))
                continue
            partitions, reason = self._open(job)
            started = 0
            while started < job.startable and self.starts < self.snapshot.max_starts and self._start(job, partitions):
                started += 1
            if started >= job.count:
                continue
            if not partitions:
                self.decisions.append(Wait(job_id=job.job_id, reason=reason))
            elif started >= job.startable:
                self.decisions.append(Wait(job_id=job.job_id, reason="JobArrayTaskLimit"))
            else:
                self._wait(job, partitions)
        return self.decisions

    # Partitions

    def _open(self, job: PendingJob) -> tuple[list[PartitionSlot], str]:
        """The partitions that may take it now, and why not where there is none."""
        found: list[PartitionSlot] = []
        reason = "PartitionConfig"
        for name in job.partitions:
            partition = self.snapshot.partitions.get(name)
            if partition is None:
                continue
            key = (name, job.need, job.time_limit)
            limit = self.limits.get(key)
            if limit is None:
                limit = self.limits[key] = self._limit(job, partition)
            if limit:
                reason = limit
            else:
                found.append(partition)
        return found, reason

    def _cpus_of(self, partition: PartitionSlot) -> int:
        """How many CPUs its nodes have."""
        if partition.name not in self.cpus:
            self.cpus[partition.name] = sum(self.snapshot.nodes[index].cpus_total.bit_count() for index in partition.nodes)
        return self.cpus[partition.name]

    def _limit(self, job: PendingJob, partition: PartitionSlot) -> str:
        """What of the partition itself forbids the job, in Slurm's order: more CPUs than it has, more nodes, ..."""
        need = job.need
        if partition.state == "DOWN":
            return "PartitionDown"
        if partition.state == "INACTIVE":
            return "PartitionInactive"
        if partition.max_time >= 0 and (job.time_limit < 0 or job.time_limit > partition.max_time):
            return "PartitionTimeLimit"
        if need.least_cpus > self._cpus_of(partition):
            return "PartitionConfig"
        if need.required_nodes and not need.max_nodes and need.said_nodes <= len(partition.nodes):
            inside = {self.snapshot.nodes[index].name for index in partition.nodes}
            if not inside.issuperset(need.required_nodes):
                return ""  # never, which placing says
        most = len(partition.nodes) if partition.max_nodes < 0 else min(partition.max_nodes, len(partition.nodes))
        if need.said_nodes > most or 0 < need.max_nodes < partition.min_nodes:
            return "PartitionNodeLimit"
        return ""

    @staticmethod
    def _key(job: PendingJob, partition: PartitionSlot) -> Key:
        by_user = job.need.exclusive_user or partition.exclusive_user
        return job.need, job.uid if by_user else -1, partition.name

    # Starting

    @staticmethod
    def _length(job: PendingJob) -> float:
        return job.time_limit * 60.0 if job.time_limit >= 0 else YEAR

    def _start(self, job: PendingJob, partitions: list[PartitionSlot]) -> bool:
        end = self.now + self._length(job)
        for partition in partitions:
            key = self._key(job, partition)
            if key in self.failed or end >= self.shortest.get(key, float("inf")):
                continue
            if not self.snapshot.backfill and partition.name in self.waiting:
                continue
            found = self.pool.place(job.need, job.uid, partition)
            if isinstance(found, Refusal):
                self.failed[key] = self._why(job, partition, found)
                continue
            in_the_way = [place for place, promise in enumerate(self.promises) if promise.start < end]
            if collides(found, (self.promises[place] for place in in_the_way)):
                found = self._beside(in_the_way).place(job.need, job.uid, partition)
                if isinstance(found, Refusal):
                    self.shortest[key] = end
                    continue
            self._take(job, partition, found, end)
            return True
        return False

    def _beside(self, promises: list[int]) -> Pool:
        """What is free when these promises are kept."""
        key = frozenset(promises)
        pool = self.beside.get(key)
        if pool is None:
            pool = self.pool.copy()
            for place_in_list in promises:
                pool.take(self.promises[place_in_list].shares, self.promises[place_in_list].uid)
            self.beside[key] = pool
        return pool

    def _take(self, job: PendingJob, partition: PartitionSlot, found: Placement, end: float) -> None:
        shares = found.allocation.shares
        for pool in (self.pool, *self.beside.values()):
            pool.take(shares, job.uid)
        self.claims.append(Claim(self.now, end, shares, job.uid))
        self.starts += 1
        self.decisions.append(
            Start(
                job_id=job.job_id,
                partition=partition.name,
                allocation=found.allocation,
                tasks_per_node=found.tasks_per_node,
                cpus_per_task=job.need.cpus_per_task,
            )
        )

    # Components of heterogeneous jobs

    def _together(self, jobs: list[PendingJob]) -> None:
        """Start all components, or promise all of them the moment at which they can start."""
        blocked = {job.job_id: job.blocked for job in jobs if job.blocked}
        opened = [self._open(job) for job in jobs]
        blocked.update({job.job_id: reason for job, (found, reason) in zip(jobs, opened, strict=True) if not found})
        if blocked:
            self.decisions += [Wait(job_id=job.job_id, reason=blocked.get(job.job_id, "Resources")) for job in jobs]
            return
        parts = [Part(job, found, self._length(job)) for job, (found, _) in zip(jobs, opened, strict=True)]
        apart = may_be_apart(parts)
        names = {partition.name for part in parts for partition in part.partitions}
        behind = not self.snapshot.backfill and not names.isdisjoint(self.waiting)
        key = self._key_together(parts)
        text = self.refused.get(key, "")
        if key not in self.refused and not behind and self.starts + len(parts) <= self.snapshot.max_starts:
            end = self.now + max(part.length for part in parts)
            in_the_way = [place for place, promise in enumerate(self.promises) if promise.start < end]
            places = place_together(self._beside(in_the_way) if in_the_way else self.pool, parts, apart)
            if not isinstance(places, NoPlace):
                for part, (partition, placed) in zip(parts, places, strict=True):
                    self._take(part.job, partition, placed, self.now + part.length)
                return
            text = sentence(places.refusal, parts[places.at].job.need)
            if not in_the_way:
                self.refused[key] = text  # what is free only shrinks
        self._wait_together(parts, apart, names, text)

    @staticmethod
    def _key_together(parts: list[Part]) -> Key:
        return tuple((part.job.need, part.job.uid, tuple(slot.name for slot in part.partitions)) for part in parts)

    def _wait_together(self, parts: list[Part], apart: bool, names: set[str], text: str) -> None:
        reason = "Resources" if names.isdisjoint(self.waiting) else "Priority"
        found, key = None, self._key_together(parts)
        if len(self.promises) < PROMISES and key not in self.hopeless:
            found = first_fit_together(self.pool, self.claims + self.promises, parts, apart, self.now)
            if found is None:
                self.hopeless.add(key)
        if key not in self.hopeless:
            self.waiting |= names
        if found is None:
            self.decisions += [Wait(job_id=part.job.job_id, reason=reason, text=text) for part in parts]
            return
        start, places = found
        for part, (_, placed) in zip(parts, places, strict=True):
            self.promises.append(Claim(start, start + part.length, placed.allocation.shares, part.job.uid))
            nodes = placed.allocation.nodes
            self.decisions.append(Wait(job_id=part.job.job_id, reason=reason, text=text, planned=start, nodes=nodes))

    # Waiting

    def _why(self, job: PendingJob, partition: PartitionSlot, refusal: Refusal) -> tuple[str, str]:
        """Reason and sentence for a request that does not fit now. Nodes that are down are the reason only if the others,
        empty, would not do; where these are too few whatever the request, no node is named."""
        if refusal.unavailable:
            nodes = [index for index in partition.nodes if self.snapshot.nodes[index].usable]
            if len(nodes) < max(job.need.said_nodes, 1):
                return "ReqNodeNotAvail", NODES_AWAY
            sound = msgspec.structs.replace(partition, nodes=nodes)
            if isinstance(place(self.snapshot.nodes, job.need, job.uid, sound, whole=True), Refusal):
                named = [name for name in refusal.unavailable if name in job.need.required_nodes]
                return "ReqNodeNotAvail", sentence(Refusal(False, unavailable=named or refusal.unavailable), job.need)
        return "Resources", sentence(msgspec.structs.replace(refusal, unavailable=[]), job.need)

    def _wait(self, job: PendingJob, partitions: list[PartitionSlot]) -> None:
        reason, text, planned = "Priority", "", 0.0
        nodes: list[str] = []
        for partition in partitions:
            why = self.failed.get(self._key(job, partition))
            if why and _HARDER[why[0]] >= _HARDER[reason]:
                reason, text = why
        if len(self.promises) < PROMISES and reason != "ReqNodeNotAvail":
            planned, nodes = self._promise(job, partitions)
        if not planned and reason != "Priority":
            impossible = self._impossible(job, partitions)
            if impossible is not None:
                self.decisions.append(Wait(job_id=job.job_id, reason="BadConstraints", text=impossible))
                return
        if reason == "Resources" and any(partition.name in self.waiting for partition in partitions):
            reason = "Priority"
        if reason != "ReqNodeNotAvail":
            self.waiting.update(partition.name for partition in partitions)
        self.decisions.append(Wait(job_id=job.job_id, reason=reason, text=text, planned=planned, nodes=nodes))

    def _impossible(self, job: PendingJob, partitions: list[PartitionSlot]) -> str | None:
        """None when one of the partitions, empty and well, could run the job; else what they lack, "" when it is nothing of
        one node alone."""
        line = ""
        for partition in partitions:
            key = self._key(job, partition)
            known = self.never.get(key)
            if known is None:
                whole = place(self.snapshot.nodes, job.need, job.uid, partition, whole=True)
                slots = (self.snapshot.nodes[index] for index in partition.nodes)
                known = ("", "") if isinstance(whole, Placement) else ("never", complaint(slots, job.need))
                self.never[key] = known
            if not known[0]:
                return None
            line = line or known[1]
        return line

    def _promise(self, job: PendingJob, partitions: list[PartitionSlot]) -> tuple[float, list[str]]:
        best: tuple[float, Placement] | None = None
        length = self._length(job)
        for partition in partitions:
            key = (*self._key(job, partition), length)
            not_before = self.earliest.get(key, 0.0)
            if not_before == float("inf"):
                continue
            claims = self.claims + self.promises
            found = first_fit(self.pool, claims, job.need, job.uid, partition, self.now, length, not_before)
            self.earliest[key] = found[0] if found is not None else float("inf")
            if found is not None and (best is None or found[0] < best[0]):
                best = found
        if best is None:
            return 0.0, []
        start, placement = best
        promise = Claim(start, start + length, placement.allocation.shares, job.uid)
        everything = frozenset(range(len(self.promises)))
        self.promises.append(promise)
        pool = self.beside.pop(everything, None)
        if pool is not None:
            pool.take(promise.shares, promise.uid)
            self.beside[frozenset(range(len(self.promises)))] = pool
        return start, placement.allocation.nodes
