"""Sentences for the reasons that a placement gives: what was missing, in words a person can act on."""

from __future__ import annotations

from mgpu_slurm.base import hostlist
from mgpu_slurm.sched.place import Refusal
from mgpu_slurm.sched.snapshot import Need

_WORDS = {
    "cpu": "not enough free CPUs",
    "memory": "not enough free memory",
    "node": "nodes are held by other jobs as a whole",
    "feature": "nodes lack the requested features",
    "excluded": "nodes are excluded by the request",
    "sockets": "nodes have fewer sockets or cores than requested",
    "tasks": "nodes have too few CPUs for that many tasks side by side",
    "threads": "nodes have fewer threads per core than requested",
    "disk": "not enough temporary disk space",
}


def sentence(refusal: Refusal, need: Need) -> str:
    """One line; empty when there is nothing to add to the reason's word. Unavailable nodes in Slurm's own form."""
    if refusal.unavailable and not refusal.missing:
        return f"ReqNodeNotAvail, UnavailableNodes:{hostlist.fold(refusal.unavailable)}"
    if refusal.missing.startswith("gres/"):
        return f"not enough free {refusal.missing[5:]} devices"
    return _WORDS.get(refusal.missing, "")
