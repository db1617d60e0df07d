"""What srun refuses or passes over for a step before it asks the controller: all that needs the allocation alone."""

from __future__ import annotations

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import ESLURM_INVALID_GRES, ESLURM_PORTS_INVALID, SlurmError, strerror
from mgpu_slurm.commands.stepasking import NoStep
from mgpu_slurm.intake import gpucounts, gres
from mgpu_slurm.intake.merge import COMMAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.session import Session
    from mgpu_slurm.commands.steppart import Part
    from mgpu_slurm.intake.submit import Component

_BY_GPU = ("gpus", "gpus_per_node", "gres", "gpus_per_task", "gpus_per_socket", "ntasks_per_gpu")


def ignored(component: Component, notes: Notes) -> None:
    """Options that mean nothing once there is an allocation."""
    if "core_spec" in component.sources:
        text = "Ignoring --core-spec value for a job step within an existing job."
        notes.error(f"{text} Set specialized cores at job allocation time.")
    if "begin" in component.sources:
        notes.error("--begin is ignored because nodes are already allocated.")


def devices(part: Part, session: Session, notes: Notes) -> None:
    """Names of --gres that the cluster does not have, and GPUs in numbers that cannot be. NoStep, UsageError."""
    request = part.component.request
    if any(request.get(field) for field in _BY_GPU):
        gpucounts.check_step(request, session.compat)
    text = request.get("gres")
    if not text or text == "none" or session.config is None:
        return
    types: Any = session.config.get("GresTypes")
    known = set(types or ())
    try:
        unknown = [name for name, _, _ in gres.parse(str(text)) if name not in known]
    except SlurmError:
        return  # the controller's to refuse
    if unknown:
        notes.error(strerror(ESLURM_INVALID_GRES, session.compat))
        raise NoStep


def ports(part: Part, session: Session, notes: Notes) -> None:
    """Ports that a step wants for itself, where the configuration sets none apart (MpiParams=ports=). NoStep."""
    wanted = (part.component.request.get("other") or {}).get("resv-ports")
    if wanted in (None, "", "0", "-1") or session.config is None or "ports=" in str(session.config.get("MpiParams") or ""):
        return
    notes.error(f"Unable to create step for job {part.job_id}: {strerror(ESLURM_PORTS_INVALID, session.compat)}")
    raise NoStep


def parts(components: Sequence[Component], facts: Mapping[str, Any], notes: Notes) -> None:
    """Parts of a step in one job have nodes of their own: more than there are, are refused. NoStep."""
    have = len(facts["allocation"].get("shares") or ())
    taken = 0
    for component in components:
        wanted = int(component.request.get("min_nodes") or 1)
        if taken + wanted > have:
            text = f"Allocation failure of {wanted} nodes: job size of {have}"
            notes.error(f"{text}, already allocated {taken} nodes to previous components.")
            raise NoStep
        taken += wanted


def size(part: Part, notes: Notes) -> None:
    """More nodes than the allocation has are refused. NoStep."""
    request = part.component.request
    wanted = request.get("min_nodes")
    names = [str(share["node"]) for share in part.facts["allocation"].get("shares") or ()]
    relative = part.component.client.get("relative")
    if relative is not None and int(relative) + int(wanted or 1) > len(names):
        what = "--nodes" if part.component.sources.get("min_nodes") == COMMAND else "SLURM_JOB_NUM_NODES"
        sum_of = f"({relative}+{wanted or 1}>{len(names)})"
        notes.error(f"--relative and {what} option incompatible with count of allocated nodes {sum_of}")
        raise NoStep
    have = len(names)
    if request.get("nodelist") == "":
        notes.error("Hostlist is empty!  Can not run job.")
        raise NoStep
    if request.get("exclude") and request.get("nodelist"):
        refused = _excluded(str(request["exclude"]), notes)
        both = next((name for name in _named(str(request["nodelist"])) if name in refused), "")
        if both:
            notes.error(f"Requested node {both} is also in the excluded list.")
            notes.error("Job not submitted.")
            raise NoStep
    if request.get("exclude"):
        have = len(set(names) - _excluded(str(request["exclude"]), notes))
        if not have:
            notes.error("Hostlist is empty!  Can't run job.")
            raise NoStep
        if isinstance(wanted, int) and wanted > have:
            notes.error("Are required nodes explicitly excluded?")
    if isinstance(wanted, int) and wanted > have:
        arbitrary = str(request.get("distribution")).startswith("arbitrary")
        if arbitrary and part.component.sources.get("min_nodes") != COMMAND:
            notes.error(f"SLURM_JOB_NUM_NODES environment variable conflicts with allocated node count ({wanted} != {have}).")
            return  # the controller's to refuse
        notes.error(f"Only allocated {have} nodes asked for {wanted}")
        raise NoStep


def _named(text: str) -> list[str]:
    try:
        return hostlist.expand(text)
    except hostlist.HostlistError:
        return []  # the controller's to refuse


def _excluded(text: str, notes: Notes) -> set[str]:
    try:
        return set(hostlist.expand(text))
    except hostlist.HostlistError as problem:
        if problem.detail:  # names of which none is read exclude nothing yet; the controller will refuse them
            notes.error(f"_parse_single_range: {problem.detail.removeprefix('_parse_single_range: ')}")
            notes.error("hostlist_shift: no hostlist given")
        return set()
