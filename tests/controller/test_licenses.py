"""Licences: how they are written, what is refused, who holds how many."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.controller import licenses, query
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, ROOT, Case

HAVE = {"lic": 4, "matlab": 2}


def cluster(**settings: Any) -> Case:
    c = Case(licenses=HAVE, **settings).node("n0").node("n1")
    c.state.licenses = dict(HAVE)
    return c


def table(c: Case) -> dict[str, tuple[int, int]]:
    asked = wire.Query(table="licenses", columns=["name", "used", "reserved"])
    names, used, reserved = query.rows(c.state, asked, ANN, c.now).columns
    return {name: (held, kept) for name, held, kept in zip(names, used, reserved, strict=True)}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        # as Slurm 22.05.8 answers, with lic:4 and matlab:2
        ("lic:1,lic:1", True), ("lic:3,lic:3", False), (",", True), ("", True), ("lic:", True), (" lic", False),
        ("lic:1:2", False),
        ("lic,", True), (",lic", True), ("lic,,matlab", True), ("lic:1x", False), ("lic:+1", True), ("lic:4294967297", True),
        ("LIC", False), ("lic: 1", True), ("lic;", True), ("lic:2;matlab:1", True), ("lic:1k", False), ("lic:0,matlab", True),
        ("lic :1", False), ("lic*2", False), ("lic=2", False), ("lic|matlab", False), ("lic@x", False), ("lic:-1", False),
        ("lic:5", False), ("nosuch", False),
    ],
)  # fmt: skip
def test_what_may_be_asked_for(text: str, good: bool) -> None:
    c = cluster(compat=(22, 5))
    if good:
        assert c.state_of(c.submit(licenses=text, hold=True)) == "PENDING"
    else:
        assert c.refused(licenses=text, hold=True) == 2048


def test_the_configuration_may_use_the_old_sign() -> None:
    assert licenses.totals(["lic:4", "matlab*2", "one"]) == {"lic": 4, "matlab": 2, "one": 1}


def test_jobs_wait_for_them_and_give_them_back() -> None:
    c = cluster()
    first, second, third = c.submit(licenses="lic:3"), c.submit(licenses="lic:2"), c.submit(licenses="lic,matlab")
    # the plan knows nothing of licences that it gives away itself: what is refused then waits from the next one on
    c.plan().plan()
    assert c.running() == [first, third]
    assert c.reason(second) == "Licenses"
    assert table(c) == {"lic": (4, 0), "matlab": (1, 0)}
    c.started(first)
    c.ends(first)
    c.gone(first)
    c.plan()
    assert c.state_of(second) == "RUNNING"
    assert table(c)["lic"] == (3, 0)


def test_one_of_several_is_the_first_that_is_free() -> None:
    c = cluster(compat=(26, 5))
    jobs = [c.submit(licenses="matlab:2|lic:2") for _ in range(4)]
    c.plan()
    assert c.running() == jobs[:3]
    assert table(c) == {"lic": (4, 0), "matlab": (2, 0)}


def test_an_operator_changes_what_a_running_job_holds() -> None:
    c = cluster()
    job = c.submit(licenses="lic:3")
    c.plan()
    assert c.update("job", job, licenses="lic:9") == 2048
    assert c.update("job", job, who=ANN, licenses="lic:1") == 2073
    assert c.update("job", job, who=ROOT, licenses="lic:1") == 0
    assert table(c)["lic"] == (1, 0)


def test_what_a_reservation_keeps_is_its_users_alone() -> None:
    c = cluster()
    changes = [("StartTime", "now"), ("Duration", "60"), ("Users", "root"), ("Nodes", "n1"), ("Licenses", "lic:3")]
    c.ask(wire.Update(what="reservation", name="kept", action="create", changes=changes), ROOT)
    assert table(c)["lic"] == (0, 3)
    own, other = c.submit(who=ROOT, licenses="lic:3", reservation="kept"), c.submit(licenses="lic:2")
    c.plan()
    assert c.running() == [own]
    assert c.reason(other) == "Licenses"
