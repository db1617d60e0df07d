"""--json and --yaml: documents of records, for programs that read them."""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands.array_order import in_list_order
from mgpu_slurm.commands.json_holdings import reservation_object, step_object
from mgpu_slurm.commands.json_nodes import earlier_node, entry, node_object, partition_object
from mgpu_slurm.commands.json_objects import job_object, number
from mgpu_slurm.commands.query_options import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.session import Session

JOB_COLUMNS = (
    "job_id array_job_id array_task_id array_tasks array_limit het_job_id het_offset het_job_id_set name user_name uid group_name"
    " gid priority nice account qos wckey state flags reason reason_text dependency requeue restart_count batch exit_code"
    " derived_exit_code run_seconds time_limit time_min submit_time eligible_time accrue_time start_time end_time deadline"
    " resize_time max_cpus"
    " suspend_time last_sched partition submit_host req_nodes exc_nodes nodes batch_host num_nodes min_nodes max_nodes num_cpus"
    " ntasks cpus_per_task sockets_per_node cores_per_socket threads_per_core tres asked_tres ntasks_per_node memory"
    " memory_kind min_cpus_node tmp_disk features contiguous licenses network reservation command work_dir comment std_err"
    " std_in std_out cpus_per_tres mem_per_tres tres_bind tres_freq tres_per_job tres_per_node tres_per_socket tres_per_task"
    " mail_user mail_type over_subscribe details held_by submit_line core_spec thread_spec kill_on_invalid_dep switches"
    " admin_comment switches_wait mcs_label prefer reboot sched_nodes ntasks_per_core ntasks_per_socket ntasks_per_gpu"
    " burst_buffer cluster_features container container_id delay_boot extra steps_use"
    " cpus_per_task_asked gres_flags spread_job use_min_nodes cpu_freq profile"
)
NODE_COLUMNS = (
    "name hostname address port arch os version boards sockets cores_per_socket threads_per_core cpus cpus_alloc cpu_load"
    " real_memory mem_alloc free_mem tmp_disk weight state flags features active_features gres gres_used partitions boot_time"
    " start_time last_busy resume_at reason reason_uid reason_time comment extra cfg_tres alloc_tres core_spec mem_spec"
)
RESERVATION_COLUMNS = (
    "name start end users groups accounts partition features licenses flags nodes node_count cores cpus core_ids burst_buffer"
    " max_start_delay watts"
)
STEP_COLUMNS = (
    "job_id array_job_id array_task_id het_job_id het_offset step_id uid user_name start_time run_seconds time_limit state"
    " partition nodes num_nodes num_cpus ntasks name tres distribution src_host src_pid tres_per_node tres_per_step"
)
PARTITION_COLUMNS = (
    "name default state max_time default_time min_nodes max_nodes max_cpus_per_node allow_groups allow_accounts allow_qos"
    " deny_accounts deny_qos nodes total_cpus total_nodes priority_tier priority_job_factor preempt_mode tres qos alternate"
    " def_mem_per_cpu def_mem_per_node max_mem_per_cpu max_mem_per_node grace_time oversubscribe over_time_limit alloc_nodes"
    " def_cpus_per_gpu def_mem_per_gpu tres_billing_weights"
)


def envelope(session: Session) -> dict[str, object]:
    """What stands beside the records in every document."""
    from mgpu_slurm.intake import manual

    year, month = session.compat
    release = manual.version(session.compat).split()[1]
    micro = release.rpartition(".")[2]
    return {
        "meta": {
            "plugin": {"type": "openapi/slurmctld", "name": "Slurm OpenAPI slurmctld", "data_parser": "data_parser/v0.0.41"},
            "slurm": {
                "version": {"major": str(year), "minor": f"{month}", "micro": micro},
                "release": release,
                "cluster": session.cluster_name,
            },
            # as versions up to 23.02 have it
            "Slurm": {"version": {"major": year, "micro": int(micro), "minor": month}, "release": release},
        },
        "errors": [],
        "warnings": [],
    }


def write(document: Mapping[str, object], yaml: bool, streams: Streams) -> None:
    if yaml:
        from mgpu_slurm.commands import yaml_text

        streams.out.write(yaml_text.document(document))
    else:
        streams.out.write(json_text(document))


INDENTED = 100
"""Records in a list that are laid out for the eye; of more, each is one line, which takes a fifth of the time."""


