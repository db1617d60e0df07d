"""Records as objects in the shape of Slurm 23.11 and later, from the columns of the controller. Pure.

Numbers that may be unset or unlimited are objects {"set", "infinite", "number"}, states and flags are lists.
"""

from __future__ import annotations

from mgpu_slurm.base import hostlist, idset
from mgpu_slurm.base.units import UNLIMITED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any




def number(value: float | None, unlimited: bool = False) -> dict[str, object]:
    """A number that may be missing."""
    infinite = unlimited and value == UNLIMITED
    known = value is not None and not infinite
    return {"set": known, "infinite": infinite, "number": int(value) if known and value is not None else 0}


def real(value: float | None) -> dict[str, object]:
    return {"set": value is not None, "infinite": False, "number": 0.0 if value is None else float(value)}


def exit_object(status: int) -> dict[str, object]:
    """An exit code with its words."""
    from mgpu_slurm.base import signals
    from mgpu_slurm.facts.fields.field import exit_pair

    code, signal = exit_pair(status)
    words = ["SIGNALED"] if signal else ["SUCCESS"] if not code else ["ERROR"]
    return {
        "status": words,
        "return_code": number(code),
        "signal": {"id": number(signal or None), "name": signals.name(signal) if signal else ""},
    }


def job_object(job: Mapping[str, Any], cluster: str) -> dict[str, object]:
    text = {key: value or "" for key, value in job.items() if value is None or isinstance(value, str)}
    per_cpu = job["memory_kind"] == "CPU"
    names = hostlist.expand(job["nodes"]) if job["nodes"] else []
    exclusive = {"NO": ["true"], "USER": ["user"], "MCS": ["mcs"], "TOPO": ["topo"]}.get(job["over_subscribe"], [])
    return {
        "account": text["account"],
        "admin_comment": text.get("admin_comment", ""),
        "accrue_time": number(job["accrue_time"]),
        "allocating_node": text["submit_host"],
        "array_job_id": number(job["array_job_id"]),
        "array_task_id": number(job["array_task_id"]),
        "array_max_tasks": number(job["array_limit"]),
        "array_task_string": job["array_tasks"],
        "association_id": 0,
        "batch_features": "",
        "batch_flag": bool(job["batch"]),
        "batch_host": text["batch_host"],
        "billable_tres": real(float(job["num_cpus"]) if job["nodes"] else None),
        "burst_buffer": "",
        "burst_buffer_state": "",
        "cluster": cluster,
        "cluster_features": "",
        "command": text["command"],
        "comment": text.get("comment", ""),
        "contiguous": bool(job["contiguous"]),
        "container": "",
        "container_id": "",
        "core_spec": job["core_spec"] or 0,
        "thread_spec": job["thread_spec"] or 32766,
        "cores_per_socket": number(job["cores_per_socket"]),
        "cpus_per_task": number(job["cpus_per_task"] or 1),
        "cpus_per_tres": text["cpus_per_tres"],
        "cpus": number(job["num_cpus"]),
        "cpu_frequency_governor": number(None),
        "cpu_frequency_maximum": number(None),
        "cpu_frequency_minimum": number(None),
        "cron": "",
        "current_working_directory": text["work_dir"],
        "deadline": number(job["deadline"] or 0),
        "delay_boot": number(0),
        "dependency": text["dependency"],
        "derived_exit_code": exit_object(job["derived_exit_code"]),
        "eligible_time": number(job["eligible_time"]),
        "end_time": number(job["end_time"]),
        "excluded_nodes": text["exc_nodes"],
        "exit_code": exit_object(job["exit_code"]),
        "exclusive": exclusive,
        "extra": "",
        "failed_node": "",
        "features": text["features"],
        "federation_origin": "",
        "federation_siblings_active": "",
        "federation_siblings_viable": "",
        "flags": ["KILL_INVALID_DEPENDENCY"] if job["kill_on_invalid_dep"] else [],
        "gres_detail": [row[3] for row in job["details"] if row[3]],
        "group_id": job["gid"],
        "group_name": job["group_name"],
        "het_job_id": number(job["het_job_id"]),
        "het_job_id_set": text["het_job_id_set"],
        "het_job_offset": number(job["het_offset"]),
        "hold": job["priority"] == 0 and job["state"] == "PENDING",
        "job_id": job["job_id"],
        "job_resources": _resources(job, names),
        "job_state": [job["state"], *job["flags"]],
        "last_sched_evaluation": number(job["last_sched"]),
        "licenses": text["licenses"],
        "licenses_allocated": text["licenses"] if job["nodes"] else "",
        "mail_type": (job["mail_type"] or "").split(",") if job["mail_type"] else [],
        "mail_user": text["mail_user"],
        "max_cpus": number(0),
        "max_nodes": number(job["max_nodes"]),
        "memory_per_cpu": number(job["memory"] if per_cpu else None),
        "memory_per_node": number(None if per_cpu else job["memory"]),
        "maximum_switch_wait_time": job["switches_wait"] or 0,
        "mcs_label": text["mcs_label"],
        "memory_per_tres": text["mem_per_tres"],
        "minimum_cpus_per_node": number(job["min_cpus_node"]),
        "minimum_switches": job["switches"] or 0,
        "minimum_tmp_disk_per_node": number(job["tmp_disk"] or 0),
        "name": job["name"],
        "network": text["network"],
        "nice": job["nice"],
        "nodes": job["nodes"],
        "node_count": number(job["num_nodes"]),
        "partition": job["partition"],
        "pre_sus_time": number(0),
        "preempt_time": number(0),
        "preemptable_time": number(0),
        "prefer": text["prefer"],
        "priority": number(job["priority"]),
        "profile": ["NOT_SET"],
        "qos": text["qos"],
        "reboot": bool(job["reboot"]),
        "required_nodes": text["req_nodes"],
        "requeue": bool(job["requeue"]),
        "resize_time": number(0),
        "restart_cnt": job["restart_count"],
        "resv_name": text["reservation"],
        "scheduled_nodes": text["sched_nodes"],
        "selinux_context": "",
        "shared": [],
        "sockets_per_board": 0,
        "sockets_per_node": number(job["sockets_per_node"]),
        "standard_error": text["std_err"] if job["batch"] else "",
        "standard_input": text["std_in"] if job["batch"] else "",
        "standard_output": text["std_out"] if job["batch"] else "",
        "start_time": number(job["start_time"]),
        "state_description": job["reason_text"],
        "state_reason": job["reason"],
        "submit_line": text["submit_line"],
        "submit_time": number(job["submit_time"]),
        "suspend_time": number(job["suspend_time"]),
        "system_comment": "",
        "tasks": number(job["ntasks"]),
        "tasks_per_board": number(0),
        "tasks_per_core": number(job["ntasks_per_core"]),
        "tasks_per_node": number(job["ntasks_per_node"] or 0),
        "tasks_per_socket": number(job["ntasks_per_socket"]),
        "tasks_per_tres": number(job["ntasks_per_gpu"]),
        "threads_per_core": number(job["threads_per_core"]),
        "time_limit": number(job["time_limit"], unlimited=True),
        "time_minimum": number(job["time_min"] or 0),
        "tres_alloc_str": job["tres"] if job["nodes"] else "",
        "tres_bind": f"gres/gpu:{text['tres_bind']}" if text["tres_bind"] else "",
        "tres_freq": text["tres_freq"],
        "tres_per_job": later(job["tres_per_job"]),
        "tres_per_node": later(job["tres_per_node"]),
        "tres_per_socket": later(job["tres_per_socket"]),
        "tres_per_task": later(job["tres_per_task"]),
        "tres_req_str": job["asked_tres"],
        "user_id": job["uid"],
        "user_name": job["user_name"],
        "wckey": text["wckey"],
    }


