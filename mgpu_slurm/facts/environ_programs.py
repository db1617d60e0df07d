"""The variables of programs around a job: Prolog and Epilog on its nodes, PrologSlurmctld and EpilogSlurmctld on the
controller's machine, and those that srun runs where it was called.

The administrator's have these alone, nothing of the user's environment and no PATH; those of srun have them besides srun's own.
`facts` is a JobFacts of wire/messages.py in plain form. The sets were recorded from Slurm 22.05.8 and follow `compat` where newer
ones differ.
"""

from __future__ import annotations

from mgpu_slurm.base import patterns
from mgpu_slurm.base.counts import compress
from mgpu_slurm.base.hostlist import fold
from mgpu_slurm.facts.environ_devices import Devices, device_variables
from mgpu_slurm.facts.environ_job import UNLIMITED_END, array_variables, compat_of
from mgpu_slurm.facts.environ_shares import gpus, usable
from mgpu_slurm.facts.environ_shares import shares as shares_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Facts = Mapping[str, Any]

NODE_PROLOG, NODE_EPILOG = "prolog_slurmd", "epilog_slurmd"
CONTROLLER_PROLOG, CONTROLLER_EPILOG = "prolog_slurmctld", "epilog_slurmctld"
"""What SLURM_SCRIPT_CONTEXT says of each."""

NOTHING = "(null)"


def _of_job(facts: Facts, context: str, ended: tuple[int, int] | None) -> dict[str, str]:
    request = facts.get("request") or {}
    shares = shares_of(facts)
    job_id = str(facts["job_id"])
    found = {
        "SLURM_CLUSTER_NAME": str(facts.get("cluster") or ""),
        "SLURM_JOBID": job_id,
        "SLURM_JOB_ID": job_id,
        "SLURM_JOB_CPUS_PER_NODE": compress([usable(share) for share in shares]),
        "SLURM_JOB_GID": str(facts["gid"]),
        "SLURM_JOB_NUM_NODES": str(len(shares)),
        "SLURM_JOB_PARTITION": str(facts.get("partition") or ""),
        "SLURM_JOB_RESTART_COUNT": str(int(facts.get("restart_count") or 0)),
        "SLURM_JOB_UID": str(facts["uid"]),
        "SLURM_JOB_USER": str(facts.get("user_name") or ""),
        "SLURM_JOB_WORK_DIR": str(request.get("work_dir") or "/"),
        "SLURM_SCRIPT_CONTEXT": context,
    }
    other = request.get("other") or {}
    for name, value in (
        ("COMMENT", request.get("comment")),
        ("CONSTRAINTS", request.get("constraint")),
        ("EXTRA", other.get("extra")),
        ("LICENSES", request.get("licenses")),
        ("RESERVATION", facts.get("reservation") or None),
    ):
        if value is not None:
            found["SLURM_JOB_" + name] = str(value)
    if request.get("kind", "batch") == "batch":
        found.update(_files(facts, request))
    if facts.get("het_job_id"):
        found["SLURM_HET_JOB_ID"] = found["SLURM_PACK_JOB_ID"] = str(facts["het_job_id"])
    if compat_of(facts) >= (23, 2):
        found["SLURM_JOB_GROUP"] = str(facts.get("group_name") or "")
        found["SLURM_JOB_START_TIME"] = str(int(facts.get("start_time") or 0))
        found["SLURM_JOB_END_TIME"] = str(int(facts.get("end_time") or UNLIMITED_END))
    if ended is not None:
        status, derived = ended
        found["SLURM_JOB_EXIT_CODE"] = str(status)
        found["SLURM_JOB_EXIT_CODE2"] = f"{status >> 8}:{status & 0x7F}"
        found["SLURM_JOB_DERIVED_EC"] = str(derived)
    return found


def _files(facts: Facts, request: Facts) -> dict[str, str]:
    """The script's streams, with the letters that its user gave; older versions tell of no default output."""
    array = facts.get("array_job_id")
    default = patterns.expand(
        patterns.ARRAY_DEFAULT if array else patterns.BATCH_DEFAULT,
        {"j": int(facts["job_id"]), "A": int(array or facts["job_id"]), "a": int(facts.get("array_task_id") or 0)},
    )
    work_dir = str(request.get("work_dir") or "/")
    newer = compat_of(facts) >= (23, 2)
    names = {
        "IN": request.get("std_in") or "/dev/null",
        "OUT": request.get("std_out") or (default if newer else ""),
        "ERR": request.get("std_err") or "",
    }
    absolute = {name: path if path.startswith("/") else f"{work_dir}/{path}" for name, path in names.items() if path}
    return {f"SLURM_JOB_STD{name}": path for name, path in absolute.items()}


