"""Column name -> raw value of a reservation, and of a licence. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import hostlist, idset

if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.records.columns import Source
    from mgpu_slurm.records.reservation import Reservation


def cores(one: Reservation, source: Source) -> int:
    if one.cores:
        return sum(map(len, one.cores.values()))
    found = (source.nodes[name] for name in one.nodes if name in source.nodes)
    return sum(node.sockets * node.cores_per_socket for node in found)


def cpus(one: Reservation, source: Source) -> int:
    if one.cores:
        known = ((source.nodes[name], of_node) for name, of_node in one.cores.items() if name in source.nodes)
        return sum(len(of_node) * node.threads_per_core for node, of_node in known)
    return sum(source.nodes[name].cpus for name in one.nodes if name in source.nodes)


def _own(name: str) -> Callable[[Reservation, Source], object]:
    return lambda one, _source: getattr(one, name)


RESERVATION: dict[str, Callable[[Reservation, Source], object]] = {
    **{name: _own(name) for name in ("name", "users", "groups", "accounts", "partition", "features")},
    **{name: _own(name) for name in ("licenses", "flags", "burst_buffer", "max_start_delay", "watts")},
    "start": lambda one, source: one.at(source.now).start,
    "end": lambda one, source: one.at(source.now).end,
    "nodes": lambda one, _source: hostlist.fold(one.nodes),
    "node_count": lambda one, _source: len(one.nodes),
    "node_names": lambda one, _source: one.nodes,
    "cores": cores,
    "cpus": cpus,
    "core_ids": lambda one, _source: [[name, idset.fold(of_node)] for name, of_node in one.cores.items()],
    "active": lambda one, source: one.at(source.now).start <= source.now < one.at(source.now).end,
}
