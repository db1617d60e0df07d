"""The fields of sacct, in the order of its own list. Widths and forms as Slurm 22.05.8 prints them.
"""

from __future__ import annotations

from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts import cpu_frequency
from mgpu_slurm.facts.cpu_frequency import GOVERNOR, LEAST, MOST
from mgpu_slurm.facts.fields import usage
from mgpu_slurm.facts.fields.accounted import NEVER, PLAIN, Column, amount, blank, clock, duration, job_name, text
from mgpu_slurm.facts.fields.field import exit_pair, run_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from mgpu_slurm.facts.fields.field import View

ID = "job_id array_job_id array_task_id array_tasks array_limit het_job_id het_offset step_id"
NEWER, OLDER = (22, 6), (22, 6)
"""Names that came after 22.05, and those that went with it."""


def raw_id(_view: View, job: int, step: str) -> str:
    return f"{job}.{step}" if step else str(job)


def job_id(
    _view: View, job: int, array: int, task: int | None, tasks: str, limit: int, het: int, offset: int, step: str
) -> str:
    return job_name(job, array, task, tasks, limit, het, offset, step)


def state(_view: View, word: str, uid: int | None) -> str:
    return f"{word} by {uid}" if word == "CANCELLED" and uid is not None else word


def exit_code(_view: View, status: int | None) -> str:
    """Slurm shows the code of a shell whose command was killed without the 128 that the shell adds to the signal."""
    if status is None:
        return ""
    code, signal = exit_pair(status)
    return f"{code - 128 if code >= 128 else code}:{signal}"


def derived_exit_code(_view: View, status: int | None) -> str:
    return "" if status is None else "{}:{}".format(*exit_pair(status))


def moment(view: View, at: float | None) -> str:
    """`None` stands for what never happened to a job that is over."""
    return "None" if at is None else view.time(at, "Unknown")


def time_limit(_view: View, minutes: int | None, step: str) -> str:
    if step:
        return ""
    if minutes is None:
        return "Partition_Limit"
    return "UNLIMITED" if minutes == UNLIMITED else clock(minutes * 60)


def time_limit_raw(_view: View, minutes: int | None, step: str) -> str:
    if step:
        return ""
    return "Partition_Limit" if minutes is None else "UNLIMITED" if minutes == UNLIMITED else str(minutes)


def tres(view: View, held: Mapping[str, int] | None) -> str:
    """billing=4,cpu=4,gres/gpu=2,mem=400M,node=2, by name."""
    if not held:
        return ""
    words = [f"{name}={amount(view, number, 'M') if name == 'mem' else number}" for name, number in held.items()]
    return ",".join(sorted(words))


def req_mem(view: View, asked: Mapping[str, int] | None) -> str:
    return amount(view, asked["mem"], "M") if asked and asked.get("mem") else "0" if asked else ""


def run(view: View, job: int, of: list[Any]) -> str:
    submitted, restarts, _ = of
    return run_name(view, submitted, job, restarts)


def first_run(view: View, job: int, of: list[Any]) -> str:
    *_, first = of
    return run_name(view, first, job, 0)


def nodes(_view: View, names: str) -> str:
    return names or "None assigned"


def cpu_time(_view: View, elapsed: int, cpus: int) -> str:
    return clock(elapsed * cpus)


def cpu_time_raw(_view: View, elapsed: int, cpus: int) -> str:
    return str(elapsed * cpus)


def planned_cpu(_view: View, planned: int | None, cpus: int) -> str:
    return "" if planned is None else clock(planned * cpus)


def planned_cpu_raw(_view: View, planned: int | None, cpus: int) -> str:
    return "" if planned is None else str(planned * cpus)


def used(_view: View, seconds: float) -> str:
    return clock(seconds, True)


def total_cpu(_view: View, user: float, system: float) -> str:
    return clock(user + system, True)


def step_zero(_view: View, step: str, over: float) -> str:
    return "0" if step and over else ""


def energy(_view: View, step: str, begun: float | None, over: float, numbered: int) -> str:
    """Nothing, which Slurm writes as 0 of what is over and of jobs that never began, and leaves out of others."""
    return "0" if ((step or numbered) and over) or not (step or begun) else ""


def frequency(at: int) -> Callable[[View, str | None, str], str]:
    return lambda _view, text, step: cpu_frequency.field(at, text or "", step)


def joined(_view: View, words: list[str]) -> str:
    return ",".join(words)


def qos_number(_view: View, name: str | None) -> str:
    """Names have no numbers here; Slurm's own first one has."""
    return "" if name is None else "1" if name == "normal" else "0"


def job_zero(_view: View, step: str) -> str:
    return "" if step else "0"


def always_zero(_view: View, _job: int) -> str:
    return "0"


def cluster(view: View, _job: int) -> str:
    return view.cluster


def suspended(_view: View, seconds: int) -> str:
    return clock(seconds)


