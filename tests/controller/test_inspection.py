"""How the controller asks its nodes how they look, and what it makes of their clocks."""

from __future__ import annotations

import asyncio

import pytest

from mgpu_slurm.controller import inspection
from mgpu_slurm.controller.inspection import Inspector, clock
from mgpu_slurm.wire import machine
from mgpu_slurm.wire.messages import Inspect, Inspected


@pytest.mark.parametrize(
    ("sent", "received", "said", "come", "offset", "doubt"),
    [
        (100.0, 100.5, 100.5, 101.0, 0.0, 0.5),  # same clocks, half a second each way
        (100.0, 105.5, 105.5, 101.0, 5.0, 0.5),  # five seconds ahead
        (100.0, 90.5, 93.5, 104.0, -10.0, 0.5),  # ten behind, and three seconds of thought
        (100.0, 100.0, 100.0, 100.0, 0.0, 0.0),
    ],
)
def test_offset_of_a_clock(sent: float, received: float, said: float, come: float, offset: float, doubt: float) -> None:
    answer = Inspected(node="a", ask=1, received=received, said=said)
    assert clock(sent, answer, come) == pytest.approx((offset, doubt))


def test_silent_nodes_cost_the_patience_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "PATIENCE", 0.05)
    asked: list[tuple[str, Inspect]] = []

    def ask(node: str, message: Inspect) -> bool:
        asked.append((node, message))
        return node != "away"

    async def trip() -> list[str]:
        inspector = Inspector(ask)
        question = asyncio.create_task(inspector.question(["a", "silent", "away"], ["ann"], ["h"], "ann"))
        await asyncio.sleep(0)
        number = asked[0][1].ask
        inspector.said("a", Inspected(node="a", ask=number))
        inspector.said("a", Inspected(node="a", ask=number))  # a second answer changes nothing
        inspector.said("b", Inspected(node="b", ask=number))  # nor does one of a node that was not asked
        inspector.said("a", Inspected(node="a", ask=number + 1))
        return list(await question)

    assert asyncio.run(trip()) == ["a"]
    assert [node for node, _ in asked] == ["a", "silent", "away"]
    assert asked[0][1].users == ["ann"]


def test_a_machine_knows_its_own() -> None:
    assert machine.uids(["root", "no such user", "nul\0"]) == {"root": 0}
    assert machine.unresolved(["localhost", "no such host", ".." * 200]) == ["no such host", ".." * 200]
    assert machine.home_mark("root") == machine.home_mark("root")
    assert machine.home_mark("no such user") == []
    assert machine.free_mib("/") > 0
    assert machine.free_mib("/no/such/directory/here") == machine.free_mib("/")
    assert machine.free_mib("") == -1
