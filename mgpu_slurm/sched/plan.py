"""One scheduling pass: priority order, then backfill that delays nobody with a reserved start.

A pass looks at the pending jobs from the highest priority down. What fits now starts. The first jobs that do not fit are
promised the earliest start at which they would (running jobs end at their limits, at the latest); a later job may start
only if it fits beside these promises, or ends before they begin. This is conservative backfill with a bounded number of
promises (Mu'alem and Feitelson, "Utilization, predictability, workloads, and user runtime estimates", 2001).

Pure: the snapshot is read, never changed; the same snapshot gives the same decisions.
"""

from __future__ import annotations

from mgpu_slurm.sched.explain import sentence
from mgpu_slurm.sched.place import Placement, Refusal, place, possible
from mgpu_slurm.sched.snapshot import Decision, PartitionSlot, PendingJob, Snapshot, Start, Wait
from mgpu_slurm.sched.timeline import YEAR, Claim, Pool, first_fit

PROMISES = 16  # jobs that get a reserved start in one pass
_HARDER = {"None": 0, "Priority": 1, "Resources": 2, "ReqNodeNotAvail": 2}


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
        self.claims = [
            Claim(now, job.end if job.end < now + YEAR else now + YEAR, job.shares, job.uid) for job in snapshot.running
        ]
        # A job past its expected end may go any moment; promises still need a moment in the future.
        for claim in self.claims:
            claim.end = max(claim.end, now + 1)
        self.promises: list[Claim] = []
        self.waiting: set[str] = set()  # partitions in which a job of higher priority waits
        self.failed: dict[tuple[object, ...], tuple[str, str]] = {}  # equal requests fail alike within a pass
        self.decisions: list[Decision] = []
        self.starts = 0

    def decide(self) -> list[Decision]:
        for job in order(self.snapshot.pending, self.snapshot.partitions):
            if job.blocked:
                self.decisions.append(Wait(job_id=job.job_id, reason=job.blocked))
                continue
            started = 0
            while started < job.startable and self.starts < self.snapshot.max_starts and self._start(job):
                started += 1
            if started < job.count:
                self._wait(job, limited=started >= job.startable)
        return self.decisions

    def _open(self, job: PendingJob) -> tuple[list[PartitionSlot], str]:
        """The partitions that may take it now, and why not where there is none."""
        found: list[PartitionSlot] = []
        reason = "PartitionConfig"
        for name in job.partitions:
            partition = self.snapshot.partitions.get(name)
            if partition is None:
                continue
            if partition.state in ("DOWN", "INACTIVE"):
                reason = "PartitionDown" if partition.state == "DOWN" else "PartitionInactive"
            elif partition.max_time >= 0 and (job.time_limit < 0 or job.time_limit > partition.max_time):
                reason = "PartitionTimeLimit"
            elif 0 <= partition.max_nodes < job.need.min_nodes:
                reason = "PartitionNodeLimit"
            else:
                found.append(partition)
        return found, reason

    def _start(self, job: PendingJob) -> bool:
        partitions, _ = self._open(job)
        end = self.now + (job.time_limit * 60.0 if job.time_limit >= 0 else YEAR)
        in_the_way = [promise for promise in self.promises if promise.start < end]
        for partition in partitions:
            key = (job.need, job.uid if self._by_user(job, partition) else -1, partition.name)
            if key in self.failed:
                continue
            if not self.snapshot.backfill and partition.name in self.waiting:
                continue
            found = place(self.pool.nodes, job.need, job.uid, partition)
            if isinstance(found, Refusal):
                self.failed[key] = (_reason(found), sentence(found, job.need))
                continue
            if in_the_way and self._collides(found, in_the_way):
                beside = self.pool.copy()
                for promise in in_the_way:
                    beside.take(promise.shares, promise.uid)
                found = place(beside.nodes, job.need, job.uid, partition)
                if isinstance(found, Refusal):
                    continue
            self._take(job, partition, found, end)
            return True
        return False

    @staticmethod
    def _by_user(job: PendingJob, partition: PartitionSlot) -> bool:
        return job.need.exclusive_user or partition.exclusive_user

    @staticmethod
    def _collides(found: Placement, promises: list[Claim]) -> bool:
        nodes = {share.node for share in found.allocation.shares}
        return any(share.node in nodes for promise in promises for share in promise.shares)

    def _take(self, job: PendingJob, partition: PartitionSlot, found: Placement, end: float) -> None:
        self.pool.take(found.allocation.shares, job.uid)
        self.claims.append(Claim(self.now, end, found.allocation.shares, job.uid))
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

    def _wait(self, job: PendingJob, *, limited: bool) -> None:
        partitions, reason = self._open(job)
        if not partitions:
            self.decisions.append(Wait(job_id=job.job_id, reason=reason))
            return
        if limited and job.startable < job.count:
            self.decisions.append(Wait(job_id=job.job_id, reason="JobArrayTaskLimit"))
            return
        reason, text, planned = "Priority", "", 0.0
        nodes: list[str] = []
        for partition in partitions:
            key = (job.need, job.uid if self._by_user(job, partition) else -1, partition.name)
            why = self.failed.get(key)
            if why and _HARDER.get(why[0], 3) >= _HARDER.get(reason, 3):
                reason, text = why
        first = not any(partition.name in self.waiting for partition in partitions)
        if reason == "Resources" and not first:
            reason = "Priority"
        if reason in ("Resources", "Priority") and len(self.promises) < PROMISES:
            planned, nodes = self._promise(job, partitions)
        if reason in ("Resources", "Priority"):
            self.waiting.update(partition.name for partition in partitions)
        if reason == "Resources" and not planned:
            for partition in partitions:
                refusal = possible(self.snapshot.nodes, job.need, job.uid, partition)
                if refusal is not None:
                    reason = "PartitionConfig" if refusal.too_large else "BadConstraints"
        self.decisions.append(Wait(job_id=job.job_id, reason=reason, text=text, planned=planned, nodes=nodes))

    def _promise(self, job: PendingJob, partitions: list[PartitionSlot]) -> tuple[float, list[str]]:
        best: tuple[float, Placement] | None = None
        for partition in partitions:
            found = first_fit(self.pool, self.claims + self.promises, job.need, job.uid, partition, self.now)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
        if best is None:
            return 0.0, []
        start, placement = best
        length = job.time_limit * 60.0 if job.time_limit >= 0 else YEAR
        self.promises.append(Claim(start, start + length, placement.allocation.shares, job.uid))
        return start, placement.allocation.nodes


def _reason(refusal: Refusal) -> str:
    if refusal.unavailable and not refusal.missing:
        return "ReqNodeNotAvail"
    return "Resources"
