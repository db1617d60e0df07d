"""Records as objects in the shape of Slurm 23.11 and later, from the columns of the controller. Pure.

Numbers that may be unset or unlimited are objects {"set", "infinite", "number"}, states and flags are lists.
"""

from __future__ import annotations

from mgpu_slurm.base import hostlist, idset
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.commands import json_wishes

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
        "return_code": number(None if signal else code),
        "signal": {"id": number(signal or None), "name": signals.name(signal) if signal else ""},
    }


def job_object(job: Mapping[str, Any], cluster: str, geometry: Mapping[str, tuple[int, int]] | None = None) -> dict[str, object]:
    """`geometry`: nodes with the cores of a socket and the threads of a core."""
    text = {key: value or "" for key, value in job.items() if value is None or isinstance(value, str)}
    per_cpu = job["memory_kind"] == "CPU"
    names = hostlist.expand(job["nodes"]) if job["nodes"] else []
    least, most, governor = json_wishes.frequencies(job["cpu_freq"])
    exclusive = {"NO": ["true"], "USER": ["user"], "MCS": ["mcs"], "TOPO": ["topo"]}.get(job["over_subscribe"], [])
    return {
        "account": text["account"],
        "admin_comment": text.get("admin_comment", ""),
        "accrue_time": number(job["accrue_time"]),
        "allocating_node": text["submit_host"],
        "array_job_id": number(job["array_job_id"]),
        "array_task_id": number(job["array_task_id"]),
        "array_max_tasks": number(job["array_limit"]),
        "array_task_string": _task_string(job),
        "association_id": 0,
        "batch_features": "",
        "batch_flag": bool(job["batch"]),
        "batch_host": text["batch_host"],
        "billable_tres": real(float(job["num_cpus"]) if job["nodes"] else None),
        "burst_buffer": text["burst_buffer"],
        "burst_buffer_state": "",
        "cluster": cluster,
        "cluster_features": text["cluster_features"],
        "command": text["command"],
        "comment": text.get("comment", ""),
        "contiguous": bool(job["contiguous"]),
        "container": text["container"],
        "container_id": text["container_id"],
        "core_spec": job["core_spec"] or 0,
        "thread_spec": job["thread_spec"] or 32766,
        "cores_per_socket": number(job["cores_per_socket"]),
        "cpus_per_task": number(job["cpus_per_task"] or 1),
        "cpus_per_tres": text["cpus_per_tres"],
        "cpus": number(job["num_cpus"]),
        "cpu_frequency_governor": number(governor),
        "cpu_frequency_maximum": number(most),
        "cpu_frequency_minimum": number(least),
        "cron": "",
        "current_working_directory": text["work_dir"],
        "deadline": number(job["deadline"] or 0),
        "delay_boot": number(job["delay_boot"], unlimited=True),
        "dependency": text["dependency"],
        "derived_exit_code": exit_object(job["derived_exit_code"]),
        "eligible_time": number(job["eligible_time"]),
        "end_time": number(job["end_time"]),
        "excluded_nodes": text["exc_nodes"],
        "exit_code": exit_object(job["exit_code"]),
        "exclusive": exclusive,
        "extra": text["extra"],
        "failed_node": "",
        "features": text["features"],
        "federation_origin": "",
        "federation_siblings_active": "",
        "federation_siblings_viable": "",
        "flags": json_wishes.flags(job),
        "gres_detail": [row[3] for row in job["details"] if row[3]],
        "group_id": job["gid"],
        "group_name": job["group_name"],
        "het_job_id": number(job["het_job_id"]),
        "het_job_id_set": text["het_job_id_set"],
        "het_job_offset": number(job["het_offset"]),
        "hold": job["priority"] == 0 and job["state"] == "PENDING",
        "job_id": job["job_id"],
        "job_resources": _resources(job, names, geometry or {}),
        "job_size_str": [],
        "job_state": [job["state"], *job["flags"]],
        "last_sched_evaluation": number(job["last_sched"]),
        "licenses": text["licenses"],
        "licenses_allocated": text["licenses"] if job["nodes"] else "",
        "mail_type": (job["mail_type"] or "").split(",") if job["mail_type"] else [],
        "mail_user": text["mail_user"],
        "max_cpus": number(job["max_cpus"]),
        "max_nodes": number(job["max_nodes"] if job["state"] == "PENDING" else 0),
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
        "oversubscribe": job["over_subscribe"] in ("YES", "OK"),
        "partition": job["partition"],
        "power": {"flags": []},
        "pre_sus_time": number(0),
        "preempt_time": number(0),
        "preemptable_time": number(0),
        "prefer": text["prefer"],
        "priority": number(job["priority"]),
        "priority_by_partition": [],
        "profile": json_wishes.profiles(job["profile"]),
        "qos": text["qos"],
        "reboot": bool(job["reboot"]),
        "required_nodes": text["req_nodes"],
        "required_switches": job["switches"] or 0,
        "requeue": bool(job["requeue"]),
        "resize_time": number(job["resize_time"]),
        "restart_cnt": job["restart_count"],
        "resv_name": text["reservation"],
        "scheduled_nodes": text["sched_nodes"],
        "selinux_context": "",
        "segment_size": 0,
        "shared": json_wishes.SHARED.get(job["over_subscribe"], []),
        "show_flags": ["ALL", "DETAIL", "LOCAL"],
        "sockets_per_board": 0,
        "sockets_per_node": number(job["sockets_per_node"]),
        "standard_error": text["std_err"] if job["batch"] else "",
        "standard_input": text["std_in"] if job["batch"] else "",
        "standard_output": text["std_out"] if job["batch"] else "",
        "stderr_expanded": text["std_err"] if job["batch"] else "",
        "stdin_expanded": text["std_in"] if job["batch"] else "",
        "stdout_expanded": text["std_out"] if job["batch"] else "",
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


def _task_string(job: Mapping[str, Any]) -> str:
    """What is left of an array, with how many of it may run at once."""
    tasks: str = job["array_tasks"]
    return f"{tasks}%{job['array_limit']}" if tasks and job["array_limit"] else tasks


def later(text: str) -> str:
    return text.replace("gres:", "gres/")


def _resources(job: Mapping[str, Any], names: Sequence[str], geometry: Mapping[str, tuple[int, int]]) -> dict[str, object]:
    """What it holds, node by node: as versions from 24.05 have it, and beside it what those before them have. Empty where it
    holds nothing: clients look into it without asking."""
    if not names:
        return {}
    held = [(name, *rest) for folded, *rest in job["details"] for name in hostlist.expand(folded)]
    used = {name: (cpus, mem) for name, cpus, mem in job["steps_use"]}
    allocation: list[dict[str, object]] = []
    earlier: list[dict[str, object]] = []
    for index, (name, cpus, mem, gres) in enumerate(held):
        cores, threads = geometry.get(name, (1, 1))
        by_socket: dict[int, list[int]] = {}
        for core in sorted({cpu // max(threads, 1) for cpu in idset.parse(cpus)}):
            by_socket.setdefault(core // max(cores, 1), []).append(core % max(cores, 1))
        cpus_used, mem_used = used.get(name, (0, 0))
        allocation.append(
            {
                "index": index,
                "name": name,
                "cpus": {"count": len(idset.parse(cpus)), "used": cpus_used},
                "memory": {"used": mem_used, "allocated": int(mem)},
                "gres": gres,
                "sockets": [
                    {"index": socket, "cores": [{"index": core, "status": ["ALLOCATED"]} for core in some]}
                    for socket, some in by_socket.items()
                ],
            }
        )
        earlier.append(
            {
                "sockets": {
                    str(socket): {"cores": {str(core): "allocated" for core in some}} for socket, some in by_socket.items()
                },
                "nodename": name,
                "cpus_used": cpus_used,
                "memory_used": mem_used,
                "memory_allocated": int(mem),
            }
        )
    return {
        "select_type": ["CPU", "MEMORY"],
        "nodes": {
            "count": len(names),
            "select_type": ["AVAILABLE"],
            "list": job["nodes"],
            "whole": job["over_subscribe"] == "NO",
            "allocation": allocation,
        },
        "cpus": job["num_cpus"],
        "threads_per_core": number(job["threads_per_core"]),
        "allocated_cores": job["num_cpus"],
        "allocated_hosts": len(names),
        "allocated_nodes": earlier,
    }
