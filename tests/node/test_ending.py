"""When the processes of a step that is ended hear TERM, and when KILL."""

from __future__ import annotations

import pytest

from mgpu_slurm.node.supervisor.ending import ANSWERED, Ending

NOW = 1000.0


@pytest.mark.parametrize(
    ("word", "kill_wait", "hurry", "term", "kill"),
    [
        ("CANCELLED", 30, False, 0.0, 30.0),
        ("CANCELLED", 0, False, 0.0, 0.0),
        ("CANCELLED", 30, True, None, 0.0),
        ("REQUEUED", 30, False, ANSWERED, ANSWERED + 30),
        ("REQUEUED", 0, False, ANSWERED, ANSWERED),
        ("REQUEUED", 30, True, None, 0.0),
    ],
)
def test_what_is_due_when(word: str, kill_wait: float, hurry: bool, term: float | None, kill: float) -> None:
    ending = Ending(deadline=0.0, kill_wait=5)
    assert (ending.next_time(), ending.due(NOW)) == (None, "")
    assert ending.begin(word, NOW, kill_wait, hurry)
    heard: dict[str, float] = {}
    while (at := ending.next_time()) is not None:
        assert at == NOW or ending.due(at - 0.001) == ""
        heard[ending.due(at)] = at - NOW
    assert heard == ({"kill": kill} if term is None else {"ask": term, "kill": kill})


def test_a_hurry_overtakes() -> None:
    ending = Ending(deadline=0.0, kill_wait=30)
    ending.begin("REQUEUED", NOW)
    assert not ending.begin("CANCELLED", NOW + 0.1, hurry=True)
    assert ending.due(NOW + 0.1) == "kill"
    assert (ending.word, ending.next_time(), ending.due(NOW + 60)) == ("REQUEUED", None, "")


def test_the_time_limit_is_due_until_the_end_has_begun() -> None:
    ending = Ending(deadline=NOW, kill_wait=30)
    assert (ending.next_time(), ending.due(NOW - 1), ending.due(NOW)) == (NOW, "", "timeout")
    ending.begin("TIMEOUT", NOW)
    assert ending.due(NOW) == "ask"
