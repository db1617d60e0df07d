"""What becomes of jobs while an administrator's programs run around them, and where those fail."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.controller.events import ProgramsEnded, RunPrograms
from mgpu_slurm.controller.settings import Programs
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import Case

PROLOG, EPILOG = "PrologSlurmctld", "EpilogSlurmctld"


def cluster(*flags: str, requeue: bool = True, **programs: Any) -> Case:
    wanted = Programs(flags=frozenset(flags), **programs)
    return Case(programs=wanted, requeue_delay=120, job_requeue=requeue).node("n0").node("n1")


def runs(c: Case) -> list[str]:
    """The controller's own programs that the last event has asked for."""
    return [effect.name for effect in c.effects if isinstance(effect, RunPrograms)]


def ended(c: Case, job: int, name: str, failed: bool = False) -> None:
    c.handle(ProgramsEnded(job_id=job, attempt=c.job(job).attempt, name=name, failed=failed))


def kinds(messages: list[Any]) -> list[type]:
    return [type(message) for message in messages if not isinstance(message, wire.Registered)]


def prolog_done(c: Case, job: int, node: str, failed: bool = False) -> None:
    c.said(node, wire.PrologDone(node=node, job_id=job, attempt=c.job(job).attempt, failed=failed))


def node_of(c: Case, name: str) -> tuple[bool, str]:
    node = c.state.nodes[name]
    return "DRAIN" in node.flags, node.reason


def test_without_any_nothing_is_sent_that_was_not_before() -> None:
    c = cluster()
    job = c.submit()
    c.plan()
    assert runs(c) == []
    assert kinds(c.sent("n0")) == [wire.LaunchBatch]
    c.started(job)
    c.ends(job)
    assert c.state_of(job) == "COMPLETED"
    assert wire.TerminateJob not in kinds(c.sent("n0"))


def test_a_script_waits_for_the_controllers_prolog_and_its_end_for_the_epilog() -> None:
    c = cluster(prolog=("/p",), epilog=("/e",))
    job = c.submit()
    c.plan()
    assert (runs(c), c.job(job).flags, kinds(c.sent("n0"))) == ([PROLOG], ["CONFIGURING"], [])
    ended(c, job, PROLOG)
    assert (c.job(job).flags, kinds(c.sent("n0"))) == ([], [wire.LaunchBatch])
    c.started(job)
    c.ends(job, code=3)
    assert (runs(c), c.state_of(job), c.state.use["n0"].cpus) == ([EPILOG], "FAILED+COMPLETING", 0)
    ended(c, job, EPILOG, failed=True)
    assert c.state_of(job) == "FAILED"


def test_an_allocation_hears_when_it_is_ready() -> None:
    c = cluster("Alloc", prolog=("/p",), on_nodes=True)
    job = c.alloc(min_nodes=2)
    c.plan()
    conn = c.conn
    assert c.replies[conn][-1].event == "started"
    assert c.replies[conn][-1].preparing
    asked = c.ask(wire.Attach(job_id=job, watch=True))
    assert asked.preparing
    assert c.step(job).code == 2061
    ended(c, job, PROLOG)
    assert c.reason(job) == "Prolog"
    prolog_done(c, job, "n1")
    assert c.reason(job) == "Prolog"
    prolog_done(c, job, "n0")
    assert c.reason(job) == "None"
    assert c.replies[conn][-1].event == "ready"


@pytest.mark.parametrize(("flag", "launched"), [("Alloc", True), ("DeferBatch", False)])
def test_a_script_waits_for_other_nodes_where_it_is_to(flag: str, launched: bool) -> None:
    c = cluster("Alloc", flag, on_nodes=True)
    job = c.submit(min_nodes=2, ntasks=2)
    c.plan()
    assert (wire.LaunchBatch in kinds(c.sent("n0"))) == launched
    prolog_done(c, job, "n0")
    assert wire.LaunchBatch not in kinds(c.sent("n0"))
    prolog_done(c, job, "n1")
    assert (wire.LaunchBatch in kinds(c.sent("n0"))) != launched
    assert not c.unconfirmed.keys() & {("n0", f"prolog:{job}:1"), ("n1", f"prolog:{job}:1")}


@pytest.mark.parametrize("restart", [False, True])
def test_the_controllers_prolog_is_run_again_by_a_controller_that_starts_anew(restart: bool) -> None:
    c = cluster("Alloc", prolog=("/p",), on_nodes=True)
    job = c.submit()
    c.plan()
    if restart:
        c.restart()
        assert runs(c) == [PROLOG]
        c.register("n0").register("n1")
    ended(c, job, PROLOG)
    if restart:
        c.restart()
        c.register("n0").register("n1")
    assert c.reason(job) == "Prolog"
    prolog_done(c, job, "n0")
    assert (c.reason(job), c.state_of(job)) == ("None", "RUNNING")


def test_the_controllers_epilog_is_run_again_by_a_controller_that_starts_anew() -> None:
    c = cluster(epilog=("/e",), at_end=True)
    job = c.submit()
    c.plan().started(job)
    c.ends(job)
    c.gone(job)
    assert c.state_of(job) == "COMPLETED+COMPLETING"
    c.restart()
    assert runs(c) == [EPILOG]
    c.register("n0").register("n1")
    ended(c, job, EPILOG)
    c.gone(job)
    assert c.state_of(job) == "COMPLETED"


