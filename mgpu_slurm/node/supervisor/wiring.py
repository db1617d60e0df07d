"""Which stream of which task goes where: through srun, to a descriptor that srun passed, to a file, or nowhere."""

from __future__ import annotations

import os
import stat
import time

from mgpu_slurm.base.patterns import ARRAY_DEFAULT, BATCH_DEFAULT, expand
from mgpu_slurm.node.supervisor import files, programs, stdio
from mgpu_slurm.node.supervisor.order import Order
from mgpu_slurm.node.supervisor.tasks import Plan
from mgpu_slurm.wire import frames
from mgpu_slurm.wire.sink import Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.identity import Identity


LATE = 3.0
"""Seconds that the directory of a batch job's output may be missing at its start. Clients make it when sbatch has told them
the id that is in its name, which Slurm, slower, lets them finish."""


class CannotOpen(Exception):
    """A file for a standard stream cannot be opened; the text is Slurm's. `missing`: what was to be written has no directory."""

    def __init__(self, text: str, missing: bool) -> None:
        super().__init__(text)
        self.missing = missing


class Wiring:
    """Plans for all tasks, and our ends of their streams. `close_theirs` once the tasks are forked."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.outlets: list[stdio.Outlet] = []
        self.inlets: list[stdio.Inlet] = []
        self.sinks: list[Sink] = []
        self.terminal: int | None = None
        self.messages: int | None = None  # where a batch job's own error lines go
        self._theirs: set[int] = set()

    def keep(self, descriptor: int) -> int:
        """Remember a descriptor that only the tasks need."""
        self._theirs.add(descriptor)
        return descriptor

    def close_theirs(self) -> None:
        for descriptor in self._theirs - {self.messages}:
            os.close(descriptor)
        self._theirs.clear()


def _absolute(order: Order, pattern: str, rank: int) -> str:
    path = expand(pattern, order.pattern_values(rank))
    return path if path.startswith("/") else os.path.join(order.work_dir, path)


def _open(order: Order, who: Identity, wanted: list[files.Wanted]) -> list[int]:
    opened = files.open_as(who, wanted, order.umask)
    if opened.error is not None and opened.failed is not None:
        for descriptor in opened.descriptors:
            os.close(descriptor)
        kind = "stdin" if opened.failed.mode == files.READ else "stdout"
        missing = kind == "stdout" and isinstance(opened.error, FileNotFoundError)
        raise CannotOpen(f"Could not open {kind} file {opened.failed.path}: {opened.error.strerror}", missing)
    return opened.descriptors


def _open_late(order: Order, who: Identity, wanted: list[files.Wanted]) -> list[int]:
    end = time.monotonic() + LATE
    while True:
        try:
            return _open(order, who, wanted)
        except CannotOpen as error:
            if not error.missing or time.monotonic() > end:
                raise
        time.sleep(0.02)


def for_batch(order: Order, who: Identity) -> Wiring:
    """Files for all three streams. CannotOpen; IdentityError, OSError: no helper to open them."""
    wiring = Wiring()
    request = order.request
    array = order.facts.get("array_task_id") is not None
    out = _absolute(order, request.get("std_out") or (ARRAY_DEFAULT if array else BATCH_DEFAULT), 0)
    err = _absolute(order, request["std_err"], 0) if request.get("std_err") else out
    source = _absolute(order, request["std_in"], 0) if request.get("std_in") else os.devnull
    mode = files.APPEND if order.open_mode.startswith("a") else files.TRUNCATE
    parents = order.compat >= (23, 2)
    wanted = [files.Wanted(source, files.READ), files.Wanted(out, mode, parents)]
    if err != out:
        wanted.append(files.Wanted(err, mode, parents))
    opened = [wiring.keep(descriptor) for descriptor in _open_late(order, who, wanted)]
    wiring.plans.append(Plan(0, order.argv, opened[0], opened[1], opened[-1]))
    wiring.messages = opened[-1]
    return wiring


def for_tasks(order: Order, who: Identity, passed: dict[str, int]) -> Wiring:
    """By what srun asked for. Raises as `for_batch`, and programs.NoProgram."""
    wiring = Wiring()
    if "stdin" in passed:
        wiring.keep(passed["stdin"])
    sinks = _sinks(order, wiring, passed)
    null = wiring.keep(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    opened = _task_files(order, who, wiring)
    for rank in order.ranks:
        multi = order.launch.get("multi_prog")
        argv = [*programs.of_rank(multi, rank - order.tasks_before), *order.argv[1:]] if multi else order.argv
        if order.launch.get("pty") and rank == 0:
            ours, theirs = stdio.terminal(
                order.uid, int(order.launch.get("pty_rows") or 0), int(order.launch.get("pty_cols") or 0)
            )
            wiring.terminal = ours
            wiring.outlets.append(stdio.Outlet(ours, rank, frames.STDOUT))
            wiring.inlets.append(stdio.Inlet(ours, rank, keep=True))
            wiring.keep(theirs)
            wiring.plans.append(Plan(rank, argv, theirs, theirs, theirs, terminal=True))
            continue
        if order.launch.get("pty"):
            wiring.plans.append(Plan(rank, argv, null, null, null))  # only the first task is seen and heard
            continue
        stdin = _input(order, wiring, rank, passed, opened, null)
        stdout = _output(order, wiring, rank, sinks, opened, null, "stdout")
        joined = "stdout" in sinks and sinks["stdout"] is sinks.get("stderr") and ("stderr", rank) not in opened
        # One pipe for both streams keeps their order where both end in one file; sattach then shows both as output.
        stderr = stdout if joined else _output(order, wiring, rank, sinks, opened, null, "stderr")
        wiring.plans.append(Plan(rank, argv, stdin, stdout, stderr))
    return wiring


_KEYS = {"stdin": "std_in", "stdout": "std_out", "stderr": "std_err"}


def _named(order: Order, stream: str) -> str:
    """The file that a stream was given, "" for none of its own."""
    text = str(order.launch.get(_KEYS[stream]) or "")
    return "" if text == "none" else text


def _task_files(order: Order, who: Identity, wiring: Wiring) -> dict[tuple[str, int], int]:
    """Open the files of all tasks; tasks that name the same file write to one descriptor."""
    mode = files.APPEND if order.open_mode.startswith("a") else files.TRUNCATE
    parents = order.compat >= (23, 2)
    wanted: list[files.Wanted] = []
    places: dict[tuple[str, int], int] = {}
    known: dict[str, int] = {}
    for rank in order.ranks:
        for stream in _KEYS:
            pattern = _named(order, stream)
            if not pattern:
                continue
            path = _absolute(order, pattern, rank)
            reads = stream == "stdin"
            if reads or path not in known:
                wanted.append(files.Wanted(path, files.READ if reads else mode, parents))
                if not reads:
                    known[path] = len(wanted) - 1
            places[stream, rank] = len(wanted) - 1 if reads else known[path]
    descriptors = [wiring.keep(descriptor) for descriptor in _open(order, who, wanted)]
    return {place: descriptors[index] for place, index in places.items()}


def _sinks(order: Order, wiring: Wiring, passed: dict[str, int]) -> dict[str, Sink]:
    """Where output goes that has a descriptor of srun's: one sink for both streams where they are the same file."""
    several = sum(len(ranks) for _, ranks in order.world) > 1 and not order.launch.get("unbuffered")
    found: dict[str, Sink] = {}
    for stream in ("stdout", "stderr"):
        if stream not in passed:
            continue
        if stream == "stderr" and "stdout" in found and os.path.sameopenfile(passed["stdout"], passed["stderr"]):
            os.close(passed["stderr"])
            found[stream] = found["stdout"]
            continue
        found[stream] = Sink(passed[stream], by_line=several)
        wiring.sinks.append(found[stream])
    return found


