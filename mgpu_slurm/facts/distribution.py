"""How steps' tasks were spread (-m), as scontrol and sacct show it: Block, CCyclic, BBlockFCyclic, Plane, Block,Pack. Pure."""

from __future__ import annotations

NAMES = {
    "block": "Block", "cyclic": "Cyclic", "plane": "Plane", "fcyclic": "FCyclic", "pack": "Pack", "nopack": "NoPack",
}  # fmt: skip


def shown(text: str) -> str:
    """NODES[:SOCKETS[:CORES]][,PACK]: over nodes by its first letter where more follows."""
    spread, _, pack = text.lower().partition(",")
    if spread == "arbitrary":
        return spread
    over_nodes, *within = spread.split(":")
    first = NAMES.get(over_nodes.partition("=")[0], "Block")
    words = [first[0] if within else first, *(NAMES.get(word, "Cyclic") for word in within)]
    return "".join(words) + (f",{NAMES[pack]}" if pack in NAMES else "")
