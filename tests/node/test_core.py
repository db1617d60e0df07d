"""The decisions of a node daemon, without one."""

from __future__ import annotations

from mgpu_slurm.node.core import (
    LINK_DEAD,
    CleanUp,
    Effect,
    EndJob,
    Forget,
    Known,
    NodeCore,
    Report,
    StartBatch,
    StartProlog,
    Tell,
    Unreport,
)
from mgpu_slurm.wire.messages import (
    BatchStarted,
    Beat,
    ForgetStep,
    JobGone,
    LaunchRefused,
    PrologDone,
    Registered,
    RunProlog,
    SignalJob,
    StepResult,
    TerminateJob,
)
from tests.kit.nodes import batch


def reports(effects: list[Effect]) -> list[object]:
    return [effect.message for effect in effects if isinstance(effect, Report)]


def words(effects: list[Effect]) -> list[tuple[str, dict[str, object]]]:
    return [(effect.key[1], effect.word) for effect in effects if isinstance(effect, Tell)]


def with_steps(*steps: str) -> NodeCore:
    core = NodeCore("n0")
    for step in steps:
        core.found(Known(key=(1, step, 1), uid=5, live=True))
    return core


def test_a_launch_is_carried_out_once() -> None:
    core = NodeCore("n0")
    (effect,) = core.message(batch(1, "true"), 0)
    assert isinstance(effect, StartBatch)
    assert core.message(batch(1, "true"), 0) == []
    assert reports(core.live((1, "batch", 1), 77)) == [BatchStarted(job_id=1, attempt=1, pid=77)]
    assert reports(core.message(batch(1, "true"), 0)) == [BatchStarted(job_id=1, attempt=1, pid=77)]
    core.gone((1, "batch", 1), {"exit_code": 256})
    (result,) = reports(core.message(batch(1, "true"), 0))
    assert isinstance(result, StepResult)
    assert result.exit_code == 256


def test_what_waits_for_a_prolog_starts_unless_its_job_or_the_lease_has_ended() -> None:
    key = (1, "batch", 1)
    for ended in ("", "job", "lease"):
        core = NodeCore("n0")
        core.has_prolog = True
        core.message(Registered(cluster="c", lease=50, heartbeat=5, now=0), 0)
        (effect,) = core.message(batch(1, "true"), 0)
        assert isinstance(effect, StartBatch)
        if ended == "job":
            core.message(TerminateJob(job_id=1, attempt=1), 0)
        elif ended == "lease":
            core.link_down(0)
            core.tick(100)
        assert core.may_start(key) == (not ended)
        if ended:
            over = [EndJob(message=TerminateJob(job_id=1, attempt=1))] if ended == "job" else []
            assert core.withdrawn(key) == over
            assert core.live_steps() == []


def test_an_epilog_runs_once_however_often_the_end_is_told() -> None:
    core = NodeCore("n0")
    order = TerminateJob(job_id=1, attempt=1, epilog=batch(1, "true").job)
    assert core.message(order, 0) == [EndJob(message=order)]
    assert core.message(order, 0) == []
    gone = [JobGone(node="n0", job_id=1, attempt=1, failed=True)]
    assert reports(core.job_over(order, True)) == gone
    assert reports(core.message(order, 0)) == gone


def test_a_prolog_is_not_run_for_a_job_that_has_ended() -> None:
    core = NodeCore("n0")
    job = batch(1, "true").job
    assert core.message(RunProlog(job=job), 0) == [StartProlog(job=job)]
    assert reports(core.prolog_done(job, 3 << 8)) == [
        PrologDone(node="n0", job_id=1, attempt=job.attempt, failed=True, status=3 << 8)
    ]
    core.message(TerminateJob(job_id=1, attempt=1), 0)
    assert core.message(RunProlog(job=job), 0) == []