def test_all_nodes_run_their_epilog_with_how_the_job_has_ended() -> None:
    c = cluster(at_end=True)
    job = c.submit(min_nodes=2, ntasks=2)
    c.plan().started(job)
    c.sent("n0"), c.sent("n1")
    c.ends(job, code=3)
    for name in ("n0", "n1"):
        order = next(message for message in c.sent(name) if isinstance(message, wire.TerminateJob))
        assert order.epilog is not None
        assert order.epilog.job_id == job
        assert order.exit_code == 3 << 8
    c.gone(job, "n0")
    assert c.state_of(job) == "FAILED+COMPLETING"
    c.said("n1", wire.JobGone(node="n1", job_id=job, attempt=1, failed=True))
    assert (c.state_of(job), node_of(c, "n0"), node_of(c, "n1")) == ("FAILED", (False, ""), (True, "Epilog error"))


@pytest.mark.parametrize(
    ("flags", "fields", "state", "reason"),
    [
        ((), {}, "PENDING", "JobHeldUser"),
        ((), {"requeue": False}, "CANCELLED", "None"),
        (("ForceRequeueOnFail",), {"requeue": False}, "PENDING", "JobHeldUser"),
    ],
)
def test_a_prolog_that_fails_on_a_node(flags: tuple[str, ...], fields: dict[str, Any], state: str, reason: str) -> None:
    c = cluster(*flags, on_nodes=True)
    job = c.submit(**fields)
    c.plan()
    prolog_done(c, job, "n0", failed=True)
    c.gone(job)
    assert (c.state_of(job), c.reason(job), node_of(c, "n0")) == (state, reason, (True, "Prolog error"))
    if state == "PENDING":
        assert (c.job(job).reason_text, c.job(job).priority) == ("launch failed requeued held", 0)
        assert c.act("release", job) == 0
        c.after(121).plan()
        assert c.job(job).batch_host == "n1"


def test_it_is_not_held_where_the_administrator_does_not_want_that() -> None:
    c = cluster(on_nodes=True, no_hold=True)
    job = c.submit()
    c.plan()
    prolog_done(c, job, "n0", failed=True)
    c.gone(job)
    assert (c.state_of(job), c.reason(job)) == ("PENDING", "BeginTime")


def test_a_report_about_an_earlier_run_only_drains_the_node() -> None:
    c = cluster(on_nodes=True, no_hold=True)
    job = c.submit()
    c.plan()
    prolog_done(c, job, "n0", failed=True)
    c.gone(job)
    c.after(121).plan()
    c.said("n0", wire.PrologDone(node="n0", job_id=job, attempt=1, failed=True))
    assert (c.state_of(job), c.job(job).batch_host) == ("RUNNING", "n1")


@pytest.mark.parametrize(("requeue", "state"), [(True, "PENDING"), (False, "CANCELLED")])
def test_the_controllers_prolog_fails_and_no_node_hears_of_the_job(requeue: bool, state: str) -> None:
    c = cluster("Alloc", prolog=("/p",), epilog=("/e",), on_nodes=True, at_end=True, requeue=requeue)
    job = c.submit()
    c.plan()
    ended(c, job, PROLOG, failed=True)
    assert runs(c) == [EPILOG]
    ended(c, job, EPILOG)
    assert (c.state_of(job), c.job(job).flags, kinds(c.sent("n0"))) == (state, [], [])


def test_components_start_together_when_the_last_prolog_has_ended() -> None:
    c = cluster(prolog=("/p",))
    first, second = c.submit_het({}, {})
    c.plan()
    assert runs(c) == [PROLOG, PROLOG]
    ended(c, first, PROLOG)
    assert wire.LaunchBatch not in kinds(c.sent("n0"))
    ended(c, second, PROLOG)
    assert wire.LaunchBatch in kinds(c.sent("n0"))


def test_a_job_that_is_cancelled_while_its_prolog_runs_never_starts() -> None:
    c = cluster("Alloc", prolog=("/p",), on_nodes=True, at_end=True)
    job = c.submit()
    c.plan()
    c.cancel(job)
    assert (c.state_of(job), c.job(job).exit_code, c.job(job).flags) == ("CANCELLED", 0, [])
    ended(c, job, PROLOG)
    assert kinds(c.sent("n0")) == []


def test_a_node_that_is_given_back_runs_its_epilog_before_others_get_it() -> None:
    c = cluster(at_end=True)
    job = c.alloc(min_nodes=2, ntasks=16)
    c.plan()
    assert c.update("job", job, NumNodes="1") == 0
    (order,) = (message for message in c.sent("n1") if isinstance(message, wire.TerminateJob))
    assert order.epilog is not None
    other = c.submit(ntasks=8)
    c.plan()
    assert c.state_of(other) == "PENDING"
    c.said("n1", wire.JobGone(node="n1", job_id=job, attempt=1))
    c.plan()
    assert (c.state_of(other), c.job(other).batch_host, c.state_of(job)) == ("RUNNING", "n1", "RUNNING")
