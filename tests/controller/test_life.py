"""A job's way through the core: submitted, started, ended; cancelled; in allocations with steps."""

from __future__ import annotations

import pytest

from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, BOB, ROOT, Case


def test_a_batch_job_runs_and_completes() -> None:
    c = Case().node("n0", gpus=4)
    job = c.submit(gpus=2)
    c.plan()
    assert c.state_of(job) == "RUNNING"
    launch = c.sent("n0")[-1]
    assert isinstance(launch, wire.LaunchBatch)
    assert launch.job.allocation.shares[0].gres == {"gpu": [0, 1]}
    c.started(job)
    assert not c.unconfirmed
    c.ends(job)
    assert c.state_of(job) == "COMPLETED"
    assert isinstance(c.sent("n0")[-1], wire.ForgetStep)
    c.after(400)
    assert job not in c.state.jobs
    assert c.disk["history"][job].state == "COMPLETED"


def test_exit_codes() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().ends(job, code=3)
    assert (c.state_of(job), c.job(job).exit_code, c.reason(job)) == ("FAILED", 3 << 8, "NonZeroExitCode")


def test_cancel_running() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().started(job)
    c.sent("n0")
    assert c.cancel(job, who=BOB) == 2002
    assert c.cancel(job) == 0
    assert c.state_of(job) == "CANCELLED+COMPLETING"
    assert isinstance(c.sent("n0")[-1], wire.TerminateJob)
    c.ends(job, signal=15)
    c.gone(job)
    assert c.state_of(job) == "CANCELLED"
    assert c.job(job).exit_code == 15
    assert c.job(job).killed_by == ANN.uid
    assert c.cancel(job) == 2021


@pytest.mark.parametrize(
    ("code", "signal", "heard", "srun", "status"),
    [
        (0, 15, True, False, 15),
        (15, 0, True, True, 15),  # the script's srun heard of the end before the script did
        (143, 0, True, True, 15),
        (143, 0, True, False, 143 << 8),  # what the script says itself of its end
        (7, 0, True, True, 7 << 8),
        (1, 0, False, False, 15),  # ended when the job was over, before the script heard of it
        (0, 0, False, True, 0),
    ],
)
def test_status_of_the_script_of_a_cancelled_job(code: int, signal: int, heard: bool, srun: bool, status: int) -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().started(job)
    if srun:
        c.step(job)
        c.after(5)
    assert c.cancel(job) == 0
    if srun:
        c.ends(job, signal=15, step="0", ending="CANCELLED")
    c.ends(job, code=code, signal=signal, ending="CANCELLED" if heard else "")
    assert (c.state_of(job), c.job(job).steps["batch"].exit_code) == ("CANCELLED+COMPLETING", status)


def test_an_array_is_one_record_until_tasks_start() -> None:
    c = Case().node("n0", cpus=2)
    master = c.submit(array="0-3")
    assert c.job(master).array_tasks == [0, 1, 2, 3]
    c.plan()
    running = {c.job(one).array_task_id: one for one in c.running()}
    assert running == {0: master + 1, 1: master + 2}
    assert c.job(master).array_tasks == [2, 3]
    c.ends(running[0])
    c.ends(running[1])
    c.plan()
    last = c.job(master)
    assert (last.state, last.array_task_id, last.array_tasks) == ("RUNNING", 3, [])


def test_array_limit() -> None:
    c = Case().node("n0")
    master = c.submit(array="0-5%2")
    c.plan()
    assert len(c.running()) == 2
    assert c.reason(master) == "JobArrayTaskLimit"
    c.ends(c.running()[0])
    c.plan()
    assert len(c.running()) == 2
    assert c.update("job", master, ArrayTaskThrottle="0") == 0
    c.plan()
    assert len(c.running()) == 5


