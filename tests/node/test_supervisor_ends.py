"""How a step is signalled, stopped and ended, under the real launcher and without a daemon."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.kit.steps import Place, Step, alive, finish, until


def run(place: Place, *argv: str, **more: object) -> Step:
    return finish(place.tasks(*argv, **more))  # type: ignore[arg-type]


def test_everything_a_task_leaves_behind_dies(place: Place) -> None:
    script = "setsid setsid sleep 600 & (setsid bash -c 'sleep 600 & echo $!; exec sleep 600' &) ; sleep 0.2; echo done"
    step = run(place, "bash", "-c", script)
    assert step.srun is not None
    words = step.srun.out().split()
    assert words[-1] == b"done"
    assert not alive(int(words[0]))
    assert step.result()["exit_code"] == 0


def test_signals_from_srun(place: Place) -> None:
    step = place.tasks("bash", "-c", "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.02; done")
    assert step.srun is not None
    until(lambda: step.srun is not None and step.srun.read() and step.srun.out())
    step.srun.say({"kind": "signal_tasks", "signal": int(signal.SIGINT)})
    finish(step)
    assert step.srun.out() == b"ready\ncaught\n"
    assert step.srun.statuses() == {0: 5 << 8}


def test_a_lost_srun_ends_the_step(place: Place) -> None:
    step = place.tasks("sleep", "600")
    assert step.srun is not None
    pid = step.srun.until("tasks_started")["pids"][0]
    step.srun.sock.close()
    assert step.result()["exit_code"] == signal.SIGKILL
    assert not alive(pid)


def test_termination_is_gentle_and_then_not(place: Place) -> None:
    step = place.tasks("bash", "-c", "trap 'echo term' TERM; echo ready; while :; do sleep 0.02; done")
    srun = step.srun
    assert srun is not None
    until(lambda: srun.read() and srun.out())
    began = time.monotonic()
    step.tell(kind="terminate", ending="CANCELLED", kill_wait=0.3, hurry=False)
    finish(step)
    assert time.monotonic() - began >= 0.3
    assert srun.out() == b"ready\nterm\n"
    assert step.result()["exit_code"] == signal.SIGKILL
    assert step.result()["ending"] == "CANCELLED"
    assert "slurmstepd: error: *** STEP 42.0 ON n0 CANCELLED AT " in srun.texts()


def test_a_srun_lost_on_the_way_leaves_the_tasks_their_time(place: Place) -> None:
    gate = place.root / "gate"
    os.mkfifo(gate)
    script = f"trap 'cat {gate}; exit 7' TERM; echo ready; while :; do sleep 0.02; done"
    step = place.tasks("bash", "-c", script)
    srun = step.srun
    assert srun is not None
    until(lambda: srun.read() and srun.out())
    step.tell(kind="terminate", ending="TIMEOUT", kill_wait=60, hurry=False)
    with open(gate, "w"):  # opens when the task has heard of its end and reads
        srun.say({"kind": "signal_tasks", "signal": int(signal.SIGKILL)})
        srun.sock.close()
    assert step.result()["exit_code"] == 7 << 8


def test_the_time_limit(place: Place) -> None:
    step = place.tasks("sleep", "600", time_limit_end=time.time() + 600)
    assert step.srun is not None
    step.srun.until("tasks_started")
    step.tell(kind="extend", deadline=time.time() + 0.1)
    finish(step)
    assert step.result()["ending"] == "TIMEOUT"
    assert step.srun.texts().endswith("DUE TO TIME LIMIT ***")
    assert [said["limit"] for said in step.srun.messages if said["kind"] == "step_text"] == [True]
    assert step.srun.statuses() == {0: signal.SIGTERM}


def test_a_limit_that_is_extended(place: Place) -> None:
    step = place.tasks("bash", "-c", "read line", time_limit_end=time.time() + 600)
    assert step.srun is not None
    step.srun.until("tasks_started")
    limit = time.time() + 0.5
    step.tell(kind="extend", deadline=limit)
    step.tell(kind="extend", deadline=limit + 600)
    # Reading ends only when this end is closed: past the first limit.
    until(lambda: time.time() > limit + 0.1)
    step.srun.say({"kind": "end_input"})
    finish(step)
    assert step.result()["ending"] == ""


def test_suspend_and_resume(place: Place) -> None:
    step = place.tasks("bash", "-c", "sleep 600 & echo $!; wait")
    srun = step.srun
    assert srun is not None
    until(lambda: srun.read() and srun.out())
    pids = [srun.messages[0]["pids"][0], int(srun.out())]

    def states() -> set[str]:
        return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}

    step.tell(kind="suspend")
    until(lambda: states() == {"T"}, "all stopped")
    step.tell(kind="suspend", resume=True)
    until(lambda: "T" not in states(), "all go on")
    step.tell(kind="terminate", ending="CANCELLED", kill_wait=5, hurry=True)
    finish(step)
