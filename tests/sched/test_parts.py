"""need.derive, fit, devices, features, spread: tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.sched import devices, features, fit
from mgpu_slurm.sched.need import derive, memory_defaults, sizes
from mgpu_slurm.sched.place import Placement, Refusal, place
from mgpu_slurm.sched.snapshot import GresSlot, Need
from mgpu_slurm.sched.spread import Spread, counts, spread
from tests.sched import world

PART = Partition(name="gpu", def_cpus_per_gpu=2, def_mem_per_cpu=500)


@pytest.mark.parametrize(
    ("words", "part", "config", "expected"),
    [
        ("-n4", None, {"DefMemPerCPU": 100}, {"ntasks": 4, "mem_per_cpu": 100, "max_nodes": 0}),
        ("-n4", None, {}, {"whole_memory": True}),
        ("-n4", PART, {"DefMemPerCPU": 100}, {"mem_per_cpu": 500, "cpus_per_gpu": 2}),
        ("--mem=0", PART, {}, {"whole_memory": True, "mem_per_node": 0}),
        ("--mem=1G", PART, {}, {"mem_per_node": 1024, "mem_per_cpu": 0}),
        ("-N2", None, {}, {"min_nodes": 2, "max_nodes": 2, "as_many_nodes": False}),
        ("-N2-4", None, {}, {"min_nodes": 2, "max_nodes": 4, "as_many_nodes": True}),
        ("-N2-4 --use-min-nodes", None, {}, {"as_many_nodes": False}),
        ("-N1-2 --gpus=2", None, {}, {"as_many_nodes": False}),
        ("-w n1,n2 -n9", None, {}, {"min_nodes": 2, "max_nodes": 0, "required_nodes": ("n1", "n2")}),
        ("-n6 --ntasks-per-node=4", None, {}, {"min_nodes": 2, "ntasks": 8, "min_cpus_per_node": 4}),
        ("--ntasks-per-gpu=2 --gpus=3", None, {}, {"ntasks": 6, "gres_per_job": (("gpu", "", 3),)}),
        ("--gpus-per-task=2 --gpus=4", None, {}, {"ntasks": 2, "gres_per_task": (("gpu", "", 2),)}),
        ("--gpus-per-node=2 --gpus=4", None, {}, {"min_nodes": 2, "max_nodes": 2}),
        ("--gres=gpu:a100:2,gpu:v100:1", None, {}, {"gres_per_node": (("gpu", "a100", 2), ("gpu", "v100", 1))}),
        ("--exclusive", None, {}, {"exclusive": True, "exclusive_user": False}),
        ("--exclusive=user", None, {}, {"exclusive": False, "exclusive_user": True}),
        ("-O -n9 --ntasks-per-node=9", None, {}, {"overcommit": True, "min_cpus_per_node": 0}),
    ],
)
def test_need(words: str, part: Partition | None, config: dict[str, Any], expected: dict[str, Any]) -> None:
    found = world.need(words, part, config)
    assert {field: getattr(found, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("words", "nodes", "tasks", "cpus"),
    [
        ("", (1, 0), 1, 1),
        ("-c3", (1, 0), 1, 3),
        ("-N2", (2, 2), 2, 2),
        ("-N2 -c3", (2, 2), 2, 6),
        ("-N2-4", (2, 4), 2, 1),
        ("-N1-4 -n2", (1, 2), 2, 2),
        ("-O -n9", (1, 0), 9, 1),
        ("-O -N2 --ntasks-per-node=3", (2, 2), 6, 2),
        ("--ntasks-per-node=2 -n5", (1, 0), 5, 5),
        ("-N1-3 --ntasks-per-node=2", (1, 3), 2, 2),
        ("-N2 --ntasks-per-node=3 -n4", (2, 2), 4, 4),
        ("--ntasks-per-node=2 -n3 -c2", (1, 0), 3, 6),
        ("-w n0,n1", (2, 0), 2, 2),
        ("--gpus=8 --gpus-per-node=4", (2, 2), 2, 1),
        ("--ntasks-per-gpu=2 --gpus=2", (1, 0), 4, 4),
        ("--mincpus=3 -n2", (1, 0), 2, 2),
    ],
)
def test_sizes_shown_of_a_waiting_job(words: str, nodes: tuple[int, int], tasks: int, cpus: int) -> None:
    """As `scontrol show job` of Slurm 22.05.8 has them (8 CPUs a node)."""
    request = world.request(words)
    assert sizes(request, derive(request, None, {}), 4) == (*nodes, tasks, cpus)


@pytest.mark.parametrize(
    ("words", "gpus"),
    [
        ("-n4", 0),
        ("--gpus=3 -n2", 3),
        ("--gres=gpu:2 -N2", 4),
        ("--gpus-per-node=a100:1 -N3", 3),
        ("--gpus-per-task=2 -n3", 6),
        ("--gpus-per-socket=1 --sockets-per-node=2 -N2", 4),
    ],
)
def test_devices_asked_for_in_all(words: str, gpus: int) -> None:
    assert world.need(words).asked_in_all("gpu") == gpus


def test_tres_per_task_names_cpus_and_devices() -> None:
    found = derive(JobRequest(ntasks=2, tres_per_task="cpu=4,gres/gpu:a100=1"), None, {})
    assert (found.cpus_per_task, found.gres_per_task) == (4, (("gpu", "a100", 1),))


def test_unreadable_gres_is_refused_with_slurms_code() -> None:
    with pytest.raises(SlurmError) as refused:
        derive(JobRequest(gres="gpu:::2"), None, {})
    assert refused.value.code == 2072


def test_memory_of_the_request_comes_first() -> None:
    assert memory_defaults(JobRequest(mem_per_gpu=7), PART, {"DefMemPerNode": 3}) == {"mem_per_gpu": 7}
    assert memory_defaults(JobRequest(), None, {"DefMemPerNode": 3}) == {"mem_per_node": 3}


@pytest.mark.parametrize(
    ("need", "more", "tasks", "missing"),
    [
        (Need(ntasks=1), {}, 8, ""),
        (Need(ntasks=1, cpus_per_task=3), {}, 2, ""),
        (Need(ntasks=1, cpus_per_task=9), {}, 0, "cpu"),
        (Need(ntasks=1), {"held_whole": True}, 0, "node"),
        (Need(ntasks=1, exclusive=True), {"jobs": 1}, 0, "node"),
        (Need(ntasks=1, exclusive_user=True), {"users": frozenset({5})}, 0, "node"),
        (Need(ntasks=1, exclusive_user=True), {"users": frozenset({1})}, 8, ""),
        (Need(ntasks=1, mem_per_cpu=3000), {}, 5, ""),
        (Need(ntasks=1, mem_per_node=16001), {}, 0, "memory"),
        (Need(ntasks=1, whole_memory=True), {"mem_free": 15999}, 0, "memory"),
        (Need(ntasks=1, mem_per_cpu=4000, min_cpus_per_node=5), {}, 0, "memory"),
        (Need(ntasks=1, gres_per_task=(("gpu", "", 2),)), {}, 2, ""),
        (Need(ntasks=1, gres_per_node=(("gpu", "v100", 1),)), {}, 0, "gres/gpu"),
        (Need(ntasks=1, gres_per_node=(("gpu", "A100", 4),)), {}, 8, ""),
        (Need(ntasks=1, gres_per_node=(("gpu", "", 1),), gres_per_task=(("gpu", "", 1),)), {}, 1, ""),
        (Need(ntasks=1, ntasks_per_socket=2), {"sockets": 2, "cores_per_socket": 4}, 4, ""),
        (Need(ntasks=1, ntasks_per_core=1), {"threads_per_core": 2, "cores_per_socket": 4}, 4, ""),
        (Need(ntasks=1, threads_per_core=1), {"threads_per_core": 2, "cores_per_socket": 4}, 4, ""),
        (Need(ntasks_per_node=4, least_tasks=4, gres_per_task=(("gpu", "", 2),)), {}, 0, "cpu"),
        (Need(ntasks=9, overcommit=True), {}, fit.MANY, ""),
    ],
)
def test_capacity(need: Need, more: dict[str, Any], tasks: int, missing: str) -> None:
    found = fit.capacity(world.node("n0", **more), need, 1, None)
    assert (found.tasks, found.missing) == (tasks, missing)


def test_a_partition_limits_cpus_of_a_node() -> None:
    assert fit.capacity(world.node("n0"), Need(ntasks=1), 1, world.partition(max_cpus_per_node=3)).tasks == 3


def test_whole_cores_are_given_where_cores_have_threads() -> None:
    slot = world.node("n0", threads_per_core=2, cores_per_socket=4)
    found = place([slot], Need(ntasks=3), 1, None)
    assert isinstance(found, Placement)
    assert found.allocation.shares[0].cpus == [0, 1, 2, 3]


def test_lower_weight_first() -> None:
    slots = world.nodes(3)
    slots[0].weight = slots[1].weight = 5
    found = place(slots, Need(ntasks=2), 1, None)
    assert isinstance(found, Placement)
    assert found.allocation.nodes == ["n2"]
    both = place(slots, Need(ntasks=9), 1, None)
    assert isinstance(both, Placement)
    assert set(both.allocation.nodes) == {"n0", "n2"}


def test_best_fit_keeps_the_large_hole() -> None:
    slots = world.nodes(3)
    slots[1].cpus_free = 0b11
    found = place(slots, Need(ntasks=2), 1, None)
    assert isinstance(found, Placement)
    assert found.allocation.nodes == ["n1"]


def test_work_without_devices_goes_to_nodes_without_devices() -> None:
    slots = [world.node("n0"), world.node("n1", gpus=0)]
    found = place(slots, Need(ntasks=2), 1, None)
    assert isinstance(found, Placement)
    assert found.allocation.nodes == ["n1"]


def test_contiguous_nodes_are_neighbours() -> None:
    slots = world.nodes(5)
    slots[1].usable = False
    found = place(slots, Need(min_nodes=3, contiguous=True, ntasks=3), 1, None)
    assert isinstance(found, Placement)
    assert found.allocation.nodes == ["n2", "n3", "n4"]


def test_a_refusal_says_what_is_missing() -> None:
    slots = world.nodes(2)
    slots[1].usable = False
    found = place(slots, Need(ntasks=1, gres_per_node=(("gpu", "h100", 1),)), 1, None)
    assert isinstance(found, Refusal)
    assert (found.missing, found.unavailable, found.never) == ("gres/gpu", ["n1"], False)


# Devices: two islands of NVLink, 0-3 and 4-7.
LINKS = [[0 if a == b else 12 if a // 4 == b // 4 else 1 for b in range(8)] for a in range(8)]


@pytest.mark.parametrize(
    ("free", "count", "chosen"),
    [
        (0xFF, 4, 0x0F),
        (0xFF, 2, 0x03),
        (0b1110_1111, 2, 0b0110_0000),  # the broken island first
        (0b1100_1111, 3, 0b0000_0111),
        (0b1000_0001, 2, 0b1000_0001),
        (0xFF, 0, 0),
        (0b1, 2, None),
    ],
)
def test_devices_that_are_close(free: int, count: int, chosen: int | None) -> None:
    slot = GresSlot(name="gpu", types=[["h100"]] * 8, free=free, total=0xFF, links=LINKS)
    assert devices.choose(slot, "", count) == chosen


def test_devices_of_a_type() -> None:
    slot = GresSlot(name="gpu", types=[["a100", "A100-SXM"], ["v100"], ["a100"]], free=0b110, total=0b111)
    assert devices.of_type(slot, "A100") == 0b101
    assert devices.choose(slot, "a100", 1) == 0b100
    assert devices.available([slot], "gpu", "a100") == 1
    assert devices.available([slot], "gpu", "a100", total=True) == 2
    assert devices.available([slot], "fpga", "") == 0


def test_cpus_near_the_devices_come_first() -> None:
    slot = world.node("n0", gpus=2)
    slot.gres[0].cpus = [0x0F, 0xF0]
    slot.gres[0].free = 0b10
    found = place([slot], Need(ntasks=2, gres_per_node=(("gpu", "", 1),)), 1, None)
    assert isinstance(found, Placement)
    assert found.allocation.shares[0].cpus == [4, 5]


@pytest.mark.parametrize(
    ("text", "nodes", "expected"),
    [
        ("a", "2", ["n0", "n1"]),
        ("a&b", "1", ["n1"]),
        ("b|c", "2", ["n1", "n2"]),
        ("[a|c]", "2", ["n0", "n1"]),
        ("[a|c]", "3", None),
        ("a*1&c*1", "2", ["n0", "n2"]),
        ("a*3", "3", None),
        ("(a&b)|c", "2", ["n1", "n2"]),
    ],
)
def test_constraints(text: str, nodes: str, expected: list[str] | None) -> None:
    slots = [
        world.node("n0", features=frozenset("a")),
        world.node("n1", features=frozenset("ab")),
        world.node("n2", features=frozenset("c")),
    ]
    found = place(slots, Need(min_nodes=int(nodes), max_nodes=int(nodes), constraint=text), 1, None)
    assert (found.allocation.nodes if isinstance(found, Placement) else None) == expected


def test_no_constraint_is_satisfied() -> None:
    assert features.satisfied(features.tree(""), frozenset())
    assert features.alternatives("") == (None,)


@pytest.mark.parametrize(
    ("want", "per_node"),
    [
        (Spread(3, [4, 4]), [[0, 1], [2]]),
        (Spread(10, [8, 2]), [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]),
        (Spread(4, [8, 8], "cyclic"), [[0, 2], [1, 3]]),
        (Spread(5, [8, 2], "cyclic"), [[0, 2, 4], [1, 3]]),
        (Spread(6, [4, 4], "plane", 2), [[0, 1, 4, 5], [2, 3]]),
        (Spread(6, [4, 4], "plane=2"), [[0, 1, 4, 5], [2, 3]]),
        (Spread(4, [8, 8], "block,Pack"), [[0, 1, 2], [3]]),
        (Spread(4, [8, 8], "block,NoPack"), [[0, 1], [2, 3]]),
        (Spread(12, [8, 2], overcommit=True), [[0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11]]),
        (Spread(4, [4, 4], per_node=1), None),
        (Spread(9, [4, 4]), None),
    ],
)
def test_spread(want: Spread, per_node: list[list[int]] | None) -> None:
    assert spread(want, ["n0", "n1"]) == per_node


def test_arbitrary_spread_follows_the_list() -> None:
    assert spread(Spread(3, [4, 4], "arbitrary"), ["n0", "n1"], ["n1", "n0", "n1"]) == [[1], [0, 2]]
    assert spread(Spread(4, [4, 4], "arbitrary"), ["n0", "n1"], ["n1", "n0", "n1"]) is None


def test_counts_are_even_within_the_room() -> None:
    assert counts(7, [1, 8, 8]) == [1, 3, 3]


def test_needs_are_hashable_and_equal_by_value() -> None:
    one = world.need("-n4 --gres=gpu:1 -w n[0-1]")
    assert len({one, msgspec.structs.replace(one)}) == 1
