"""Sets of small numbers: `0-3,8:2`, CPUs, GPUs, nodes of a bitmap, tasks of an array.

`parse` reads single numbers, ranges `a-b` and ranges with a step `a-b:s`; brackets around the whole are tolerated as
Slurm tolerates them in `--array=[1-5]`. Sets are sorted lists without duplicates.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 4_000_001


def _number(word: str, whole: str) -> int:
    if not (word.isascii() and word.isdecimal()) or len(word) > 18:
        raise ValueError(f"not a list of numbers: {whole}")
    return int(word)


def parse(text: str, limit: int = LIMIT) -> list[int]:
    """The numbers of a set text, ascending, each once; empty text is the empty set.

    Raises ValueError for a range that runs backwards, a step of zero, empty words, signs, and more than `limit` numbers.
    """
    body = text.strip()
    if body.startswith("[") and body.endswith("]"):
        body = body[1:-1]
    if not body:
        return []
    found: set[int] = set()
    for word in body.split(","):
        span, colon, step_word = word.partition(":")
        low, dash, high = span.partition("-")
        first = _number(low, text)
        last = _number(high, text) if dash else first
        step = _number(step_word, text) if colon else 1
        if last < first or step < 1:
            raise ValueError(f"not a list of numbers: {text}")
        if (last - first) // step + 1 > limit:
            raise ValueError(f"too many numbers: {text}")
        found.update(range(first, last + 1, step))
        if len(found) > limit:
            raise ValueError(f"too many numbers: {text}")
    return sorted(found)


def fold(ids: Iterable[int]) -> str:
    """The shortest text of ranges: [0, 1, 2, 3, 5] -> `0-3,5`."""
    words: list[str] = []
    first = last = -2
    for number in sorted(set(ids)):
        if number == last + 1:
            last = number
            continue
        if first >= 0:
            words.append(f"{first}-{last}" if last > first else str(first))
        first = last = number
    if first >= 0:
        words.append(f"{first}-{last}" if last > first else str(first))
    return ",".join(words)


def fold_steps(ids: Iterable[int]) -> str:
    """Array tasks as Slurm lists them: as `fold`, but one even spacing over the whole set reads `0-100:10`.

    The step form needs a step above 1, at least six numbers and a span of more than 10 (measured with 22.05.8: 0-1000:200
    and 0-12:2 are written with their step, 0-10:2 and 0-1000:250 in full).
    """
    numbers = sorted(set(ids))
    if len(numbers) >= 6 and numbers[-1] - numbers[0] > 10:
        step = numbers[1] - numbers[0]
        last = numbers[-1]
        if step > 1 and last - numbers[0] == step * (len(numbers) - 1):
            even = all(number == numbers[0] + step * at for at, number in enumerate(numbers))
            if even:
                return f"{numbers[0]}-{last}:{step}"
    return fold(numbers)


def mask(ids: Iterable[int]) -> int:
    """A bitmap with the bit of each number set. Raises ValueError for a negative number."""
    bits = 0
    for number in ids:
        bits |= 1 << number
    return bits


def unmask(bits: int) -> list[int]:
    """The numbers whose bits are set, ascending. Raises ValueError for a negative bitmap."""
    if bits < 0:
        raise ValueError("negative bitmap")
    numbers = []
    while bits:
        low = bits & -bits
        numbers.append(low.bit_length() - 1)
        bits ^= low
    return numbers
