"""sdiag: how the controller fares."""

from __future__ import annotations

import time

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands.query_options import compat_without_cluster, document_wanted, look_at_clusters, query, read, told
from mgpu_slurm.facts.queries import sdiag as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Given
    from mgpu_slurm.commands.session import Session

STARS = "*" * 55


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(table.ROWS, argv, environ, "sdiag", checks={"clusters": look_at_clusters(environ, cluster, "sdiag", streams)})
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sdiag", version, streams):
        return 0
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    if given.has("clusters"):
        from mgpu_slurm.commands import clusters

        clusters.named(given, session.cluster_name, "sdiag", streams)
    try:
        if given.has("reset"):
            query(session, "statistics", ["since"], {"reset": ["1"]})
            if not given.has("all"):
                streams.out.write("Reset scheduling statistics\n")
                return 0
        columns, _, now = query(session, "statistics", table.COLUMNS.split())
    except SlurmError as error:
        what = "reset" if given.has("reset") else "get"
        streams.err.write(f"slurm_{what}_statistics: {error.text}\n")
        return 1
    facts = {name: values[0] for name, values in columns.items()}
    facts["requests"] = requests(given, facts["requests"])
    if wanted := document_wanted(given):
        from mgpu_slurm.commands import records_json

        document = {**records_json.envelope(session), "statistics": statistics_object(facts, now)}
        records_json.write(document, wanted == "yaml", streams)
        return 0
    streams.out.write(report(facts, now, session))
    return 0


