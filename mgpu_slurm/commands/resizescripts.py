"""The scripts that scontrol leaves behind where it has changed the nodes of a running job: read by the shells of that job, they
make its environment that of the nodes it has now."""

from __future__ import annotations

import os

from mgpu_slurm.base import counts, hostlist, idset
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands.query_options import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mgpu_slurm.commands.scontrol import Desk

GONE = ("SLURM_NPROCS", "SLURM_NTASKS", "SLURM_TASKS_PER_NODE")
"""Variables that nothing is known of any more; they go together with the last one."""


def variables(nodes: str, cpus: Sequence[int]) -> list[tuple[str, str, bool]]:
    """Name, value, and whether it is written in quotes. `cpus`: of each node."""
    number = str(len(cpus))
    return [
        ("SLURM_NODELIST", nodes, True),
        ("SLURM_JOB_NODELIST", nodes, True),
        ("SLURM_NNODES", number, False),
        ("SLURM_JOB_NUM_NODES", number, False),
        ("SLURM_JOB_CPUS_PER_NODE", counts.compress(cpus), True),
    ]


def write(desk: Desk, job: str) -> None:
    """For a job that runs, or has given all it had, in the working directory; what cannot be written is told. As Slurm's, it
    is about those variables alone that there are."""
    try:
        columns, count, _ = query(desk.session(), "jobs", ["job_id", "state", "nodes", "details"], {"ids": [job]})
    except SlurmError:
        return
    for row in range(count):
        runs = columns["state"][row] == "RUNNING"
        if not runs and columns["state"][row] != "COMPLETED":
            continue
        name = f"slurm_job_{columns['job_id'][row]}_resize"
        held = columns["details"][row] if runs else []
        cpus = [len(idset.parse(ids)) for names, ids, *_ in held for _node in hostlist.expand(names)]
        values = [
            (key, f'"{value}"' if quoted else value)
            for key, value, quoted in variables(columns["nodes"][row] if runs else "", cpus) if key in desk.environ
        ]
        gone = GONE if GONE[-1] in desk.environ else ()
        shell = "".join(f"export {key}={value}\n" for key, value in values) + "".join(f"unset {key}\n" for key in gone)
        c_shell = "".join(f"setenv {key} {value}\n" for key, value in values) + "".join(f"unsetenv {key}\n" for key in gone)
        try:
            for ending, text in (("sh", shell), ("csh", c_shell)):
                with open(f"{name}.{ending}", "w", opener=_executable) as file:
                    file.write(text)
        except OSError as error:
            desk.complain(f"scontrol: error: Could not create file {error.filename}: {error.strerror}")
            return
        desk.say("To reset Slurm environment variables, execute\n")
        desk.say(f"  For bash or sh shells:  . ./{name}.sh\n  For csh shells:         source ./{name}.csh\n")


def _executable(path: str, flags: int) -> int:
    return os.open(path, flags, 0o700)