def json_text(document: Mapping[str, object]) -> str:
    import json

    parts = []
    for name, value in document.items():
        if isinstance(value, list) and len(value) > INDENTED:
            text = "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"
        else:
            text = json.dumps(value, indent=2).replace("\n", "\n  ")
        parts.append(f"  {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _records(columns: Mapping[str, Sequence[Any]], count: int) -> list[dict[str, Any]]:
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def jobs(session: Session, filters: Mapping[str, Sequence[str]], yaml: bool, streams: Streams) -> int:
    try:
        columns, count, now = query(session, "jobs", JOB_COLUMNS.split(), filters)
        shapes, node_count, _ = query(session, "nodes", ("name", "cores_per_socket", "threads_per_core")) if count else ({}, 0, 0)
    except SlurmError as error:
        streams.err.write(f"slurm_load_jobs error: {error.text}\n")
        return 1
    geometry = {one["name"]: (one["cores_per_socket"], one["threads_per_core"]) for one in _records(shapes, node_count)}
    records = in_list_order(_records(columns, count))
    found = [job_object(job, session.cluster_name, geometry) for job in records]
    write({"jobs": found, "last_update": number(now), "last_backfill": number(0), **envelope(session)}, yaml, streams)
    return 0


def _named(names: Sequence[str] | None) -> dict[str, Sequence[str]]:
    """The filter for some records by name; None: all."""
    return {} if names is None else {"names": names}


def node_objects(session: Session, names: Sequence[str] | None = None) -> tuple[list[dict[str, object]], float]:
    columns, count, now = query(session, "nodes", NODE_COLUMNS.split(), _named(names))
    return [node_object(node, session.cluster_name) for node in _records(columns, count)], now


def nodes(session: Session, names: Sequence[str] | None, yaml: bool, streams: Streams) -> int:
    """scontrol show node. Raises SlurmError."""
    found, now = node_objects(session, names)
    write({"nodes": found, "last_update": number(now), **envelope(session)}, yaml, streams)
    return 0


def reservations(session: Session, names: Sequence[str] | None, yaml: bool, streams: Streams) -> None:
    """scontrol show reservation. Raises SlurmError."""
    columns, count, now = query(session, "reservations", RESERVATION_COLUMNS.split(), _named(names))
    found = [reservation_object(one) for one in _records(columns, count)]
    write({"reservations": found, "last_update": number(now), **envelope(session)}, yaml, streams)


def steps(session: Session, which: str | None, yaml: bool, streams: Streams) -> None:
    """scontrol show step. Raises SlurmError."""
    columns, count, now = query(session, "steps", STEP_COLUMNS.split(), {} if which is None else {"ids": [which]})
    found = [step_object(step, session.cluster_name) for step in _records(columns, count)]
    write({"steps": found, "last_update": number(now), **envelope(session)}, yaml, streams)


def ping(session: Session, host: str, mode: str, up: bool, yaml: bool, streams: Streams) -> None:
    """scontrol ping: one controller."""
    one = {
        "hostname": host, "pinged": "UP" if up else "DOWN", "responding": up, "latency": 0, "mode": mode,
        "primary": mode == "primary",
    }  # fmt: skip
    write({"pings": [one], **envelope(session)}, yaml, streams)


def partitions(session: Session, names: Sequence[str] | None, yaml: bool, streams: Streams) -> int:
    """scontrol show partition. Raises SlurmError."""
    columns, count, now = query(session, "partitions", PARTITION_COLUMNS.split(), _named(names))
    found = [partition_object(part, session.cluster_name) for part in _records(columns, count)]
    write({"partitions": found, "last_update": number(now), **envelope(session)}, yaml, streams)
    return 0


def partitions_and_nodes(
    session: Session, parts_named: Sequence[str] | None, nodes_named: Sequence[str] | None, hidden: bool,
    wanted: Callable[[Mapping[str, Any]], bool], yaml: bool, streams: Streams,
) -> int:  # fmt: skip
    """sinfo: an entry for each state of each partition's nodes. Partitions that are hidden where nobody names them, and nodes
    that are not `wanted`, are left out."""
    try:
        parts, count, _ = query(session, "partitions", [*PARTITION_COLUMNS.split(), "hidden", "node_names"], _named(parts_named))
        columns, node_count, _ = query(session, "nodes", NODE_COLUMNS.split(), _named(nodes_named))
    except SlurmError as error:
        streams.err.write(f"slurm_load_partitions: {error.text}\n")
        return 1
    by_name = {node["name"]: node for node in _records(columns, node_count) if wanted(node)}
    found = []
    shown = [part for part in _records(parts, count) if hidden or parts_named is not None or not part["hidden"]]
    inside = {name for part in shown for name in part["node_names"]} if parts_named is not None else by_name.keys()
    for part in shown:
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for name in part["node_names"]:
            node = by_name.get(name)
            if node is not None:
                key = (node["state"], *node["flags"], node["gres"], node["features"], str(node["cpus"]))
                alike.setdefault(key, []).append(node)
        found += [entry(part, some, session.cluster_name) for some in alike.values()]
    # versions up to 23.02 have every node once, as it is, under this name
    older = [earlier_node(node) for node in by_name.values() if node["name"] in inside]
    write({"sinfo": found, "nodes": older, **envelope(session)}, yaml, streams)
    return 0


def licenses(session: Session, rows: Sequence[Mapping[str, Any]], yaml: bool, streams: Streams) -> None:
    found = [
        {
            "LicenseName": row["name"],
            "Total": row["total"],
            "Used": row["used"],
            "Free": row["total"] - row["used"],
            "Remote": False,
            "Reserved": row["reserved"],
            "LastConsumed": 0,
            "LastDeficit": 0,
            "LastUpdate": 0,
        }
        for row in rows
    ]
    write({"licenses": found, **envelope(session)}, yaml, streams)
