"""Nodes and partitions as objects of JSON, and the entries of sinfo. Pure; see json_objects.py."""

from __future__ import annotations

from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.commands.json_objects import number
from mgpu_slurm.facts.fields.node import user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


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
        "specialized_cpus": "",
        "cpu_binding": 0,
        "cpu_load": 0 if load is None else int(load * 100),
        "free_mem": number(node["free_mem"]),
        "cpus": node["cpus"],
        "effective_cpus": node["cpus"] - node["core_spec"] * node["threads_per_core"],
        "features": _words(node["features"]),
        "active_features": _words(node["active_features"]),
        "energy": _NO_ENERGY,
        "external_sensors": {},
        "power": {},
        "gpu_spec": "",
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
        "reason_set_by_user": user_name(node["reason_uid"]) if node["reason"] else "",
        "slurmd_start_time": number(node["start_time"]),
        "sockets": node["sockets"],
        "threads": node["threads_per_core"],
        "temporary_disk": node["tmp_disk"],
        "weight": node["weight"],
        "tres": node["cfg_tres"],
        "tres_used": node["alloc_tres"],
        "reservation": "",
        "res_cores_per_gpu": 0,
        "resume_after": number(node["resume_at"] or None),
        "topology": "",
        "tres_weighted": float(node["cpus_alloc"]),
        "alloc_memory": node["mem_alloc"],
        "alloc_cpus": node["cpus_alloc"],
        "alloc_idle_cpus": node["cpus"] - node["cpus_alloc"],
        "version": node["version"],
    }


def earlier_node(node: Mapping[str, Any]) -> dict[str, object]:
    """As Slurm 22.05 shows it: plain numbers, the state as a word with its flags beside it, null for no text in some places."""
    load = node["cpu_load"]
    return {
        "architecture": node["arch"],
        "burstbuffer_network_address": "",
        "boards": node["boards"],
        "boot_time": int(node["boot_time"] or 0),
        "comment": node["comment"],
        "cores": node["cores_per_socket"],
        "cpu_binding": 0,
        "cpu_load": 0 if load is None else int(load * 100),
        "extra": node["extra"],
        "free_memory": node["free_mem"] or 0,
        "cpus": node["cpus"],
        "last_busy": int(node["last_busy"] or 0),
        "features": node["features"],
        "active_features": node["active_features"],
        "gres": node["gres"],
        "gres_drained": "N/A",
        "gres_used": node["gres_used"],
        "mcs_label": "",
        "name": node["name"],
        "next_state_after_reboot": "invalid",
        "address": node["address"] or node["name"],
        "hostname": node["hostname"] or node["name"],
        "state": node["state"].lower(),
        "state_flags": node["flags"],
        "next_state_after_reboot_flags": [],
        "operating_system": node["os"],
        "owner": None,
        "partitions": node["partitions"],
        "port": node["port"],
        "real_memory": node["real_memory"],
        "reason": node["reason"],
        "reason_changed_at": int(node["reason_time"] or 0),
        "reason_set_by_user": user_name(node["reason_uid"]) if node["reason"] else None,
        "slurmd_start_time": int(node["start_time"] or 0),
        "sockets": node["sockets"],
        "threads": node["threads_per_core"],
        "temporary_disk": node["tmp_disk"],
        "weight": node["weight"],
        "tres": node["cfg_tres"],
        "slurmd_version": node["version"],
        "alloc_memory": node["mem_alloc"],
        "alloc_cpus": node["cpus_alloc"],
        "idle_cpus": node["cpus"] - node["cpus_alloc"],
        "tres_used": node["alloc_tres"] or None,
        "tres_weighted": float(node["cpus_alloc"]),
    }


_NO_ENERGY = {
    "average_watts": 0, "base_consumed_energy": 0, "consumed_energy": 0, "current_watts": number(None),
    "previous_consumed_energy": 0, "last_collected": 0,
}  # fmt: skip


def _words(text: str) -> list[str]:
    return text.split(",") if text else []


def partition_object(part: Mapping[str, Any], cluster: str) -> dict[str, object]:
    sharing, _, jobs = part["oversubscribe"].partition(":")
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
            **_memory(part, "def"),
            "time": number(part["default_time"], unlimited=True),
            "job": ",".join(f"{key}={part[name]}" for key, name in _JOB_DEFAULTS if part[name] is not None),
        },
        "grace_time": part["grace_time"],
        "maximums": {
            "cpus_per_node": number(part["max_cpus_per_node"], unlimited=True),
            "cpus_per_socket": number(UNLIMITED, unlimited=True),
            "memory_per_cpu": part["max_mem_per_cpu"] or 0,
            **_memory(part, "max"),
            "nodes": number(part["max_nodes"], unlimited=True),
            "shares": int(jobs) if jobs else 1,
            "oversubscribe": {"jobs": int(jobs) if jobs else 1, "flags": ["force"] if sharing == "FORCE" else []},
            "time": number(part["max_time"], unlimited=True),
            "over_time_limit": number(part["over_time_limit"], unlimited=True),
        },
        "minimums": {"nodes": part["min_nodes"]},
        "node_sets": "",
        "nodes": {
            "allowed_allocation": ",".join(part["alloc_nodes"]),
            "configured": part["nodes"],
            "total": part["total_nodes"],
        },
        "partition": {"state": [part["state"]]},
        "priority": {"job_factor": part["priority_job_factor"], "tier": part["priority_tier"]},
        "select_type": [],
        "suspend_time": number(None),
        "timeouts": {"resume": number(None), "suspend": number(None)},
        "topology": "",
        "tres": {"billing_weights": part["tres_billing_weights"], "configured": part["tres"]},
    }


_JOB_DEFAULTS = (("DefCpuPerGPU", "def_cpus_per_gpu"), ("DefMemPerGPU", "def_mem_per_gpu"))


def _memory(part: Mapping[str, Any], which: str) -> dict[str, object]:
    """Bounds or defaults of a partition's memory; nothing said of either is 0 by node, which is all of it."""
    by_cpu = part[f"{which}_mem_per_cpu"]
    by_node = None if by_cpu else part[f"{which}_mem_per_node"] or 0
    return {"partition_memory_per_cpu": number(by_cpu or None), "partition_memory_per_node": number(by_node)}


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
