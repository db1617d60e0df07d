"""Time limits, signals, cancelling parts, requeue, suspend, update, steps that wait."""

from __future__ import annotations

import pytest

from mgpu_slurm.controller.events import Stop
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, BOB, ROOT, Case


def kinds(messages: list[object]) -> list[str]:
    return [type(one).__name__ for one in messages]


def test_time_limit_with_a_warning_before() -> None:
    c = Case(kill_wait=5).node("n0")
    job = c.submit(time_limit=2, signal=10, signal_time=30, signal_flags="B")
    c.plan().started(job)
    assert c.job(job).end_time == c.now + 120
    c.sent("n0")
    c.after(89)
    assert c.sent("n0") == []
    c.after(1)
    warning = c.sent("n0")[0]
    assert (warning.signal, warning.shell_only, warning.step_id) == (10, True, "batch")
    c.after(30)
    assert c.state_of(job) == "TIMEOUT+COMPLETING"
    order = c.sent("n0")[0]
    assert (order.ending, order.kill_wait) == ("TIMEOUT", 5)
    c.ends(job, signal=15, ending="TIMEOUT")
    c.gone(job)
    assert (c.state_of(job), c.reason(job), c.job(job).exit_code) == ("TIMEOUT", "TimeLimit", 15)


def test_the_node_keeps_the_limit_itself_when_the_controller_is_away() -> None:
    c = Case().node("n0")
    job = c.submit(time_limit=1)
    c.plan().started(job)
    c.ends(job, signal=15, ending="TIMEOUT")
    assert c.state_of(job) == "TIMEOUT"


def test_over_time_limit_and_longer_limits() -> None:
    c = Case(over_time_limit=1).node("n0")
    job = c.submit(time_limit=1)
    c.plan().started(job)
    c.after(119)
    assert c.state_of(job) == "RUNNING"
    assert c.update("job", job, who=ANN, TimeLimit="10") == 2002
    c.sent("n0")
    assert c.update("job", job, TimeLimit="+2") == 0
    assert c.sent("n0")[0].deadline == c.job(job).start_time + 180 + 60
    c.after(120)
    assert c.state_of(job) == "RUNNING"
    assert c.update("job", job, who=ANN, TimeLimit="-1") == 2002
    assert c.update("job", job, who=ANN, TimeLimit="1") == 0
    c.after(1)
    assert c.state_of(job) == "TIMEOUT+COMPLETING"


def test_limits_hold_after_a_restart() -> None:
    c = Case().node("n0")
    job = c.submit(time_limit=1)
    c.plan().started(job)
    c.restart()
    c.register("n0", steps=[wire.LiveStep(job_id=job, step_id="batch", attempt=1)])
    c.after(60)
    assert c.state_of(job) == "TIMEOUT+COMPLETING"


def test_signals() -> None:
    c = Case().node("n0").node("n1")
    job = c.submit(min_nodes=2)
    assert c.cancel(job, signal=10) == 2020
    c.plan().started(job)
    c.sent("n0")
    assert c.cancel(job, signal=10) == 0
    assert [(one.signal, one.step_id) for one in c.sent("n0")] == [(10, "")]
    assert kinds(c.sent("n1"))[-1] == "SignalJob"
    assert c.cancel(job, signal=12, batch=True) == 0
    assert [(one.signal, one.shell_only) for one in c.sent("n0")] == [(12, True)]
    assert c.sent("n1") == []
    assert c.cancel(f"{job}.0") == 2017
    c.step(job)
    assert c.cancel(f"{job}.0") == 0
    assert [(one.step_id, type(one).__name__) for one in c.sent("n0")] == [("0", "TerminateJob")]
    assert c.state_of(job) == "RUNNING"
    c.cancel(job)
    assert c.cancel(job, signal=10) == 2021
    c.gone(job)
    assert c.cancel(job, signal=10) == 2017


def test_cancel_tasks_of_an_array() -> None:
    c = Case().node("n0")
    master = c.submit(array="0-5", hold=True)
    assert c.cancel(f"{master}_[2-3]", who=BOB) == 2002
    assert c.job(master).array_tasks == [0, 1, 2, 3, 4, 5]
    assert c.cancel(f"{master}_[2-3]") == 0
    assert c.job(master).array_tasks == [0, 1, 4, 5]
    assert c.cancel(f"{master}_77") == 2017
    assert c.cancel(f"{master}_2") == 2021
    assert c.cancel(master) == 0
    assert all(job.state == "CANCELLED" for job in c.state.jobs.values())


