"""--json and --yaml of sacct: jobs with their steps, in the shape of Slurm 23.11 and later.

Besides that there is what has another name or place in 22.05: `required.memory`, `signal_id` of exit codes, a step's
`job_id` and `het`.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.commands import records_json
from mgpu_slurm.commands.json_objects import exit_object, number
from mgpu_slurm.commands.json_wishes import frequencies
from mgpu_slurm.commands.query_options import query
from mgpu_slurm.facts import cpu_frequency, trackable
from mgpu_slurm.facts.fields.usage import first_node
from mgpu_slurm.facts.measures import IN, MEASURES, OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.session import Session

COLUMNS = (
    "job_id array_job_id array_task_id array_tasks array_limit het_job_id het_offset step_id name partition account qos"
    " user_name group_name state killed_by exit_code derived_exit_code submit eligible start end elapsed suspended planned"
    " time_limit cpus req_cpus nodes node_list num_nodes alloc_nodes held requested tasks layout user_seconds system_seconds"
    " use priority reason flags work_dir submit_line comment features container reservation wckey mcs_label"
    " licenses restart_count std_in std_out std_err cpu_freq memory memory_kind req_qos req_reservation admin_comment extra"
)

FLAGS = {"SchedMain": "STARTED_ON_SCHEDULE", "StartRecieved": "START_RECEIVED"}

Ids = dict[str, int]


def jobs(session: Session, nothing: bool, filters: Mapping[str, Sequence[str]], yaml: bool, streams: Streams) -> int:
    """`nothing`: another cluster is asked for."""
    found: list[dict[str, Any]] = []
    ids = trackable.numbers(session.config)
    if not nothing:
        try:
            columns, count, _ = query(session, "history", COLUMNS.split(), filters)
        except SlurmError as error:
            streams.err.write(f"sacct: error: {error.text}\n")
            return 1
        for row in range(count):
            values = {name: column[row] for name, column in columns.items()}
            if not values["step_id"]:
                found.append(job_object(values, session.cluster_name, ids))
            elif found:
                found[-1]["steps"].append(step_object(values, ids))
    envelope = records_json.envelope(session)
    records_json.write({"jobs": found, **envelope}, yaml, streams)
    return 0


def seconds(value: float) -> dict[str, int]:
    return {"seconds": int(value), "microseconds": round((value - int(value)) * 1e6)}


def resource(name: str, ids: Ids) -> dict[str, object]:
    kind, _, rest = name.partition("/")
    return {"type": kind, "name": rest, "id": trackable.number(name, ids)}


def tres(held: Mapping[str, int] | None, ids: Ids) -> list[dict[str, object]]:
    """In the order of their numbers."""
    known = {name: resource(name, ids) for name in held or {}}
    return [{**known[name], "count": count} for name, count in sorted((held or {}).items(), key=lambda pair: ids[pair[0]])]


def exit_status(status: int) -> dict[str, Any]:
    found: dict[str, Any] = exit_object(status)
    found["signal"]["signal_id"] = found["signal"]["id"]["number"]
    return found


def whole(value: float | None) -> int:
    """A moment in whole seconds, 0 for none."""
    return int(value or 0)


def job_object(row: Mapping[str, Any], cluster: str, ids: Ids) -> dict[str, Any]:
    text = {name: value or "" for name, value in row.items() if value is None or isinstance(value, str)}
    user, system = row["user_seconds"], row["system_seconds"]
    per_cpu = row["memory_kind"] == "CPU"
    return {
        "account": text["account"],
        "comment": {"administrator": text["admin_comment"], "job": text["comment"], "system": ""},
        "allocation_nodes": row["alloc_nodes"],
        "array": {
            "job_id": row["array_job_id"],
            "limits": {"max": {"running": {"tasks": row["array_limit"]}}},
            "task_id": number(row["array_task_id"]),
            "task": row["array_tasks"],
        },
        "association": {"account": text["account"], "cluster": cluster, "partition": "", "user": text["user_name"], "id": 0},
        "block": "",
        "cluster": cluster,
        "constraints": text["features"],
        "container": text["container"],
        "derived_exit_code": exit_status(row["derived_exit_code"] or 0),
        "time": {
            "elapsed": row["elapsed"],
            "eligible": whole(row["eligible"]),
            "end": whole(row["end"]),
            "planned": number(row["planned"]),
            "start": whole(row["start"]),
            "submission": whole(row["submit"]),
            "suspended": row["suspended"],
            "system": seconds(system),
            "limit": number(row["time_limit"], unlimited=True),
            "total": seconds(user + system),
            "user": seconds(user),
        },
        "exit_code": exit_status(row["exit_code"] or 0),
        "extra": text["extra"],
        "failed_node": "",
        "flags": [FLAGS[word] for word in row["flags"] if word in FLAGS],
        "group": text["group_name"],
        "het": {"job_id": row["het_job_id"], "job_offset": number(row["het_offset"] if row["het_job_id"] else None)},
        "job_id": row["job_id"],
        "name": text["name"],
        "licenses": text["licenses"],
        "mcs": {"label": text["mcs_label"]},
        "nodes": row["nodes"] or "None assigned",
        "partition": text["partition"],
        "hold": row["priority"] == 0 and row["state"] == "PENDING",
        "priority": number(row["priority"]),
        "qos": text["qos"],
        "qosreq": text["req_qos"],
        "required": {
            "CPUs": row["req_cpus"],
            "memory": row["memory"] or 0,
            "memory_per_cpu": number(row["memory"] if per_cpu else None),
            "memory_per_node": number(None if per_cpu else row["memory"]),
        },
        "kill_request_user": user_name(row["killed_by"]),
        "restart_cnt": row["restart_count"] or 0,
        "reservation": {"id": 0, "name": text["reservation"], "requested": text["req_reservation"]},
        "script": "",
        "stdin_expanded": text["std_in"],
        "stdout_expanded": text["std_out"],
        "stderr_expanded": text["std_err"],
        "stdin": text["std_in"],
        "stdout": text["std_out"],
        "stderr": text["std_err"],
        "state": {"current": [row["state"]], "reason": text["reason"] or "None"},
        "steps": [],
        "submit_line": text["submit_line"],
        "tres": {"allocated": tres(row["held"], ids), "requested": tres(row["requested"], ids)},
        "used_gres": "",
        "user": text["user_name"],
        "wckey": {"wckey": text["wckey"], "flags": []},
        "working_directory": text["work_dir"],
    }


def step_object(row: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    user, system = row["user_seconds"], row["system_seconds"]
    low, high, _ = frequencies(row["cpu_freq"]) if is_numbered(row["step_id"]) else (0, 0, None)
    governor = cpu_frequency.GOVERNOR, row["cpu_freq"] or "", row["step_id"]
    return {
        "time": {
            "elapsed": row["elapsed"],
            "end": number(whole(row["end"])),
            "start": number(whole(row["start"])),
            "suspended": row["suspended"],
            "system": seconds(system),
            "total": seconds(user + system),
            "user": seconds(user),
        },
        "exit_code": exit_status(row["exit_code"] or 0),
        "nodes": {"count": row["num_nodes"], "range": row["nodes"], "list": row["node_list"]},
        "tasks": {"count": row["tasks"]},
        "pid": "",
        "CPU": {"requested_frequency": {"min": number(low), "max": number(high)}, "governor": cpu_frequency.field(*governor)},
        "kill_request_user": user_name(row["killed_by"]),
        "state": [row["state"]],
        "statistics": {"CPU": {"actual_frequency": frequency(row["use"])}, "energy": {"consumed": number(0)}},
        "step": {
            "id": f"{row['job_id']}.{row['step_id']}",
            "job_id": row["job_id"],
            "het": {"component": None},
            "name": row["name"],
            "stderr": "",
            "stdin": "",
            "stdout": "",
            "stderr_expanded": "",
            "stdin_expanded": "",
            "stdout_expanded": "",
        },
        "submit_line": row["submit_line"] or "",
        "task": {"distribution": row["layout"]},
        "tres": {
            "requested": used(row["use"], IN, ids),
            "consumed": used(row["use"], OUT, ids),
            "allocated": tres(row["held"], ids),
        },
    }


def used(use: Mapping[str, Sequence[Any]] | None, side: str, ids: Ids) -> dict[str, list[dict[str, object]]]:
    """What tasks took (as Slurm calls it, requested) or gave. No energy is always known of what is known at all."""
    figures: dict[str, Sequence[Any]] = {}
    for measure in MEASURES:
        if use and measure.key in use and measure.tres and measure.side == side:
            figures[measure.tres] = use[measure.key]
    if figures:
        node = first_node({name: list(row) for name, row in figures.items()})
        figures["energy"] = (0, 0, 0, 0, 0, 1, node, node)
    known = {name: resource(name, ids) for name in figures}
    found: dict[str, list[dict[str, object]]] = {"max": [], "min": [], "average": [], "total": []}
    for name in sorted(known, key=ids.__getitem__):
        what = known[name]
        most, most_task, least, least_task, total, count, most_node, least_node = figures[name]
        found["max"].append({**what, "count": most, "node": most_node, "task": most_task})
        found["min"].append({**what, "count": least, "node": least_node, "task": least_task})
        found["average"].append({**what, "count": total // count})
        found["total"].append({**what, "count": total})
    if use is not None and not figures:
        nothing = {**resource("energy", ids), "count": 0}
        found["average"], found["total"] = [nothing], [nothing]
    return found


def frequency(use: Mapping[str, Sequence[Any]] | None) -> int:
    """Mean kHz of the CPUs its tasks ran on, 0 unknown."""
    row = (use or {}).get("clock")
    return row[4] // row[5] if row else 0


def user_name(uid: int | None) -> str:
    if uid is None:
        return ""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
