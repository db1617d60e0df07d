"""Trackable resources by name (cpu, fs/disk, gres/gpu:a100, license/NAME) and the numbers that Slurm gives them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ALWAYS = {"cpu": 1, "mem": 2, "energy": 3, "node": 4, "billing": 5, "fs/disk": 6, "vmem": 7, "pages": 8}
FIRST_OTHER = 1001
"""The number of the first that a configuration adds."""


def words(text: object) -> list[str]:
    """The names in AccountingStorageTRES=, in the order of their numbers."""
    return sorted({word.strip().lower() for word in str(text or "").split(",")} - {"", *ALWAYS})


def numbers(config: Any) -> dict[str, int]:
    """Of what is always counted, what AccountingStorageTRES= names, and devices, which accounting always tells of. `config`
    answers `get(key)`, or is None where there is none."""
    found = dict(ALWAYS)
    tracked, devices = (config.get("AccountingStorageTRES"), config.get("GresTypes")) if config is not None else ("", ())
    others: Iterable[str] = (*words(tracked), *(f"gres/{name}" for name in devices or ()))
    for name in others:
        number(name, found)
    return found


def number(name: str, known: dict[str, int]) -> int:
    """The name's number; one that is not known gets the next."""
    return known.setdefault(name, FIRST_OTHER + len(known) - len(ALWAYS))