def test_cancel_what_is_left_of_an_array() -> None:
    c = Case().node("n0", cpus=2)
    master = c.submit(array="0-9")
    c.plan()
    c.ends(c.running()[0])
    assert c.cancel(master) == 0
    c.gone(c.state.elements[(master, 1)])
    assert {job.state for job in c.state.jobs.values()} == {"COMPLETED", "CANCELLED"}


def test_results_of_an_array_of_which_a_part_refuses() -> None:
    """As Slurm 22.05.8 words them; tasks that were cancelled before the array was split for anything else are unknown."""

    def rows(what: str) -> list[tuple[str, int, str]]:
        answer = c.ask(wire.JobAction(action="hold", ids=[what]), ROOT)
        return list(answer.rows)

    c = Case().node("n0", cpus=1)
    master = c.submit(array="1-5")
    c.plan()
    first = c.running()[0]
    c.started(first)
    c.ends(first)
    c.gone(first)
    c.cancel(f"{master}_2")
    finished, fine, unknown = (2084, "Job has already finished"), (0, "No error"), (2017, "Invalid job id specified")
    assert rows(str(master)) == [(f"{master}_1", *finished), (f"{master}_3-5", *fine)]
    assert rows(f"{master}_[1-3]") == [(f"{master}_1", *finished), (f"{master}_2", *unknown), (f"{master}_3", *fine)]
    assert rows(f"{master}_[2,9]") == [(f"{master}_2,9", *unknown)]
    assert rows(f"{master}_[3-4]") == [(f"{master}_[3-4]", 0, "")]


def test_kill_of_the_batch_shell_alone() -> None:
    c = Case().node("n0")
    waiting = c.submit(hold=True)
    assert c.cancel(waiting, batch=True) == 0
    assert c.state_of(waiting) == "CANCELLED"
    job = c.submit()
    c.plan().started(job)
    c.sent("n0")
    assert c.cancel(job, batch=True) == 0
    assert [(one.signal, one.shell_only) for one in c.sent("n0")] == [(9, True)]
    c.ends(job, signal=9)
    assert (c.state_of(job), c.reason(job)) == ("FAILED", "JobLaunchFailure")


def test_requeue() -> None:
    c = Case().node("n0")
    job = c.submit()
    assert c.act("requeue", job) == 2024
    c.plan().started(job)
    assert c.act("requeue", job, who=BOB) == 2002
    assert c.act("requeue", job, who=ANN) == 0
    assert c.state_of(job) == "PENDING+COMPLETING"
    c.plan()
    assert c.state_of(job) == "PENDING+COMPLETING"
    c.ends(job, signal=15)
    c.gone(job)
    c.plan()
    record = c.job(job)
    assert (record.state, record.attempt, record.restart_count, record.exit_code) == ("RUNNING", 2, 1, 0)
    c.ends(job)
    assert c.act("requeue", job) == 0
    assert c.state_of(job) == "PENDING"
    assert c.act("requeue", c.submit(requeue=False)) == 2037
    assert c.act("requeue", c.alloc()) == 2039
    assert c.act("requeue", 9999) == 2017


def test_requeuehold_and_cancel_while_the_old_run_ends() -> None:
    c = Case().node("n0")
    job, other = c.submit(), c.submit()
    c.plan()
    assert c.act("requeuehold", job) == 0
    assert c.act("requeue", other) == 0
    assert c.cancel(other) == 0
    c.gone(job)
    c.gone(other)
    assert (c.state_of(job), c.reason(job)) == ("PENDING", "JobHeldUser")
    assert c.state_of(other) == "CANCELLED"


def test_a_special_exit_is_shown_until_it_is_released() -> None:
    c = Case().node("n0")
    job, other = c.submit(), c.submit()
    c.plan()
    assert c.act("requeuehold_special", job) == 0
    c.gone(job)
    assert (c.state_of(job), c.reason(job), c.job(job).priority) == ("PENDING", "JobHeldUser", 0)
    assert c.job(job).flags == ["SPECIAL_EXIT"]
    assert c.act("release", job) == 0
    assert c.job(job).flags == []
    c.plan()
    assert c.state_of(job) == "RUNNING"
    assert c.act("requeuehold_special", other) == 0
    c.gone(other)
    assert c.cancel(other) == 0
    assert (c.state_of(other), c.job(other).flags) == ("CANCELLED", [])


