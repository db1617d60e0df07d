"""The same discovery on real hardware, compared with nvidia-smi. Skips where no NVIDIA driver answers.

.venv/bin/python -m pytest tests/node/test_real_gpus.py -rs
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from functools import cache

import pytest

from mgpu_slurm.node.gpu_topology import closeness, levels
from mgpu_slurm.node.gpus import declared, discover, gres_config, merge, offered, survey
from mgpu_slurm.node.health import judge
from mgpu_slurm.records.gpu import GpuReport

pytestmark = pytest.mark.gpu


@cache
def found() -> GpuReport:
    return survey()


@pytest.fixture
def report() -> GpuReport:
    if not found().gpus:
        pytest.skip(f"no NVIDIA GPU here: {found().error}")
    return found()


def smi(*columns: str) -> list[list[str]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        pytest.skip("no nvidia-smi here")
    command = [program, f"--query-gpu={','.join(columns)}", "--format=csv,noheader,nounits"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(csv.reader(text.splitlines(), skipinitialspace=True))


def test_as_nvidia_smi_lists_them(report: GpuReport) -> None:
    rows = smi("index", "name", "uuid", "pci.bus_id", "driver_version")
    ours = [[str(gpu.nvml_index), gpu.name, gpu.uuid, gpu.pci_bus_id, report.driver_version] for gpu in report.gpus]
    assert ours == rows


def test_memory_as_nvidia_smi_says(report: GpuReport) -> None:
    for gpu, (memory,) in zip(report.gpus, smi("memory.total"), strict=True):
        if memory.isdigit():
            assert gpu.memory_mib is not None
            # nvidia-smi leaves out what the driver reserves.
            assert abs(gpu.memory_mib - int(memory)) <= 0.03 * int(memory)
        else:
            assert gpu.memory_mib is None


def test_every_gpu_is_whole(report: GpuReport) -> None:
    for gpu in report.gpus:
        assert gpu.healthy, gpu.fault
        assert gpu.type
        assert gpu.uuid.startswith("GPU-")
        assert os.path.exists(gpu.device_file) or not gpu.device_file
        assert len(gpu.links) == len(gpu.pcie) == len(report.gpus)
        assert (gpu.links[gpu.index], gpu.pcie[gpu.index]) == (-1, "X")
        assert gpu.cpu_affinity or "cpu_affinity" in gpu.missing


def test_what_is_made_of_them(report: GpuReport) -> None:
    devices = offered(report.gpus)
    assert not devices or gres_config(devices).startswith("gpu:")
    table = closeness(devices)
    assert len(devices) < 2 or levels(table)[-1][1] == [list(range(len(devices)))]
    files = [gpu.device_file for gpu in report.gpus if gpu.device_file and not gpu.mig_enabled]
    if files:
        assert [gpu.uuid for gpu in merge(declared(files=files), report)] == [
            gpu.uuid for gpu in report.gpus if gpu.device_file and not gpu.mig_enabled
        ]


def test_a_second_look_finds_the_same(report: GpuReport) -> None:
    again = discover()
    assert [gpu.uuid for gpu in again.gpus] == [gpu.uuid for gpu in report.gpus]
    assert judge(report.gpus, again.gpus) == []