def of_node(
    facts: Facts, node: str, devices: Devices | None, conf: str, context: str, ended: tuple[int, int] | None = None
) -> dict[str, str]:
    """For a Prolog or Epilog. `conf`: the configuration's path; `ended`: wait status of the job and the highest of its steps."""
    found = _of_job(facts, context, ended)
    shares = shares_of(facts)
    found["SLURMD_NODENAME"] = node
    found["SLURM_CONF"] = conf
    found["SLURM_NODELIST"] = fold([str(share["node"]) for share in shares])
    found["SLURM_UID"] = str(facts["uid"])
    if facts.get("account"):
        found["SLURM_JOB_ACCOUNT"] = str(facts["account"])
    ntasks = (facts.get("request") or {}).get("ntasks")
    if ntasks:
        found["SLURM_JOB_NTASKS"] = str(ntasks)
    held = [*shares, *((facts.get("allocation") or {}).get("leaving") or ())]
    share: Facts = next((one for one in held if one.get("node") == node), {})
    told = device_variables(gpus(share), devices, "SLURM_JOB_GPUS")
    found.update({name: value for name, value in told.items() if value is not None})
    return found


def of_controller(facts: Facts, context: str, ended: tuple[int, int] | None = None) -> dict[str, str]:
    """For a PrologSlurmctld or EpilogSlurmctld; `ended` as for `of_node`."""
    found = _of_job(facts, context, ended)
    found["SLURM_JOB_ACCOUNT"] = str(facts.get("account") or NOTHING)
    found["SLURM_JOB_GROUP"] = str(facts.get("group_name") or "")
    found["SLURM_JOB_NAME"] = str(facts.get("name") or "")
    found["SLURM_JOB_NODELIST"] = fold([str(share["node"]) for share in shares_of(facts)])
    wckey = (facts.get("request") or {}).get("wckey")
    if wckey:
        found["SLURM_WCKEY"] = str(wckey)
    found.update(array_variables(facts))
    if facts.get("het_job_id"):
        found["SLURM_HET_JOB_OFFSET"] = found["SLURM_PACK_JOB_OFFSET"] = str(int(facts.get("het_offset") or 0))
        parts = facts.get("components") or ()
        if parts:
            nodes = fold([str(share["node"]) for one in parts for share in shares_of(one)])
            found["SLURM_HET_JOB_NODELIST"] = found["SLURM_PACK_JOB_NODELIST"] = nodes
    return found


def of_srun(facts: Facts, step: Facts, own: bool) -> dict[str, str]:
    """For srun's prolog and epilog: `step` is the part of StepCreated that tells of the step, `own` whether the job is srun's."""
    ntasks = str((step.get("layout") or {}).get("ntasks") or 1)
    step_id = str(step["step_id"])
    found = {"SLURM_NPROCS": ntasks, "SLURM_NTASKS": ntasks, "SLURM_STEPID": step_id, "SLURM_STEP_ID": step_id}
    if not own:
        return found
    request = facts.get("request") or {}
    shares = shares_of(facts)
    job_id, nodes = str(facts["job_id"]), str(len(shares))
    layout = (step.get("layout") or {}).get("nodes") or ()
    found.update(
        SLURM_CLUSTER_NAME=str(facts.get("cluster") or ""),
        SLURM_JOBID=job_id,
        SLURM_JOB_ID=job_id,
        SLURM_JOB_CPUS_PER_NODE=compress([usable(share) for share in shares]),
        SLURM_JOB_NAME=str(facts.get("name") or ""),
        SLURM_JOB_NUM_NODES=nodes,
        SLURM_JOB_PARTITION=str(facts.get("partition") or ""),
        SLURM_JOB_UID=str(facts["uid"]),
        SLURM_JOB_USER=str(facts.get("user_name") or ""),
        SLURM_NNODES=nodes,
        SLURM_NODELIST=fold([str(share["node"]) for share in shares]),
        SLURM_SUBMIT_DIR=str(request.get("submit_dir") or ""),
        SLURM_SUBMIT_HOST=str(request.get("submit_host") or ""),
        SLURM_TASKS_PER_NODE=compress([len(part.get("tasks") or ()) for part in layout]),
    )
    if request.get("cpus_per_task"):
        found["SLURM_CPUS_PER_TASK"] = str(request["cpus_per_task"])
    return found