def test_exit_codes_that_requeue() -> None:
    c = Case(requeue_exit=frozenset({3}), requeue_exit_hold=frozenset({4}), requeue_delay=10).node("n0")
    again, held, failed = c.submit(requeue=False), c.submit(), c.submit()
    for job, code in ((again, 3), (held, 4), (failed, 5)):
        c.plan().started(job)
        c.ends(job, code)
        c.gone(job)
    assert [c.state_of(job) for job in (again, held, failed)] == ["PENDING", "PENDING", "FAILED"]
    assert (c.reason(held), c.job(held).priority, c.job(held).flags) == ("JobHeldUser", 0, ["SPECIAL_EXIT"])
    assert [(c.job(job).exit_code >> 8, c.job(job).restart_count) for job in (again, held)] == [(3, 1), (4, 1)]
    c.after(10)
    c.plan()
    assert (c.state_of(again), c.job(again).exit_code) == ("RUNNING", 0)


def test_suspend_and_resume() -> None:
    c = Case().node("n0")
    job = c.submit(time_limit=2)
    assert c.act("suspend", job) == 2024
    c.plan().started(job)
    c.sent("n0")
    assert c.act("suspend", job, who=ANN) == 2002
    c.after(60)
    assert c.act("suspend", job) == 0
    assert kinds(c.sent("n0")) == ["SuspendJob"]
    c.after(1000)
    assert c.state_of(job) == "SUSPENDED"
    assert c.act("resume", job) == 0
    c.after(59)
    assert c.state_of(job) == "RUNNING"
    c.after(1)
    assert c.state_of(job) == "TIMEOUT+COMPLETING"
    assert c.act("resume", job) == 2021


@pytest.mark.parametrize(
    ("changes", "code", "field", "value"),
    [
        ({"JobName": "x"}, 0, "name", "x"),
        ({"TimeLimit": "5"}, 0, "time_limit", 5),
        ({"timelimit": "1-0"}, 0, "time_limit", 1440),
        ({"TimeLimit": "UNLIMITED"}, 0, "time_limit", -1),
        ({"TimeLimit": "abc"}, 2051, "time_limit", -1),
        ({"Partition": "debug"}, 0, "partition", "debug"),
        ({"Partition": "nope"}, 2000, "partition", "gpu"),
        ({"NumNodes": "2"}, 0, "min_nodes", 2),
        ({"NumNodes": "0"}, 2006, "min_nodes", 1),
        ({"Priority": "77"}, 2042, "priority", 0),
        ({"Priority": "0"}, 0, "held_by", "admin"),
        ({"NodeList": "n9"}, 2018, "name", "job"),
        ({"Foo": "bar"}, 2036, "name", "job"),
        ({"JobName": "x", "Partition": "nope"}, 2000, "name", "job"),
        ({"Dependency": "foo:1"}, 2038, "dependency", []),
    ],
)
def test_update_of_a_pending_job(changes: dict[str, str], code: int, field: str, value: object) -> None:
    c = Case().node("n0", gpus=2).node("n1")
    c.partition("debug", ["n0"], max_time=60)
    job = c.submit(hold=True)
    assert c.update("job", job, who=BOB, **changes) in (2010, 2036)
    assert c.update("job", job, **changes) == code
    assert getattr(c.job(job), field) == value


def test_update_of_a_running_job() -> None:
    c = Case().node("n0")
    c.partition("debug", ["n0"])
    job = c.submit()
    c.plan()
    assert c.update("job", job, Partition="debug") == 2073
    assert c.update("job", job, NumNodes="2") == 2036
    assert c.update("job", job, JobName="new", Comment="hello") == 0
    assert (c.job(job).name, c.job(job).request.comment) == ("new", "hello")
    c.ends(job)
    assert c.update("job", job, TimeLimit="7") == 2084
    assert c.update("job", 999, TimeLimit="7") == 2017


