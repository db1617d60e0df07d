"""What srun, and who has attached, may do to a supervisor; and what it may do for them."""

from __future__ import annotations

import os
import resource
import signal
import socket
from pathlib import Path

import pytest

from mgpu_slurm.wire import passing
from tests.kit.steps import Place, Srun, facts

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def test_many_tasks_need_no_more_files_than_the_system_allows(tmp_path: Path) -> None:
    """A usual soft limit is too low for the pipes of three hundred tasks; the tasks keep it all the same."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit[1] < 4096:
        pytest.skip("the hard limit is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limit[1]))
    try:
        place = Place(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    try:
        step = place.tasks("sh", "-c", "ulimit -S -n", count=300, mpi="pmi2")
        assert step.srun is not None
        step.srun.until("step_ended")
        assert {step.srun.out(rank) for rank in range(300)} == {b"1024\n"}
    finally:
        place.launcher.close()


@as_root
def test_nobody_writes_by_the_supervisor_what_he_may_only_read(place: Place) -> None:
    """A pipe of root's that the user can read, passed as input and as output: neither way leads into it."""
    fifo = place.root / "fifo"
    os.mkfifo(fifo, 0o644)
    both = os.open(fifo, os.O_RDWR)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(end, True)
    step = place.tasks("sh", "-c", "echo out; sleep 100", job=facts(uid=NOBODY, gid=NOBODY), passed={"stdin": end, "stdout": end})
    assert step.srun is not None
    step.srun.until("tasks_started")
    ours, theirs = socket.socketpair()
    passing.send(step.control, {"kind": "attach", "stdin": True}, [theirs.fileno()])
    theirs.close()
    follower = Srun(ours)
    follower.until("attached")
    follower.feed(b"in\n")
    step.srun.until("output_failed")
    step.tell(kind="terminate", ending="CANCELLED", hurry=True)
    step.result()
    os.set_blocking(both, False)
    with pytest.raises(BlockingIOError):
        os.read(both, 100)
    os.close(both)
    os.close(end)


@pytest.mark.parametrize("message", [{"kind": "keys_fence"}, {"kind": "signal_tasks"}, {"kind": "signal_tasks", "signal": "x"}])
def test_nonsense_of_srun_costs_it_its_step_and_not_the_supervisor(place: Place, message: dict[str, object]) -> None:
    step = place.tasks("sleep", "100", mpi="pmi2")
    assert step.srun is not None
    step.srun.until("tasks_started")
    step.srun.say(message)
    assert step.result()["exit_code"] == signal.SIGKILL
    assert step.log() == ""
