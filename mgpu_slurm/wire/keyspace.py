"""What the nodes of a parallel program exchange by way of srun: fences, and the names that its tasks publish. Pure.

In a fence every node gives the pairs that its tasks have put, and gets those of all; srun is where they meet
(node/supervisor/pmi.py says why).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

KINDS = frozenset({"keys_fence", "keys_name"})

PIECE = 128 << 10
"""Bytes of keys and values in one message of a fence: what a supervisor reads at once, however they are written in JSON."""


class Exchange:
    """srun's side. `nodes` of the step."""

    __slots__ = ("_gathered", "_names", "_nodes", "_waiting")

    def __init__(self, nodes: Iterable[str]) -> None:
        self._nodes = frozenset(nodes)
        self._gathered: list[dict[str, object]] = []
        self._waiting = set(self._nodes)
        self._names: dict[str, str] = {}

    def said(self, node: str, message: Mapping[str, Any]) -> list[tuple[str, dict[str, object]]]:
        """What a node has said: (node, message) for everything that nodes are to be told now."""
        if message["kind"] == "keys_name":
            return [(node, self._name(message))]
        self._gathered.append(dict(message["pairs"]))
        if not message.get("more"):
            self._waiting.discard(node)
        if self._waiting:
            return []
        gathered, self._gathered, self._waiting = self._gathered, [], set(self._nodes)
        told: list[dict[str, object]] = [
            {"kind": "keys_fence", "pairs": pairs, "more": index + 1 < len(gathered)} for index, pairs in enumerate(gathered)
        ]
        return [(each, piece) for each in sorted(self._nodes) for piece in told]

    def _name(self, message: Mapping[str, Any]) -> dict[str, object]:
        port = about_name(self._names, str(message["action"]), str(message["name"]), str(message["port"]))
        answer = {"kind": "keys_name", "task": message["task"], "action": message["action"]}
        return {**answer, "found": port is not None, "port": port or ""}


def about_name(names: dict[str, str], action: str, name: str, port: str) -> str | None:
    """Publish, look up or unpublish a name: its port, None where that cannot be."""
    if action == "publish":
        return None if name in names else names.setdefault(name, port)
    return names.pop(name, None) if action == "unpublish" else names.get(name)


def pieces(pairs: Mapping[str, str]) -> list[tuple[dict[str, str], bool]]:
    """Pairs in portions of one message each, with whether more come; one at least."""
    found: list[dict[str, str]] = [{}]
    size = 0
    for key, value in pairs.items():
        size += len(key) + len(value)
        if size > PIECE and found[-1]:
            found.append({})
            size = len(key) + len(value)
        found[-1][key] = value
    return [(piece, index + 1 < len(found)) for index, piece in enumerate(found)]