def requests(given: Given, rows: list[list[Any]]) -> list[list[Any]]:
    """[name, number, count, total microseconds] in the order asked for; else by count."""
    key = 2
    if given.has("by_id"):
        return sorted(rows, key=lambda row: row[1])
    if given.has("by_mean"):
        return sorted(rows, key=lambda row: -(row[3] // row[2]))
    if given.has("by_time"):
        key = 3
    return sorted(rows, key=lambda row: -row[key])


def _date(at: float) -> str:
    return f"{time.strftime('%a %b %d %H:%M:%S %Y', time.localtime(at))} ({int(at)})"


def report(facts: Mapping[str, Any], now: float, session: Session) -> str:
    cycles = facts["cycle_count"]
    minutes = (now - facts["since"]) / 60
    lines = [
        STARS, f"sdiag output at {_date(now)}", f"Data since      {_date(facts['since'])}", STARS,
        "Server thread count:  1", "Agent queue size:     0", "Agent count:          0", "Agent thread count:   0",
        "DBD Agent queue size: 0", "",
        f"Jobs submitted: {facts['submitted']}", f"Jobs started:   {facts['started']}",
        f"Jobs completed: {facts['completed']}", f"Jobs canceled:  {facts['canceled']}", f"Jobs failed:    {facts['failed']}",
        "", f"Job states ts:  {_date(now)}", f"Jobs pending:   {facts['pending']}", f"Jobs running:   {facts['running']}", "",
        "Main schedule statistics (microseconds):",
        f"\tLast cycle:   {facts['cycle_last']}", f"\tMax cycle:    {facts['cycle_max']}", f"\tTotal cycles: {cycles}",
    ]  # fmt: skip
    if cycles:
        lines += [f"\tMean cycle:   {facts['cycle_mean']}", f"\tMean depth cycle:  {facts['depth_mean']}"]
        if minutes >= 1:
            lines.append(f"\tCycles per minute: {int(cycles / minutes)}")
    lines += [
        f"\tLast queue length: {facts['queue_length']}", "",
        # every pass backfills: there is no second scheduler whose figures would stand here
        "Backfilling stats", "\tTotal backfilled jobs (since last slurm start): 0",
        "\tTotal backfilled jobs (since last stats cycle start): 0", "\tTotal backfilled heterogeneous job components: 0",
        "\tTotal cycles: 0", "\tLast cycle when: N/A", "\tLast cycle: 0", "\tMax cycle:  0", "\tLast depth cycle: 0",
        "\tLast depth cycle (try sched): 0", "\tLast queue length: 0", "\tLast table size: 0", "",
        f"Latency for 1000 calls to gettimeofday(): {_latency()} microseconds", "",
        "Remote Procedure Call statistics by message type",
    ]  # fmt: skip
    lines += [
        f"\t{name:<40}({number:5d}) count:{count:<6} ave_time:{total // count:<6} total_time:{total}"
        for name, number, count, total in facts["requests"]
    ]
    lines += ["", "Remote Procedure Call statistics by user"]
    lines += [
        f"\t{_user(uid):<16}({uid:8d}) count:{count:<6} ave_time:{total // count:<6} total_time:{total}"
        for uid, count, total in sorted(facts["users"], key=lambda row: -row[1])
    ]
    lines += ["", "Pending RPC statistics", "\tNo pending RPCs"]
    return "".join(f"{line}\n" for line in lines)


def _latency() -> int:
    began = time.perf_counter()
    for _ in range(1000):
        time.time()
    return int((time.perf_counter() - began) * 1e6)


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def statistics_object(facts: Mapping[str, Any], now: float) -> dict[str, object]:
    from mgpu_slurm.commands.json_objects import number

    cycles = facts["cycle_count"]
    minutes = max((now - facts["since"]) / 60, 1)
    return {
        "parts_packed": 1,
        "req_time": number(now),
        "req_time_start": number(facts["since"]),
        "server_thread_count": 1,
        "agent_queue_size": 0,
        "agent_count": 0,
        "agent_thread_count": 0,
        "dbd_agent_queue_size": 0,
        "gettimeofday_latency": _latency(),
        "schedule_cycle_max": facts["cycle_max"],
        "schedule_cycle_last": facts["cycle_last"],
        "schedule_cycle_sum": facts["cycle_sum"],
        "schedule_cycle_total": cycles,
        "schedule_cycle_mean": facts["cycle_mean"],
        "schedule_cycle_mean_depth": facts["depth_mean"],
        "schedule_cycle_per_minute": int(cycles / minutes),
        "schedule_cycle_depth": facts["depth_sum"],
        "schedule_queue_length": facts["queue_length"],
        "jobs_submitted": facts["submitted"],
        "jobs_started": facts["started"],
        "jobs_completed": facts["completed"],
        "jobs_canceled": facts["canceled"],
        "jobs_failed": facts["failed"],
        "jobs_pending": facts["pending"],
        "jobs_running": facts["running"],
        "job_states_ts": number(now),
        "bf_backfilled_jobs": 0,
        "bf_last_backfilled_jobs": 0,
        "bf_backfilled_het_jobs": 0,
        "bf_cycle_counter": 0,
        "bf_cycle_mean": 0,
        "bf_depth_mean": 0,
        "bf_depth_mean_try": 0,
        "bf_cycle_sum": 0,
        "bf_cycle_last": 0,
        "bf_cycle_max": 0,
        "bf_last_depth": 0,
        "bf_last_depth_try": 0,
        "bf_depth_sum": 0,
        "bf_depth_try_sum": 0,
        "bf_queue_len": 0,
        "bf_queue_len_mean": 0,
        "bf_queue_len_sum": 0,
        "bf_table_size": 0,
        "bf_table_size_sum": 0,
        "bf_table_size_mean": 0,
        "bf_when_last_cycle": number(0),
        "bf_active": False,
        "rpcs_by_message_type": [
            {
                "message_type": name, "type_id": kind, "count": count, "queued": 0, "dropped": 0, "cycle_last": 0, "cycle_max": 0,
                "total_time": total, "average_time": number(total // count),
            }
            for name, kind, count, total in facts["requests"]
        ],
        "rpcs_by_user": [
            {"user": _user(uid), "user_id": uid, "count": count, "total_time": total, "average_time": number(total // count)}
            for uid, count, total in facts["users"]
        ],
        "pending_rpcs": [],
        "pending_rpcs_by_hostlist": [],
    }  # fmt: skip
