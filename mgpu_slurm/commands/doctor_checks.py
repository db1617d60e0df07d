"""mgpu_doctor's checks: from facts about a machine and its cluster to PASS, WARN or FAIL, with the mend. Pure.

A check that lacks its facts, such as those that only a running controller has, gives no verdict.
"""

from __future__ import annotations

from mgpu_slurm.commands import doctor_cluster as cluster
from mgpu_slurm.commands import doctor_machine as machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mgpu_slurm.commands.doctor_facts import Facts, Verdict

CHECKS: Sequence[tuple[str, Callable[[Facts], Verdict | None]]] = (
    ("programs", machine.programs),
    ("configuration", machine.configuration),
    ("controller", cluster.controller),
    ("nodes", cluster.nodes),
    ("versions", cluster.versions),
    ("key", machine.key),
    ("permissions", machine.permissions),
    ("ports", cluster.ports),
    ("clocks", cluster.clocks),
    ("names", cluster.names),
    ("users", cluster.users),
    ("rights", cluster.rights),
    ("directories", cluster.directories),
    ("disk", cluster.disk),
    ("gpus", machine.gpus),
    ("devices", machine.devices),
    ("cgroups", cluster.cgroups),
    ("sockets", machine.sockets),
    ("path", machine.path),
)
"""In the order in which they are printed: what most often explains the others comes first."""


def judge(facts: Facts) -> list[tuple[str, Verdict]]:
    """All verdicts, by name of the check; a check without facts has none."""
    found = ((name, check(facts)) for name, check in CHECKS)
    return [(name, verdict) for name, verdict in found if verdict is not None]
