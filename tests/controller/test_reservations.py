"""Reservations: who may make them, what they keep from other jobs, how they change and end."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from mgpu_slurm.base import errors, idset
from mgpu_slurm.controller import reservation_life
from mgpu_slurm.controller.events import RunPrograms, TimeReached
from mgpu_slurm.facts import reservation
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, BOB, ROOT, Case

MADE = {"starttime": "now", "duration": "60", "nodes": "n1", "users": str(ANN.uid)}


def case(nodes: int = 2) -> Case:
    made = Case()
    for number in range(nodes):
        made.node(f"n{number}")
    return made


def ask(c: Case, action: str, name: str, who: object = ROOT, **changes: str) -> int:
    message = wire.Update(what="reservation", name=name, changes=list(changes.items()), action=action)
    answer = c.ask(message, who)  # type: ignore[arg-type]
    return int(answer.rows[-1][1]) if isinstance(answer, wire.Results) else int(answer.code)


def nodes_of(c: Case, job: int) -> list[str]:
    allocation = c.job(job).allocation
    return allocation.nodes if allocation is not None else []


def test_other_jobs_keep_off_and_its_own_start_there() -> None:
    c = case()
    assert ask(c, "create", "mine", **MADE) == 0
    others = [c.submit(who=BOB, ntasks=8, time_limit=5) for _ in range(2)]
    own = c.submit(who=ANN, ntasks=1, reservation="mine")
    c.plan()
    assert nodes_of(c, others[0]) == ["n0"]
    assert (nodes_of(c, others[1]), nodes_of(c, own)) == ([], ["n1"])
    assert c.refused(who=BOB, reservation="mine") == errors.ESLURM_RESERVATION_ACCESS
    assert c.refused(who=BOB, reservation="nosuch") == errors.ESLURM_RESERVATION_INVALID


def test_a_job_that_ends_before_it_begins_may_have_its_nodes() -> None:
    c = case(1)
    assert ask(c, "create", "later", **{**MADE, "nodes": "n0", "starttime": "now+3600"}) == 0
    long = c.submit(who=BOB, time_limit=120)
    short = c.submit(who=BOB, time_limit=10)
    c.plan()
    assert (c.state_of(long), c.state_of(short)) == ("PENDING", "RUNNING")


def test_one_that_repeats_comes_again() -> None:
    c = case(1)
    assert ask(c, "create", "mine", **{**MADE, "nodes": "n0", "duration": "10", "flags": "HOURLY"}) == 0
    start = c.state.reservations["mine"].start
    c.after(601)
    assert c.state.reservations["mine"].start == start + 3600
    c.after(3600)
    assert c.state.reservations["mine"].start == start + 7200


@pytest.mark.parametrize(
    ("flags", "begun", "expected"),
    [
        # 2026-11-26 is a Thursday
        (["DAILY"], "2026-11-26T10:00", "2026-11-27T10:00"),
        (["WEEKDAY"], "2026-11-27T10:00", "2026-11-30T10:00"),
        (["WEEKEND"], "2026-11-26T10:00", "2026-11-28T10:00"),
        (["WEEKLY"], "2026-11-26T10:00", "2026-12-03T10:00"),
        (["WEEKDAY", "WEEKEND", "MAINT"], "2026-11-27T10:00", "2026-11-28T10:00"),
        (["MAINT"], "2026-11-26T10:00", ""),
    ],
)
def test_when_it_comes_again(flags: list[str], begun: str, expected: str) -> None:
    start = datetime.fromisoformat(begun).timestamp()
    found = reservation_life.next_start(flags, start, start + 600)
    assert found == (datetime.fromisoformat(expected).timestamp() if expected else 0)
    late = reservation_life.next_start(flags, start, start + 30 * 86400)
    assert not expected or start + 30 * 86400 < late < start + 38 * 86400


def test_its_end_frees_the_nodes_and_forgets_it() -> None:
    c = case(1)
    assert ask(c, "create", "mine", **{**MADE, "nodes": "n0", "duration": "10"}) == 0
    job = c.submit(who=BOB)
    c.plan()
    assert c.state_of(job) == "PENDING"
    c.after(601)
    c.plan()
    assert (c.state_of(job), c.state.reservations) == ("RUNNING", {})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"users": "nosuchuser"}, errors.ESLURM_USER_ID_MISSING),
        ({"groups": "nosuchgroup", "users": ""}, errors.ESLURM_GROUP_ID_MISSING),
        ({"nodes": "n9"}, errors.ESLURM_INVALID_NODE_NAME),
        ({"users": ""}, errors.ESLURM_RESERVATION_EMPTY),
        ({"partition": "nosuch"}, errors.ESLURM_INVALID_PARTITION_NAME),
        ({"starttime": "now-7200", "duration": "60"}, errors.ESLURM_INVALID_TIME_VALUE),
        ({"nodes": "", "nodecnt": "9"}, errors.ESLURM_INVALID_NODE_COUNT),
        ({"groups": "root"}, errors.ESLURM_RESERVATION_USER_GROUP),
        ({"licenses": "nosuch"}, errors.ESLURM_INVALID_LICENSES),
        ({"nodes": "", "licenses": ""}, errors.ESLURM_INVALID_NODE_NAME),
        ({"corecnt": "9"}, errors.ESLURM_NODES_BUSY),
        ({"corecnt": "0"}, errors.ESLURM_INVALID_CORE_CNT),
        ({"corecnt": "1,1"}, errors.ESLURM_NODES_BUSY),
        ({"nodes": "n[0-1]", "corecnt": "2"}, errors.ESLURM_INVALID_CORE_CNT),
        ({"nodes": "", "corecnt": "17"}, errors.ESLURM_NODES_BUSY),
        ({"nodes": "", "corecnt": "2", "flags": "replace"}, errors.ESLURM_INVALID_CPU_COUNT),
        ({"nodes": "", "corecnt": "2", "features": "x"}, errors.ESLURM_INVALID_FEATURE),
        ({"flags": "time_float,daily"}, errors.ESLURM_NOT_SUPPORTED),
        ({"flags": "part_nodes"}, errors.ESLURM_INVALID_NODE_NAME),
    ],
)
def test_refusals(changes: dict[str, str], code: int) -> None:
    given = {key: text for key, text in {**MADE, **changes}.items() if text or (key in changes and key == "users")}
    assert ask(case(), "create", "new", **given) == code


def test_operators_alone_and_names_once() -> None:
    c = case()
    assert ask(c, "create", "mine", ANN, **MADE) == errors.ESLURM_USER_ID_MISSING
    assert ask(c, "create", "mine", **MADE) == 0
    assert ask(c, "create", "mine", **{**MADE, "nodes": "n0"}) == errors.ESLURM_RESERVATION_NAME_DUP
    assert ask(c, "create", "other", **MADE) == errors.ESLURM_RESERVATION_OVERLAP
    assert ask(c, "create", "other", **MADE, flags="overlap") == 0
    assert ask(c, "update", "mine", users=f"+{BOB.uid}") == 0
    assert c.state.reservations["mine"].uids == [ANN.uid, BOB.uid]
    assert ask(c, "update", "mine", users="") == errors.ESLURM_RESERVATION_EMPTY
    assert ask(c, "update", "nosuch", duration="5") == errors.ESLURM_RESERVATION_INVALID


def test_one_in_use_stays() -> None:
    c = case()
    assert ask(c, "create", "mine", **MADE) == 0
    job = c.submit(who=ANN, reservation="mine", hold=True)
    assert ask(c, "delete", "mine") == errors.ESLURM_RESERVATION_BUSY
    assert c.cancel(job) == 0
    assert ask(c, "delete", "mine") == 0
    assert ask(c, "delete", "mine") == errors.ESLURM_RESERVATION_INVALID


def test_names_are_made_of_the_first_user_and_a_number() -> None:
    c = case()
    user = "root" if os.path.exists("/root") else "0"
    for number in (1, 2):
        message = wire.Update(
            what="reservation", name="", changes=[*{**MADE, "users": user, "nodes": f"n{number - 1}"}.items()], action="create"
        )
        answer = c.ask(message, ROOT)
        assert answer.rows[0][0] == f"{user}_{number}"


def test_words_of_flags() -> None:
    words = ("maint", "MAI", "ma", "x", "o", "w", "repl", "replace_d", "no_hold_jobs_after_end")
    found = [reservation.flag(word) for word in words]
    assert found == ["MAINT", "MAINT", None, None, "OVERLAP", "WEEKDAY", "REPLACE", "REPLACE_DOWN", "NO_HOLD_JOBS_AFTER_END"]
    assert {shown for _, _, shown in reservation.FLAGS} | {"ALL_NODES", "SPEC_NODES"} == {*reservation.ORDER}
    times = [reservation.flag(f"purge_comp{time}") for time in ("", "=10", "=1:30", "=x", "=0")]
    assert times == [f"PURGE_COMP={time}" for time in ("00:05:00", "00:10:00", "00:01:30", "00:05:00", "")]
    assert reservation.shown(["MAGNETIC", "PURGE_COMP=", "MAINT"]) == ["MAINT", "PURGE_COMP", "MAGNETIC"]
    assert [reservation.idle_limit([flag]) for flag in (*times, "MAINT")] == [300, 600, 90, 300, None, None]


def test_an_idle_one_goes_where_it_says_so() -> None:
    c = case()
    assert ask(c, "create", "mine", **MADE, flags="purge_comp=10") == 0
    job = c.submit(who=ANN, reservation="mine", time_limit=50)
    c.plan()
    c.after(601)
    assert (c.state_of(job), list(c.state.reservations)) == ("RUNNING", ["mine"])
    c.ends(job)
    c.gone(job)
    c.after(590)
    assert list(c.state.reservations) == ["mine"]
    c.after(20)
    assert c.state.reservations == {}


def test_flex_lets_its_jobs_begin_before_and_elsewhere() -> None:
    c = case()
    assert ask(c, "create", "mine", **{**MADE, "starttime": "now+3600", "flags": "flex"}) == 0
    jobs = [c.submit(who=ANN, ntasks=8, reservation="mine", time_limit=300) for _ in range(2)]
    other = c.submit(who=BOB, ntasks=1, time_limit=300)
    c.plan()
    assert sorted(nodes_of(c, job) for job in jobs) == [["n0"], ["n1"]]
    assert c.state_of(other) == "PENDING"


def test_magnetic_draws_jobs_of_its_users() -> None:
    c = case(1)
    assert ask(c, "create", "mine", **{**MADE, "nodes": "n0", "flags": "magnetic"}) == 0
    own, other = c.submit(who=ANN), c.submit(who=BOB)
    c.plan()
    assert (c.state_of(own), c.state_of(other)) == ("RUNNING", "PENDING")
    assert c.job(own).request.reservation == "mine"


def test_a_job_that_magnetic_nodes_cannot_hold_is_kept_off_them() -> None:
    c = case(3)
    assert ask(c, "create", "mine", **MADE, flags="magnetic") == 0
    small, large, all_nodes = c.submit(who=ANN, min_nodes=1), c.submit(who=ANN, min_nodes=2), c.submit(who=ANN, min_nodes=3)
    c.plan()
    assert (nodes_of(c, small), nodes_of(c, large)) == (["n1"], ["n0", "n2"])
    assert (c.job(large).request.reservation, c.state_of(all_nodes)) == (None, "PENDING")


def test_nodes_are_replaced() -> None:
    c = case(3)
    given = {"starttime": "now", "duration": "60", "nodecnt": "1", "users": str(ANN.uid)}
    assert ask(c, "create", "mine", **given, flags="replace_down") == 0
    assert c.state.reservations["mine"].nodes == ["n0"]
    node = c.state.nodes["n0"]
    node.flags = [*node.flags, "DRAIN"]
    c.plan()
    assert c.state.reservations["mine"].nodes == ["n1"]
    assert ask(c, "update", "mine", flags="replace") == errors.ESLURM_NOT_SUPPORTED
    assert ask(c, "create", "other", **{**given, "nodes": "n2"}, flags="replace") == errors.ESLURM_INVALID_NODE_NAME


@pytest.mark.parametrize(
    ("flags", "runs", "waits"),
    [("static", "TIMEOUT+COMPLETING", True), ("flex", "RUNNING", True), ("no_hold", "TIMEOUT+COMPLETING", False)],
)
def test_what_becomes_of_its_jobs(flags: str, runs: str, waits: bool) -> None:
    c = case(1)
    assert ask(c, "create", "mine", **{**MADE, "nodes": "n0", "duration": "10"}, flags=flags) == 0
    running, waiting, held = (c.submit(who=ANN, reservation="mine", ntasks=8, hold=hold) for hold in (False, False, True))
    c.plan()
    c.after(601)
    assert (c.state_of(running), c.state_of(waiting)) == (runs, "PENDING")
    assert [c.job(job).request.reservation for job in (waiting, held)] == [None, None]
    for job in (waiting, held):
        assert ("RESV_DEL_HOLD" in c.job(job).flags) == waits
        assert (c.job(job).reason_text == "Reservation mine was deleted") == waits
    assert c.job(waiting).priority == (0 if waits else 1)
    assert c.act("release", waiting) == 0
    assert c.job(waiting).flags == []


def cores_of(c: Case, name: str) -> dict[str, str]:
    return {node: idset.fold(cores) for node, cores in c.state.reservations[name].cores.items()}


def cpus_of(c: Case, job: int) -> dict[str, str]:
    allocation = c.job(job).allocation
    return {share.node: idset.fold(share.cpus) for share in allocation.shares} if allocation is not None else {}


def cores(c: Case, name: str, text: str, **more: str) -> int:
    given = {key: value for key, value in MADE.items() if key != "nodes"}
    return ask(c, "create", name, **{**given, "corecnt": text, **more})


def test_cores_are_those_that_nobody_has() -> None:
    c = case(4)
    c.submit(who=BOB, ntasks=2, nodelist="n0")
    c.plan()
    assert [cores(c, "a", "4"), cores(c, "b", "4"), cores(c, "c", "6", nodecnt="2")] == [0, 0, 0]
    assert cores(c, "d", "1,2", nodes="n[2-3]") == 0
    assert cores_of(c, "a") == {"n0": "2-5"}
    assert cores_of(c, "b") == {"n0": "6-7", "n1": "0-1"}
    assert cores_of(c, "c") == {"n1": "2-4", "n2": "0-2"}
    assert cores_of(c, "d") == {"n2": "3", "n3": "0-1"}
    assert ask(c, "update", "a", corecnt="2") == ask(c, "update", "a", nodes="n1") == errors.ESLURM_CORE_RESERVATION_UPDATE
    assert ask(c, "update", "a", duration="30") == 0
    assert cores(c, "later", "32", starttime="now+7200") == errors.ESLURM_NODES_BUSY
    assert ask(c, "create", "whole", **{**MADE, "nodes": "n3", "starttime": "now+7200"}) == 0
    assert cores(c, "beside", "2", nodes="n3", starttime="now+7200") == errors.ESLURM_RESERVATION_OVERLAP


def test_jobs_keep_to_the_cores_that_are_theirs() -> None:
    c = case(1)
    assert cores(c, "a", "4") == 0
    own, other = c.submit(who=ANN, ntasks=3, reservation="a"), c.submit(who=BOB, ntasks=4)
    more, whole = c.submit(who=ANN, ntasks=5, reservation="a"), c.submit(who=BOB, exclusive="exclusive", nodelist="n0")
    c.plan()
    assert (cpus_of(c, own), cpus_of(c, other)) == ({"n0": "0-2"}, {"n0": "4-7"})
    assert (c.job(more).reason, c.job(whole).reason) == ("Resources", "ReqNodeNotAvail")
    c.after(3601)
    c.plan()
    assert "a" not in c.state.reservations


def test_a_job_that_its_reservation_cannot_hold_is_refused() -> None:
    c = case()
    assert ask(c, "create", "mine", **MADE) == 0
    assert c.refused(who=ANN, reservation="mine", min_nodes=2) == errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE
    assert c.refused(who=ANN, reservation="mine", nodelist="n0") == errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE


def test_one_that_floats_stays_ahead() -> None:
    c = case()
    given = {**MADE, "nodes": "n0", "starttime": "now+3600", "flags": "time_float"}
    assert ask(c, "create", "ahead", **given) == 0
    for passed in (0, 5000):
        c.after(passed)
        now = c.state.reservations["ahead"].at(1000.0)
        assert (now.start, now.end) == (4600.0, 8200.0)
    short, long = (c.submit(who=ANN, ntasks=8, nodelist="n0", time_limit=minutes) for minutes in (30, 90))
    c.plan()
    assert (c.state_of(short), c.job(long).reason) == ("RUNNING", "ReqNodeNotAvail")
    assert c.refused(who=ANN, reservation="ahead") == errors.ESLURM_RESERVATION_ACCESS
    assert ask(c, "update", "ahead", starttime="now") == errors.ESLURM_RSV_ALREADY_STARTED
    assert ask(c, "update", "ahead", flags="time_float") == errors.ESLURM_INVALID_TIME_VALUE
    assert ask(c, "update", "ahead", duration="30") == 0
    assert c.state.reservations["ahead"].at(0.0).end == 5400.0


def test_programs_run_once_when_it_begins_and_when_its_time_is_over() -> None:
    def ran() -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        return [(one.name, one.patterns, one.arguments) for one in c.effects if isinstance(one, RunPrograms)]

    c = Case(resv_prolog="/p", resv_epilog="/e").node("n0")
    assert ask(c, "create", "mine", **{**MADE, "nodes": "n0", "starttime": "now+60", "duration": "1"}) == 0
    assert ask(c, "create", "other", **{**MADE, "nodes": "n0", "starttime": "now+3600", "duration": "1"}) == 0
    c.handle(TimeReached())
    assert ran() == []
    c.after(60)
    assert ran() == [("ResvProlog", ("/p",), ("mine",))]
    assert ask(c, "update", "mine", duration="2") == 0
    c.after(1)
    assert ran() == []
    c.after(119)
    assert ran() == [("ResvEpilog", ("/e",), ("mine",))]
    assert ask(c, "delete", "other") == 0
    assert ran() == []
