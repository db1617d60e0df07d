"""What -v and -vv of srun and sbatch tell between the options and the tasks' ends, in Slurm's words. Read where asked for."""

from __future__ import annotations

import os

from mgpu_slurm.base import counts, hostlist, idset
from mgpu_slurm.base.bindwords import sub_options
from mgpu_slurm.commands import surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.steppart import Part

_ORDER = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS")
_NOT_SET = 65534
"""--relative where it is not given."""


def limits(notes: Notes, propagate: str | None, environ: Mapping[str, str]) -> None:
    """-vv: what goes along with the job."""
    known = surroundings.limits(propagate)
    for name in _ORDER:
        if name in known:
            # RLIM_INFINITY has no sign
            notes.debug(f"propagating RLIMIT_{name}={known[name] % (1 << 64)}")
    notes.debug(f"propagating SLURM_PRIO_PROCESS={os.getpriority(os.PRIO_PROCESS, 0)}")
    notes.debug(f"propagating UMASK={surroundings.umask(environ):04o}")


def allocated(notes: Notes, parts: Sequence[Part]) -> None:
    """The allocation of each part, then -vv what each asks of it."""
    for part in parts:
        shares = part.facts["allocation"].get("shares") or ()
        nodes = hostlist.fold([str(share["node"]) for share in shares])
        cpus = [int(share.get("counted") or len(share["cpus"])) for share in shares]
        shown = ",".join(word if "(x" in word else f"{word}(x1)" for word in counts.compress(cpus).split(","))
        notes.detail(f"jobid {part.job_id}: nodes({len(shares)}):`{nodes}', cpu counts: {shown}")
    for part in parts:
        request = part.request
        least = int(request.get("min_nodes") or 1)
        named = request.get("nodelist") or "(null)"
        tasks = int(request.get("ntasks") or least)
        each = request.get("cpus_per_task")
        if each and notes.compat < (23, 2) and not part.client.get("exact"):
            notes.detail("Implicitly setting --exact, because -c/--cpus-per-task given.")
        notes.debug(f"requesting job {part.job_id}, user {os.getuid()}, nodes {least} including ({named})")
        cpus_asked = least if request.get("overcommit") else tasks * int(each or 1)
        relative = part.client.get("relative")
        where = _NOT_SET if relative is None else relative
        notes.debug(f"cpus {cpus_asked}, tasks {tasks}, name {request.get('name')}, relative {where}")


def launching(notes: Notes, parts: Sequence[Part]) -> None:
    """What goes to which node."""
    for part in parts:
        words = [word for word in sub_options(str(part.client.get("cpu_bind") or "")) if word not in ("q", "quiet")]
        kind = ",".join({"v": "verbose"}.get(word, word.partition(":")[0]) for word in words)
        notes.detail(f"CpuBindType={kind or '(null type)'}", "launch_p_step_launch")
    for part in parts:
        for node in part.nodes:
            tasks = [int(task) - part.before for task in node.get("tasks") or ()]
            shown = str(tasks[0]) if len(tasks) == 1 else f"[{idset.fold(tasks)}]"
            notes.detail(f"launching StepId={part.name} on host {node['node']}, {len(tasks)} tasks: {shown}")
