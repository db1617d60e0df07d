"""How the tasks of a step ended, and what they used."""

from __future__ import annotations

from mgpu_slurm.node.supervisor.result import rank_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource

    from mgpu_slurm.node.supervisor.tasks import Task

GATHER = 0.15
"""Seconds that an exit waits for its like while other tasks run, so that srun has one line for tasks that end together. In
Slurm 22.05 tasks that end 0.1 s apart share a line, tasks 0.2 s apart do not. When no task is left, nothing waits."""


class Exits:
    """Collects exits of tasks and the usage of all processes of the step."""

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks
        self._by_pid = {task.pid: task for task in tasks}
        self._unreported: list[Task] = []
        self.user_seconds = 0.0
        self.system_seconds = 0.0

    @property
    def all_ended(self) -> bool:
        return not self._by_pid

    @property
    def to_report(self) -> bool:
        return bool(self._unreported)

    @property
    def alive(self) -> list[Task]:
        return [task for task in self.tasks if task.status is None]

    def task_of(self, pid: int) -> Task | None:
        """The task that has not ended yet and has this process."""
        return self._by_pid.get(pid)

    def reaped(self, pid: int, status: int, usage: resource.struct_rusage) -> Task | None:
        """A child, task or adopted, has ended; the task if it is one. Its figures include those of
        the children it has waited for."""
        self.user_seconds += usage.ru_utime
        self.system_seconds += usage.ru_stime
        task = self._by_pid.pop(pid, None)
        if task is not None:
            task.status = status
            self._unreported.append(task)
        return task

    def report(self, short_of_memory: bool = False) -> list[tuple[int, list[int], bool]]:
        """Exits not told yet: wait status, the ranks that had it, and whether they are those that the kernel's kills for want
        of memory are laid to: the first after them, a killed one before others, as in Slurm."""
        groups: dict[int, list[int]] = {}
        for task in self._unreported:
            groups.setdefault(task.status or 0, []).append(task.rank)
        self._unreported = []
        guilty = next((status for status in groups if status & 0x7F == 9), next(iter(groups), 0))
        return [(status, sorted(ranks), short_of_memory and status == guilty) for status, ranks in groups.items()]

    @property
    def worst(self) -> int:
        """The step's wait status here."""
        return max((task.status or 0 for task in self.tasks), key=rank_of, default=0)
