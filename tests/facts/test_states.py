"""States, reasons and the table of a job's life."""

from __future__ import annotations

import pytest

from mgpu_slurm.facts import reasons, states


@pytest.mark.parametrize(
    ("base", "flags", "name", "code"),
    [
        ("RUNNING", (), "RUNNING", "R"),
        ("COMPLETED", ("COMPLETING",), "COMPLETING", "CG"),
        ("RUNNING", ("CONFIGURING",), "CONFIGURING", "CF"),
        ("PENDING", ["REQUEUED", "COMPLETING"], "COMPLETING", "CG"),
        ("PENDING", {"REQUEUE_HOLD"}, "REQUEUE_HOLD", "RH"),
        ("PENDING", ("SPECIAL_EXIT", "REQUEUE_HOLD"), "REQUEUE_HOLD", "RH"),
        ("PENDING", ("EXPEDITING",), "EXPEDITING", "PD"),
        ("FAILED", ("LAUNCH_FAILED",), "FAILED", "F"),
    ],
)
def test_what_is_shown(base: str, flags: tuple[str, ...], name: str, code: str) -> None:
    assert states.display_name(base, flags) == name
    assert states.display_code(base, flags) == code


def test_state_words() -> None:
    for name, code, _, _ in states.JOB_STATES:
        assert states.parse_state(name.lower()) == states.parse_state(code) == name
    assert states.parse_state("cg") == "COMPLETING"
    for bad in ("", "all", "runn", "xx"):
        with pytest.raises(ValueError):
            states.parse_state(bad)


@pytest.mark.parametrize(
    ("base", "flags", "text", "short"),
    [
        ("IDLE", (), "IDLE", "IDLE"),
        ("MIXED", (), "MIXED", "MIX"),
        ("ALLOCATED", (), "ALLOCATED", "ALLOC"),
        ("ALLOCATED", ("COMPLETING",), "ALLOCATED+", "ALLOC+"),
        ("MIXED", ("COMPLETING",), "ALLOCATED+", "ALLOC+"),
        ("IDLE", ("COMPLETING",), "COMPLETING", "COMP"),
        ("IDLE", ("DRAIN",), "DRAINED", "DRAIN"),
        ("MIXED", ("DRAIN",), "DRAINING", "DRNG"),
        ("IDLE", ("DRAIN", "COMPLETING"), "DRAINING", "DRNG"),
        ("DOWN", ("NOT_RESPONDING",), "DOWN*", "DOWN*"),
        ("IDLE", ("DRAIN", "NOT_RESPONDING"), "DRAINED*", "DRAIN*"),
        ("IDLE", ("PLANNED",), "PLANNED", "PLND"),
        ("MIXED", ("PLANNED",), "MIXED-", "MIX-"),
        ("IDLE", ("RESERVED",), "RESERVED", "RESV"),
        ("IDLE", ("MAINT",), "MAINT", "MAINT"),
        ("MIXED", ("MAINT",), "MIXED$", "MIX$"),
        ("IDLE", ("FAIL",), "FAIL", "FAIL"),
        ("ALLOCATED", ("FAIL",), "FAILING", "FAILG"),
        ("IDLE", ("REBOOT_ISSUED",), "REBOOT^", "BOOT^"),
        ("IDLE", ("POWERED_DOWN",), "IDLE~", "IDLE~"),
        ("UNKNOWN", (), "UNKNOWN", "UNK"),
        ("FUTURE", (), "FUTURE", "FUTR"),
    ],
)
def test_nodes(base: str, flags: tuple[str, ...], text: str, short: str) -> None:
    assert states.node_state_text(base, flags) == text
    assert states.node_state_short(base, flags) == short


def test_full_node_state() -> None:
    assert states.node_state_full("MIXED", ("COMPLETING",)) == "MIXED+COMPLETING"
    assert states.node_state_full("IDLE", ["MAINT", "DRAIN"]) == "IDLE+DRAIN+MAINTENANCE"
    assert states.node_state_full("IDLE") == "IDLE"


def test_every_row_of_the_life_is_made_of_known_words() -> None:
    for (state, event), (after, effects) in states.TRANSITIONS.items():
        assert state in states.JOB_NUMBER or state == ""
        assert event in states.EVENTS
        assert after in states.JOB_NUMBER
        assert effects[0] == "SAVE"
        assert not (event != "REQUEUED" and state in states.TERMINAL and after != state)


def test_what_held_resources_ends_in_two_steps() -> None:
    """An end keeps resources until the job is gone from its nodes, and only then others hear of it."""
    for (state, _), (after, effects) in states.TRANSITIONS.items():
        if state in ("RUNNING", "SUSPENDED") and (after in states.TERMINAL or after == "PENDING"):
            assert "COMPLETING" in effects
            assert "FREE" not in effects
            gone = states.transition(after, "GONE")
            assert gone is not None
            assert gone[0] == after
            assert "FREE" in gone[1]
            assert ("WAKE_DEPENDANTS" in gone[1]) == (after in states.TERMINAL)
    assert states.transition("COMPLETED", "STARTED") is None
    assert states.transition("PENDING", "ENDED_OK") is None


def test_reasons() -> None:
    assert reasons.REASONS["Resources"][0] == 3
    assert reasons.BY_NUMBER[16] == "JobHeldUser"
    assert reasons.BY_NUMBER[19] == "PartitionDown"
    assert len({number for number, _ in reasons.REASONS.values()}) == len(reasons.REASONS)
    assert reasons.meaning("some sentence") == "some sentence"
    assert set(reasons.REASONS) >= reasons.FAILURES | reasons.LATER


def test_order_of_nodes_by_state() -> None:
    nodes = [("IDLE", ["DRAIN"]), ("DOWN", []), ("IDLE", ["RESERVED"]), ("MIXED", []), ("ALLOCATED", ["DRAIN"]), ("IDLE", [])]
    order = sorted(nodes, key=lambda node: states.node_rank(*node))
    assert order == [
        ("DOWN", []), ("IDLE", []), ("MIXED", []), ("IDLE", ["RESERVED"]), ("IDLE", ["DRAIN"]), ("ALLOCATED", ["DRAIN"]),
    ]  # fmt: skip
