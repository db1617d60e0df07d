"""TRESBillingWeights: what a unit of each resource is billed, as CPU=1.0,Mem=0.25G,GRES/gpu=2.0. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages")
"""Resources that are always there to be weighed; those of AccountingStorageTRES come with the configuration."""

_UNITS = "kmgtp"
_MIB = 1  # place of the unit that memory is counted in


def check(text: str, more: tuple[str, ...] = ()) -> None:
    """Raises ValueError for names that are neither in NAMES nor `more`, and for weights that are no numbers."""
    unknown = weights(text).keys() - {*NAMES, *more}
    if unknown:
        raise ValueError(", ".join(sorted(unknown)))


def weights(text: str) -> dict[str, float]:
    """Name in lower case -> what one is billed, of memory a MiB. Raises ValueError."""
    found: dict[str, float] = {}
    for word in text.split(",") if text else ():
        name, _, number = word.partition("=")
        name = name.strip().lower()
        unit = number[-1:].lower()
        if unit and unit in _UNITS:
            found[name] = float(number[:-1]) / 1024 ** (_UNITS.index(unit) - (_MIB if name == "mem" else -1))
        else:
            found[name] = float(number)
    return found


def billed(text: str, held: Mapping[str, int]) -> int:
    """Whole units for what is held, by the names of `weights`; where nothing is weighed a CPU is one. Raises ValueError."""
    if not text:
        return held.get("cpu", 0)
    return int(sum(weight * held.get(name, 0) for name, weight in weights(text).items()))