def test_allocation_with_steps() -> None:
    c = Case().node("n0").node("n1")
    job = c.alloc(min_nodes=2, ntasks=4)
    owner = c.conn
    c.plan()
    event = c.replies[owner][-1]
    assert event.event == "started"
    assert event.facts.allocation.nodes == ["n0", "n1"]
    created = c.step(job)
    assert isinstance(created, wire.StepCreated)
    assert created.step_id == "0"
    assert created.mac.startswith("signed")
    answer = c.ask(wire.StepDone(job_id=job, step_id="0", exit_code=256))
    assert isinstance(answer, wire.Done)
    for node in ("n0", "n1"):
        c.ends(job, code=1, step="0", node=node)
    assert c.job(job).derived_exit_code == 256
    assert isinstance(c.ask(wire.ReleaseJob(job_id=job)), wire.Done)
    assert c.state_of(job) == "COMPLETED"
    assert c.replies[owner][-1].event == "ended"


def test_an_allocation_whose_step_ran_out_of_memory() -> None:
    c = Case().node("n0")
    job = c.alloc()
    c.plan()
    c.step(job)
    c.ask(wire.StepDone(job_id=job, step_id="0", exit_code=OUT_OF_MEMORY))
    assert c.job(job).steps["0"].state == "OUT_OF_MEMORY"
    c.ask(wire.ReleaseJob(job_id=job, exit_code=OUT_OF_MEMORY))
    ended = c.job(job)
    assert (ended.state, ended.reason, ended.exit_code) == ("OUT_OF_MEMORY", "OutOfMemory", OUT_OF_MEMORY)


def test_an_abandoned_allocation_is_released_after_the_grace_time() -> None:
    c = Case().node("n0")
    job = c.alloc()
    c.plan()
    c.close(c.conn)
    c.after(59)
    assert c.state_of(job) == "RUNNING"
    answer = c.ask(wire.Attach(job_id=job))
    assert answer.facts is not None
    c.after(100)
    assert c.state_of(job) == "RUNNING"
    c.close(c.conn)
    c.after(61)
    assert c.state_of(job) == "COMPLETED"


def test_a_restart_keeps_everything() -> None:
    c = Case().node("n0", gpus=2)
    first, second = c.submit(gpus=2), c.submit(gpus=2)
    c.plan().started(first)
    third = c.submit(dependency=f"afterok:{second}")
    c.restart()
    assert (c.state_of(first), c.state_of(second)) == ("RUNNING", "PENDING")
    assert c.job(first).steps["batch"].state == "RUNNING"
    c.register("n0", steps=[wire.LiveStep(job_id=first, step_id="batch", attempt=1)])
    c.ends(first)
    assert c.state_of(first) == "COMPLETED"
    c.plan().ends(second)
    c.plan()
    assert c.state_of(third) == "RUNNING"
    assert c.submit() == third + 1


def test_an_unconfirmed_launch_is_sent_again_after_a_restart() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan()
    c.sent("n0")
    c.restart()
    c.register("n0")
    assert [one.job.job_id for one in c.sent("n0") if isinstance(one, wire.LaunchBatch)].count(job) >= 1
    c.started(job)
    c.ends(job)
    assert c.state_of(job) == "COMPLETED"


def test_the_same_request_id_is_the_same_job() -> None:
    c = Case().node("n0")
    message = wire.SubmitJob(requests=[c.request()], request_id="abc")
    first = c.ask(message)
    c.restart()
    assert c.ask(message).job_id == first.job_id
    assert c.ask(message, BOB).job_id != first.job_id


def test_wait_job() -> None:
    c = Case().node("n0")
    master = c.submit(array="1-2")
    assert c.ask(wire.WaitJob(job_id=master)) is None
    waiter = c.conn
    c.plan()
    c.ends(master)
    assert waiter not in c.replies
    c.ends(master + 1, code=4)
    assert (c.replies[waiter][0].job_id, c.replies[waiter][0].exit_code) == (master, 4 << 8)


def test_root_may_everything() -> None:
    c = Case().node("n0")
    job = c.submit()
    assert c.cancel(job, who=ROOT) == 0
    assert c.state_of(job) == "CANCELLED"
