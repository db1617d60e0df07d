"""What is refused at once, with which number, and what is accepted and waits."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, BOB, ROOT, Case


def cluster() -> Case:
    c = Case(max_array_size=1001)
    for at in range(4):
        c.node(f"n{at}", gpus=4)
    return c.partition("debug", ["n0"], max_time=60)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"partition": "nope"}, 2000),
        ({"partition": "gpu,nope"}, 2000),
        ({"gres": "gpu:9"}, 2014),
        ({"gres": "gpu:h100:1"}, 2014),
        ({"gres": "foo:1"}, 2072),
        ({"cpus_per_task": 9}, 2014),
        ({"mem_per_node": 99999}, 2014),
        ({"mem_per_cpu": 99999}, 2014),
        ({"exclude": "n[0-3]"}, 2014),
        ({"gpus": "17"}, None),
        ({"min_nodes": 0}, 2006),
        ({"ntasks": 32, "min_nodes": 1, "max_nodes": 1}, 2014),
        ({"partition": "debug", "nodelist": "n1"}, 2014),
        ({"nodelist": "n9"}, 2018),
        ({"exclude": "n9"}, 2018),
        ({"nodelist": "n0", "exclude": "n0"}, 2018),
        ({"constraint": "foo"}, 2029),
        ({"reservation": "x"}, 2053),
        ({"other": {"batch": "x"}}, 2114),
        ({"other": {"acctg-freq": "-5"}}, 4003),
        ({"licenses": "x"}, 2048),
        ({"array": "a"}, 2081),
        ({"array": "5-1"}, 2081),
        ({"array": "1-3:0"}, 2081),
        ({"array": "0-2000"}, 2081),
        ({"time_min": 10, "time_limit": 5}, 2124),
        ({"script": " "}, 2009),
        ({"nice": -5}, 2123),
        # accepted; what the partition's limits forbid waits
        ({"min_nodes": 5}, 0),
        ({"partition": "debug", "min_nodes": 2}, 0),
        ({"partition": "debug", "time_limit": 120}, 0),
        ({"ntasks": 100}, 0),
        ({"account": "foo"}, 0),
        ({"qos": "foo"}, 0),
        ({"gres": "gpu:9", "hold": True}, 0),
        ({"partition": "debug,gpu", "min_nodes": 2}, 0),
    ],
)
def test_codes(fields: dict[str, Any], code: int | None) -> None:
    c = cluster()
    if code is None:
        fields = {"gpus_per_node": "5"}
        code = 2014
    if code:
        assert c.refused(**fields) == code
        assert not c.state.jobs
    else:
        assert c.state_of(c.submit(**fields)) == "PENDING"


def test_the_line_before_the_refusal() -> None:
    c = cluster()
    answer = c.ask(wire.SubmitJob(requests=[c.request(mem_per_node=99999)]))
    assert (answer.code, answer.detail) == (2014, "Memory specification can not be satisfied")
    answer = c.ask(wire.SubmitJob(requests=[c.request(cpus_per_task=9)]))
    assert answer.detail == "CPU count per node can not be satisfied"
    answer = c.ask(wire.SubmitJob(requests=[c.request(partition="nope")]))
    assert answer.detail == "invalid partition specified: nope"


def test_what_the_partition_forbids_waits_with_its_reason() -> None:
    c = cluster()
    job = c.submit(min_nodes=5)
    c.plan()
    assert (c.state_of(job), c.reason(job)) == ("PENDING", "PartitionNodeLimit")


def test_defaults() -> None:
    c = cluster()
    job = c.job(c.submit(partition="debug", ntasks=4))
    assert (job.time_limit, job.request.mem_per_cpu, job.min_cpus, job.min_nodes) == (60, 100, 4, 1)
    assert (job.priority, job.name, job.user_name) == (1, "job", "ann")
    assert job.request.script is None
    assert not job.request.environment


def test_priorities_that_count_down() -> None:
    c = Case(fifo_priority=True).node("n0")
    first, second = c.submit(), c.submit(nice=100)
    assert c.job(first).priority == 4294901759
    assert c.job(second).priority == 4294901658


def test_partition_states() -> None:
    c = cluster()
    assert c.update("partition", "debug", State="DRAIN") == 0
    assert c.refused(partition="debug") == 2070
    assert c.update("partition", "debug", State="DOWN") == 0
    job = c.submit(partition="debug")
    c.plan()
    assert c.reason(job) == "PartitionDown"
    assert c.update("partition", "debug", State="UP") == 0
    c.plan()
    assert c.state_of(job) == "RUNNING"
    assert c.update("partition", "debug", who=ANN, State="UP") == 2010
    assert c.update("partition", "nope", State="UP") == 2000


def test_too_many_jobs() -> None:
    c = Case(max_job_count=3).node("n0")
    c.submit(array="0-1", hold=True)
    c.submit(hold=True)
    assert c.refused() == 11


def test_for_somebody_else() -> None:
    from mgpu_slurm.controller.events import UserFacts

    c = Case().node("n0")
    bob = UserFacts(uid=BOB.uid, gid=BOB.gid, user="bob", group="bob")
    message = wire.SubmitJob(requests=[c.request(as_uid=BOB.uid)])
    assert c.ask(message, ANN, user=bob).code == 2010
    answer = c.ask(message, ROOT, user=bob)
    assert c.job(answer.job_id).uid == BOB.uid


def test_test_only_keeps_nothing() -> None:
    c = cluster()
    answer = c.ask(wire.SubmitJob(requests=[c.request(min_nodes=2)], test_only=True))
    assert isinstance(answer, wire.JobTest)
    assert (answer.nodes, answer.partition, answer.start_time) == ("n[0-1]", "gpu", c.now)
    assert not c.state.jobs


def test_what_no_node_can_take_has_no_start() -> None:
    c = cluster()
    c.update("node", "n3", State="DRAIN", Reason="x")
    assert c.ask(wire.SubmitJob(requests=[c.request(min_nodes=4)], test_only=True)).code == 2014
    assert c.ask(wire.SubmitJob(requests=[c.request(nodelist="n3")], test_only=True)).code == 2014
    later = c.ask(wire.SubmitJob(requests=[c.request(begin=c.now + 60)], test_only=True))
    assert (later.nodes, later.start_time) == ("n0", c.now + 60)


def test_what_waits_behind_many_has_a_start_nevertheless() -> None:
    c = cluster()
    for _ in range(20):
        c.submit(min_nodes=4, exclusive="exclusive", time_limit=1)
    c.plan()
    found = c.ask(wire.SubmitJob(requests=[c.request(min_nodes=4, exclusive="exclusive")], test_only=True))
    assert (found.nodes, found.start_time) == ("n[0-3]", c.now + 60)


def test_scripts_are_saved_apart() -> None:
    c = cluster()
    job = c.submit(environment={"A": "b"})
    saved = [effect for effect in c.effects if type(effect).__name__ == "SaveScript"]
    assert [(one.job_id, one.script, one.environment) for one in saved] == [(job, "#!/bin/sh\n", {"A": "b"})]
    assert b"/bin/sh" not in c.disk["jobs"][job]
