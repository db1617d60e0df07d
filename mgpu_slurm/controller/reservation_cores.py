"""Reservations of cores: which of them one gets, and which CPUs of its nodes that leaves to jobs.

Such a reservation has no node for itself: jobs of others use its nodes' other cores, and all their memory and devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors, idset
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.intake import gres

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.records.reservation import Reservation

Cores = dict[str, list[int]]
SHARES = frozenset(("OVERLAP", "MAINT"))
"""Flags of reservations that may lie on others."""
FOR_NODES = frozenset(("REPLACE", "REPLACE_DOWN", "ANY_NODES"))
"""Flags of reservations that have no cores."""


def need_fitting(flags: Iterable[str]) -> None:
    """Raises SlurmError 2069."""
    if not FOR_NODES.isdisjoint(flags):
        raise SlurmError(errors.ESLURM_INVALID_CPU_COUNT)


def named(ctx: Context, one: Reservation, nodes: Iterable[str], text: str, now: float) -> Cores:
    """CoreCnt=4,2 beside Nodes=: a number for each of them, in the cluster's order. Raises SlurmError."""
    wanted = set(nodes)
    names = [name for name in ctx.state.nodes if name in wanted]
    numbers = _numbers(text)
    if len(numbers) < len(names) or not numbers[0]:
        raise SlurmError(errors.ESLURM_INVALID_CORE_CNT)
    found = {name: free(ctx, one, name, now)[:number] for name, number in zip(names, numbers, strict=False)}
    if len(numbers) > len(names) or [len(of_node) for of_node in found.values()] != numbers:
        raise SlurmError(errors.ESLURM_NODES_BUSY)
    return found


def anywhere(
    ctx: Context, one: Reservation, names: Iterable[str], text: str, count: int, now: float
) -> Cores:
    """CoreCnt= of these nodes: the first that are free, over `count` nodes evenly where it is not 0. Raises SlurmError."""
    total = sum(_numbers(text))
    shares = [total // count + (at < total % count) for at in range(count)] if count else []
    found: Cores = {}
    for name in names:
        there = free(ctx, one, name, now)
        number = shares[len(found)] if count else min(len(there), total - sum(map(len, found.values())))
        if number and len(there) >= number:
            found[name] = there[:number]
        if len(found) == count or (not count and sum(map(len, found.values())) == total):
            break
    if not total or sum(map(len, found.values())) < total:
        raise SlurmError(errors.ESLURM_NODES_BUSY)
    return found


def _numbers(text: str) -> list[int]:
    return [gres.count(part) or 0 for part in text.split(",")]


def free(ctx: Context, one: Reservation, name: str, now: float) -> list[int]:
    """Cores of a node that neither a job nor another reservation of cores has in the reservation's time."""
    node = ctx.state.nodes[name]
    taken: set[int] = set()
    if SHARES.isdisjoint(one.flags):
        for other in (other.at(now) for other in ctx.state.reservations.values() if name in other.cores):
            if other.name != one.name and SHARES.isdisjoint(other.flags) and other.start < one.end and one.start < other.end:
                taken.update(other.cores[name])
    if "IGNORE_JOBS" not in one.flags:
        for job in ctx.state.jobs_on(name):
            stays = (not job.end_time or job.end_time > one.start) and (job.request.reservation or "") != one.name
            for share in job.allocation.shares if stays and job.allocation is not None else ():
                if share.node == name:
                    taken.update(cpu // node.threads_per_core for cpu in share.cpus)
    return [core for core in range(node.sockets * node.cores_per_socket) if core not in taken]


def cpus(node: Node, cores: Iterable[int]) -> int:
    """Mask of the threads of these cores."""
    return idset.mask(core * node.threads_per_core + at for core in cores for at in range(node.threads_per_core))


def kept(ctx: Context, reservations: Iterable[Reservation]) -> dict[str, int]:
    """The CPUs of nodes that are these reservations' own."""
    found: dict[str, int] = {}
    for one in reservations:
        for name, cores in one.cores.items():
            if name in ctx.state.nodes:
                found[name] = found.get(name, 0) | cpus(ctx.state.nodes[name], cores)
    return found


def besides(ctx: Context, one: Reservation) -> dict[str, int]:
    """The CPUs of its nodes that are not the reservation's."""
    own = kept(ctx, [one])
    return {name: ctx.state.whole_cpus(ctx.state.nodes[name]) & ~mask for name, mask in own.items()}


def holds(ctx: Context, one: Reservation, used: Mapping[str, Iterable[int]]) -> bool:
    """Whether all of what is used, CPUs by node, is the reservation's."""
    if not one.cores:
        return set(used) <= set(one.nodes)
    own = kept(ctx, [one])
    return all(not idset.mask(of_node) & ~own.get(name, 0) for name, of_node in used.items())
