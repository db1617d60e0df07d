"""Nodes, CPUs and devices for one need: the one allocator, for now, for the future and for `--test-only`.

Rule: as few nodes as satisfy the request; among sets of that size the one whose free capacity is smallest (best fit), so
that large holes stay for large jobs; nodes of lower weight first. Tasks fill the chosen nodes in node order, each node
getting at least one. Shares are identified CPUs and devices.
"""

from __future__ import annotations

import msgspec

from mgpu_slurm.base.idset import mask as mask_of
from mgpu_slurm.base.idset import unmask
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.sched import devices, features
from mgpu_slurm.sched.fit import MANY, Capacity, capacity, eligible
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot


class Placement(msgspec.Struct):
    allocation: Allocation
    tasks_per_node: list[int]


class Refusal(msgspec.Struct):
    """Why not: `never` when the empty cluster would not do either. `missing` names what most nodes lacked, `unavailable` the
    nodes that are down or drained and would have helped."""

    never: bool
    missing: str = ""
    unavailable: list[str] = []
    too_large: bool = False  # more nodes or CPUs than the partition has: it may grow, so the job waits


class Candidate(msgspec.Struct):
    index: int
    slot: NodeSlot
    room: Capacity


def place(
    nodes: list[NodeSlot], need: Need, uid: int, partition: PartitionSlot | None, *, whole: bool = False
) -> Placement | Refusal:
    """Place a need on the nodes of a partition (all of them without one). `whole` ignores what runs there."""
    indices = partition.nodes if partition is not None else range(len(nodes))
    missing: dict[str, int] = {}
    unavailable: list[str] = []
    candidates: list[Candidate] = []
    for index in indices:
        slot = nodes[index]
        why = eligible(slot, need, uid, partition)
        if not why and not slot.usable and not whole:
            unavailable.append(slot.name)
            continue
        if not why:
            room = capacity(slot, need, uid, partition, whole=whole)
            if room.tasks:
                candidates.append(Candidate(index, slot, room))
                continue
            why = room.missing
        missing[why] = missing.get(why, 0) + 1
    chosen = _choose(candidates, need, partition)
    if chosen is not None:
        placement = _assign(chosen, need, partition, whole=whole)
        if placement is not None:
            return placement
    word = max(missing, key=lambda key: missing[key]) if missing else ""
    return Refusal(never=whole, missing=word, unavailable=unavailable)


def possible(nodes: list[NodeSlot], need: Need, uid: int, partition: PartitionSlot) -> Refusal | None:
    """None if the empty partition could run it; else the refusal, `too_large` where the partition lacks nodes or CPUs."""
    answer = place(nodes, need, uid, partition, whole=True)
    if isinstance(answer, Placement):
        return None
    slots = [nodes[index] for index in partition.nodes]
    cpus = sum(slot.cpus_total.bit_count() for slot in slots)
    answer.too_large = need.min_nodes > len(slots) or (
        not need.overcommit and need.ntasks * need.cpus_per_task > cpus
    )
    return answer


def _choose(candidates: list[Candidate], need: Need, partition: PartitionSlot | None) -> list[Candidate] | None:
    """The set of nodes, in node order."""
    by_name = {candidate.slot.name: candidate for candidate in candidates}
    if any(name not in by_name for name in need.required_nodes):
        return None
    for term in features.alternatives(need.constraint):
        fitting = [c for c in candidates if features.satisfied(term, c.slot.features)] if term is not None else candidates
        chosen = _fewest(fitting, need, partition)
        if chosen is not None and _counts_hold(chosen, need):
            return chosen
    return None


def _counts_hold(chosen: list[Candidate], need: Need) -> bool:
    return all(
        sum(1 for c in chosen if features.satisfied(term, c.slot.features)) >= number
        for term, number in features.counted(need.constraint)
    )