def later(text: str) -> str:
    return text.replace("gres:", "gres/")


def _resources(job: Mapping[str, Any], names: Sequence[str]) -> dict[str, object] | None:
    """What it holds, node by node."""
    if not names:
        return None
    allocation = [
        {"name": name, "cpus": {"count": len(idset.parse(cpus))}, "memory": {"allocated": int(mem)}, "gres": gres}
        for folded, cpus, mem, gres in job["details"]
        for name in hostlist.expand(folded)
    ]
    return {
        "select_type": ["CPU", "MEMORY"],
        "nodes": {"count": len(names), "select_type": ["AVAILABLE"], "list": job["nodes"], "allocation": allocation},
        "cpus": job["num_cpus"],
    }


def node_object(node: Mapping[str, Any], cluster: str) -> dict[str, object]:
    load = node["cpu_load"]
    return {
        "architecture": node["arch"],
        "burstbuffer_network_address": "",
        "boards": node["boards"],
        "boot_time": number(node["boot_time"]),
        "cluster_name": cluster,
        "cores": node["cores_per_socket"],
        "specialized_cores": node["core_spec"],
        "cpu_load": 0 if load is None else int(load * 100),
        "free_mem": number(node["free_mem"]),
        "cpus": node["cpus"],
        "effective_cpus": node["cpus"] - node["core_spec"] * node["threads_per_core"],
        "features": _words(node["features"]),
        "active_features": _words(node["active_features"]),
        "gres": node["gres"],
        "gres_used": node["gres_used"],
        "last_busy": number(node["last_busy"]),
        "hostname": node["hostname"] or node["name"],
        "address": node["address"] or node["name"],
        "state": [node["state"], *node["flags"]],
        "name": node["name"],
        "operating_system": node["os"],
        "partitions": node["partitions"],
        "port": node["port"],
        "real_memory": node["real_memory"],
        "specialized_memory": node["mem_spec"],
        "comment": node["comment"],
        "extra": node["extra"],
        "gres_drained": "N/A",
        "instance_id": "",
        "instance_type": "",
        "mcs_label": "",
        "next_state_after_reboot": ["INVALID"],
        "owner": "",
        "reason": node["reason"],
        "reason_changed_at": number(node["reason_time"]),
        "reason_set_by_user": str(node["reason_uid"]) if node["reason"] else "",
        "slurmd_start_time": number(node["start_time"]),
        "sockets": node["sockets"],
        "threads": node["threads_per_core"],
        "temporary_disk": node["tmp_disk"],
        "weight": node["weight"],
        "tres": node["cfg_tres"],
        "tres_used": node["alloc_tres"],
        "reservation": "",
        "resume_after": number(None),
        "tres_weighted": 0.0,
        "alloc_memory": node["mem_alloc"],
        "alloc_cpus": node["cpus_alloc"],
        "alloc_idle_cpus": node["cpus"] - node["cpus_alloc"],
        "version": node["version"],
    }


