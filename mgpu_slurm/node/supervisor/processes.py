"""All processes of a step: signals to them, their exits, and the end of whatever is left."""

from __future__ import annotations

import os
import signal

from mgpu_slurm.node.supervisor import descendants, kernel
from mgpu_slurm.node.supervisor.exits import Exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.cgroup import Cgroup
    from mgpu_slurm.node.supervisor.hooks import Epilogs
    from mgpu_slurm.node.supervisor.usage import Sampler

_FIRST_SWEEP, _LONGEST_SWEEP = 0.005, 1.0


class Processes:
    """Of the supervisor's own process: everything below it is the step's. Times are UTC seconds, 0 = never."""

    def __init__(self) -> None:
        self.exits = Exits([])
        self.group: Cgroup | None = None
        self.epilogs: Epilogs | None = None
        self.sampler: Sampler | None = None
        self.sweep_at = 0.0
        self._sweep_wait = _FIRST_SWEEP

    def signal(self, number: int, full: bool) -> None:
        """To every process of the step, or to its tasks alone."""
        pids = descendants.below(os.getpid()) if full else [task.pid for task in self.exits.alive]
        descendants.send_each(pids, number)

    def ask_to_end(self) -> None:
        """TERM, also to those that are stopped."""
        pids = descendants.below(os.getpid())
        descendants.send_each(pids, signal.SIGCONT)
        descendants.send_each(pids, signal.SIGTERM)

    def suspend(self) -> None:
        before: list[int] = []
        # What forks between the look and the signal is found by the next look.
        while (pids := descendants.below(os.getpid())) != before:
            descendants.send_each(pids, signal.SIGSTOP)
            before = pids

    def resume(self) -> None:
        descendants.send_each(descendants.below(os.getpid()), signal.SIGCONT)

    def reap(self) -> bool:
        """Take the exits that are there; whether no process is left at all."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return self.exits.all_ended and not (self.group and self.group.pids())
            if ended is None:
                return False
            pid = ended.si_pid
            if ended.si_code == os.CLD_TRAPPED:
                kernel.leave_stopped(pid, ended.si_status)
                continue
            if self.sampler is not None:
                self.sampler.ending(pid, self.exits.task_of(pid))
            _, status, usage = os.wait4(pid, 0)
            task = self.exits.reaped(pid, status, usage)
            if self.sampler is not None:
                self.sampler.ended(task, usage)
            if self.epilogs is not None:
                if task is None:
                    self.epilogs.ended(pid, status)
                else:
                    self.epilogs.start(task.rank)

    @property
    def busy(self) -> bool:
        """Whether an epilog still runs."""
        return self.epilogs is not None and self.epilogs.running

    def look_after_epilogs(self, now: float, killing: bool) -> None:
        if self.epilogs is not None:
            self.epilogs.enforce(now)
            if killing:
                self.epilogs.skip()

    def next_time(self) -> float:
        """When something is due; 0 = never."""
        epilog = self.epilogs.next_time() if self.epilogs is not None else 0.0
        look = self.sampler.next_at if self.sampler is not None and not self.exits.all_ended else 0.0
        return min((at for at in (self.sweep_at, epilog, look) if at), default=0.0)

    def look_at_use(self, now: float) -> None:
        if self.sampler is not None and not self.exits.all_ended:
            self.sampler.due(now)

    def use(self) -> dict[str, list[int]]:
        """What is known of the tasks' use: rows of records.usage.Use by measure."""
        return {} if self.sampler is None else self.sampler.summary()

    def note_gpus(self, rows: object) -> None:
        """What the node heard of its GPUs: pid as text -> bytes and percent."""
        if self.sampler is not None and isinstance(rows, dict):
            self.sampler.gpus({int(pid): (int(row[0]), int(row[1])) for pid, row in rows.items()})

    def use_now(self) -> tuple[list[int], dict[str, list[int]]]:
        """The processes of the tasks, and their use after one more look."""
        if self.sampler is None:
            return [task.pid for task in self.exits.alive], {}
        self.sampler.look(closely=True)
        return self.sampler.pids(), self.sampler.summary()

    def sweep(self, now: float) -> None:
        """Kill everything that is left; `sweep_at` is when to do it again, until nothing is."""
        if self.group is not None:
            self.group.kill()
        descendants.kill_all(os.getpid())
        self.sweep_at = now + self._sweep_wait
        self._sweep_wait = min(self._sweep_wait * 2, _LONGEST_SWEEP)
