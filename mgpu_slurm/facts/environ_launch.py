"""The variables of tasks that come from how srun has launched them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Facts = Mapping[str, Any]
    Variables = dict[str, str | None]


LAUNCHERS = {
    "HYDRA_BOOTSTRAP": "slurm",
    "HYDRA_LAUNCHER_EXTRA_ARGS": "--external-launcher",
    "I_MPI_HYDRA_BOOTSTRAP": "slurm",
    "I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS": "--external-launcher",
    "OMPI_MCA_plm_slurm_args": "--external-launcher",
    "PRTE_MCA_plm_slurm_args": "--external-launcher",
}
"""What makes mpirun and mpiexec start their daemons by srun, in a step that leaves the job to their tasks."""


def mpi_launchers(before: Mapping[str, str], compat: tuple[int, int]) -> Variables:
    """LAUNCHERS, but for those that the user has set; told since 23.11, as srun knows the option."""
    return {name: text for name, text in LAUNCHERS.items() if name not in before} if compat >= (23, 11) else {}


def launcher(launch: Facts) -> Variables:
    """Where srun is, and how it shows output."""
    changes: Variables = {}
    address, port = launch.get("src_address"), launch.get("src_port")
    if address:
        changes["SLURM_LAUNCH_NODE_IPADDR"] = changes["SLURM_SRUN_COMM_HOST"] = address
    if port:
        changes["SLURM_SRUN_COMM_PORT"] = changes["SLURM_STEP_LAUNCHER_PORT"] = str(port)
    if launch.get("label"):
        changes["SLURM_LABELIO"] = "1"
    if launch.get("pty") and launch.get("pty_cols") and launch.get("pty_rows"):
        changes["SLURM_PTY_WIN_COL"] = str(launch["pty_cols"])
        changes["SLURM_PTY_WIN_ROW"] = str(launch["pty_rows"])
    return changes


def distribution(request: Facts, layout: Facts, inside: bool, compat: tuple[int, int]) -> Variables:
    """As -m said; the older srun also tells its own choice inside an allocation, for a step of several parts, and where it
    asks for memory."""
    if request.get("distribution"):
        return {}
    if request.get("mem_per_node") == 0 or request.get("mem_per_cpu") == 0:
        return {}
    if compat < (23, 2) and (inside or request.get("mem_per_node") or request.get("mem_per_cpu")):
        nodes = request.get("min_nodes") or len(layout.get("nodes") or ())
        few = int(layout.get("ntasks", 1)) <= int(nodes)
        return {"SLURM_DISTRIBUTION": "cyclic" if few else "block"}
    return {}
