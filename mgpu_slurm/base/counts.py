"""Counts per node as Slurm writes them in variables: [2, 2, 1] <-> `2(x2),1` (SLURM_TASKS_PER_NODE and its kin)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def compress(values: Iterable[int]) -> str:
    """Equal neighbours are written once with their number."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return ",".join(f"{value}(x{times})" if times > 1 else str(value) for value, times in runs)


def expand(text: str, limit: int = 1_000_000) -> list[int]:
    """The numbers again. Raises ValueError for anything `compress` could not have written, or above `limit` numbers."""
    values: list[int] = []
    if not text:
        return values
    for word in text.split(","):
        number, bracket, times = word.partition("(x")
        repeat = 1
        if bracket:
            if not times.endswith(")"):
                raise ValueError(f"not a list of counts: {text}")
            repeat = _number(times[:-1], text)
        value = _number(number, text)
        if len(values) + repeat > limit:
            raise ValueError(f"too many counts: {text}")
        values += [value] * repeat
    return values


def _number(word: str, whole: str) -> int:
    if not (word.isascii() and word.isdecimal()):
        raise ValueError(f"not a list of counts: {whole}")
    return int(word)
