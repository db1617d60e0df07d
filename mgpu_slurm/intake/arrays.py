"""`--array`: `0-15:4,20%2` -> the indexes and how many may run at once. Pure; sbatch sends the text, the controller reads it."""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError

ESLURM_INVALID_ARRAY = 2081


def parse(text: str, max_size: int) -> tuple[list[int], int | None]:
    """The sorted indexes and the limit of running elements (None: no limit).

    Brackets may stand anywhere, duplicates merge, and the limit is the number after the first percent sign wherever that
    is. The highest index is `max_size` - 1 (MaxArraySize). Raises SlurmError 2081.
    """
    limit = None
    body, percent, tail = text.partition("%")
    if percent:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        limit = int(digits) if digits and int(digits) else None
        # What follows the limit still counts (1%2,3 is 1 and 3), a second limit does not.
        body += tail.partition(",")[1] + tail.partition(",")[2].partition("%")[0]
    found: set[int] = set()
    pieces = [piece.lstrip() for piece in body.replace("[", "").replace("]", "").split(",")]
    for piece in pieces:
        if piece:
            found.update(_range(piece, max_size))
    if not found:
        if not percent:
            raise SlurmError(ESLURM_INVALID_ARRAY)
        found.add(0)  # as Slurm reads "%2"
    return sorted(found), limit


def _range(piece: str, max_size: int) -> range:
    bounds, colon, stride_text = piece.partition(":")
    low_text, dash, high_text = bounds.partition("-")
    low = _index(low_text)
    high = _index(high_text) if dash else low
    if colon and not dash:
        raise SlurmError(ESLURM_INVALID_ARRAY)
    stride = _index(stride_text) if colon else 1
    if stride < 1 or high < low or high >= max_size:
        raise SlurmError(ESLURM_INVALID_ARRAY)
    return range(low, high + 1, stride)


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise SlurmError(ESLURM_INVALID_ARRAY)
    return int(text)
