"""Machines of several shapes from made /sys and /proc trees, and this machine itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.node import cgroup_limits, cpu_topology
from mgpu_slurm.node.hardware import activity, detect, usable_cpus
from mgpu_slurm.node.sysfiles import bits, cpu_list
from mgpu_slurm.records.hardware import CpuPlace
from mgpu_slurm.wire import messages


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def machine(root: Path, sockets: int, cores: int, threads: int, siblings: bool = True) -> list[int]:
    """A /sys with the threads of a core far apart, as Linux numbers them on x86. The CPUs."""
    per_thread = sockets * cores
    for cpu in range(per_thread * threads):
        core = cpu % per_thread
        facts = {"physical_package_id": str(core // cores), "core_id": str(core % cores)}
        if siblings:
            facts["thread_siblings_list"] = ",".join(str(core + t * per_thread) for t in range(threads))
        write(root / f"devices/system/cpu/cpu{cpu}/topology", **facts)
    for socket in range(sockets):
        own = [str(cpu) for cpu in range(per_thread * threads) if cpu % per_thread // cores == socket]
        write(root / f"devices/system/node/node{socket}", cpulist=",".join(own))
    return list(range(per_thread * threads))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        ("0", [0]),
        ("0-3,8", [0, 1, 2, 3, 8]),
        ("0-7:1/4", [0, 4]),
        ("0-7:2/4", [0, 1, 4, 5]),
        ("3,1,1", [1, 3]),
        ("nonsense", []),
        ("0-3:1/0", []),
    ],
)
def test_cpu_list(text: str, numbers: list[int]) -> None:
    assert cpu_list(text) == numbers


@given(st.sets(st.integers(0, 255)))
def test_bits(numbers: set[int]) -> None:
    words = [sum(1 << n % 64 for n in numbers if n // 64 == i) for i in range(4)]
    assert bits(words) == sorted(numbers)
    assert cpu_list(",".join(map(str, numbers))) == sorted(numbers)


@pytest.mark.parametrize("siblings", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 1), (2, 4, 2), (4, 2, 1), (1, 2, 4)])
def test_even_machines(tmp_path: Path, shape: tuple[int, int, int], siblings: bool) -> None:
    cpus = machine(tmp_path, *shape, siblings=siblings)
    assert cpu_topology.figures(cpu_topology.places(cpus, str(tmp_path))) == shape


def test_places(tmp_path: Path) -> None:
    found = cpu_topology.places(machine(tmp_path, 2, 2, 2), str(tmp_path))
    assert found[0] == CpuPlace(cpu=0, socket=0, core=0, thread=0, numa_node=0)
    assert found[3] == CpuPlace(cpu=3, socket=1, core=3, thread=0, numa_node=1)
    assert found[7] == CpuPlace(cpu=7, socket=1, core=3, thread=1, numa_node=1)


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    found = cpu_topology.places([0, 1, 5], str(tmp_path))
    assert found == [CpuPlace(cpu=0), CpuPlace(cpu=1, core=1), CpuPlace(cpu=5, core=2)]
    assert cpu_topology.figures(found) == (1, 3, 1)


def test_a_package_of_minus_one(tmp_path: Path) -> None:
    for cpu in (0, 1):
        write(tmp_path / f"devices/system/cpu/cpu{cpu}/topology", physical_package_id="-1", core_id=str(cpu))
    assert cpu_topology.figures(cpu_topology.places([0, 1], str(tmp_path))) == (1, 2, 1)


def test_uneven_machines_stay_countable(tmp_path: Path) -> None:
    cpus = machine(tmp_path, 2, 4, 2)
    # A cpuset that takes one core whole and half of another on each socket.
    assert cpu_topology.figures(cpu_topology.places([0, 8, 1, 4, 12, 5], str(tmp_path))) == (2, 3, 1)
    assert cpu_topology.figures(cpu_topology.places(cpus[:6], str(tmp_path))) == (1, 6, 1)
    assert cpu_topology.figures([]) == (1, 1, 1)


@given(st.data())
def test_the_figures_multiply_to_the_cpus(data: st.DataObject) -> None:
    cores = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))  # the socket of each core
    owner = data.draw(st.lists(st.integers(0, len(cores) - 1), min_size=1, max_size=24))  # the core of each CPU
    found = [CpuPlace(cpu=cpu, socket=cores[core], core=core) for cpu, core in enumerate(owner)]
    sockets, per_socket, threads = cpu_topology.figures(found)
    assert sockets * per_socket * threads == len(found)


def test_cgroup_two_takes_the_strictest_of_all_levels(tmp_path: Path) -> None:
    write(tmp_path / "proc/self", cgroup="0::/user.slice/session")
    groups = tmp_path / "cg"
    write(groups / "user.slice", **{"memory.max": str(8 << 30), "cpu.max": "150000 100000"})
    write(groups / "user.slice/session", **{"memory.max": "max", "cpu.max": "max 100000"})
    assert cgroup_limits.memory_limit(str(groups), str(tmp_path / "proc")) == 8 << 30
    assert cgroup_limits.cpu_quota(str(groups), str(tmp_path / "proc")) == 1.5


def test_cgroup_one_in_a_container_whose_path_is_the_hosts(tmp_path: Path) -> None:
    write(tmp_path / "proc/self", cgroup="4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/")
    groups = tmp_path / "cg"
    write(groups / "memory", **{"memory.limit_in_bytes": str(2 << 30)})
    write(groups / "cpu,cpuacct", **{"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"})
    assert cgroup_limits.memory_limit(str(groups), str(tmp_path / "proc")) == 2 << 30
    assert cgroup_limits.cpu_quota(str(groups), str(tmp_path / "proc")) == 0.5


def test_no_limits(tmp_path: Path) -> None:
    write(tmp_path / "proc/self", cgroup="4:memory:/\n3:cpu:/\n0::/")
    groups = tmp_path / "cg"
    write(groups / "memory", **{"memory.limit_in_bytes": "9223372036854771712"})
    write(groups / "cpu", **{"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"})
    assert cgroup_limits.memory_limit(str(groups), str(tmp_path / "proc")) is None
    assert cgroup_limits.cpu_quota(str(groups), str(tmp_path / "proc")) is None
    assert cgroup_limits.memory_limit(str(groups), "/nowhere") is None


def test_memory_respects_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "proc/self", cgroup="0::/job")
    write(tmp_path / "sys/fs/cgroup/job", **{"memory.max": str(64 << 20)})
    found = detect(sysfs=str(tmp_path / "sys"), proc=str(tmp_path / "proc"))
    assert found.real_memory == 64
    assert found.memory_total > 64
    assert found.cpus == len(os.sched_getaffinity(0))
    assert found.boot_id == ""


def test_this_machine() -> None:
    found = detect()
    assert found.cpus == len(usable_cpus()) == found.sockets * found.cores_per_socket * found.threads_per_core
    assert {place.cpu for place in found.places} <= set(found.cpus_online)
    assert 0 < found.real_memory <= found.memory_total
    assert found.boot_time > 1e9
    assert found.tmp_disk > 0
    assert found.os.startswith("Linux ")
    load, free = activity()
    assert load >= 0
    assert 0 < free <= found.memory_total
    assert detect(tmp_fs="/nowhere").tmp_disk == 0


def test_an_affinity_mask_narrows_the_cpus() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        found = detect()
    finally:
        os.sched_setaffinity(0, before)
    assert (found.cpus, found.sockets, found.cores_per_socket, found.threads_per_core) == (1, 1, 1, 1)
    assert found.places[0].cpu == min(before)


def test_it_becomes_the_message_of_a_registration() -> None:
    found = detect()
    sent = msgspec.convert(found, messages.Hardware, from_attributes=True)
    assert (sent.cpus, sent.real_memory, sent.os, sent.boot_id) == (found.cpus, found.real_memory, found.os, found.boot_id)


@pytest.mark.skipif(shutil.which("slurmd") is None, reason="no real slurmd here to compare with")
def test_as_real_slurmd_sees_it() -> None:
    run = subprocess.run(["slurmd", "-C"], capture_output=True, text=True)
    facts = dict(word.split("=", 1) for word in run.stdout.split() if "=" in word)
    if "CPUs" not in facts:
        pytest.skip(f"slurmd -C says nothing: {run.stderr}")
    found = detect()
    if len(found.cpus_online) != found.cpus:
        pytest.skip("this process may not use all CPUs, slurmd looks at all")
    assert facts["CPUs"] == str(found.cpus)
    assert facts["RealMemory"] == str(found.memory_total)
    assert (facts["SocketsPerBoard"], facts["CoresPerSocket"], facts["ThreadsPerCore"]) == (
        str(found.sockets),
        str(found.cores_per_socket),
        str(found.threads_per_core),
    )
