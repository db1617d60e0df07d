"""What a step used, of each measure of facts/measures.py: over its tasks on one node, and over its nodes."""

from __future__ import annotations

import msgspec


class Use(msgspec.Struct, array_like=True, gc=False):
    """One measure in its units. A tie belongs to the first task. `count`: tasks it is known of; nodes: "" until a node's report
    has reached the controller."""

    most: int
    most_task: int
    least: int
    least_task: int
    total: int
    count: int
    most_node: str = ""
    least_node: str = ""


def add(known: dict[str, Use], told: dict[str, Use], node: str) -> None:
    """Count in what a node says of its tasks."""
    for key, one in told.items():
        before = known.get(key)
        if before is None:
            known[key] = Use(one.most, one.most_task, one.least, one.least_task, one.total, one.count, node, node)
            continue
        if (one.most, -one.most_task) > (before.most, -before.most_task):
            before.most, before.most_task, before.most_node = one.most, one.most_task, node
        if (one.least, one.least_task) < (before.least, before.least_task):
            before.least, before.least_task, before.least_node = one.least, one.least_task, node
        before.total += one.total
        before.count += one.count
