"""GPUs of each task, as Slurm 22.05.8 bound them on nodes of four GPUs."""

from __future__ import annotations

import pytest

from mgpu_slurm.facts import gpu_binding

OLD, NEW = (22, 5), (26, 5)
ALL = [0, 1, 2, 3]

RECORDED = [
    ("", ALL, [ALL] * 4),
    ("none", ALL, [None] * 4),
    ("closest", ALL, [ALL] * 4),
    ("single:1", ALL, [[0], [1], [2], [3]]),
    ("single:2", ALL, [[0], [0], [1], [1]]),
    ("single:1", [0, 1], [[0], [1], [0]]),
    ("map:0,1,2,3", ALL, [[0], [1], [2], [3]]),
    ("map:3,1", ALL, [[3], [1], [3], [1]]),
    ("map:0*2,1*2", ALL, [[0], [0], [1], [1]]),
    ("mask:0x1,0x2,0xc", ALL, [[0], [1], [2, 3], [0]]),
    ("mask:0x3*2,0xc", ALL, [[0, 1], [0, 1], [2, 3], [0, 1]]),
    ("per_task:1", ALL, [[0], [1], [2], [3]]),
    ("per_task:2", ALL, [[0, 1], [2, 3], [0], [0]]),
    ("map:2,3", [2, 3], [[2], [3]]),
    ("map:0,1", [2, 3], [[2], [2]]),
    ("mask:0x3,0xc", [2, 3], [[2], [2, 3]]),
    ("per_task:1", [2, 3], [[2], [3]]),
]


@pytest.mark.parametrize(("text", "gpus", "seen"), RECORDED)
def test_recorded_bindings(text: str, gpus: list[int], seen: list[list[int] | None]) -> None:
    assert [gpu_binding.bind(text, gpus, local, len(seen), OLD).gpus for local in range(len(seen))] == seen


def test_one_task_on_a_node_sees_all() -> None:
    for text in ("none", "single:1", "map:9", "per_task:1"):
        made = gpu_binding.bind(text, ALL, 0, 1, OLD)
        assert (made.gpus, made.bound, made.errors) == (ALL, False, [])


@pytest.mark.parametrize(
    ("text", "local", "errors"),
    [
        ("map:9", 1, ["Invalid --gpu-bind= value specified.", "Bind request gpu:map_gpu:9 "]),
        ("mask:0xf0", 0, ["Invalid --gpu-bind= value specified.", "Bind request gpu:mask_gpu:0xf0 "]),
        ("per_task:2", 2, ["Not enough gpus to bind for gpus per task", "Bind request gpu:per_task:2 "]),
        ("single:0", 0, ["_parse_tres_bind: single:0 does not specify a valid number. Defaulting to 1."]),
        ("map:1", 0, []),
    ],
)
def test_what_is_wrong_is_told(text: str, local: int, errors: list[str]) -> None:
    made = gpu_binding.bind(text, ALL, local, 4, OLD)
    assert [line[: len(start)] for line, start in zip(made.errors, errors, strict=True)] == errors


def test_the_report() -> None:
    assert gpu_binding.bind("mask:0x1,0x2", [0], 1, 2, OLD, there=4).errors[0].startswith("Bind request gpu:mask_gpu:0x1,0x2 ")
    made = gpu_binding.bind("verbose,mask:0x3,0xc", [2, 3], 1, 2, OLD)
    assert made.report == "gpu-bind: usable_gres=0xC; bit_alloc=0xC; local_inx=0; global_list=2,3; local_list=2,3"


def test_closest_looks_at_the_tasks_cpus() -> None:
    near = {0: [0, 1], 1: [0, 1], 2: [2, 3], 3: [2, 3]}
    assert gpu_binding.bind("closest", ALL, 0, 2, OLD, near, [3]).gpus == [2, 3]
    assert gpu_binding.bind("closest", ALL, 0, 2, OLD, near, [9]).gpus == ALL


def test_later_versions_show_all_where_nothing_is_bound() -> None:
    assert gpu_binding.bind("none", ALL, 0, 2, NEW).gpus == ALL


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, ""),
        ({"gpus_per_task": "a100:2"}, "per_task:2"),
        ({"ntasks_per_gpu": 2}, "single:2"),
        ({"gpus_per_task": "1", "gpu_bind": "none"}, "none"),
    ],
)
def test_what_other_options_imply(request_: dict[str, object], text: str) -> None:
    assert gpu_binding.wanted(request_) == text
