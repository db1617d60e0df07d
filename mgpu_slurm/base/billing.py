"""Weights of resources, as CPU=1.0,Mem=0.25G,GRES/gpu=2.0: what a unit is billed (TRESBillingWeights) or counts for a priority
(PriorityWeightTRES). Pure."""

from __future__ import annotations

import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NAMES = ("cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages")
"""Resources that are always there to be weighed; those of AccountingStorageTRES come with the configuration."""

_UNITS = "kmgtp"
_MIB = 1  # place of the unit that memory is counted in
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|)(.?)", re.DOTALL)


def check(text: str, more: Collection[str] = ()) -> None:
    """Raises ValueError, a sentence of Slurm's, for weights that are no numbers and for names that are neither in NAMES nor in
    `more`, the lower-case words of AccountingStorageTRES."""
    weights(text)
    for word in text.split(","):
        name = word.partition("=")[0]
        if word and name.lower() not in NAMES and name.lower() not in more:
            raise ValueError(f"TRES weight '{name}' is not a configured TRES type.")


def weights(text: str) -> dict[str, float]:
    """Name in lower case -> what one is billed, of memory a MiB. Of a number's unit the first letter counts, empty words do not.
    Raises ValueError."""
    found: dict[str, float] = {}
    for word in text.split(","):
        if word:
            name, _, number = word.partition("=")
            found[name.lower()] = _weight(name, number)
    return found


def _weight(name: str, text: str) -> float:
    split = _NUMBER.match(text)
    number, unit = split.groups() if split is not None else ("", "")
    if not name or (not number and not unit):
        raise ValueError(f'"{name or "=" + text}" is an invalid TRES weight entry')
    if not number or (unit and unit.lower() not in _UNITS):
        raise ValueError(f"Invalid unit type '{unit}'. Possible options are '{_UNITS.upper()}'")
    weight = float(number)
    if unit:
        # of memory nothing is smaller than a MiB: k is one too, as with Slurm
        weight /= 1024 ** max(0, _UNITS.index(unit.lower()) - (_MIB if name.lower() == "mem" else -1))
    if not math.isfinite(weight):
        raise ValueError(f'"{name}={text}" is an invalid TRES weight entry')
    return weight


def billed(text: str, held: Mapping[str, int]) -> int:
    """Whole units for what is held, by the names of `weights`, which have been checked; where nothing is weighed a CPU is one."""
    if not text:
        return held.get("cpu", 0)
    return int(sum(weight * held.get(name, 0) for name, weight in weights(text).items()))
