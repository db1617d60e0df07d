"""Which GPUs went bad between two looks at them, and what is to be done about it. Pure.

`judge` compares what the node offers with what is there now; `updated` gives the list to go on with, in which no number
changes: jobs hold GPUs by their index, so a vanished GPU stays in its place as an unhealthy one.

Rules (NVIDIA's memory error management guide): a GPU that is gone, lost or needs a reset is taken out. Uncorrectable
memory errors that are new, and rows that cannot be remapped any more, make results doubtful: taken out. Pages or rows
that wait for a reset to be retired are a note for the administrator, the GPU works on. When most of the GPUs fail at
once it is the machine (driver, bus, power) and the node is drained.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mgpu_slurm.records.gpu import Gpu

REMOVE_GPU = "remove-gpu"
RETURN_GPU = "return-gpu"
DRAIN_NODE = "drain-node"
NOTE = "note"


class Finding(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One thing found. `index` is the GPU's, None for the node; `reason` fits Slurm's Reason= field."""

    action: str
    reason: str
    index: int | None = None


def judge(before: Sequence[Gpu], now: Sequence[Gpu]) -> list[Finding]:
    """What changed for the worse, or back for the better, in order of index; the node's own finding last.

    GPUs that only the configuration knows are never judged. `now` may number its GPUs otherwise: they are recognised.
    """
    found: list[Finding] = []
    watched = 0
    bad = 0
    for old in before:
        if not (old.uuid or old.pci_bus_id):
            continue
        watched += 1
        reason = _trouble(old, _same(old, now))
        if reason is None:
            if not old.healthy:
                found.append(Finding(action=RETURN_GPU, reason=f"GPU {old.index} works again", index=old.index))
            else:
                found += _notes(old, _same(old, now))
            continue
        bad += 1
        if old.healthy:
            found.append(Finding(action=REMOVE_GPU, reason=f"GPU {old.index}: {reason}", index=old.index))
    if watched > 1 and bad * 2 > watched and any(finding.action == REMOVE_GPU for finding in found):
        found.append(Finding(action=DRAIN_NODE, reason=f"{bad} of {watched} GPUs failed"))
    return found


def updated(before: Sequence[Gpu], now: Sequence[Gpu]) -> list[Gpu]:
    """`before` with the health of `now`, every GPU at its old index. Other facts stay as they were first read."""
    result = []
    for old in before:
        if not (old.uuid or old.pci_bus_id):
            result.append(old)
            continue
        same = _same(old, now)
        reason = _trouble(old, same)
        # Error counts stay those of the last good look while the GPU is out, so that it is not returned by their mere
        # repetition; a reset sets them back and returns it.
        keep = same is None or reason is not None
        result.append(
            msgspec.structs.replace(
                old,
                healthy=reason is None,
                fault=reason,
                ecc_uncorrected=old.ecc_uncorrected if keep or same is None else same.ecc_uncorrected,
                retirement_pending=old.retirement_pending if same is None else same.retirement_pending,
                remap_failed=old.remap_failed if same is None else same.remap_failed,
            )
        )
    return result


def _same(old: Gpu, now: Sequence[Gpu]) -> Gpu | None:
    """The record of the same device: by UUID, or by bus id where a broken device no longer tells its UUID."""
    for gpu in now:
        if old.uuid and gpu.uuid == old.uuid:
            return gpu
    for gpu in now:
        if old.pci_bus_id and gpu.pci_bus_id == old.pci_bus_id and not (old.uuid and gpu.uuid):
            return gpu
    return None


def _trouble(old: Gpu, gpu: Gpu | None) -> str | None:
    """Why this GPU must not be used, or None."""
    if gpu is None:
        return "it vanished"
    if not gpu.healthy:
        return gpu.fault or "NVML calls it unhealthy"
    if gpu.remap_failed:
        return "bad memory rows can no longer be remapped"
    if gpu.ecc_uncorrected is not None and gpu.ecc_uncorrected > (old.ecc_uncorrected or 0):
        return f"{gpu.ecc_uncorrected - (old.ecc_uncorrected or 0)} uncorrectable memory errors"
    return None


def _notes(old: Gpu, gpu: Gpu | None) -> list[Finding]:
    if gpu is not None and gpu.retirement_pending and not old.retirement_pending:
        reason = f"GPU {old.index}: bad memory is retired at the next reset"
        return [Finding(action=NOTE, reason=reason, index=old.index)]
    return []
