"""Nodes, CPUs and devices for one need: the one allocator, for now, for the future and for `--test-only`.

Rule: as few nodes as satisfy the request, those of lower weight first. A single one is that whose free capacity is smallest
(best fit), so that large holes stay for large jobs; several are neighbours where there are any (runs.py). Tasks fill the
nodes that are named, then the others in node order, each node getting at least one. Shares are identified CPUs and devices.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

import msgspec

from mgpu_slurm.base.idset import unmask
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.sched import cores, devices, features
from mgpu_slurm.sched.fit import Candidate, counted, cpus_of
from mgpu_slurm.sched.snapshot import Need, NodeSlot, PartitionSlot
from mgpu_slurm.sched.spread import counts
from mgpu_slurm.sched.survey import Survey


class Placement(msgspec.Struct):
    allocation: Allocation
    tasks_per_node: list[int]


class Refusal(msgspec.Struct):
    """Why not: `never` when the empty cluster would not do either. `missing` names what most nodes lacked, `unavailable`
    the nodes that are down or drained and would have come into consideration."""

    never: bool
    missing: str = ""
    unavailable: list[str] = []


def place(
    nodes: list[NodeSlot], need: Need, uid: int, partition: PartitionSlot | None, *, whole: bool = False
) -> Placement | Refusal:
    """Place a need on the nodes of a partition (all of them without one). `whole` ignores what runs there."""
    return place_on(Survey(nodes, need, uid, partition, whole=whole))


def place_on(survey: Survey) -> Placement | Refusal:
    """Place the need of a survey."""
    need, partition = survey.need, survey.partition
    if survey.hopeless:
        return Refusal(never=survey.whole, missing=survey.missing, unavailable=survey.unavailable)
    named = {candidate.slot.name for candidate in survey.candidates} if need.required_nodes else set()
    if named.issuperset(need.required_nodes):
        terms = features.alternatives(need.constraint)
        for term in terms:
            chosen = _nodes(survey if len(terms) == 1 else survey.of(term))
            if chosen is None:
                continue
            placement = _assign(chosen, need, partition, whole=survey.whole)
            if placement is not None:
                return placement
    return Refusal(never=survey.whole, missing=survey.missing, unavailable=survey.unavailable)


def _required(candidates: list[Candidate], need: Need) -> list[Candidate] | None:
    """The nodes that must be among them: those that are named, and as many of each feature as are counted."""
    required = [c for c in candidates if c.slot.name in need.required_nodes] if need.required_nodes else []
    for term, number in features.counted(need.constraint):
        fitting = [c for c in candidates if features.satisfied(term, c.slot.features)]
        lacking = number - sum(1 for c in fitting if c in required)
        spare = [c for c in fitting if c not in required]
        if len(spare) < lacking:
            return None
        required += spare[: max(0, lacking)]
    return required


def _nodes(survey: Survey) -> list[Candidate] | None:
    """The set of nodes, in node order."""
    need, partition = survey.need, survey.partition
    required = _required(survey.candidates, need) if need.required_nodes or need.constraint else []
    if required is None:
        return None
    least = max(need.min_nodes, len(required), 1, partition.min_nodes if partition is not None else 1)
    most = min(survey.count, need.max_nodes or survey.count)
    if partition is not None and partition.max_nodes >= 0:
        most = min(most, partition.max_nodes)
    if need.ntasks:
        most = max(min(most, need.ntasks), min(least, most))
    if least > most:
        return None
    sizes = range(least, most + 1)
    if need.spread:
        sizes = range(most, most + 1)
    enough = _fewest(survey)
    for weight in sorted({weight for weight, _ in survey.grades}) or [0]:
        pool: list[Candidate] | None = None
        for count in reversed(sizes) if need.as_many_nodes else sizes:
            if count < enough:
                continue
            chosen = None
            if count > 1 and not required and not need.contiguous:
                chosen = _neighbours(survey, count, least, weight)
            if chosen is None:
                if pool is None:
                    pool = _pool(survey, required, weight)
                chosen = _window(required, pool, count - len(required), need)
            if chosen is not None:
                return sorted(chosen, key=lambda c: c.index)
    return None


def _wanted(need: Need) -> list[int]:
    """Tasks, and devices for each per-job row."""
    return [need.ntasks, *(number for _, _, number in need.gres_per_job)]


def _fewest(survey: Survey) -> int:
    """Fewer nodes than these do not suffice."""
    need = survey.need
    wanted = _wanted(need)
    return max([1, *[-(-number // max(there, 1)) for number, there in zip(wanted, survey.most, strict=True)]])


def _pool(survey: Survey, required: list[Candidate], weight: int) -> list[Candidate]:
    """The other nodes up to a weight, in order of rank; in node order where they have to follow one another."""
    pool = survey.candidates
    if required or len(survey.grades) > 1:
        taken = {c.index for c in required}
        pool = [c for c in pool if c.index not in taken and c.slot.weight <= weight]
    return sorted(pool, key=lambda c: c.index) if survey.need.contiguous else pool


def _neighbours(survey: Survey, count: int, least: int, weight: int) -> list[Candidate] | None:
    """`count` nodes that follow one another as far as may be, without GPUs that are not asked for if there are any such."""
    need = survey.need
    wanted = _wanted(need)
    fewest = least if need.as_many_nodes else count
    if len(survey.grades) == 1:
        return survey.runs.choose(count, fewest, wanted, None)
    grades = {grade for grade in survey.grades if grade[0] <= weight}
    plain = {grade for grade in grades if not grade[1]}
    found = survey.runs.choose(count, fewest, wanted, plain) if plain and plain != grades else None
    return found or survey.runs.choose(count, fewest, wanted, grades)


def _window(required: list[Candidate], pool: list[Candidate], count: int, need: Need) -> list[Candidate] | None:
    """The first `count` neighbours in the pool's order that suffice together with the required nodes."""
    if count > len(pool):
        return None
    wanted = _wanted(need)
    for row, number in enumerate(wanted):
        wanted[row] = number - sum(_gives(c, row) for c in required)
    rows = [row for row, number in enumerate(wanted) if number > 0]
    starts: Iterable[int] = range(len(pool) - count + 1)
    if count == 1:
        starts = (at for at, c in enumerate(pool) if all(_gives(c, row) >= wanted[row] for row in rows))
    for row in rows if count != 1 else ():
        sums = list(accumulate((_gives(c, row) for c in pool), initial=0))
        starts = [start for start in starts if sums[start + count] - sums[start] >= wanted[row]]
    for start in starts:
        chosen = required + pool[start : start + count]
        if not need.contiguous or _adjacent(chosen):
            return chosen
    if len(rows) > 1 and not need.contiguous:
        return _richest(required, pool, count, wanted)
    return None


