"""How sinfo puts nodes together: one row for all that look alike in the columns asked for. Pure.

A row belongs to one partition where the name of the partition is shown, else to all that agree in what is shown of them; a
node counts once in a row. A partition of which nothing is left by the filters keeps a row without nodes.
"""

from __future__ import annotations

from mgpu_slurm.base import hostlist

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.listing import Format

    Record = Mapping[str, Any]


class Group:
    """Nodes that are shown in one row."""

    __slots__ = ("names", "nodes", "partition", "rank")

    def __init__(self, partition: Record | None, rank: int) -> None:
        self.partition = partition
        self.rank = rank
        self.nodes: list[Record] = []
        self.names: set[str] = set()

    def add(self, node: Record) -> None:
        if node["name"] not in self.names:
            self.names.add(node["name"])
            self.nodes.append(node)


def node_columns(made: Format) -> list[str]:
    """Columns of nodes that a format needs besides those of the grouping itself."""
    found = [name for cell in made.cells if cell.field is not None for name in cell.field.columns]
    return [name for name in dict.fromkeys(found) if not name.startswith(("p.", "#"))]


def partition_columns(made: Format) -> list[str]:
    found = [name for cell in made.cells if cell.field is not None for name in cell.field.columns]
    return [name[2:] for name in dict.fromkeys(found) if name.startswith("p.")]


def group(
    made: Format, nodes: Mapping[str, Record], partitions: Sequence[Record], exact: bool, by_node: bool, empty: bool
) -> list[Group]:
    """Rows in the order of the partitions and of their nodes. `empty`: keep partitions without nodes."""
    same: list[str] = []
    of_partition: list[str] = []
    for cell in made.cells:
        if cell.field is None:
            continue
        for name in cell.field.columns:
            if name.startswith("p."):
                of_partition.append(name[2:])
            elif not name.startswith("#") and (cell.field.group == "same" or (exact and cell.field.group != "range")):
                same.append(name)
        if exact and cell.field.header == "S:C:T":
            same += ["sockets", "cores_per_socket", "threads_per_core"]
    rows: dict[tuple[Any, ...], Group] = {}
    for rank, partition in enumerate(partitions):
        own = tuple(_frozen(partition[name]) for name in of_partition)
        members = [nodes[name] for name in partition["node_names"] if name in nodes]
        if not members and empty and of_partition:
            rows.setdefault((own, None), Group(partition, rank))
        for node in members:
            key: tuple[Any, ...] = (own, *(_frozen(node[name]) for name in same))
            if by_node:
                key += (node["name"], rank)
            if key not in rows:
                rows[key] = Group(partition, rank)
            rows[key].add(node)
    return list(rows.values())


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def table(made: Format, groups: Sequence[Group], more: Sequence[str] = ()) -> dict[str, list[Any]]:
    """The columns that the fields of the format show, a value a group."""
    found: dict[str, list[Any]] = {}
    kinds = {name: cell.field.group for cell in made.cells if cell.field is not None for name in cell.field.columns}
    for name in (*kinds, *more):
        if name in found:
            continue
        if name.startswith("#"):
            found[name] = [_MADE[name](one.nodes) for one in groups]
        elif name.startswith("p."):
            key = name[2:]
            found[name] = [one.partition[key] if one.partition is not None else None for one in groups]
        else:
            found[name] = [_value(one.nodes, name, kinds.get(name, "same")) for one in groups]
    return found


def _value(nodes: Sequence[Record], name: str, kind: str) -> Any:
    if not nodes:
        return [] if name == "flags" else None if name not in _NUMBERS else 0
    first = nodes[0][name]
    if kind == "span":
        low = min(node[name] for node in nodes)
        return low if all(node[name] == low for node in nodes) else f"{low}+"
    if kind == "range":
        values = [node[name] for node in nodes if node[name] is not None]
        if not values:
            return None
        low, high = min(values), max(values)
        return low if low == high else Range(low, high)
    return first


_NUMBERS = frozenset(("cpus", "real_memory", "tmp_disk", "weight", "sockets", "cores_per_socket", "threads_per_core"))


class Range(float):
    """Several values of one field, shown as low-high; sorts as its low end."""

    high: float

    def __new__(cls, low: float, high: float) -> Range:
        made = super().__new__(cls, low)
        made.high = high
        return made

    def __str__(self) -> str:
        return f"{int(self)}-{int(self.high)}"

    def __format__(self, spec: str) -> str:
        return f"{float(self):{spec}}-{self.high:{spec}}"

    __hash__ = float.__hash__


def _cpus(nodes: Sequence[Record]) -> str:
    """allocated/idle/other/total; CPUs of nodes that are down or drained are other, those of nodes that fail are idle."""
    taken = idle = other = total = 0
    for node in nodes:
        total += node["cpus"]
        held = node["cpus_alloc"]
        taken += held
        if node["state"] in ("DOWN", "UNKNOWN", "FUTURE") or "DRAIN" in node["flags"]:
            other += node["cpus"] - held
        else:
            idle += node["cpus"] - held
    return f"{taken}/{idle}/{other}/{total}"


def _states(nodes: Sequence[Record]) -> str:
    """allocated/idle/other/total nodes."""
    taken = idle = 0
    for node in nodes:
        if node["state"] in ("ALLOCATED", "MIXED") or ("COMPLETING" in node["flags"] and node["state"] != "DOWN"):
            taken += 1
        elif node["state"] == "IDLE" and "DRAIN" not in node["flags"]:
            idle += 1
    return f"{taken}/{idle}/{len(nodes) - taken - idle}/{len(nodes)}"


def _geometry(nodes: Sequence[Record]) -> str:
    parts = [str(_value(nodes, name, "span")) for name in ("sockets", "cores_per_socket", "threads_per_core")]
    return ":".join(parts)


_MADE = {
    "#cpus": _cpus,
    "#geometry": _geometry,
    "#names": lambda nodes: hostlist.fold_sorted(node["name"] for node in nodes),
    "#nodes": len,
    "#states": _states,
}

GROUP_COLUMNS = ("name", "state", "flags", "cpus", "cpus_alloc", "sockets", "cores_per_socket", "threads_per_core")
"""Columns of nodes that grouping, filters and order need whatever is shown."""
