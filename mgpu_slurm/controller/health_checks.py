"""HealthCheckProgram=: when which nodes are asked to look whether they are well. Each also looks as its daemon starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.records import node_columns
from mgpu_slurm.records.columns import Source
from mgpu_slurm.wire.messages import CheckHealth

if TYPE_CHECKING:
    from collections.abc import Collection

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.node import Node

TIMER = "health"
_BASES = {"IDLE": "IDLE", "NONDRAINED_IDLE": "IDLE", "ALLOC": "ALLOCATED", "MIXED": "MIXED"}
"""What a word of HealthCheckNodeState= says of a node's state."""


def begin(ctx: Context, now: float) -> None:
    """The configuration has been read."""
    if ctx.settings.health_interval and "START_ONLY" not in ctx.settings.health_states:
        ctx.timers.set(TIMER, "", now + _pause(ctx))
    else:
        ctx.timers.cancel(TIMER, "")


def _pause(ctx: Context) -> float:
    """Seconds until the next look: with CYCLE one at a node, so that all have been looked at within the interval."""
    nodes = max(len(ctx.state.nodes), 1) if "CYCLE" in ctx.settings.health_states else 1
    return ctx.settings.health_interval / nodes


def due(ctx: Context, now: float) -> None:
    """Ask all nodes whose states are meant, or with CYCLE the next one."""
    names = list(ctx.state.nodes)
    if "CYCLE" in ctx.settings.health_states and names:
        ctx.health_turn = (ctx.health_turn + 1) % len(names)
        names = [names[ctx.health_turn]]
    source = Source(ctx.state.jobs, ctx.state.nodes, ctx.state.partitions, ctx.state.use, now)
    for name in names:
        node = ctx.state.nodes[name]
        if node.responding and is_meant(node, node_columns.state(node, source), ctx.settings.health_states):
            ctx.to_node(name, CheckHealth())
    begin(ctx, now)


def is_meant(node: Node, base: str, words: Collection[str]) -> bool:
    """Whether HealthCheckNodeState= means a node whose jobs make it `base`. No word of a state means any."""
    states = [word for word in words if word in _BASES]
    if "ANY" in words or not states:
        return True
    return any(_BASES[word] == base and not (word == "NONDRAINED_IDLE" and "DRAIN" in node.flags) for word in states)