def test_update_begins_and_ends_a_wait() -> None:
    c = Case().node("n0")
    job = c.submit(begin=c.now + 500)
    assert c.update("job", job, who=ANN, StartTime="now") == 0
    assert c.reason(job) == "None"
    assert c.update("job", job, who=ANN, StartTime="now+1hour") == 0
    assert c.reason(job) == "BeginTime"
    c.plan()
    assert c.state_of(job) == "PENDING"
    assert c.update("job", job, who=ANN, Priority="1000") == 2002


def test_steps_wait_for_each_other() -> None:
    c = Case().node("n0")
    job = c.alloc(ntasks=2)
    c.plan()
    first = c.step(job, ntasks=2, exclusive=True)
    assert isinstance(first, wire.StepCreated)
    second = c.step(job, ntasks=1, exclusive=True)
    waiting = c.conn
    assert isinstance(second, wire.StepPending)
    third = c.step(job, ntasks=1, exclusive=True, wait=False)
    assert isinstance(third, wire.Error | wire.StepPending)
    assert isinstance(c.step(job, overlap=True), wire.StepCreated)
    assert c.step(job, ntasks=64, who=BOB).code == 2002
    c.ask(wire.StepDone(job_id=job, step_id="0"))
    assert isinstance(c.replies[waiting][-1], wire.StepCreated)


def test_steps_that_wait_are_refused_when_the_job_ends() -> None:
    c = Case().node("n0")
    job = c.alloc(ntasks=1)
    c.plan()
    c.step(job, ntasks=1, exclusive=True)
    c.step(job, ntasks=1, exclusive=True)
    waiting = c.conn
    c.cancel(job)
    c.ends(job, signal=15, step="0")
    c.gone(job)
    assert c.replies[waiting][-1].code == 2021
    assert c.step(job).code == 2021
    assert c.step(999).code == 2017


def test_a_step_that_could_not_be_launched_is_ended_on_its_nodes() -> None:
    c = Case().node("n0")
    job = c.alloc()
    c.plan()
    c.step(job)
    c.sent("n0")
    c.ask(wire.StepDone(job_id=job, step_id="0", exit_code=1 << 8, failed=True))
    assert kinds(c.sent("n0")) == ["TerminateJob"]
    assert c.job(job).steps["0"].state == "FAILED"


def test_the_owner_hears_of_its_allocation() -> None:
    c = Case().node("n0", cpus=1)
    c.alloc(time_limit=1)
    owner = c.conn
    c.plan().after(60)
    assert [one.event for one in c.replies[owner][1:]] == ["started", "timeout", "ended"]
    held = c.alloc(immediate=1)
    assert c.state_of(held) == "PENDING"
    first = c.alloc()
    c.plan()
    assert c.running() == [held]
    assert c.state_of(first) == "PENDING"


def test_immediate_gives_up() -> None:
    c = Case().node("n0", cpus=1)
    c.submit()
    c.plan()
    job = c.alloc(immediate=5)
    owner = c.conn
    c.plan().after(5)
    assert c.state_of(job) == "CANCELLED"
    assert c.replies[owner][-1].event == "ended"


def test_kept_allocations_outlive_their_client() -> None:
    c = Case().node("n0")
    job = c.alloc(keep=True)
    conn = c.conn
    c.plan()
    assert c.replies[conn][-1].event == "started"
    c.close(conn)
    c.after(1000)
    c.restart()
    c.register("n0")
    c.after(1000)
    assert c.state_of(job) == "RUNNING"
    assert c.cancel(job) == 0


def test_control() -> None:
    c = Case().node("n0")
    assert c.ask(wire.Control(action="shutdown"), ANN).code == 2010
    assert c.ask(wire.Control(action="shutdown"), ROOT) is None  # the shell answers when it is down
    assert kinds(c.sent("n0"))[-1] == "StopNode"
    assert c.effects[-1] == Stop(conn=c.conn)


def test_finished_arrays_leave_the_memory_together() -> None:
    c = Case(min_job_age=10).node("n0", cpus=1)
    master = c.submit(array="0-1")
    c.plan()
    c.ends(master + 1)
    c.after(100)
    assert master + 1 in c.state.jobs
    c.plan()
    c.ends(master)
    c.after(10)
    assert not c.state.jobs
    assert set(c.disk["history"]) == {master, master + 1}
    assert not c.disk["jobs"]