COLUMNS: tuple[Column, ...] = (
    Column("Account", 10, "account", text),
    Column("AdminComment", 15, "admin_comment", text),
    Column("AllocCPUS", 10, "cpus", text, NEVER),
    Column("AllocNodes", 10, "alloc_nodes", text, NEVER),
    Column("AllocTRES", 10, "held", tres),
    Column("AssocID", 7, "job_id", always_zero, NEVER),
    *usage.averages(usage.megabytes, 14),
    Column("BlockID", 16, "job_id", blank),
    Column("Cluster", 10, "job_id", cluster),
    Column("Comment", 14, "comment", text),
    Column("Constraints", 19, "features", text),
    Column("ConsumedEnergy", 14, "step_id start end numbered_steps", energy),
    Column("ConsumedEnergyRaw", 17, "step_id start end numbered_steps", energy),
    Column("Container", 19, "container", text),
    Column("CPUTime", 10, "elapsed cpus", cpu_time, NEVER),
    Column("CPUTimeRAW", 10, "elapsed cpus", cpu_time_raw, NEVER),
    Column("DBIndex", -10, "job_id", text, NEVER, until=OLDER),
    Column("DBIndex", -21, "job_id", text, NEVER, since=NEWER),
    Column("DerivedExitCode", 15, "derived_exit_code", derived_exit_code),
    Column("Elapsed", 10, "elapsed", duration, NEVER),
    Column("ElapsedRaw", 10, "elapsed", text, NEVER),
    Column("Eligible", 19, "eligible", moment, PLAIN),
    Column("End", 19, "end", moment, PLAIN),
    Column("Exclusive", 14, "exclusive", text, since=NEWER),
    Column("ExitCode", 8, "exit_code", exit_code),
    Column("Extra", 14, "extra", text, since=NEWER),
    Column("FailedNode", 8, "job_id", blank, since=NEWER),
    Column("Flags", 19, "flags", joined),
    Column("GID", 6, "gid", text, NEVER),
    Column("Group", 9, "group_name", text),
    Column("JobID", -12, ID, job_id),
    Column("JobIDRaw", -12, "job_id step_id", raw_id),
    Column("JobName", 10, "name", text),
    Column("Layout", 9, "layout", text),
    Column("Licenses", 10, "licenses", text, since=NEWER),
    *usage.maxima(usage.megabytes),
    Column("McsLabel", 12, "mcs_label", text),
    *usage.MIN_CPU,
    Column("NCPUS", 10, "cpus", text, NEVER),
    Column("NNodes", 8, "num_nodes", text, NEVER),
    Column("NodeList", 15, "nodes", nodes),
    Column("NTasks", 8, "tasks", text, NEVER),
    Column("OriginalSLUID", 14, "job_id run", first_run, since=NEWER),
    Column("OverSubscribe", 14, "over_subscribe", text, since=NEWER),
    Column("Partition", 10, "partition", text),
    Column("Planned", 10, "planned", duration, NEVER, since=NEWER),
    Column("PlannedCPU", 10, "planned req_cpus", planned_cpu, NEVER, since=NEWER),
    Column("PlannedCPURAW", 13, "planned req_cpus", planned_cpu_raw, NEVER, since=NEWER),
    Column("Priority", 10, "priority", text, NEVER),
    Column("QOS", 10, "qos", text),
    Column("QOSRAW", 6, "qos", qos_number, NEVER),
    Column("QOSREQ", 10, "req_qos", text, since=NEWER),
    Column("Reason", 22, "reason", text),
    Column("ReqCPUFreq", 10, "cpu_freq step_id", frequency(MOST)),
    Column("ReqCPUFreqGov", 13, "cpu_freq step_id", frequency(GOVERNOR)),
    Column("ReqCPUFreqMax", 13, "cpu_freq step_id", frequency(MOST)),
    Column("ReqCPUFreqMin", 13, "cpu_freq step_id", frequency(LEAST)),
    Column("ReqCPUS", 8, "req_cpus", text, NEVER),
    Column("ReqMem", 10, "requested", req_mem),
    Column("ReqNodes", 8, "req_nodes", text, NEVER),
    Column("ReqReservation", 20, "req_reservation", text, since=NEWER),
    Column("ReqTRES", 10, "requested", tres),
    Column("Reservation", 20, "reservation", text),
    Column("ReservationId", 8, "job_id", blank),
    Column("Reserved", 10, "planned", duration, NEVER, until=OLDER),
    Column("Restarts", 8, "restart_count", text, NEVER, since=NEWER),
    Column("ResvCPU", 10, "planned req_cpus", planned_cpu, NEVER, until=OLDER),
    Column("ResvCPURAW", 10, "planned req_cpus", planned_cpu_raw, NEVER, until=OLDER),
    Column("SegmentSize", 11, "step_id", job_zero, since=NEWER),
    Column("SLUID", 14, "job_id run", run, since=NEWER),
    Column("Start", 19, "start", moment, PLAIN),
    Column("State", 10, "state killed_by", state),
    Column("StdErr", 20, "std_err", text, since=NEWER),
    Column("StdIn", 20, "std_in", text, since=NEWER),
    Column("StdOut", 20, "std_out", text, since=NEWER),
    Column("Submit", 19, "submit", moment, PLAIN),
    Column("SubmitLine", 20, "submit_line", text),
    Column("Suspended", 10, "suspended", suspended, NEVER),
    Column("SystemComment", 15, "job_id", blank),
    Column("SystemCPU", 10, "system_seconds", used),
    Column("Timelimit", 10, "time_limit step_id", time_limit),
    Column("TimelimitRaw", 10, "time_limit step_id", time_limit_raw),
    Column("TotalCPU", 10, "user_seconds system_seconds", total_cpu),
    *usage.TRES_USAGE,
    Column("UID", 6, "uid", text, NEVER),
    Column("User", 9, "user_name", text),
    Column("UserCPU", 10, "user_seconds", used),
    Column("WCKey", 10, "wckey", text),
    Column("WCKeyID", 10, "step_id", job_zero, NEVER),
    Column("WorkDir", 20, "work_dir", text),
)

REMOVED = {"allocgres": ("AllocGRES", "AllocTRES"), "reqgres": ("ReqGRES", "ReqTRES")}
"""Names that are refused with the advice to use another."""
