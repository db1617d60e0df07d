"""scontrol update: what the controller makes of the rarer keys of jobs, nodes and partitions."""

from __future__ import annotations

import json
import time

import pytest

from tests.kit.cases import BOB, Case


@pytest.fixture
def c() -> Case:
    return Case(compat=(22, 5)).node("n0", cpus=8, gpus=4).node("n1", cpus=8)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sitefactor": "5"}, 0),
        ({"numcpus": "4-8"}, 0),
        ({"numcpus": "17"}, 2015),
        ({"mincpusnode": "99"}, 2015),
        ({"numtasks": "0"}, 2025),
        ({"numnodes": "2-1"}, 2006),
        ({"timemin": "99"}, 2124),
        ({"delayboot": "x"}, 2054),
        ({"prefer": "nosuch"}, 2133),
        ({"corespec": "1"}, 2002),
        ({"burstbuffer": "x"}, 2036),
        ({"clusters": "x"}, -1),
        ({"gres": ""}, 2115),
        ({"gres": "gpu:1"}, 0),
        ({"trespernode": "gpu:1"}, 2115),
        ({"trespernode": "gres:nosuch:1"}, 2072),
        ({"trespernode": "gres:gpu:2"}, 0),
        ({"trespersocket": "gres:gpu:1"}, 2072),
        ({"reqsockets": "1", "trespersocket": "gres:gpu:1"}, 0),
        ({"mempertres": "gres:gpu:100"}, 2072),
        ({"tresbind": "x"}, 2115),
        ({"tresfreq": "gpu:foo"}, 2115),
        ({"arraytaskthrottle": "2"}, 0),
    ],
)
def test_a_waiting_job(c: Case, changes: dict[str, str], code: int) -> None:
    job = c.submit(hold=True, time_limit=10)
    assert c.update("job", job, **changes) == code


def test_cpus_in_all_are_given_without_more_tasks(c: Case) -> None:
    job = c.submit(hold=True)
    assert c.update("job", job, numcpus="4") == 0
    assert (c.job(job).min_cpus, c.job(job).ntasks) == (4, 1)
    c.act("release", job)
    c.plan()
    allocation = c.job(job).allocation
    assert allocation is not None
    assert (allocation.cpus, c.job(job).ntasks) == (4, 1)


def test_an_end_is_kept_and_the_limit_follows_its_moves(c: Case) -> None:
    """The limits are those that Slurm 22.05.8 showed."""
    job = c.submit(time_limit=60)
    c.plan()
    start = c.job(job).start_time
    for seconds, limit in ((30, 1), (602, 11), (5403, 91), (184, 5), (3606, 62)):
        assert c.update("job", job, endtime=time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(start + seconds))) == 0
        assert (c.job(job).end_time, c.job(job).time_limit) == (start + seconds, limit)
    assert c.update("job", job, timelimit="10") == 0
    assert c.job(job).end_time == start + 600


def test_an_administrators_share_of_the_priority(c: Case) -> None:
    job = c.submit(begin=c.now + 3600)
    assert c.update("job", job, who=BOB, sitefactor="100") in (2002, 2010)
    assert c.update("job", job, sitefactor="100") == 0
    assert c.job(job).priority == 100
    assert c.update("job", job, priority="0") == 0
    assert c.update("job", job, priority="7") == 2042
    c.act("release", job)
    assert c.job(job).priority == 100


@pytest.mark.parametrize(
    ("what", "name", "changes", "code"),
    [
        ("node", "n1", {"activefeatures": "f"}, 2031),
        ("node", "n1", {"features": "f,g", "activefeatures": "f"}, 0),
        ("node", "n0", {"gres": "gpu:9"}, 2072),
        ("node", "n[0-1]", {"nodeaddr": "a"}, 2018),
        ("node", "n9", {"state": "NOSUCH"}, 2018),
        ("node", "n1", {"state": "MIXED"}, 2028),
        ("partition", "gpu", {"jobdefaults": "DefCpuPerGPU=x"}, 2117),
        ("partition", "gpu", {"jobdefaults": "DefCpuPerGPU=2"}, 0),
        ("partition", "gpu", {"tresbillingweights": "GRES/gpu=3"}, 2116),
        ("partition", "gpu", {"tresbillingweights": "CPU=1.0,Mem=0.25G"}, 0),
    ],
)
def test_nodes_and_partitions(c: Case, what: str, name: str, changes: dict[str, str], code: int) -> None:
    assert c.update(what, name, **changes) == code


def test_a_reason_needs_something_to_be_wrong() -> None:
    c = Case().node("n0")
    node = c.state.nodes["n0"]
    for changes in ({"Reason": "x"}, {"State": "NORESP"}, {"Reason": "y"}):
        assert c.update("node", "n0", **changes) == 0
        assert node.reason == ""
    c.after(5)
    assert c.update("node", "n0", State="DRAIN", Reason="z") == 0
    assert (node.reason, node.last_busy) == ("z", 0.0)
    assert c.update("node", "n0", State="UNDRAIN") == 0
    assert (node.reason, node.last_busy) == ("", c.now)


def test_only_one_of_two_memories_of_a_partition_counts(c: Case) -> None:
    assert c.update("partition", "gpu", defmempercpu="50") == 0
    assert c.update("partition", "gpu", defmempernode="500") == 0
    partition = c.state.partitions["gpu"]
    assert (partition.def_mem_per_cpu, partition.def_mem_per_node) == (None, 500)


def test_a_partition_of_all_nodes_becomes_one_of_some(c: Case) -> None:
    assert c.update("partition", "gpu", nodes="ALL") == 0
    assert c.update("partition", "gpu", nodes="n1") == 0
    partition = c.state.partitions["gpu"]
    assert (partition.nodes, partition.all_nodes) == (["n1"], False)


def test_how_tasks_are_bound_where_the_step_does_not_say() -> None:
    c = Case().node("n0").node("n1")
    job = c.submit(min_nodes=2, ntasks=2)
    c.plan().started(job)

    def bound(**fields: str) -> str:
        made = c.step(job, overlap=True, **fields)
        return str(json.loads(made.spec)["request"].get("cpu_bind", ""))

    assert bound() == ""
    assert c.update("node", "n0", CpuBind="cores") == 0
    assert bound() == ""
    assert c.update("partition", c.job(job).partition, CpuBind="sockets") == 0
    assert bound() == "sockets"
    assert c.update("node", "n1", CpuBind="cores") == 0
    assert (bound(), bound(cpu_bind="threads")) == ("cores", "threads")
    assert c.update("node", "n1", CpuBind="off") == 0
    assert bound() == "sockets"