def _fewest(candidates: list[Candidate], need: Need, partition: PartitionSlot | None) -> list[Candidate] | None:
    required = [c for c in candidates if c.slot.name in need.required_nodes]
    others = [c for c in candidates if c.slot.name not in need.required_nodes]
    least = max(need.min_nodes, len(required), 1)
    most = need.max_nodes or len(candidates)
    if partition is not None and partition.max_nodes >= 0:
        most = min(most, partition.max_nodes)
    most = min(most, len(candidates), need.ntasks or len(candidates)) if need.ntasks else min(most, len(candidates))
    if least > most:
        return None
    if need.spread:
        least = most
    for weight in sorted({c.slot.weight for c in others}) or [0]:
        pool = sorted((c for c in others if c.slot.weight <= weight), key=lambda c: _size(c, need))
        for count in range(least, min(most, len(pool) + len(required)) + 1):
            if not _enough(required + pool[len(pool) - (count - len(required)) :], need, count):
                continue
            chosen = _window(required, pool, count - len(required), need)
            if chosen is not None:
                return sorted(chosen, key=lambda c: c.index)
    return None


def _size(candidate: Candidate, need: Need) -> tuple[int, int, int, int, int]:
    """Ascending: the tightest fit first. Nodes with devices that the job does not ask for come after those without."""
    slot = candidate.slot
    asked = bool(need.gres_per_node or need.gres_per_job or need.gres_per_task or need.gres_per_socket)
    spare = 0 if asked else sum(g.total.bit_count() for g in slot.gres if g.name == "gpu")
    free_devices = sum(g.free.bit_count() for g in slot.gres) if asked else 0
    tasks = candidate.room.tasks if candidate.room.tasks < MANY else slot.cpus_free.bit_count()
    return spare, free_devices, tasks, slot.cpus_free.bit_count(), candidate.index


def _window(required: list[Candidate], pool: list[Candidate], count: int, need: Need) -> list[Candidate] | None:
    """The first `count` neighbours in order of size that suffice together with the required nodes."""
    if need.contiguous:
        pool = sorted(pool, key=lambda c: c.index)
    for start in range(len(pool) - count + 1):
        chosen = required + pool[start : start + count]
        if need.contiguous and not _adjacent(chosen):
            continue
        if _enough(chosen, need, len(chosen)):
            return chosen
    return None


def _adjacent(chosen: list[Candidate]) -> bool:
    indices = sorted(c.index for c in chosen)
    return indices[-1] - indices[0] == len(indices) - 1


def _enough(chosen: list[Candidate], need: Need, count: int) -> bool:
    if len(chosen) < count:
        return False
    if need.ntasks and sum(c.room.tasks for c in chosen) < need.ntasks:
        return False
    return all(
        sum(c.room.per_job[row] for c in chosen) >= number for row, (_, _, number) in enumerate(need.gres_per_job)
    )


