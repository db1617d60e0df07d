"""What holds nodes besides jobs, as objects of JSON: steps and reservations. Pure; see json_objects.py."""

from __future__ import annotations

from mgpu_slurm.base import hostlist
from mgpu_slurm.commands.json_objects import later, number
from mgpu_slurm.facts.reservation import idle_limit, kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def reservation_object(one: Mapping[str, Any]) -> dict[str, object]:
    def joined(name: str) -> str:
        value = one[name]
        return ",".join(value) if isinstance(value, (list, tuple)) else str(value or "")

    return {
        "accounts": joined("accounts"),
        "burst_buffer": joined("burst_buffer"),
        "core_count": one["cores"],
        "core_specializations": [{"node": name, "core": ids} for name, ids in one["core_ids"]],
        "end_time": number(one["end"]),
        "features": joined("features"),
        "flags": [kind(flag) for flag in one["flags"]],
        "groups": joined("groups"),
        "licenses": joined("licenses"),
        "max_start_delay": one["max_start_delay"],
        "name": one["name"],
        "node_count": one["node_count"],
        "node_list": one["nodes"],
        "partition": joined("partition"),
        "purge_completed": {"time": number(idle_limit(one["flags"]))},
        "start_time": number(one["start"]),
        "watts": number(int(one["watts"]) if one["watts"].isdecimal() else None),
        "tres": f"cpu={one['cpus']}" if one["cpus"] else "",
        "users": joined("users"),
    }


def step_object(step: Mapping[str, Any], cluster: str) -> dict[str, object]:
    return {
        "array": {"job_id": number(step["array_job_id"] or None), "task_id": number(step["array_task_id"])},
        "cluster": cluster,
        "container": "",
        "container_id": "",
        "id": {"job_id": step["job_id"], "step_id": step["step_id"], "step_het_component": number(None)},
        "name": step["name"],
        "network": "",
        "nodes": {"count": step["num_nodes"], "list": hostlist.expand(step["nodes"]), "range": step["nodes"]},
        "number_cpus": step["num_cpus"],
        "number_tasks": step["ntasks"],
        "partition": step["partition"],
        "srun": {"host": step["src_host"], "pid": step["src_pid"]},
        "state": [step["state"]],
        "task": {"distribution": step["distribution"]},
        "time": {
            "limit": number(step["time_limit"], unlimited=True),
            "running": step["run_seconds"],
            "start": number(step["start_time"]),
        },
        "tres": {
            "allocated": step["tres"],
            "per_node": later(step["tres_per_node"]),
            "per_step": later(step["tres_per_step"]),
        },
        "user": {"id": step["uid"], "name": step["user_name"]},
    }