def test_an_attempt_that_was_ended_never_starts_and_the_next_does() -> None:
    core = NodeCore("n0")
    assert reports(core.message(TerminateJob(job_id=1, attempt=1), 0)) == [JobGone(node="n0", job_id=1, attempt=1)]
    (refused,) = reports(core.message(batch(1, "true"), 0))
    assert isinstance(refused, LaunchRefused)
    (effect,) = core.message(batch(1, "true", attempt=2), 0)
    assert isinstance(effect, StartBatch)


def test_a_job_is_gone_when_its_last_step_is() -> None:
    core = with_steps("batch", "0")
    assert [step for step, _ in words(core.message(TerminateJob(job_id=1, attempt=1), 0))] == ["0", "batch"]
    assert [type(message) for message in reports(core.gone((1, "0", 1), {}))] == [StepResult]
    assert [type(message) for message in reports(core.gone((1, "batch", 1), {}))] == [StepResult, JobGone]


def test_ending_one_step_is_quick_and_says_nothing_of_the_job() -> None:
    core = with_steps("batch", "0")
    ((step, word),) = words(core.message(TerminateJob(job_id=1, attempt=1, step_id="0"), 0))
    assert (step, word["hurry"]) == ("0", True)
    assert [type(message) for message in reports(core.gone((1, "0", 1), {}))] == [StepResult]


def test_whom_a_signal_is_for() -> None:
    core = with_steps("batch", "0", "1")
    cases = [
        (SignalJob(job_id=1, signal=10), [("0", True), ("1", True)]),
        (SignalJob(job_id=1, signal=10, step_id="1"), [("1", True)]),
        (SignalJob(job_id=1, signal=10, step_id="batch", shell_only=True), [("batch", False)]),
        (SignalJob(job_id=1, signal=10, step_id="batch", full=True), [("batch", True)]),
        (SignalJob(job_id=1, signal=10, with_batch=True), [("batch", False), ("0", True), ("1", True)]),
        (SignalJob(job_id=2, signal=10), []),
    ]
    for message, expected in cases:
        assert [(step, word["full"]) for step, word in words(core.message(message, 0))] == expected


def test_a_result_is_kept_until_it_is_confirmed() -> None:
    core = with_steps("batch")
    forget = ForgetStep(job_id=1, step_id="batch", attempt=1)
    assert core.message(forget, 0) == []
    core.gone((1, "batch", 1), {})
    assert [step.ended for step in core.live_steps()] == [True]
    assert [type(effect) for effect in core.message(forget, 0)] == [Unreport, Forget]
    assert core.live_steps() == []


def test_a_dead_supervisor_is_reported_after_the_cleaning() -> None:
    core = with_steps("batch")
    assert CleanUp(key=(1, "batch", 1)) in core.gone((1, "batch", 1), None)
    (result,) = reports(core.cleaned((1, "batch", 1), 5.0))
    assert isinstance(result, StepResult)
    assert (result.ending, result.exit_code, result.ended) == ("LOST", 9, 5.0)


def test_the_lease_ends_jobs_with_their_steps() -> None:
    core = with_steps("batch", "0")
    core.message(Registered(cluster="c", lease=100, heartbeat=1, now=0), 0)
    assert core.tick(1000) == []  # connected
    core.link_down(1000)
    assert core.tick(1000 - LINK_DEAD + 99) == []
    assert [step for step, _ in words(core.tick(1000 - LINK_DEAD + 100))] == ["batch", "0"]
    assert core.tick(5000) == []


def test_the_lease_is_counted_from_the_last_word() -> None:
    core = with_steps("batch")
    core.message(Registered(cluster="c", lease=100, heartbeat=1, now=0), 0)
    core.message(Beat(now=0), 999)
    core.link_down(1000)
    assert core.tick(1098.9) == []
    assert words(core.tick(1099))


def test_the_lease_ends_steps_of_allocations_too() -> None:
    """Whether a job is started again elsewhere or not: what the controller reports as ended must not live on here."""
    core = with_steps("0", "1")
    core.remember_contact(10, 0)
    assert [step for step, _ in words(core.tick(100))] == ["0", "1"]