def _assign(
    chosen: list[Candidate], need: Need, partition: PartitionSlot | None, *, whole: bool
) -> Placement | None:
    exclusive = need.exclusive or (partition is not None and partition.exclusive)
    tasks = _spread_tasks([c.room.tasks for c in chosen], need)
    wanted = [number for _, _, number in need.gres_per_job]
    shares: list[NodeShare] = []
    for place_in_set, (candidate, here) in enumerate(zip(chosen, tasks, strict=True)):
        later = chosen[place_in_set + 1 :]
        rows = [(name, kind, number) for name, kind, number in need.gres_per_node]
        rows += [(name, kind, number * max(1, need.sockets_per_node)) for name, kind, number in need.gres_per_socket]
        rows += [(name, kind, number * here) for name, kind, number in need.gres_per_task]
        for row, (name, kind, _) in enumerate(need.gres_per_job):
            if need.gpus_fixed_per_node(name):
                continue
            reserve = sum(1 for other in later if other.room.per_job[row]) if wanted[row] > len(later) else 0
            number = max(0, min(candidate.room.per_job[row], wanted[row] - reserve))
            wanted[row] -= number
            rows.append((name, kind, number))
        share = _share(candidate.slot, need, here, rows, exclusive=exclusive, whole=whole)
        if share is None:
            return None
        shares.append(share)
    if any(number > 0 for row, number in enumerate(wanted) if not need.gpus_fixed_per_node(need.gres_per_job[row][0])):
        return None
    if not need.ntasks:
        per = need.cpus_per_task
        tasks = [max(1, len(share.cpus) // per) for share in shares]
        if need.ntasks_per_node:
            tasks = [min(number, need.ntasks_per_node) for number in tasks]
    return Placement(Allocation(shares=shares), tasks)


def _spread_tasks(rooms: list[int], need: Need) -> list[int]:
    """Block distribution: fill nodes in order, leaving at least one task for each node after."""
    if not need.ntasks:
        return [need.ntasks_per_node or 1 for _ in rooms]
    if need.overcommit and need.ntasks:
        share, more = divmod(need.ntasks, len(rooms))
        return [share + (1 if place < more else 0) for place in range(len(rooms))]
    left, tasks = need.ntasks, []
    for place_in_set, room in enumerate(rooms):
        number = min(room, left - (len(rooms) - place_in_set - 1))
        tasks.append(number)
        left -= number
    return tasks


def _share(
    slot: NodeSlot, need: Need, tasks: int, rows: list[tuple[str, str, int]], *, exclusive: bool, whole: bool
) -> NodeShare | None:
    """Identified CPUs and devices of one node, None if they are not there after all."""
    threads = slot.threads_per_core
    free = slot.cpus_total if whole else slot.cpus_free
    taken: dict[str, int] = {}
    near = 0
    for name, kind, number in rows:
        gres = next((g for g in slot.gres if g.name == name), None)
        if gres is None:
            if number:
                return None
            continue
        if whole:
            gres = msgspec.structs.replace(gres, free=gres.total)
        group = devices.choose(gres, kind, number, taken=taken.get(name, 0))
        if group is None:
            return None
        taken[name] = taken.get(name, 0) | group
        near |= devices.cpus_near(gres, group)
    gpus = taken.get("gpu", 0).bit_count()
    if exclusive:
        cpus = slot.cpus_total
    else:
        number = 1 if need.overcommit else tasks * need.cpus_per_task
        number = max(number, need.min_cpus_per_node, need.cpus_per_gpu * gpus)
        if need.threads_per_core and need.threads_per_core < threads:
            number = -(-number // need.threads_per_core) * threads
        if need.ntasks_per_core:
            number = max(number, -(-tasks // need.ntasks_per_core) * threads)
        number = -(-number // threads) * threads
        picked = _cpus(free, number, near, threads)
        if picked is None:
            return None
        cpus = picked
    count = cpus.bit_count()
    memory = slot.mem_free if not whole else slot.mem_total
    if need.whole_memory:
        amount = slot.mem_total
    elif need.mem_per_cpu:
        amount = need.mem_per_cpu * count
        if exclusive:
            amount = min(amount, slot.mem_total)
    elif need.mem_per_gpu:
        amount = need.mem_per_gpu * gpus
    else:
        amount = need.mem_per_node
    if amount > memory:
        return None
    return NodeShare(
        node=slot.name,
        cpus=unmask(cpus),
        mem=amount,
        gres={name: unmask(group) for name, group in taken.items() if group},
        whole=exclusive,
    )


def _cpus(free: int, number: int, near: int, threads: int) -> int | None:
    """The lowest free CPUs, whole cores, those near the devices first. None if there are too few."""
    cores: list[list[int]] = []
    ids = unmask(free)
    by_core: dict[int, list[int]] = {}
    for cpu in ids:
        by_core.setdefault(cpu // threads, []).append(cpu)
    cores = [members for members in by_core.values() if len(members) == threads]
    if near:
        cores.sort(key=lambda members: (not any(near >> cpu & 1 for cpu in members), members[0]))
    picked: list[int] = []
    for members in cores:
        if len(picked) >= number:
            break
        picked.extend(members)
    return mask_of(picked) if len(picked) >= number else None
