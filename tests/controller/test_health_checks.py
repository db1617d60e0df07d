"""Which nodes are asked to look after themselves, and when."""

from __future__ import annotations

import pytest

from mgpu_slurm.wire import messages as wire
from tests.kit.cases import Case


def cluster(*states: str) -> Case:
    """n0 has a job that fills it, n1 one that does not, n2 none, n3 is drained, n4 is not there."""
    c = Case(health_interval=10, health_states=frozenset(states))
    for name in ("n0", "n1", "n2", "n3"):
        c.node(name)
    c.node("n4", up=False)
    c.restart()
    for name in ("n0", "n1", "n2", "n3"):
        c.register(name)
    assert c.update("node", "n3", State="DRAIN", Reason="x") == 0
    c.submit(nodelist="n0", exclusive="exclusive")
    c.submit(nodelist="n1")
    c.plan()
    return c


def asked(c: Case) -> list[str]:
    return [name for name in sorted(c.state.nodes) if any(isinstance(one, wire.CheckHealth) for one in c.sent(name))]


@pytest.mark.parametrize(
    ("states", "nodes"),
    [
        (("ANY",), ["n0", "n1", "n2", "n3"]),
        (("IDLE",), ["n2", "n3"]),
        (("NONDRAINED_IDLE",), ["n2"]),
        (("ALLOC",), ["n0"]),
        (("ALLOC", "MIXED"), ["n0", "n1"]),
        (("START_ONLY",), []),
    ],
)
def test_nodes_are_asked_by_their_states_every_interval(states: tuple[str, ...], nodes: list[str]) -> None:
    c = cluster(*states)
    assert asked(c.after(9)) == []
    assert asked(c.after(1)) == nodes
    assert asked(c.after(10)) == nodes


def test_one_after_another_with_cycle() -> None:
    c = cluster("CYCLE", "ANY")
    assert [asked(c.after(2)) for _ in range(5)] == [["n0"], ["n1"], ["n2"], ["n3"], []]
