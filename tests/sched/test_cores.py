"""Cores over the sockets of a node, beside those that a real Slurm gave (sockets.tsv)."""

from __future__ import annotations

import pytest

from mgpu_slurm.base import idset
from mgpu_slurm.sched import cores
from mgpu_slurm.sched.place import Placement, place
from mgpu_slurm.sched.snapshot import Need
from tests.sched import world


@pytest.mark.parametrize(
    ("shape", "used", "words", "cpus"), [pytest.param(*row, id=" ".join(row[:3])) for row in world.rows("sockets.tsv")]
)
def test_cores_of_sockets(shape: str, used: str, words: str, cpus: str) -> None:
    sockets, of_socket, threads = map(int, shape.split(":"))
    slots = world.nodes(
        cpus=sockets * of_socket * threads, sockets=sockets, cores_per_socket=of_socket, threads_per_core=threads
    )
    if used != "-":
        slots[0].cpus_free &= ~idset.mask(idset.parse(used))
    found = place(slots, world.need(words), 0, world.partition())
    assert isinstance(found, Placement)
    assert "; ".join(f"{share.node} {idset.fold(share.cpus)}" for share in found.allocation.shares) == cpus


def test_cores_near_devices_come_first() -> None:
    slot = world.node("n0", cpus=16, sockets=2, cores_per_socket=8)
    chosen = [cores.choose(slot, Need(ntasks=number), slot.cpus_free, number, 0xFF00) for number in (2, 8, 10)]
    assert [idset.fold(idset.unmask(mask or 0)) for mask in chosen] == ["8-9", "8-15", "0-1,8-15"]
    assert cores.choose(slot, Need(ntasks=17), slot.cpus_free, 17, 0) is None


def test_the_configuration_may_fill_sockets() -> None:
    config = {**world.CONFIG, "SelectTypeParameters": ("CR_CORE_MEMORY", "CR_CORE_DEFAULT_DIST_BLOCK")}
    asked = [world.need(words, config=config).fills_sockets for words in ("-n4", "-n4 -mblock", "-n4 -mblock:cyclic")]
    assert asked == [True, True, False]
