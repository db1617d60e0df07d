"""Reaching the nodes of a step: all at once, again after a while where one does not answer, and never waiting for nothing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mgpu_slurm.commands.steplaunch import Launch, LaunchError
from mgpu_slurm.wire import client

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def listening(path: Path) -> socket.socket:
    node = socket.socket(socket.AF_UNIX)
    node.bind(str(path))
    node.listen()
    return node


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The turns before which it waits, in place of the waits."""
    seen: list[int] = []

    def back_off(turn: int) -> float:
        seen.append(turn)
        return 0.0

    monkeypatch.setattr(client, "back_off", back_off)
    return seen


def test_nodes_that_answer_are_not_waited_for(tmp_path: Path, pauses: list[int]) -> None:
    names = ("n0", "n1")
    nodes = [listening(tmp_path / name) for name in names]
    addresses = {name: {"unix_socket": str(tmp_path / name), "boot_id": BOOT_ID.read_text().strip()} for name in names}
    links = Launch({"argv": ["true"]}, {}, []).start([{"node": name, "tasks": [0]} for name in names], addresses)
    assert [link.node for link in links] == list(names)
    assert pauses == []
    for one in (*links, *nodes):
        one.close()


def test_a_node_that_does_not_answer_is_tried_again_after_waits(tmp_path: Path, pauses: list[int]) -> None:
    addresses = {"n0": {"unix_socket": str(tmp_path / "none"), "boot_id": BOOT_ID.read_text().strip()}}
    with pytest.raises(LaunchError):
        Launch({"argv": ["true"]}, {}, []).start([{"node": "n0", "tasks": [0]}], addresses)
    assert pauses == list(range(1, len(pauses) + 1))
    assert pauses