def _richest(required: list[Candidate], pool: list[Candidate], count: int, wanted: list[int]) -> list[Candidate] | None:
    """Where no neighbours suffice in tasks and devices alike: the nodes that give the most of what is asked for."""
    rows = [row for row, number in enumerate(wanted) if number > 0]
    best = sorted(pool, key=lambda c: min(_gives(c, row) / wanted[row] for row in rows), reverse=True)[:count]
    enough = all(sum(_gives(c, row) for c in best) >= wanted[row] for row in rows)
    return required + best if enough else None


def _gives(candidate: Candidate, row: int) -> int:
    """Row 0: tasks; the others: devices per job."""
    return candidate.gives[row]


def _adjacent(chosen: list[Candidate]) -> bool:
    indices = sorted(c.index for c in chosen)
    return indices[-1] - indices[0] == len(indices) - 1


def _assign(chosen: list[Candidate], need: Need, partition: PartitionSlot | None, *, whole: bool) -> Placement | None:
    exclusive = need.exclusive or (partition is not None and partition.exclusive)
    tasks = _spread_tasks(chosen, need)
    wanted = [number for _, _, number in need.gres_per_job]
    shares: list[NodeShare] = []
    for place_in_set, (candidate, here) in enumerate(zip(chosen, tasks, strict=True)):
        later = chosen[place_in_set + 1 :]
        rows = [(name, kind, number) for name, kind, number in need.gres_per_node]
        rows += [(name, kind, number * max(1, need.sockets_per_node)) for name, kind, number in need.gres_per_socket]
        rows += [(name, kind, number * here) for name, kind, number in need.gres_per_task if not need.fixed_per_node(name)]
        for row, (name, kind, _) in enumerate(need.gres_per_job):
            if need.gpus_fixed_per_node(name):
                continue
            # few devices lie with the batch script, on the first node; Slurm would leave one for each later node even so
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
    if need.ntasks_per_node:
        tasks = [need.ntasks_per_node for _ in shares]
    elif not need.ntasks:
        tasks = [max(1, share.usable // need.cpus_per_task) for share in shares]
    elif not need.overcommit:
        # those that were given more CPUs than their tasks need take tasks of the others
        rooms = [share.usable // need.cpus_per_task for share in shares]
        tasks = counts(need.ntasks, [max(pair) for pair in zip(tasks, rooms, strict=True)])
    return Placement(Allocation(shares=shares), tasks)


def _spread_tasks(chosen: list[Candidate], need: Need) -> list[int]:
    """Block distribution: fill nodes one after the other, leaving at least a core's tasks for each node after. Nodes that a
    range of node counts allows but the tasks do not need get one task each of those with the most."""
    if not need.ntasks:
        return [need.ntasks_per_node or 1 for _ in chosen]
    if need.overcommit:
        share, more = divmod(need.ntasks, len(chosen))
        return [share + (1 if place < more else 0) for place in range(len(chosen))]
    order = list(range(len(chosen)))
    if need.required_nodes:
        ranks = {at: (False, (at,)) if c.slot.name in need.required_nodes else (True, c.rank) for at, c in enumerate(chosen)}
        order.sort(key=ranks.__getitem__)
    least = len(chosen)
    if need.as_many_nodes or need.spread:
        rooms = accumulate(chosen[at].room.tasks for at in order)
        least = next((number for number, room in enumerate(rooms, 1) if room >= need.ntasks), least)
        least = max(least, need.min_nodes)
    left, tasks = need.ntasks, [0] * len(chosen)
    for turn, at in enumerate(order[:least], 1):
        slot = chosen[at].slot
        each = max(1, counted(slot, need, slot.threads_per_core) // need.cpus_per_task)
        each = min(each, need.ntasks_per_core or each)
        asked = max(0, min(need.min_nodes, least) - turn)  # of the nodes that were asked for; one more is there for its one task
        later = each * asked + max(0, least - turn - asked)
        tasks[at] = max(min(chosen[at].room.tasks, left, 1), min(chosen[at].room.tasks, left - later))
        left -= tasks[at]
    for at in order[least:]:
        tasks[max(order, key=lambda other: (tasks[other], order.index(other)))] -= 1
        tasks[at] = 1
    return tasks


def _share(
    slot: NodeSlot, need: Need, tasks: int, rows: list[tuple[str, str, int]], *, exclusive: bool, whole: bool
) -> NodeShare | None:
    """Identified CPUs and devices of one node, None if they are not there after all."""
    taken = _devices(slot, rows, whole=whole)
    if taken is None:
        return None
    gpus = taken.get("gpu", 0).bit_count()
    if exclusive:
        cpus = slot.cpus_total
        held = {gres.name: gres.total for gres in slot.gres}
    else:
        free = slot.cpus_total if whole else slot.cpus_free & ~need.kept_on(slot.name)
        near = 0
        for gres in slot.gres if taken else ():
            near |= devices.cpus_near(gres, taken.get(gres.name, 0))
        picked = cores.choose(slot, need, free, cpus_of(slot, need, tasks, gpus), near)
        if picked is None:
            return None
        cpus, held = picked, taken
    memory = slot.mem_total if whole else slot.mem_free
    usable = counted(slot, need, cpus.bit_count())
    if need.whole_memory:
        amount = slot.mem_total
    elif need.mem_per_cpu:
        amount = need.mem_per_cpu * usable
    elif need.mem_per_gpu:
        amount = need.mem_per_gpu * held.get("gpu", 0).bit_count()
    else:
        amount = need.mem_per_node
    if amount > memory:
        return None
    return NodeShare(
        node=slot.name,
        cpus=unmask(cpus),
        mem=amount,
        gres={name: unmask(group) for name, group in held.items() if group},
        whole=exclusive,
        counted=usable if usable < cpus.bit_count() else 0,
    )


def _devices(slot: NodeSlot, rows: list[tuple[str, str, int]], *, whole: bool) -> dict[str, int] | None:
    taken: dict[str, int] = {}
    for name, kind, number in rows:
        if not number:
            continue
        gres = next((g for g in slot.gres if g.name == name), None)
        if gres is None:
            return None
        if whole:
            gres = msgspec.structs.replace(gres, free=gres.total)
        group = devices.choose(gres, kind, number, taken=taken.get(name, 0))
        if group is None:
            return None
        taken[name] = taken.get(name, 0) | group
    return taken
