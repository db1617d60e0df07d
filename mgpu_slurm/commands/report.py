"""What submit commands tell their user on standard error, in Slurm's words."""

from __future__ import annotations

from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.intake.submit import Component

CORE_DUMPED = 0x80


class Notes:
    """Lines on standard error with the program's name in front. -Q (`quiet`) leaves out all but errors, -v adds."""

    __slots__ = ("_streams", "compat", "prog", "quiet", "verbose")

    def __init__(self, prog: str, streams: Any, client: Mapping[str, Any], compat: tuple[int, int]) -> None:
        self.prog = prog
        self.quiet = bool(client.get("quiet"))
        self.verbose = int(client.get("verbose") or 0)
        self.compat = compat
        self._streams = streams

    def line(self, text: str) -> None:
        """A whole line as it is. Where nobody reads any more the command goes on: a job may be in its hands."""
        try:
            self._streams.err.write(f"{text}\n")
            flush = getattr(self._streams.err, "flush", None)
            if flush is not None:
                flush()
        except BrokenPipeError:
            pass

    def info(self, text: str) -> None:
        if not self.quiet:
            self.line(f"{self.prog}: {text}")

    def detail(self, text: str, where: str = "") -> None:
        """For -v. `where`: the function that said it in the launcher's plugin, as long as there was one."""
        if self.verbose:
            before = f"launch/slurm: {where}: " if where and self.compat < (23, 2) else ""
            self.line(f"{self.prog}: {before}{text}")

    def debug(self, text: str) -> None:
        """For -vv."""
        if self.verbose > 1:
            self.line(f"{self.prog}: debug:  {text}")

    def defined(self, components: Sequence[Component], environ: Mapping[str, str]) -> None:
        """-v: the options of each component; -vv also what goes along with the job."""
        for component in components:
            for line in component.defined:
                self.line(f"{self.prog}: {line}")
        if self.verbose > 1 and self.prog != "salloc":
            from mgpu_slurm.commands import verbosity

            verbosity.limits(self, components[0].client.get("propagate"), environ)

    def error(self, text: str) -> None:
        self.line(f"{self.prog}: error: {text}")

    def from_controller(self, texts: list[str]) -> None:
        """Remarks that came with an answer, one of them may have several lines."""
        for text in texts:
            for line in text.splitlines():
                self.info(line)


def error_status(environ: Mapping[str, str], immediate: bool = False) -> int:
    """The exit status for a failure of Slurm itself: SLURM_EXIT_ERROR, or SLURM_EXIT_IMMEDIATE where --immediate failed."""
    from mgpu_slurm.intake.values import leading_int

    if immediate:
        number = leading_int(environ.get("SLURM_EXIT_IMMEDIATE", ""))[0]
        if number:
            return number & 255
    number = leading_int(environ.get("SLURM_EXIT_ERROR", ""))[0]
    return (number & 255) if number else 1


def exit_status(wait_status: int) -> int:
    """srun's and salloc's status for a task's wait status: the exit code, 128 and the signal, 1 for want of memory."""
    number = wait_status & 0x7F
    if number == OUT_OF_MEMORY:
        return 1
    return 128 + number if number else (wait_status >> 8) & 0xFF


def signal_text(number: int) -> str:
    """strsignal: "Killed", "Segmentation fault"."""
    import _signal  # type: ignore[import-not-found]

    return str(_signal.strsignal(number) or "") or f"Unknown signal {number}"


def tasks_text(tasks: list[int]) -> str:
    """"task 3" or "tasks 0-2,5"."""
    from mgpu_slurm.base import idset

    return f"task{'s' if len(tasks) > 1 else ''} {idset.fold(tasks)}"


def processes(tasks: list[int], node: str, told: Mapping[str, Any]) -> list[tuple[int, str]]:
    """What a node tells of its tasks when they are started, as MPI's debuggers list it: rank and line."""
    return [
        (task, f"task:{task}, host:{node}, pid:{pid}, executable:{program}")
        for task, pid, program in zip(tasks, told.get("pids") or (), told.get("programs") or (), strict=False)
    ]


def task_end(node: str, tasks: list[int], status: int, oom: bool = False) -> str:
    """The line about tasks that did not end well; "" for those that did."""
    number = status & 0x7F
    who = f"{node}: {tasks_text(tasks)}: "
    if oom:
        return who + "Out Of Memory"
    if number:
        return who + signal_text(number) + (" (core dumped)" if status & CORE_DUMPED else "")
    if status:
        return who + f"Exited with exit code {(status >> 8) & 0xFF}"
    return ""


def test_line(answer: Mapping[str, Any], compat: tuple[int, int]) -> str:
    """--test-only's answer (JobTest)."""
    import time

    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(answer["start_time"]))
    stray = "" if compat < (23, 2) else " a"  # newest prints the letter, too
    if answer.get("components"):
        return f"Job {answer['job_id']} to start at {at}{stray} using {answer['cpus']} processors on {answer['nodes']}"
    return (
        f"Job {answer['job_id']} to start at {at}{stray} using {answer['cpus']} processors on nodes {answer['nodes']} "
        f"in partition {answer['partition']}"
    )


class TaskStates:
    """Which tasks run, ended or failed to start; for Ctrl-C's and -W's lines."""

    __slots__ = ("_count", "abnormal", "exited", "failed", "started")

    def __init__(self, count: int) -> None:
        self._count = count
        self.started: set[int] = set()
        self.exited: set[int] = set()
        self.abnormal: set[int] = set()
        self.failed: set[int] = set()

    def ended(self, tasks: list[int], status: int) -> None:
        (self.abnormal if status else self.exited).update(tasks)

    def lines(self, step: str) -> list[str]:
        """One line per state that some task is in."""
        over = self.exited | self.abnormal | self.failed
        running = self.started - over
        unknown = set(range(self._count)) - over - running
        groups = (
            (running, "running"), (self.abnormal, "exited abnormally"), (self.exited, "exited"),
            (self.failed, "failed to start"), (unknown, "unknown"),
        )  # fmt: skip
        return [f"StepId={step} {tasks_text(sorted(tasks))}: {word}" for tasks, word in groups if tasks]
