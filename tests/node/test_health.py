"""What two looks at the GPUs say about them."""

from __future__ import annotations

import msgspec

from mgpu_slurm.node.health import DRAIN_NODE, NOTE, REMOVE_GPU, RETURN_GPU, judge, updated
from mgpu_slurm.records.gpu import Gpu


def gpus(count: int) -> list[Gpu]:
    return [Gpu(index=i, uuid=f"GPU-{i}", pci_bus_id=f"0:{i}", ecc_uncorrected=1) for i in range(count)]


def altered(before: list[Gpu], index: int, **facts: object) -> list[Gpu]:
    return [msgspec.structs.replace(gpu, **facts) if i == index else gpu for i, gpu in enumerate(before)]


def actions(before: list[Gpu], now: list[Gpu]) -> list[tuple[str, int | None]]:
    return [(finding.action, finding.index) for finding in judge(before, now)]


def test_nothing_happened() -> None:
    assert judge(gpus(4), gpus(4)) == []
    assert updated(gpus(4), gpus(4)) == gpus(4)


def test_a_vanished_gpu_keeps_its_place() -> None:
    before = gpus(4)
    now = [msgspec.structs.replace(gpu, index=i) for i, gpu in enumerate([before[0], before[2], before[3]])]
    (finding,) = judge(before, now)
    assert (finding.action, finding.index, finding.reason) == (REMOVE_GPU, 1, "GPU 1: it vanished")
    after = updated(before, now)
    assert [(gpu.index, gpu.healthy) for gpu in after] == [(0, True), (1, False), (2, True), (3, True)]
    assert judge(after, now) == []  # said once
    assert actions(after, before) == [(RETURN_GPU, 1)]
    assert [gpu.healthy for gpu in updated(after, before)] == [True] * 4


def test_a_lost_gpu_is_known_by_its_bus() -> None:
    now = altered(gpus(4), 2, uuid="", healthy=False, fault="GPU is lost")
    assert [finding.reason for finding in judge(gpus(4), now)] == ["GPU 2: GPU is lost"]


def test_another_gpu_in_the_same_slot_is_not_the_same() -> None:
    assert actions(gpus(4), altered(gpus(4), 0, uuid="GPU-other")) == [(REMOVE_GPU, 0)]


def test_memory_errors() -> None:
    before = gpus(4)
    assert actions(before, altered(before, 0, retirement_pending=True)) == [(NOTE, 0)]
    assert actions(before, altered(before, 0, remap_failed=True)) == [(REMOVE_GPU, 0)]
    worse = altered(before, 0, ecc_uncorrected=3)
    (finding,) = judge(before, worse)
    assert finding.reason == "GPU 0: 2 uncorrectable memory errors"
    out = updated(before, worse)
    assert judge(out, worse) == []
    assert not updated(out, worse)[0].healthy
    assert actions(out, altered(before, 0, ecc_uncorrected=0)) == [(RETURN_GPU, 0)]


def test_most_gpus_at_once_drain_the_node() -> None:
    before = gpus(4)
    assert actions(before, before[:2]) == [(REMOVE_GPU, 2), (REMOVE_GPU, 3)]
    assert actions(before, before[:1])[-1] == (DRAIN_NODE, None)
    assert judge(before, [])[-1].reason == "4 of 4 GPUs failed"


def test_declared_gpus_are_not_judged() -> None:
    declared = [Gpu(index=0, declared=True)]
    assert judge(declared, []) == []
    assert updated(declared, []) == declared