def _words(text: str) -> list[str]:
    return text.split(",") if text else []


def partition_object(part: Mapping[str, Any], cluster: str) -> dict[str, object]:
    return {
        "name": part["name"],
        "cluster": cluster,
        "alternate": part["alternate"],
        "accounts": {"allowed": ",".join(part["allow_accounts"]), "deny": ",".join(part["deny_accounts"])},
        "groups": {"allowed": ",".join(part["allow_groups"])},
        "qos": {"allowed": ",".join(part["allow_qos"]), "deny": ",".join(part["deny_qos"]), "assigned": part["qos"]},
        "cpus": {"task_binding": 0, "total": part["total_cpus"]},
        "defaults": {
            "memory_per_cpu": part["def_mem_per_cpu"] or 0,
            "time": number(part["default_time"], unlimited=True),
        },
        "grace_time": part["grace_time"],
        "maximums": {
            "cpus_per_node": number(part["max_cpus_per_node"], unlimited=True),
            "memory_per_cpu": part["max_mem_per_cpu"] or 0,
            "nodes": number(part["max_nodes"], unlimited=True),
            "time": number(part["max_time"], unlimited=True),
        },
        "minimums": {"nodes": part["min_nodes"]},
        "nodes": {"configured": part["nodes"], "total": part["total_nodes"]},
        "partition": {"state": [part["state"]]},
        "priority": {"job_factor": part["priority_job_factor"], "tier": part["priority_tier"]},
        "tres": {"configured": part["tres"]},
    }


def entry(part: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], cluster: str) -> dict[str, object]:
    """Nodes of a partition that are in the same state."""
    first = nodes[0]

    def span(name: str) -> dict[str, object]:
        values = [node[name] or 0 for node in nodes]
        return {"minimum": min(values), "maximum": max(values)}

    held = sum(node["cpus_alloc"] for node in nodes)
    total = sum(node["cpus"] for node in nodes)
    usable = first["state"] not in ("DOWN", "UNKNOWN", "FUTURE") and "DRAIN" not in first["flags"]
    names = [node["name"] for node in nodes]
    busy = len(nodes) if first["state"] in ("ALLOCATED", "MIXED") else 0
    idle = len(nodes) if usable and first["state"] == "IDLE" else 0
    return {
        "port": first["port"],
        "node": {"state": [first["state"], *first["flags"]]},
        "nodes": {
            "allocated": busy,
            "idle": idle,
            "other": len(nodes) - busy - idle,
            "total": len(nodes),
            "hostnames": [node["hostname"] or node["name"] for node in nodes],
            "addresses": [node["address"] or node["name"] for node in nodes],
            "nodes": names,
        },
        "cpus": {
            "allocated": held,
            "idle": total - held if usable else 0,
            "other": 0 if usable else total - held,
            "total": total,
            **span("cpus"),
            "load": {
                key: int((value or 0) * 100) if isinstance(value, (int, float)) else 0 for key, value in span("cpu_load").items()
            },
        },
        "disk": span("tmp_disk"),
        "memory": {**span("real_memory"), "free": _free(nodes), "allocated": sum(node["mem_alloc"] for node in nodes)},
        "weight": span("weight"),
        "sockets": span("sockets"),
        "cores": span("cores_per_socket"),
        "threads": span("threads_per_core"),
        "features": {"total": first["features"], "active": first["active_features"]},
        "gres": {"total": first["gres"], "used": first["gres_used"]},
        "reason": {"description": first["reason"], "time": number(first["reason_time"])},
        "cluster": cluster,
        "comment": first["comment"],
        "extra": first["extra"],
        "reservation": "",
        "partition": partition_object(part, cluster),
    }


def _free(nodes: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    values = [node["free_mem"] for node in nodes if node["free_mem"] is not None]
    return {"minimum": number(min(values, default=None)), "maximum": number(max(values, default=None))}
