"""What a job has of its nodes, from the plain form of the launch messages."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Facts = Mapping[str, Any]


def shares(facts: Facts) -> list[Facts]:
    """The job's shares, one a node."""
    allocation = facts.get("allocation") or {}
    return list(allocation.get("shares") or ())


def of_node(found: list[Facts], node: str) -> Facts:
    return next((share for share in found if share.get("node") == node), {})


def usable(share: Facts) -> int:
    """CPUs that tasks may have: not those of threads that are left idle."""
    return int(share.get("counted") or len(share.get("cpus") or ()))


def gpus(share: Facts) -> list[int]:
    return list((share.get("gres") or {}).get("gpu") or ())
