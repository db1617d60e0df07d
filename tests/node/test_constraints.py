"""From cgroup.conf and a launch order to what a step is kept to."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.intake import conf_cgroup
from mgpu_slurm.node.constraints import Constraints, device_numbers, prove
from mgpu_slurm.node.supervisor.fence import Fence
from mgpu_slurm.records.gpu import Gpu, MigInstance

MIB = 1 << 20
NUMBERS = {"0": [[195, 0]], "1": [[195, 1]], "2": [[195, 2], [241, 5]], "3": [[195, 2], [241, 8]]}


def batch(mem: int, **request: Any) -> dict[str, Any]:
    return {"facts": {"allocation": {"shares": [{"node": "n0", "mem": mem}]}, "request": request}}


def step(job: int, own: int, **request: Any) -> dict[str, Any]:
    facts = {"allocation": {"shares": [{"node": "n1", "mem": 7}, {"node": "n0", "mem": job}]}}
    layout = {"nodes": [{"node": "n0", "share": {"mem": own}}]}
    return {"spec": {"job": facts, "layout": layout, "request": request}}


@pytest.mark.parametrize(
    ("constraints", "order", "job", "own"),
    [
        (Constraints(ram=True), batch(100), (100 * MIB, -1), (100 * MIB, -1)),
        (Constraints(ram=True), step(200, 100), (200 * MIB, -1), (100 * MIB, -1)),
        (Constraints(ram=True), step(200, 0), (200 * MIB, -1), (200 * MIB, -1)),  # a step that says nothing has its job's
        (Constraints(ram=True), batch(5), (30 * MIB, -1), (30 * MIB, -1)),  # MinRAMSpace
        (Constraints(ram=True, min_ram=3), batch(5), (5 * MIB, -1), (5 * MIB, -1)),
        (Constraints(ram=True, allowed_ram=150.0), batch(100), (150 * MIB, -1), (150 * MIB, -1)),
        (Constraints(ram=True, allowed_ram=150.0, max_ram=12.0), batch(100), (120 * MIB, -1), (120 * MIB, -1)),
        (Constraints(ram=True, swap=True), batch(100), (100 * MIB, 0), (100 * MIB, 0)),
        (Constraints(swap=True, allowed_swap=50.0), batch(100), (100 * MIB, 50 * MIB), (100 * MIB, 50 * MIB)),
        (Constraints(swap=True, allowed_swap=50.0, max_swap=2.0), batch(100), (100 * MIB, 20 * MIB), (100 * MIB, 20 * MIB)),
        (Constraints(ram=True, asked=True), batch(100, mem_per_cpu=50), (100 * MIB, -1), (100 * MIB, -1)),
        (Constraints(ram=True, asked=True), step(200, 100, mem_per_node=100), (0, -1), (100 * MIB, -1)),
        (Constraints(ram=True, devices=True), step(0, 0), (0, -1), (0, -1)),  # no memory was handed out
    ],
)
def test_memory(constraints: Constraints, order: dict[str, Any], job: tuple[int, int], own: tuple[int, int]) -> None:
    fence = Fence(constraints.fence(order, "n0", 1000, NUMBERS, "g")["fence"])
    assert (fence.job, fence.step, fence.group) == (job, own, "g")


@pytest.mark.parametrize(
    ("constraints", "order"),
    [
        (Constraints(), batch(100, mem_per_node=100)),
        (Constraints(ram=True, asked=True), batch(100)),  # a personal cluster: nobody has asked for this memory
        (Constraints(ram=True), batch(0)),
    ],
)
def test_nothing_to_keep_to(constraints: Constraints, order: dict[str, Any]) -> None:
    assert constraints.fence(order, "n0", 1000, NUMBERS, "g") == {}


@pytest.mark.parametrize(
    ("held", "denied"),
    [
        ([], [(195, 0), (195, 1), (195, 2), (241, 5), (241, 8)]),
        ([0, 1], [(195, 2), (241, 5), (241, 8)]),
        ([2], [(195, 0), (195, 1), (241, 8)]),  # its slice's GPU stays open, and the other slice closed
        ([0, 1, 2, 3], []),
    ],
)
def test_devices_of_others(held: list[int], denied: list[tuple[int, int]]) -> None:
    raw = Constraints(devices=True).fence(batch(0), "n0", 1000, NUMBERS, "g")["fence"]
    assert Fence(raw).denied(held) == denied


def test_controllers_are_those_that_are_needed() -> None:
    assert Fence(Constraints(devices=True).fence(batch(9), "n0", 99, NUMBERS, "g")["fence"]).controllers == []
    assert Fence(Constraints(cores=True).fence(batch(9), "n0", 99, {}, "g")["fence"]).controllers == ["cpuset"]
    both = Constraints(ram=True, cores=True).fence(batch(9), "n0", 99, {}, "g")["fence"]
    assert Fence(both).controllers == ["memory", "cpuset"]


@pytest.mark.skipif(os.geteuid() != 0, reason="device files are made by root")
def test_numbers_of_device_files(tmp_path: Path) -> None:
    for name, minor in (("nvidia0", 200), ("nvidia1", 201), ("cap21", 202)):
        os.mknod(tmp_path / name, 0o600 | stat.S_IFCHR, os.makedev(195, minor))
    part = MigInstance(index=0, device_files=[str(tmp_path / "nvidia1"), str(tmp_path / "cap21")])
    whole = Gpu(index=0, device_file=str(tmp_path / "nvidia0"))
    sliced = Gpu(index=1, device_file=str(tmp_path / "nvidia1"), mig_enabled=True, mig_instances=[part])
    assert device_numbers([whole, sliced]) == {"0": [[195, 200]], "1": [[195, 201], [195, 202]]}
    (tmp_path / "plain").touch()
    for other in ("", str(tmp_path / "missing"), str(tmp_path / "plain")):  # hiding the first alone would number this one wrongly
        assert device_numbers([whole, Gpu(index=1, device_file=other)]) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="for ordinary users")
def test_an_ordinary_user_is_told() -> None:
    with pytest.raises(OSError, match="does not run as root"):
        prove(Constraints(ram=True), "test-0.0", {})


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cgroup.conf"
    path.write_text("# ours\nConstrainRAMSpace=yes ConstrainDevices=no\nAllowedRAMSpace=98.5\nMinRAMSpace=64 # MiB\nStrange=1\n")
    unknown: list[tuple[str, str, int]] = []
    assert conf_cgroup.beside(str(tmp_path / "mgpu.conf"), unknown) == {
        "ram": True, "devices": False, "allowed_ram": 98.5, "min_ram": 64,
    }  # fmt: skip
    assert unknown == [("Strange", str(path), 5)]
    assert conf_cgroup.beside(str(tmp_path / "elsewhere" / "mgpu.conf"), []) == {}


@pytest.mark.parametrize(
    "line", ["ConstrainCores=maybe", "AllowedRAMSpace=much", "AllowedRAMSpace=-5", "MinRAMSpace=x", "MemorySwappiness=101"]
)
def test_bad_values_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cgroup.conf"
    path.write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=r"cgroup.conf.*1"):
        conf_cgroup.load_cgroup(str(path), [])
