"""What srun must know of a step to follow it to its end."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.commands.stepio import Source


class Plan:
    """`step`: "5.0"; times are seconds; `wait` 0: for ever; `debug`: processes of the tasks are listed."""

    __slots__ = (
        "debug", "input_task", "kill_on_bad_exit", "kill_wait", "no_kill", "ntasks", "pty", "reduce", "source", "step", "wait",
    )  # fmt: skip

    def __init__(self, step: str, ntasks: int) -> None:
        self.step = step
        self.ntasks = ntasks
        self.source: Source | None = None
        self.input_task: int | None = None
        self.kill_wait = 30
        self.kill_on_bad_exit = False
        self.no_kill = False
        self.wait = 0
        self.debug = False
        self.pty = False
        self.reduce = False
