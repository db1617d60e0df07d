"""What AccountingStorageTRES= adds to the trackable resources of jobs, steps, nodes and partitions."""

from __future__ import annotations

import msgspec
import pytest

from mgpu_slurm.controller import asked
from mgpu_slurm.controller.history_columns import HISTORY
from mgpu_slurm.facts.fields.accounted import AccountView
from mgpu_slurm.facts.fields.sacct import tres
from mgpu_slurm.records.columns import JOB
from mgpu_slurm.records.gpu import Gpu
from mgpu_slurm.records.node_columns import NODE, PARTITION
from mgpu_slurm.records.step_columns import STEP
from mgpu_slurm.sched.priority import Weights
from tests.kit.cases import Case

TRACKED = ("gres/gpu", "gres/gpu:a100", "license/lic")
VIEW = AccountView()


def cluster(*tracked: str) -> Case:
    c = Case(licenses={"lic": 4}).node("n0", gpus=4).node("n1", gpus=4)
    c.state.tracked, c.state.licenses = tracked, {"lic": 4}
    return c


def test_nothing_is_added_where_nothing_is_said() -> None:
    c = cluster()
    job = c.submit(gpus=2, licenses="lic:1")
    c.plan()
    source = asked.source(c.state, c.now)
    assert JOB["tres"](c.job(job), source) == "cpu=1,mem=100M,node=1,billing=1"
    assert NODE["cfg_tres"](c.state.nodes["n0"], source) == "cpu=8,mem=16000M,billing=8"
    assert NODE["alloc_tres"](c.state.nodes["n0"], source) == "cpu=1,mem=100M"
    assert PARTITION["tres"](c.state.partitions["gpu"], source) == "cpu=16,mem=32000M,node=2,billing=16"
    assert tres(VIEW, HISTORY["held"](c.job(job), None, source)) == "billing=1,cpu=1,gres/gpu=2,mem=100M,node=1"


def test_what_is_held() -> None:
    c = cluster(*TRACKED)
    job = c.submit(gpus=2, licenses="lic:1", ntasks=2)
    c.plan().started(job)
    c.step(job, ntasks=2)
    source = asked.source(c.state, c.now)
    record = c.job(job)
    assert JOB["tres"](record, source) == "cpu=2,mem=200M,node=1,billing=2,gres/gpu=2,gres/gpu:a100=2,license/lic=1"
    assert STEP["tres"](record.steps["0"], record, source) == "cpu=2,gres/gpu:a100=2,gres/gpu=2,mem=200M,node=1"
    assert STEP["tres"](record.steps["batch"], record, source) == ""
    here, there = (c.state.nodes[name] for name in ("n0", "n1"))
    assert NODE["cfg_tres"](here, source) == "cpu=8,mem=16000M,billing=8,gres/gpu=4,gres/gpu:a100=4"
    assert NODE["alloc_tres"](here, source) == "cpu=2,mem=200M,gres/gpu=2,gres/gpu:a100=2"
    assert NODE["alloc_tres"](there, source) == ""
    whole = "cpu=16,mem=32000M,node=2,billing=16,gres/gpu=8,gres/gpu:a100=8,license/lic=4"
    assert PARTITION["tres"](c.state.partitions["gpu"], source) == whole
    held = "billing=2,cpu=2,gres/gpu:a100=2,gres/gpu=2,license/lic=1,mem=200M,node=1"
    assert tres(VIEW, HISTORY["held"](record, None, source)) == held
    assert tres(VIEW, HISTORY["held"](record, record.steps["0"], source)) == "cpu=2,gres/gpu:a100=2,gres/gpu=2,mem=200M,node=1"


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"gpus": 2}, "gres/gpu=2"),
        ({"gres": "gpu:a100:1", "min_nodes": 2}, "gres/gpu=2,gres/gpu:a100=2"),
        ({"gpus_per_task": "1", "ntasks": 3}, "gres/gpu=3"),
        ({"gres": "gpu:1", "licenses": "lic:2"}, "gres/gpu=1,license/lic=2"),
        ({}, ""),
    ],
)
def test_what_is_asked_for(fields: dict[str, object], more: str) -> None:
    c = cluster(*TRACKED)
    job = c.submit(**fields)
    text = str(JOB["tres"](c.job(job), asked.source(c.state, c.now)))
    assert text.partition("billing=")[2].partition(",")[2] == more


def test_a_type_may_weigh_more() -> None:
    c = cluster(*TRACKED)
    c.state.partitions["gpu"].tres_billing_weights = "CPU=1,GRES/gpu:a100=10"
    job = c.submit(gpus=2)
    c.plan()
    assert "billing=21" in str(JOB["tres"](c.job(job), asked.source(c.state, c.now)))


def test_a_gpu_counts_for_its_own_type_alone() -> None:
    """However many names it answers to: of what a partition has, and so of the share that makes a priority."""
    c = cluster("gres/gpu", "gres/gpu:a100", "gres/gpu:nvidia_a100")
    for node in c.state.nodes.values():
        node.gpus = [Gpu(index=at, type="nvidia_a100", aliases=["a100"]) for at in range(4)]
    c.core.ctx.partition_totals.clear()
    source = asked.source(c.state, c.now)
    gpu = c.state.partitions["gpu"]
    assert PARTITION["tres"](gpu, source) == "cpu=16,mem=32000M,node=2,billing=16,gres/gpu=8,gres/gpu:nvidia_a100=8"
    c.core.ctx.settings = msgspec.structs.replace(
        c.core.ctx.settings, weights=Weights(tres={"gres/gpu": 800.0, "gres/gpu:a100": 800.0, "gres/gpu:nvidia_a100": 800.0})
    )
    assert c.job(c.submit(gres="gpu:nvidia_a100:2")).priority == 400
    assert c.job(c.submit(gres="gpu:2")).priority == 200