def _input(
    order: Order, wiring: Wiring, rank: int, passed: dict[str, int], opened: dict[tuple[str, int], int], null: int
) -> int:
    if ("stdin", rank) in opened:
        return opened["stdin", rank]
    only = order.launch.get("stdin_task")
    if order.launch.get("std_in") == "none" or (only is not None and only != rank):
        return null
    if "stdin" in passed:
        source = os.fstat(passed["stdin"])
        # Its other end may be opened by its owner, and not by root for somebody who was only allowed to read.
        if stat.S_ISFIFO(source.st_mode) and source.st_uid == order.uid:
            wiring.inlets.append(stdio.SharedInlet(os.dup(passed["stdin"]), rank))
        return passed["stdin"]
    out, into = stdio.pipe_of(order.uid)
    wiring.inlets.append(stdio.Inlet(into, rank))
    return wiring.keep(out)


def _output(
    order: Order,
    wiring: Wiring,
    rank: int,
    sinks: dict[str, Sink],
    opened: dict[tuple[str, int], int],
    null: int,
    stream: str,
) -> int:
    if (stream, rank) in opened:
        return opened[stream, rank]
    if order.launch.get(_KEYS[stream]) == "none":
        return null
    out, into = stdio.wide_pipe(order.uid)
    channel = frames.STDOUT if stream == "stdout" else frames.STDERR
    wiring.outlets.append(stdio.Outlet(out, rank, channel, sinks.get(stream)))
    return wiring.keep(into)


