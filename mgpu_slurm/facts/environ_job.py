"""What variables tell of a job as a whole: name, place, owner, times, its place in an array. See environ.py."""

from __future__ import annotations

from mgpu_slurm.base.counts import compress
from mgpu_slurm.base.hostlist import fold
from mgpu_slurm.base.sluid import SINCE as SLUIDS
from mgpu_slurm.base.sluid import sluid
from mgpu_slurm.facts.environ_shares import shares as shares_of
from mgpu_slurm.facts.environ_shares import usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Facts = Mapping[str, Any]
    Variables = dict[str, str | None]

NEWEST = (26, 5)
UNLIMITED_END = 0xFFFFFFFF
"""What SLURM_JOB_END_TIME shows for a job without a limit: far in the future."""


def compat_of(facts: Facts) -> tuple[int, int]:
    """The Slurm version whose habits this job sees."""
    given = facts.get("compat") or NEWEST
    return int(given[0]), int(given[1])


def job_variables(facts: Facts) -> Variables:
    """What everyone in a job sees, salloc's shell included."""
    shares = shares_of(facts)
    nodes = [str(share["node"]) for share in shares]
    job_id = str(facts["job_id"])
    request = facts.get("request") or {}
    folded = fold(nodes)
    changes: Variables = {
        "SLURM_JOB_ID": job_id,
        "SLURM_JOBID": job_id,
        "SLURM_JOB_NAME": facts.get("name") or "",
        "SLURM_JOB_PARTITION": facts.get("partition") or "",
        "SLURM_JOB_NODELIST": folded,
        "SLURM_NODELIST": folded,
        "SLURM_JOB_NUM_NODES": str(len(nodes)),
        "SLURM_NNODES": str(len(nodes)),
        "SLURM_JOB_CPUS_PER_NODE": compress([usable(share) for share in shares]),
        "SLURM_TASKS_PER_NODE": compress([int(count) for count in facts.get("tasks_per_node") or ()]),
        "SLURM_CLUSTER_NAME": facts.get("cluster") or "",
    }
    if facts.get("conf_path"):
        changes["SLURM_CONF"] = facts["conf_path"]
    for name, key in (("ACCOUNT", "account"), ("QOS", "qos"), ("RESERVATION", "reservation")):
        if facts.get(key) or (key == "account" and request.get(key) is not None):
            changes["SLURM_JOB_" + name] = facts.get(key) or ""
    for name, key in (("SLURM_SUBMIT_DIR", "submit_dir"), ("SLURM_SUBMIT_HOST", "submit_host")):
        if request.get(key):
            changes[name] = request[key]
    if compat_of(facts) < (23, 2):
        changes["SLURM_NODE_ALIASES"] = "(null)"
    if facts.get("het_size"):
        changes["SLURM_HET_SIZE"] = changes["SLURM_PACK_SIZE"] = str(facts["het_size"])
    return changes


def owner_variables(facts: Facts) -> Variables:
    """Whose the job is, and from when to when."""
    changes: Variables = {
        "SLURM_JOB_UID": str(facts["uid"]),
        "SLURM_JOB_GID": str(facts["gid"]),
        "SLURM_JOB_USER": facts.get("user_name") or "",
    }
    if compat_of(facts) >= (23, 2):
        if facts.get("group_name"):
            changes["SLURM_JOB_GROUP"] = facts["group_name"]
        changes["SLURM_JOB_START_TIME"] = str(int(facts.get("start_time") or 0))
        changes["SLURM_JOB_END_TIME"] = str(int(facts.get("end_time") or UNLIMITED_END))
        if compat_of(facts) >= SLUIDS:
            changes["SLURM_JOB_SLUID"] = sluid(facts.get("submit_time") or 0, facts["job_id"], facts.get("restart_count") or 0)
        licenses = (facts.get("request") or {}).get("licenses")
        if licenses:
            changes["SLURM_JOB_LICENSES"] = licenses
    return changes


def array_variables(facts: Facts) -> dict[str, str]:
    """Which element of its array a job is."""
    if not facts.get("array_job_id") or facts.get("array_task_id") is None:
        return {}
    return {
        "SLURM_ARRAY_JOB_ID": str(facts["array_job_id"]),
        "SLURM_ARRAY_TASK_ID": str(facts["array_task_id"]),
        "SLURM_ARRAY_TASK_COUNT": str(facts.get("array_count") or 0),
        "SLURM_ARRAY_TASK_MAX": str(facts.get("array_max") or 0),
        "SLURM_ARRAY_TASK_MIN": str(facts.get("array_min") or 0),
        "SLURM_ARRAY_TASK_STEP": str(facts.get("array_step", 1)),
    }
