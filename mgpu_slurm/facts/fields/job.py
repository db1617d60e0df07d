"""The fields of a job: squeue's letters and long names. Headers, words for nothing and cutting as Slurm 22.05.8 prints them."""

from __future__ import annotations

from mgpu_slurm.base.units import UNLIMITED, format_seconds
from mgpu_slurm.facts.fields.field import (
    NONE,
    REASONS,
    RUN,
    WORDS,
    Field,
    Fields,
    View,
    constant,
    exit_pair,
    given,
    memory,
    minutes,
    moment,
    not_available,
    null,
    plain,
    run_name,
    seconds,
    shortened,
    text,
)
from mgpu_slurm.facts.states import display_code, display_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WITH_REASON = frozenset(("PENDING", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "DEADLINE"))
"""States in which %R shows the reason in place of the nodes."""

YEAR = 365 * 24 * 60
"""Minutes: squeue shows no longer time limit of a job."""

ID_COLUMNS = "job_id array_job_id array_task_id array_tasks array_limit het_job_id het_offset"


def _profile(_view: View, value: Any) -> str:
    if not value:
        return "NotSet"
    from mgpu_slurm.facts.environ_requests import profile

    return profile(value)


def job_id(
    view: View, job: int, array: int, task: int | None, tasks: str, limit: int, het: int, offset: int
) -> str:
    """The id as users know it: N, N_t, N_[list%max], N+c. Without SLURM_BITSTR_LEN it ends at 31 characters."""
    if not array:
        return f"{het}+{offset}" if het else str(job)
    if not tasks:
        return f"{array}_{task}" if task is not None else str(array)
    throttle = f"%{limit}" if limit else ""
    if view.list_length is None:
        return f"{array}_[{shortened(tasks, 64)}{throttle}]"[:31]
    listed = shortened(tasks, view.list_length) if view.list_length > 0 else tasks
    return f"{array}_[{listed}{throttle}]"


def task_list(view: View, array: int, task: int | None, tasks: str, limit: int) -> str:
    if not array:
        return "N/A"
    if not tasks:
        return str(task) if task is not None else "N/A"
    size = 64 if view.list_length is None else view.list_length
    return (shortened(tasks, size) if size > 0 else tasks) + (f"%{limit}" if limit else "")


def state_long(_view: View, state: str, flags: list[str]) -> str:
    return display_name(state, flags) if flags else state


def state_short(_view: View, state: str, flags: list[str]) -> str:
    return display_code(state, flags)


def reason(_view: View, word: str, text: str) -> str:
    return text or word


def nodes_or_reason(_view: View, state: str, flags: list[str], nodes: str, word: str, text: str) -> str:
    if state in WITH_REASON and "COMPLETING" not in flags:
        return f"({text or word})"
    return nodes


def end_time(view: View, value: float, state: str, limit: int | None, start: float) -> str:
    if not value:
        starts = state in ("RUNNING", "SUSPENDED") or (state == "PENDING" and start)
        return "NONE" if limit == UNLIMITED and starts else "N/A"
    return view.time(value, "N/A")


def time_left(_view: View, limit: int | None, used: float) -> str:
    if limit is None:
        return "NOT_SET"
    if limit == UNLIMITED:
        return "UNLIMITED"
    return "INVALID" if limit > YEAR else format_seconds(limit * 60 - int(used))


def time_limit(view: View, value: int | None) -> str:
    return "INVALID" if value is not None and value > YEAR else minutes(view, value)


def star(_view: View, value: int | None) -> str:
    return str(value) if value else "*"


def geometry(_view: View, sockets: int | None, cores: int | None, threads: int | None) -> str:
    return ":".join(str(part) if part else "*" for part in (sockets, cores, threads))


def core_spec(_view: View, cores: int | None, threads: int | None) -> str:
    if threads:
        return f"{threads} Threads"
    return str(cores) if cores else "N/A"


