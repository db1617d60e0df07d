"""The letters of sprio: upper case for weighted factors, lower case for those between 0 and 1."""

from __future__ import annotations

from mgpu_slurm.facts.fields.field import RUN, Field, Fields, View, constant, plain, run_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

WEIGHTS = {
    "A": ("age", "PriorityWeightAge"),
    "B": ("assoc", "PriorityWeightAssoc"),
    "F": ("fairshare", "PriorityWeightFairShare"),
    "J": ("jobsize", "PriorityWeightJobSize"),
    "P": ("partition_factor", "PriorityWeightPartition"),
    "Q": ("qos_factor", "PriorityWeightQOS"),
}
"""Letter of a factor -> its column and the key of its weight."""

_HEADERS = {"A": "AGE", "B": "ASSOC", "F": "FAIRSHARE", "J": "JOBSIZE", "P": "PARTITION", "Q": "QOS"}


def _weighted(weight: float) -> Callable[..., str]:
    return lambda _view, factor: f"{factor * weight:.0f}"


def _normal(_view: View, factor: float) -> str:
    return f"{factor:.7f}"


def _unit(_view: View, priority: float) -> str:
    return f"{priority:.14f}"


def _resources(weights: Mapping[str, float]) -> Callable[..., str]:
    return lambda _view, found: ",".join(f"{name}={factor * weights.get(name, 0):.0f}" for name, factor in found)


def _normal_resources(_view: View, found: Any) -> str:
    return ",".join(f"{name}={factor:.2f}" for name, factor in found)


def _text(_view: View, value: Any) -> str:
    return str(value or "")


def fields(weights: Mapping[str, float], tres: Mapping[str, float] | None = None) -> Fields:
    """The table for these weights, by letter, and of resources by name."""
    rows = [
        Field("i", "", "JOBID", "job_id", plain),
        Field("r", "", "PARTITION", "partition"),
        Field("u", "", "USER", "user_name"),
        Field("o", "", "ACCOUNT", "account", _text),
        Field("n", "", "QOSNAME", "qos", _text),
        Field("c", "", "CLUSTER", "job_id", lambda view, _job: view.cluster or "(null)"),
        Field("N", "", "NICE", "nice", plain),
        Field("S", "", "SITE", "site", _weighted(1)),
        Field("s", "", "SLUID", RUN, run_name),
        Field("T", "", "TRES", "tres", _resources(tres or {})),
        Field("t", "", "TRES", "tres", _normal_resources),
        Field("Y", "", "PRIORITY", "priority", plain),
        Field("y", "", "PRIORITY", "priority_normal", _unit),
    ]
    for letter, (column, _) in WEIGHTS.items():
        rows.append(Field(letter, "", _HEADERS[letter], column, _weighted(weights.get(letter, 0))))
        rows.append(Field(letter.lower(), "", _HEADERS[letter], column, _normal))
    return Fields(rows)


def weights_line(weights: Mapping[str, float], tres: str) -> Fields:
    """The same letters, showing the weights themselves."""
    shown = {letter: f"{weights.get(letter, 0):.0f}" for letter in WEIGHTS}
    words = {"i": "Weights", "S": "1", "T": tres or "(null)", **shown, **{letter.lower(): text for letter, text in shown.items()}}
    return Fields([Field(row.letter, "", row.header, "job_id", constant(words.get(row.letter, ""))) for row in fields({}).rows])
