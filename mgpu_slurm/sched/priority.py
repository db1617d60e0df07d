"""Multifactor priority: what a waiting job's number is made of (22.05, measured).

Every factor is between 0 and 1 and is multiplied by its weight; the sum without its fraction is the priority, less the nice value
and with the site's own share. Fair share, association and quality of service weigh nothing: nothing here tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """PriorityWeight*= and what says how factors are made."""

    age: int = 0
    jobsize: int = 0
    partition: int = 0
    tres: dict[str, float] = {}  # name of a resource in lower case -> weight
    max_age: float = 604800.0  # seconds after which age counts in full
    favor_small: bool = False
    whole_partition: bool = False  # PriorityFlags=NO_NORMAL_PART: its PriorityJobFactor as it is
    whole_tres: bool = False  # PriorityFlags=NO_NORMAL_TRES: amounts as they are

    @property
    def count(self) -> bool:
        """Whether any factor does."""
        return bool(self.age or self.jobsize or self.partition or any(self.tres.values()))


class Factors(msgspec.Struct, frozen=True, kw_only=True):
    age: float = 0.0
    jobsize: float = 0.0
    partition: float = 0.0
    tres: dict[str, float] = {}  # in the order of the weights


def age(waited: float, longest: float) -> float:
    """`waited`: seconds since it could have started."""
    return min(1.0, max(0.0, waited) / longest) if longest > 0 else 0.0


def job_size(nodes: int, cpus: int, all_nodes: int, all_cpus: int, *, favor_small: bool) -> float:
    """The mean of its shares of the cluster's nodes and CPUs, or what is missing to all of them."""
    if not all_nodes or not all_cpus:
        return 0.0
    found = min(1.0, (nodes / all_nodes + cpus / all_cpus) / 2)
    return 1.0 - found if favor_small else found


def resources(
    weights: Mapping[str, float], asked: Mapping[str, int], there: Mapping[str, int], *, whole: bool
) -> dict[str, float]:
    """Of each resource that is weighed the share of what its partition has."""
    found = {}
    for name in weights:
        amount, most = asked.get(name, 0), there.get(name, 0)
        found[name] = float(amount) if whole else min(1.0, amount / most) if most else 0.0
    return found


def total(weights: Weights, factors: Factors) -> float:
    """The sum of what counts, before nice value and site factor; its fraction does not."""
    found = weights.age * factors.age + weights.jobsize * factors.jobsize + weights.partition * factors.partition
    return found + sum(weight * factors.tres.get(name, 0.0) for name, weight in weights.tres.items())
