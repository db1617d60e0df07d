"""Who may start: dependencies of every kind, begin times, holds, deadlines."""

from __future__ import annotations

import pytest

from tests.kit.cases import ANN, BOB, ROOT, Case


def run_to_end(c: Case, job: int, code: int) -> None:
    c.plan()
    assert c.state_of(job) == "RUNNING"
    c.ends(job, code=code)


# kind, exit code of the target (None: it only starts) -> what becomes of the one that waits
@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("after", None, "None"),
        ("afterany", None, "Dependency"),
        ("afterany", 0, "None"),
        ("afterany", 1, "None"),
        ("afterok", None, "Dependency"),
        ("afterok", 0, "None"),
        ("afterok", 1, "DependencyNeverSatisfied"),
        ("afternotok", 0, "DependencyNeverSatisfied"),
        ("afternotok", 1, "None"),
        ("aftercorr", 0, "None"),
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_kinds(kind: str, code: int | None, expected: str, restart: bool) -> None:
    c = Case().node("n0")
    target = c.submit()
    job = c.submit(dependency=f"{kind}:{target}")
    assert (c.reason(job), c.job(job).dependency_text) == ("Dependency", f"{kind}:{target}(unfulfilled)")
    c.plan()
    if code is not None:
        c.ends(target, code=code)
    if restart:
        c.restart()
    assert c.reason(job) == expected
    if expected == "None" and not restart:
        assert c.job(job).dependency_text == ""
        c.plan()
        assert c.state_of(job) == "RUNNING"


def test_a_target_that_does_not_exist_counts_as_met() -> None:
    c = Case().node("n0")
    assert c.reason(c.submit(dependency="afterok:999999")) == "None"


def test_all_or_any() -> None:
    c = Case().node("n0")
    first, second = c.submit(), c.submit()
    both = c.submit(dependency=f"afterok:{first},afterok:{second}")
    either = c.submit(dependency=f"afterok:{first}?afterok:{second}")
    neither = c.submit(dependency=f"afternotok:{first}?afternotok:{second}")
    run_to_end(c, first, 0)
    assert (c.reason(both), c.reason(either), c.reason(neither)) == ("Dependency", "None", "Dependency")
    assert c.job(neither).dependency_text == f"afternotok:{first}(failed)?afternotok:{second}(unfulfilled)"
    c.ends(second)
    assert (c.reason(both), c.reason(neither)) == ("None", "DependencyNeverSatisfied")


def test_after_some_minutes() -> None:
    c = Case().node("n0")
    target = c.submit()
    job = c.submit(dependency=f"after:{target}+5")
    assert c.job(job).dependency_text == f"after:{target}+5(unfulfilled)"
    c.plan().after(299)
    assert c.reason(job) == "Dependency"
    c.after(1)
    assert c.reason(job) == "None"


def test_kill_on_invalid_dependency() -> None:
    c = Case().node("n0")
    target = c.submit()
    job = c.submit(dependency=f"afterok:{target}", kill_on_invalid_dep=True)
    kept = c.submit(dependency=f"afterok:{target}")
    next_one = c.submit(dependency=f"afterany:{job}")
    run_to_end(c, target, 1)
    assert (c.state_of(job), c.reason(job)) == ("CANCELLED", "DependencyNeverSatisfied")
    assert c.state_of(kept) == "PENDING"
    assert c.reason(next_one) == "None"


def test_a_whole_array_as_target() -> None:
    c = Case().node("n0", cpus=4)
    master = c.submit(array="0-2")
    good = c.submit(dependency=f"afterok:{master}")
    bad = c.submit(dependency=f"afternotok:{master}")
    begun = c.submit(dependency=f"after:{master}")
    one = c.submit(dependency=f"afterok:{master}_1")
    assert c.job(good).dependency_text == f"afterok:{master}_*(unfulfilled)"
    c.plan()
    assert c.reason(begun) == "None"
    by_task = {c.job(job).array_task_id: job for job in c.state.arrays[master]}
    c.ends(by_task[1])
    assert (c.reason(good), c.reason(one)) == ("Dependency", "None")
    c.ends(by_task[0], code=1)
    assert c.reason(good) == "Dependency"
    c.ends(by_task[2])
    assert (c.reason(good), c.reason(bad)) == ("DependencyNeverSatisfied", "None")


