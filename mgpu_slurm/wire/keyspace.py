"""What the nodes of a parallel program exchange by way of srun: fences, and the names that its tasks publish. Pure.

In a fence every node gives the pairs that its tasks have put, and gets those of all; srun is where they meet
(node/supervisor/pmi.py says why).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

KINDS = frozenset({"keys_fence", "keys_name", "keys_ask", "keys_answer"})

PIECE = 128 << 10
"""Bytes of keys and values in one message of a fence: what a supervisor reads at once, however they are written in JSON."""


class Exchange:
    """srun's side. Nodes go by their numbers in the step, of which there are `count`."""

    __slots__ = ("_fences", "_names", "_nodes")

    def __init__(self, count: int) -> None:
        self._nodes = frozenset(range(count))
        self._fences: dict[str, Fence] = {}
        self._names: dict[str, str] = {}

    def said(self, node: int, message: Mapping[str, Any]) -> list[tuple[int, dict[str, object]]]:
        """What a node has said: (node, message) for everything that nodes are to be told now."""
        if message["kind"] == "keys_name":
            return [(node, self._name(message))]
        if message["kind"] != "keys_fence":
            to = int(message["to"])
            return [(to, dict(message))] if to in self._nodes else []
        name = str(message.get("name") or "")
        fence = self._fences.get(name)
        if fence is None:
            fence = self._fences[name] = Fence(self._nodes.intersection(message.get("nodes") or self._nodes))
        fence.gathered.append(dict(message["pairs"]))
        if not message.get("more"):
            fence.waiting.discard(node)
        if fence.waiting:
            return []
        del self._fences[name]
        last = len(fence.gathered) - 1
        told: list[dict[str, object]] = [
            {"kind": "keys_fence", "name": name, "pairs": pairs, "more": index < last}
            for index, pairs in enumerate(fence.gathered)
        ]
        return [(each, piece) for each in sorted(fence.nodes) for piece in told]

    def _name(self, message: Mapping[str, Any]) -> dict[str, object]:
        port = about_name(self._names, str(message["action"]), str(message["name"]), str(message["port"]))
        answer = {"kind": "keys_name", "task": message["task"], "action": message["action"]}
        return {**answer, "found": port is not None, "port": port or ""}


class Fence:
    """One that not all of its nodes have entered."""

    __slots__ = ("gathered", "nodes", "waiting")

    def __init__(self, nodes: Iterable[int]) -> None:
        self.nodes = frozenset(nodes)
        self.waiting = set(self.nodes)
        self.gathered: list[dict[str, object]] = []


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
