"""The grammars of `--gres` and `--gpus...`: names, types and counts. Pure; client and controller read the same way.

`gpu`, `gpu:2`, `gpu:a100`, `gpu:a100:2`, lists of them, with `gres:` or `gres/` in front and `=` before the count; for the
`--gpus` family the name is left out: `2`, `a100:2`, `a100`. A count may carry k, m, g, t or p (times 1024, or 1000 with a
b after it); entries with count 0 ask for nothing.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError

ESLURM_INVALID_GRES = 2072
ESLURM_INVALID_TRES = 2115
ESLURM_INVALID_GRES_TYPE = 2119

HIGHEST = 2**64 - 1
"""No count is as high as this."""

_UNITS = "kmgtp"


def parse(text: str, name: str | None = None) -> list[tuple[str, str | None, int]]:
    """(name, type or None, count) for each resource asked for, in the order of their first mention; of equal ones the last
    counts.

    `name` is "gpu" for the --gpus family. "none" and the empty text of that family ask for nothing. Raises SlurmError:
    2072 for a malformed entry, 2115 for an empty entry or a malformed count, 2119 when one name is asked for both with
    and without a type.
    """
    if text == "none" or (name is not None and not text):
        return []
    wanted: dict[tuple[str, str | None], int] = {}
    typed: dict[str, bool] = {}
    if name is not None:
        text = text.removesuffix(",")  # which only --gres minds
    for entry in text.split(","):
        key, kind, number = _entry(entry, name)
        if typed.setdefault(key, kind is not None) != (kind is not None):
            raise SlurmError(ESLURM_INVALID_GRES_TYPE)
        wanted[(key, kind)] = number
    return [(key, kind, number) for (key, kind), number in wanted.items() if number]


def of_node(text: str | None, gpus_per_node: str | None) -> list[tuple[str, str | None, int]]:
    """What --gres and --gpus-per-node ask for on each node: --gres is heard last, and of equal devices the last count.
    Raises as parse does."""
    gpus = {(key, kind): number for key, kind, number in parse(gpus_per_node, "gpu")} if gpus_per_node else {}
    named = {(key, kind): number for key, kind, number in parse(text)} if text else {}
    return [(key, kind, number) for (key, kind), number in {**gpus, **named}.items()]


def total(text: str, name: str | None = None) -> int:
    """How many there are in all, whatever their names and types. Raises as parse does."""
    return sum(number for _, _, number in parse(text, name))


def render(wanted: list[tuple[str, str | None, int]]) -> str:
    """The text of a list as parse returns it: gpu:a100:2,shard:4."""
    return ",".join(f"{name}:{kind}:{number}" if kind else f"{name}:{number}" for name, kind, number in wanted)


def _entry(entry: str, name: str | None) -> tuple[str, str | None, int]:
    if not entry:
        raise SlurmError(ESLURM_INVALID_TRES)
    if name is None and entry[:5] in ("gres:", "gres/"):
        entry = entry[5:]
    parts = entry.replace("=", ":").split(":")
    if name is not None:
        parts.insert(0, name)
    if "" in parts or len(parts) > 3:
        raise SlurmError(ESLURM_INVALID_GRES)
    if len(parts) == 1:
        return parts[0], None, 1
    if len(parts) == 3:
        number = count(parts[2])
        if number is None:
            raise SlurmError(ESLURM_INVALID_GRES)
        return parts[0], parts[1], number
    number = count(parts[1])
    if number is not None:
        return parts[0], None, number
    if parts[1][0].isdigit():
        raise SlurmError(ESLURM_INVALID_TRES)
    return parts[0], parts[1], 1


def count(text: str) -> int | None:
    """`4`, `2k`, `1kb` as a number; None when the text is not a count."""
    body, factor = text.lower(), 1
    base = 1024
    if len(body) > 2 and body[-1] == "b" and body[-2] in _UNITS:
        body, base = body[:-1], 1000
    if body and body[-1] in _UNITS:
        factor = base ** (_UNITS.index(body[-1]) + 1)
        body = body[:-1]
    body = body.removeprefix("+")
    if not (body.isascii() and body.isdigit()) or int(body) >= HIGHEST:
        return None
    return int(body) * factor