def test_aftercorr_goes_task_by_task() -> None:
    c = Case().node("n0", cpus=2)
    first = c.submit(array="0-3")
    second = c.submit(array="0-3", dependency=f"aftercorr:{first}")
    c.plan()
    by_task = {c.job(job).array_task_id: job for job in c.state.arrays[first]}
    c.ends(by_task[0])
    c.ends(by_task[1], code=1)
    ready = c.state.element(second, 0)
    failed = c.state.element(second, 1)
    assert ready is not None
    assert failed is not None
    assert (ready.reason, failed.reason) == ("None", "DependencyNeverSatisfied")
    assert c.job(second).array_tasks == [2, 3]
    assert c.reason(second) == "Dependency"
    c.cancel(f"{first}_[2-3]")
    assert c.reason(second) == "DependencyNeverSatisfied"


def test_aftercorr_on_an_array_that_is_over() -> None:
    c = Case().node("n0")
    first = c.submit(array="0-1")
    c.plan()
    for job in list(c.running()):
        c.ends(job, code=c.job(job).array_task_id or 0)
    second = c.submit(array="0-1", dependency=f"aftercorr:{first}")
    found = {task: c.state.element(second, task) for task in (0, 1)}
    assert {task: one.reason for task, one in found.items() if one} == {0: "None", 1: "DependencyNeverSatisfied"}


def test_singleton() -> None:
    c = Case().node("n0")
    first = c.submit(name="a", dependency="singleton")
    second = c.submit(name="a", dependency="singleton")
    other = c.submit(name="b", dependency="singleton")
    foreign = c.submit(BOB, name="a", dependency="singleton")
    assert [c.reason(job) for job in (first, second, other, foreign)] == ["None", "Dependency", "None", "None"]
    run_to_end(c, first, 0)
    assert c.reason(second) == "None"


@pytest.mark.parametrize(
    ("text", "code"), [("foo:1", 2038), ("afterok:x", 2038), ("afterok:0", 2038), ("expand:1", 2036), ("afterok", 2038)]
)
def test_texts_that_are_no_dependency(text: str, code: int) -> None:
    assert Case().node("n0").refused(dependency=text) == code


def test_a_circle_is_refused() -> None:
    c = Case().node("n0")
    first = c.submit(hold=True)
    second = c.submit(dependency=f"afterok:{first}")
    assert c.update("job", first, Dependency=f"afterok:{second}") == 2071
    assert c.update("job", first, Dependency=f"afterok:{first}") == 2038
    assert c.job(first).dependency == []
    assert c.update("job", second, Dependency="") == 0
    assert c.reason(second) == "None"


def test_begin() -> None:
    c = Case().node("n0")
    job = c.submit(begin=c.now + 100)
    assert (c.reason(job), c.job(job).eligible_time) == ("BeginTime", c.now + 100)
    c.plan()
    assert c.state_of(job) == "PENDING"
    c.restart()
    c.register("n0")
    c.after(100).plan()
    assert c.state_of(job) == "RUNNING"


def test_deadline() -> None:
    c = Case().node("n0", cpus=1)
    first = c.submit()
    job = c.submit(deadline=c.now + 600, time_limit=5)
    c.plan().after(299)
    assert c.state_of(job) == "PENDING"
    c.after(1)
    assert c.state_of(job) == "DEADLINE"
    assert c.state_of(first) == "RUNNING"
    assert c.refused(deadline=c.now - 5) == 2051


def test_holds_and_who_may_end_them() -> None:
    c = Case().node("n0")
    mine = c.submit(hold=True)
    assert (c.reason(mine), c.job(mine).priority) == ("JobHeldUser", 0)
    assert c.act("release", mine, who=BOB) == 2010
    assert c.act("release", mine, who=ANN) == 0
    assert c.act("hold", mine, who=ROOT) == 0
    assert c.reason(mine) == "JobHeldAdmin"
    assert c.act("release", mine, who=ANN) == 2002
    assert c.act("uhold", mine, who=ROOT) == 0
    assert c.reason(mine) == "JobHeldUser"
    assert c.act("release", mine, who=ANN) == 0
    c.plan()
    assert c.act("hold", mine, who=ANN) == 0
    assert (c.state_of(mine), c.reason(mine)) == ("RUNNING", "JobHeldUser")
    assert c.act("requeue", mine, who=ANN) == 0
    c.gone(mine)
    assert (c.state_of(mine), c.reason(mine)) == ("PENDING", "JobHeldUser")
    c.cancel(mine)
    assert c.act("hold", mine) == 2084
    assert c.act("hold", 99999) == 2017


def test_tasks_of_an_array_are_held_and_released_alone() -> None:
    c = Case().node("n0")
    master = c.submit(array="0-3", hold=True)
    assert c.act("release", f"{master}_[1-2]", who=ANN) == 0
    c.plan()
    assert c.job(master).array_tasks == [0, 3]
    assert sorted(c.job(job).array_task_id or 0 for job in c.running()) == [1, 2]
    assert c.act("release", master, who=ANN) == 0
    c.plan()
    assert len(c.running()) == 4
