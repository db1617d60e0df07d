"""CPU binding: recorded from Slurm 22.05.8 with task/affinity on two CPUs, and by srun(1)'s rules on larger machines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.node.supervisor import binding

TWO = binding.cpus_of([[0, 0, 0, 0, 0], [1, 0, 1, 0, 0]])
# Two sockets of two cores of two threads; the kernel counts first threads first.
EIGHT = binding.cpus_of([[n, n % 4 // 2, n % 4, n // 4, n % 4 // 2] for n in range(8)])


def bind(machine: list[binding.Cpu], tasks: int, cpus: list[int] | None = None, **request: Any) -> binding.Binding:
    share = {"cpus": list(range(len(machine))) if cpus is None else cpus}
    return binding.bind(request, {"hint": request.pop("hint", None)}, {"tasks": list(range(tasks)), "share": share}, machine)


RECORDED = [
    (1, [0], {}, "quiet,mask_cpu:0x1", [1]),
    (2, [0, 1], {}, "quiet,mask_cpu:0x1,0x2", [1, 2]),
    (1, [0, 1], {}, "quiet,mask_cpu:0x3", [3]),
    (1, [0, 1], {"cpus_per_task": 2}, "quiet,mask_cpu:0x3", [3]),
    (2, [0, 1], {"cpu_bind": "verbose,cores"}, "verbose,mask_cpu:0x1,0x2", [1, 2]),
    (2, [0, 1], {"cpu_bind": "none,verbose"}, "verbose,none", [0, 0]),
    (2, [0, 1], {"cpu_bind": "v,sockets"}, "verbose,mask_cpu:0x3,0x3", [3, 3]),
    (2, [0, 1], {"cpu_bind": "v,ldoms"}, "verbose,mask_cpu:0x3,0x3", [3, 3]),
    (2, [0, 1], {"cpu_bind": "v,map_cpu:1,0"}, "verbose,map_cpu:1,0", [2, 1]),
    (2, [0, 1], {"cpu_bind": "v,mask_cpu:0x2,0x1"}, "verbose,mask_cpu:2,1", [2, 1]),
    (2, [0, 1], {"cpu_bind": "v,rank"}, "verbose,rank", [1, 2]),
    (2, [0, 1], {"cpu_bind": "v,rank_ldom"}, "verbose,rank_ldom", [3, 3]),
    (2, [0, 1], {"cpu_bind": "v,map_ldom:0,0"}, "verbose,map_ldom:0,0", [3, 3]),
    (2, [0, 1], {"cpu_bind": "v,mask_ldom:1"}, "verbose,mask_ldom:1", [3, 3]),
    (4, [0], {"overcommit": True}, "quiet,mask_cpu:0x1", None),
    (1, [0], {"threads_per_core": 1}, "quiet,mask_cpu:0x1", [1]),
    (1, [0], {"hint": "nomultithread"}, "quiet,mask_cpu:0x1", [1]),
]


@pytest.mark.parametrize(("tasks", "cpus", "request_", "variable", "masks"), RECORDED)
def test_recorded(tasks: int, cpus: list[int], request_: dict[str, Any], variable: str, masks: list[int] | None) -> None:
    made = bind(TWO, tasks, cpus, **request_)
    if masks is not None:
        assert made.masks == masks
        assert made.variables["SLURM_CPU_BIND"] == variable
    else:
        assert set(made.masks) == {1}


@pytest.mark.parametrize("text", ["map_cpu:5", "map_cpu:1", "mask_cpu:0x2"])
def test_maps_beyond_the_step_are_refused(text: str) -> None:
    with pytest.raises(binding.OutsideAllocation, match="outside of job step allocation, allocated CPUs are: 0x1"):
        bind(TWO, 1, [0], cpu_bind=text)


@pytest.mark.parametrize(
    ("tasks", "request_", "masks"),
    [
        (8, {}, [0x01, 0x04, 0x10, 0x40, 0x02, 0x08, 0x20, 0x80]),  # threads, round the sockets
        (8, {"distribution": "block:block"}, [0x01, 0x10, 0x02, 0x20, 0x04, 0x40, 0x08, 0x80]),
        (4, {"cpus_per_task": 2}, [0x11, 0x44, 0x22, 0x88]),
        (2, {}, [0x33, 0xCC]),  # as many as sockets
        (3, {}, [0xFF] * 3),  # as many as nothing
        (2, {"cpu_bind": "cores"}, [0x11, 0x44]),
        (2, {"cpu_bind": "threads"}, [0x01, 0x04]),
        (2, {"cpu_bind": "cores", "distribution": "*:block"}, [0x11, 0x11]),
        (4, {"hint": "nomultithread"}, [0x01, 0x04, 0x02, 0x08]),
        (2, {"cpu_bind": "rank_ldom"}, [0x33, 0xCC]),
    ],
)
def test_two_sockets(tasks: int, request_: dict[str, Any], masks: list[int]) -> None:
    assert [hex(mask) for mask in bind(EIGHT, tasks, **request_).masks] == [hex(mask) for mask in masks]


def test_the_report() -> None:
    made = bind(TWO, 2, cpu_bind="verbose")
    assert made.report("a0", 1, 1, 28971) == "cpu-bind=MASK - a0, task  1  1 [28971]: mask 0x2 set"
    assert bind(TWO, 2, cpu_bind="v,none").report("a0", 0, 0, 7) == "cpu-bind=NONE - a0, task  0  0 [7]: mask 0x0"
    assert bind(TWO, 2).report("a0", 0, 0, 7) == ""


@given(
    st.integers(1, 12),
    st.sets(st.integers(0, 7), min_size=1),
    st.sampled_from(["", "cores", "threads", "sockets", "ldoms", "rank", "verbose"]),
    st.integers(1, 3),
    st.sampled_from(["", "block:block", "block:cyclic"]),
)
def test_tasks_stay_on_the_steps_cpus(tasks: int, cpus: set[int], kind: str, per_task: int, distribution: str) -> None:
    made = bind(EIGHT, tasks, sorted(cpus), cpu_bind=kind, cpus_per_task=per_task, distribution=distribution)
    allowed = binding.of_share(EIGHT, sorted(cpus))
    assert len(made.masks) == tasks
    assert all(mask and not mask & ~allowed for mask in made.masks)
