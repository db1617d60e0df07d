"""What processes use of GPUs: real pynvml calls against the stand-in library."""

from __future__ import annotations

import asyncio
import os

import pytest

from mgpu_slurm.node import gpu_use
from mgpu_slurm.node.core import Key
from mgpu_slurm.node.supervisor.tasks import Task
from mgpu_slurm.node.supervisor.usage import Sampler
from tests.kit.nvml import GIB, Machine, Nvml, nvml, nvml_library  # noqa: F401 - fixtures

A100 = "NVIDIA A100-SXM4-80GB"
LOST = 15


def test_processes_of_all_gpus_are_added_up(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine().gpu(A100, f"process 41 {GIB} 60", f"process 42 {2 * GIB} 5").gpu(A100, f"process 41 {GIB} 20").gpu(A100)
    assert asyncio.run(gpu_use.look(nvml.environ(machine))) == {41: [2 * GIB, 80], 42: [2 * GIB, 5]}


def test_a_gpu_that_does_not_answer_costs_nothing_else(nvml: Nvml) -> None:  # noqa: F811
    lost = [f"fail nvmlDeviceGet{name} {LOST}" for name in ("ComputeRunningProcesses_v3", "ProcessUtilization")]
    machine = Machine().gpu(A100, f"process 41 {GIB} 60", *lost).gpu(A100, f"process 42 {GIB} 7")
    assert asyncio.run(gpu_use.look(nvml.environ(machine))) == {42: [GIB, 7]}
    assert asyncio.run(gpu_use.look(nvml.environ(Machine().line("init 9")))) == {}
    assert asyncio.run(gpu_use.look(nvml.environ(Machine().line("hang 60")), 0.2)) == {}


def test_looks_go_on_while_the_step_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Key] = []

    async def look() -> dict[int, list[int]]:
        return {41: [GIB, 1]}

    def tell(key: Key, use: dict[int, list[int]]) -> bool:
        told.append(key)
        return len(told) < 3 and use == {41: [GIB, 1]}

    monkeypatch.setattr(gpu_use, "look", look)
    asyncio.run(gpu_use.GpuWatch(tell).watch((1, "0", 1), 0.01))
    assert told == [(1, "0", 1)] * 3


def test_a_task_has_what_all_its_processes_use() -> None:
    sampler = Sampler([Task(0, os.getpid()), Task(1, 1)], None, None, 30, 0.0)
    sampler.gpus({os.getpid(): (GIB, 50), 999999: (GIB, 50)})
    sampler.gpus({os.getpid(): (GIB // 2, 70)})
    use = sampler.summary()
    assert use["gpu_memory"] == [GIB, 0, GIB, 0, GIB, 1]
    assert use["gpu_load"] == [70, 0, 70, 0, 70, 1]
