"""What a job or step holds: identified CPUs and devices on identified nodes, never only counts."""

from __future__ import annotations

import msgspec


class NodeShare(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A share of one node."""

    node: str
    cpus: list[int] = []  # logical CPU ids of the node, ascending
    mem: int = 0  # MiB
    gres: dict[str, list[int]] = {}  # resource name ("gpu") -> device indices on the node, ascending
    whole: bool = False  # the job has the node for itself
    counted: int = 0  # CPUs that count where threads of the cores are left idle (--threads-per-core), 0: all

    @property
    def usable(self) -> int:
        """How many CPUs tasks may have."""
        return self.counted or len(self.cpus)


class Allocation(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The nodes of a job in order; the first runs the batch script."""

    shares: list[NodeShare] = []
    leaving: list[NodeShare] = []  # of nodes that the job has given back, while processes of it may live there

    @property
    def held(self) -> list[NodeShare]:
        """All that nobody else may have yet."""
        return [*self.shares, *self.leaving] if self.leaving else self.shares

    @property
    def nodes(self) -> list[str]:
        return [share.node for share in self.shares]

    @property
    def cpus(self) -> int:
        return sum(len(share.cpus) for share in self.shares)

    def share(self, node: str) -> NodeShare | None:
        return next((share for share in self.shares if share.node == node), None)
