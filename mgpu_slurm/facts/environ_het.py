"""The variables of heterogeneous jobs: copies for each component, and what a step over several components sees.

Measured on Slurm 22.05.8. A component's value stands in NAME_HET_GROUP_n, and under the old name NAME_PACK_GROUP_n. What was
asked for (tasks per node, distribution, GPUs, ...) stands only there; a batch script's own part has its other variables
also without suffix, salloc's shell has not.
"""

from __future__ import annotations

from mgpu_slurm.base.counts import compress
from mgpu_slurm.base.hostlist import fold
from mgpu_slurm.facts.environ_shares import usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    Facts = Mapping[str, Any]
    Variables = dict[str, str | None]

_OF_JOB = (
    "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_NODELIST", "SLURM_JOB_NUM_NODES", "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_JOB_PARTITION", "SLURM_JOB_ACCOUNT", "SLURM_JOB_QOS", "SLURM_JOB_RESERVATION", "SLURM_TASKS_PER_NODE",
)  # fmt: skip
_OF_FIRST = ("SLURM_ACCTG_FREQ", "SLURM_CPU_FREQ_REQ", "SLURM_HINT", "SLURM_OVERCOMMIT", "SLURM_PROFILE")
"""What a batch script is told of the first component alone, without suffix."""
_OF_SHELL = ("SLURM_JOBID", "SLURM_NNODES", "SLURM_NODELIST", "SLURM_NODE_ALIASES")
_OF_SRUN = ("SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_JOB_CPUS_PER_NODE", "SLURM_JOB_PARTITION")
_WHOLE = (
    "SLURM_CLUSTER_NAME", "SLURM_CONF", "SLURM_HET_SIZE", "SLURM_JOB_ID", "SLURM_PACK_SIZE", "SLURM_SUBMIT_DIR",
    "SLURM_SUBMIT_HOST",
)  # fmt: skip


def _copies(group: int, job: Variables, names: Iterable[str], suffixes: tuple[str, ...] = ("HET", "PACK")) -> Variables:
    return {
        f"{name}_{suffix}_GROUP_{group}": value
        for name in names
        if (value := job.get(name)) is not None
        for suffix in suffixes
    }


def batch(components: Sequence[tuple[Variables, Variables]]) -> Variables:
    """What a batch script has besides the variables of its own part. Each component: of the job, and as asked for."""
    changes: Variables = {}
    for group, (job, asked) in enumerate(components):
        changes.update(_copies(group, job, _OF_JOB))
        changes.update(_copies(group, asked, [name for name in asked if name not in _OF_FIRST]))
    changes.update({name: value for name, value in components[0][1].items() if name in _OF_FIRST})
    return changes


def shell(components: Sequence[tuple[Variables, Variables]]) -> Variables:
    """salloc's shell: the copies, the sum of the tasks where all components name theirs, and what concerns the whole."""
    first = components[0][0]
    changes: Variables = {name: first[name] for name in _WHOLE if first.get(name) is not None}
    for group, (job, asked) in enumerate(components):
        changes.update(_copies(group, job, (*_OF_JOB, *_OF_SHELL)))
        changes.update(_copies(group, asked, asked))
    counts = [asked.get("SLURM_NTASKS") for _, asked in components]
    if all(counts):
        changes["SLURM_NTASKS"] = changes["SLURM_NPROCS"] = str(sum(int(count or 0) for count in counts))
    return changes


def srun(components: Sequence[Variables]) -> dict[str, str]:
    """What srun with an allocation of its own hands to its tasks: under the old names only."""
    found: dict[str, str] = {}
    for group, job in enumerate(components):
        found.update({name: value for name, value in _copies(group, job, _OF_SRUN, ("PACK",)).items() if value is not None})
    return found


def step(
    facts: Facts, whole: Facts | None, layout: Facts, index: int, inherited: Mapping[str, str]
) -> Variables:
    """What lies over the variables of a step in a heterogeneous job, or of several parts. `index`: the node within its part;
    `inherited`: srun's environment.

    The job seems to be the first component, with the nodes of the step.
    """
    parts = list(layout.get("nodes") or ())
    if whole is None:
        shares = (facts.get("allocation") or {}).get("shares") or ()
        whole = {
            "nodes": [part["node"] for part in parts],
            "tasks": [len(part.get("tasks") or ()) for part in parts],
            "cpus": [usable(share) for share in shares],
        }
    nodes = fold([str(node) for node in whole["nodes"]])
    count, ntasks = str(len(whole["nodes"])), str(sum(whole["tasks"]))
    per_node = compress(list(whole["tasks"]))
    changes: Variables = {
        "SLURM_NNODES": count,
        "SLURM_NODEID": str(int(whole.get("before") or 0) + index),
        "SLURM_NPROCS": ntasks,
        "SLURM_NTASKS": ntasks,
        "SLURM_STEP_NODELIST": nodes,
        "SLURM_STEP_NUM_NODES": count,
        "SLURM_STEP_NUM_TASKS": ntasks,
        "SLURM_STEP_TASKS_PER_NODE": per_node,
        "SLURM_TASKS_PER_NODE": per_node,
    }
    if not facts.get("het_job_id") or "SLURM_NODE_ALIASES" not in inherited:
        changes["SLURM_NODE_ALIASES"] = None
        for part in range(int(whole.get("parts") or 1)):
            changes[f"SLURM_NODE_ALIASES_PACK_GROUP_{part}"] = None
    if facts.get("het_job_id"):
        changes["SLURM_JOB_ID"] = changes["SLURM_JOBID"] = str(facts["het_job_id"])
        changes["SLURM_JOB_NODELIST"] = changes["SLURM_NODELIST"] = nodes
        changes["SLURM_JOB_NUM_NODES"] = count
        changes["SLURM_JOB_CPUS_PER_NODE"] = compress(list(whole["cpus"]))
    return changes