def unit_priority(_view: View, value: int) -> str:
    return f"{value / 0xFFFFFFFF:.14f}"


def flag(_view: View, value: Any) -> str:
    return "1" if value else "0"


def exit_code(_view: View, status: int) -> str:
    return str(status)


def exec_host(_view: View, host: str) -> str:
    return host or "n/a"


def node_bound(_view: View, most: int, asked: int) -> str:
    return str(most or asked)


def cluster(view: View, _job: int) -> str:
    return view.cluster or "N/A"


def yes_no(_view: View, value: Any) -> str:
    return "Yes" if value else "No"


def binding(view: View, text: str) -> str:
    if not text:
        return "N/A"
    from mgpu_slurm.facts import gpu_binding

    return gpu_binding.shown(text, view.compat)


def derived(_view: View, status: int) -> str:
    return "{}:{}".format(*exit_pair(status))


_FIELDS = [
    Field("a", "Account", "ACCOUNT", "account", given),
    Field("", "AccrueTime", "ACCRUE_TIME", "accrue_time", moment),
    Field("", "admin_comment", "ADMIN_COMMENT", "admin_comment", null),
    Field("", "AllocNodes", "ALLOC_NODES", "submit_host", null),
    Field("", "AllocSID", "ALLOC_SID", "alloc_sid", plain),
    Field("F", "ArrayJobId", "ARRAY_JOB_ID", "array_job_id job_id", lambda _view, array, job: str(array or job)),
    Field("K", "ArrayTaskId", "ARRAY_TASK_ID", "array_job_id array_task_id array_tasks array_limit", task_list),
    Field("", "AssocId", "ASSOC_ID", "job_id", constant("0")),
    Field("", "BatchFlag", "BATCH_FLAG", "batch", flag),
    Field("B", "BatchHost", "EXEC_HOST", "exec_host", exec_host),
    Field("", "BoardsPerNode", "BOARDS_PER_NODE", "job_id", constant("0")),
    Field("", "BurstBuffer", "BURST_BUFFER", "burst_buffer", given),
    Field("", "BurstBufferState", "BURST_BUFFER_STATE", "job_id", constant("(null)")),
    Field("", "Cluster", "CLUSTER", "job_id", cluster),
    Field("", "ClusterFeature", "CLUSTER_FEATURES", "cluster_features", given),
    Field("o", "Command", "COMMAND", "command", null),
    Field("k", "Comment", "COMMENT", "comment", given),
    Field("", "Container", "CONTAINER", "container", given),
    Field("", "ContainerId", "CONTAINERID", "container_id", null),
    Field("O", "Contiguous", "CONTIGUOUS", "contiguous", flag),
    Field("I", "Cores", "CORES_PER_SOCKET", "cores_per_socket", star),
    Field("X", "CoreSpec", "CORE_SPEC", "core_spec thread_spec", core_spec),
    Field("", "CPUsPerTask cpus-per-task", "CPUS_PER_TASK", "cpus_per_task", lambda _view, value: str(value or 1)),
    Field("", "cpus-per-tres", "CPUS_PER_TRES", "cpus_per_tres", not_available),
    Field("", "CronJob", "CRON_JOB", "job_id", constant("No")),
    Field("", "Deadline", "DEADLINE", "deadline", moment),
    Field("", "DelayBoot", "DELAY_BOOT", "delay_boot", seconds),
    Field("E", "Dependency", "DEPENDENCY", "dependency", null),
    Field("", "DerivedEC", "DERIVED_EC", "derived_exit_code", exit_code),
    Field("", "EligibleTime", "ELIGIBLE_TIME", "eligible_time", moment),
    Field("e", "EndTime", "END_TIME", "end_time state time_limit start_time", end_time),
    Field("x", "ExcNodes", "EXC_NODES", "exc_nodes", text, NONE, cut_header=True),
    Field("", "Exclusive", "EXCLUSIVE", "over_subscribe", plain),
    Field("", "exit_code", "EXIT_CODE", "exit_code", exit_code),
    Field("f", "Feature", "FEATURES", "features", given),
    Field("b", "Gres", "TRES_PER_NODE", "tres_per_node", not_available),
    Field("G", "GroupId", "GROUP", "gid", plain),
    Field("g", "GroupName", "GROUP", "group_name", plain),
    Field("", "HetJobId PackJobId", "HET_JOB_ID", "het_job_id", not_available),
    Field("", "HetJobIdSet PackJobIdSet", "HET_JOB_ID_SET", "het_job_id_set", not_available),
    Field(
        "", "HetJobOffset PackJobOffset", "HET_JOB_OFFSET", "het_job_id het_offset",
        lambda _view, het, offset: str(offset) if het else "N/A",
    ),
    Field("i", "JobArrayId", "JOBID", ID_COLUMNS, job_id),
    Field("A", "JobId", "JOBID", "job_id", plain),
    Field("", "LastSchedEval", "LAST_SCHED_EVAL", "last_sched", moment),
    Field("W", "Licenses", "LICENSES", "licenses", null),
    Field("", "LicensesAlloc", "LICENSES_ALLOC", "licenses", null),
    Field("", "MaxCPUs", "MAX_CPUS", "max_cpus num_cpus", lambda _view, most, count: str(most or count)),
    Field("", "MaxNodes", "MAX_NODES", "max_nodes num_nodes", node_bound),
    Field("", "mem-per-tres", "MEM_PER_TRES", "mem_per_tres", not_available),
    Field("", "MCSLabel", "MCSLABEL", "mcs_label", given),
    Field("c", "MinCPUs", "MIN_CPUS", "min_cpus_node", plain),
    Field("m", "MinMemory", "MIN_MEMORY", "memory", memory),
    Field("", "MinTime", "TIME_MIN", "time_min", lambda _view, value: format_seconds((value or 0) * 60)),
    Field("d", "MinTmpDisk", "MIN_TMP_DISK", "tmp_disk", memory),
    Field("j", "Name", "NAME", "name"),
    Field("", "Network", "NETWORK", "network", given),
    Field("y", "Nice", "NICE", "nice", plain),
    Field("N", "NodeList", "NODELIST", "nodes", None, NONE),
    Field("", "NTPerCore", "NTASKS_PER_CORE", "ntasks_per_core", not_available),
    Field("", "NTPerNode", "NTASKS_PER_NODE", "ntasks_per_node", lambda _view, value: str(value or 0)),
    Field("", "NTPerSocket", "NTASKS_PER_SOCKET", "ntasks_per_socket", not_available),
    Field("", "NTPerBoard", "NTASKS_PER_BOARD", "job_id", constant("0")),
    Field("C", "NumCPUs", "CPUS", "num_cpus", plain),
    Field("D", "NumNodes", "NODES", "num_nodes", plain),
    Field("", "NumTasks", "TASKS", "ntasks", plain),
    Field("", "Origin", "ORIGIN", "job_id", constant("NA")),
    Field("", "OriginRaw", "ORIGIN_RAW", "job_id", constant("NA")),
    Field("h", "OverSubscribe Shared", "OVER_SUBSCRIBE", "over_subscribe", plain),
    Field("P", "Partition", "PARTITION", "partition"),
    Field("", "PendingTime", "PENDING_TIME", "pending_seconds", plain),
    Field("", "PreemptTime", "PREEMPT_TIME", "job_id", constant("N/A")),
    Field("", "Prefer", "PREFER", "prefer", given),
    Field("p", "Priority", "PRIORITY", "priority", unit_priority),
    Field("Q", "PriorityLong", "PRIORITY", "priority", plain),
    Field("", "Profile", "PROFILE", "profile", _profile),
    Field("q", "QOS", "QOS", "qos", null),
    Field("r", "Reason", "REASON", "reason reason_text", reason),
    Field("R", "ReasonList", "NODELIST(REASON)", "state flags nodes reason reason_text", nodes_or_reason, REASONS),
    Field("", "Reboot", "REBOOT", "reboot", flag),
    Field("n", "ReqNodes", "REQ_NODES", "req_nodes", text, NONE, cut_header=True),
    Field("", "ReqSwitch", "REQ_SWITCH", "switches", lambda _view, value: str(value or 0)),
    Field("", "Requeue", "REQUEUE", "requeue", flag),
    Field("v", "Reservation", "RESERVATION", "reservation", null),
    Field("", "ResizeTime", "RESIZE_TIME", "resize_time", moment),
    Field("", "RestartCnt", "RESTART_COUNT", "restart_count", plain),
    Field("", "Runtime", "RUNTIME", "job_id", constant("(null)")),
    Field("Y", "SchedNodes", "SCHEDNODES", "sched_nodes", null, NONE),
    Field("z", "SCT", "S:C:T", "sockets_per_node cores_per_socket threads_per_core", geometry),
    Field("", "SegmentSize", "SEGMENT_SIZE", "job_id", constant("0")),
    Field("", "SiblingsActive", "ACTIVE_SIBLINGS", "job_id", constant("NA")),
    Field("", "SiblingsActiveRaw", "ACTIVE_SIBLINGS_RAW", "job_id", constant("NA")),
    Field("", "SiblingsViable", "VIABLE_SIBLINGS", "job_id", constant("NA")),
    Field("", "SiblingsViableRaw", "VIALBLE_SIBLINGS_RAW", "job_id", constant("NA")),
    Field("s", "", "", RUN, run_name),
    Field("", "SLUID", "SLUID", RUN, run_name),
    Field("H", "Sockets", "SOCKETS_PER_NODE", "sockets_per_node", star),
    Field("", "SPerBoard", "SOCKETS_PER_BOARD", "job_id", constant("0")),
    Field("S", "StartTime", "START_TIME", "start_time", moment),
    Field("T", "State", "STATE", "state flags", state_long),
    Field("t", "StateCompact", "ST", "state flags", state_short),
    Field("", "StdErr", "STDERR", "std_err_given", null),
    Field("", "StdIn", "STDIN", "std_in_given", null),
    Field("", "StdOut", "STDOUT", "std_out_given", null),
    Field("V", "SubmitTime", "SUBMIT_TIME", "submit_time", moment),
    Field("", "system_comment", "SYSTEM_COMMENT", "job_id", constant("(null)")),
    Field("J", "Threads", "THREADS_PER_CORE", "threads_per_core", star),
    Field("L", "TimeLeft", "TIME_LEFT", "time_limit run_seconds", time_left, WORDS),
    Field("l", "TimeLimit", "TIME_LIMIT", "time_limit", time_limit, WORDS),
    Field("M", "TimeUsed", "TIME", "run_seconds", seconds, WORDS),
    Field("", "tres-alloc Tres", "TRES_ALLOC", "tres", not_available),
    Field("", "tres-bind", "TRES_BIND", "tres_bind", binding),
    Field("", "tres-freq", "TRES_FREQ", "tres_freq", not_available),
    Field("", "tres-per-job", "TRES_PER_JOB", "tres_per_job", not_available),
    Field("", "tres-per-node", "TRES_PER_NODE", "tres_per_node", not_available),
    Field("", "tres-per-socket", "TRES_PER_SOCKET", "tres_per_socket", not_available),
    Field("", "tres-per-task", "TRES_PER_TASK", "tres_per_task", not_available),
    Field("U", "UserId", "UID", "uid", plain),
    Field("u", "UserName", "USER", "user_name"),
    Field("", "Wait4Switch", "WAIT4SWITCH", "switches_wait", lambda _view, value: format_seconds(value or 0)),
    Field("w", "WCKey", "WCKEY", "wckey", null),
    Field("Z", "WorkDir", "WORK_DIR", "work_dir", null),
]
JOB = Fields(_FIELDS)

