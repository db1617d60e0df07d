"""A job as `scontrol show job` writes it: lines of key=value words, in Slurm's order. Pure.

Differences between versions are marked where they are made: 22.05 has one TRES line and a line for power, later ones say
what was asked for and what is held apart.
"""

from __future__ import annotations

import re

from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts import cpu_frequency, gpu_binding
from mgpu_slurm.facts.fields.field import View, exit_pair, long_seconds, memory, run_name, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_COLUMNS = (
    "job_id array_job_id array_task_id array_tasks array_limit het_job_id het_offset het_job_id_set name user_name uid"
    " group_name gid mcs_label priority nice account qos wckey state flags reason reason_text dependency requeue"
    " restart_count batch reboot exit_code run_seconds time_limit time_min submit_time eligible_time accrue_time"
    " resize_time start_time"
    " end_time deadline suspend_time last_sched partition submit_host alloc_sid req_nodes exc_nodes nodes sched_nodes"
    " batch_host num_nodes min_nodes max_nodes num_cpus max_cpus ntasks cpus_per_task sockets_per_node cores_per_socket"
    " threads_per_core tres asked_tres ntasks_per_node ntasks_per_socket ntasks_per_core core_spec thread_spec"
    " min_cpus_node memory memory_kind tmp_disk features over_subscribe contiguous licenses network reservation command"
    " submit_line work_dir comment std_err std_in std_out std_err_given std_in_given std_out_given switches"
    " switches_wait burst_buffer cpus_per_tres mem_per_tres"
    " tres_bind tres_freq tres_per_job tres_per_node tres_per_socket tres_per_task mail_user mail_type delay_boot admin_comment"
    " extra cluster_features prefer cpu_freq power gres_flags kill_on_invalid_dep spread_job ntasks_per_gpu container"
)
COLUMNS = tuple(_COLUMNS.split())

DETAIL_COLUMNS = ("derived_exit_code", "job_gres", "details")

LATER = (23, 2)
"""From here on what was asked for and what is held are lines of their own."""

LONGEST_WAIT = 300
"""Seconds: nobody waits longer for the switches they want (Slurm's max_switch_wait)."""

WHOLE_PATTERNS = (24, 5)
"""From here on the names of a job's files are shown as its node will make them."""

_FILES = (("StdErr", "std_err"), ("StdIn", "std_in"), ("StdOut", "std_out"))


def or_null(value: Any) -> str:
    return str(value) if value not in (None, "") else "(null)"


def as_given(value: str | None) -> str:
    """A text of the request, an empty one too."""
    return "(null)" if value is None else value


def limit(minutes: int | None) -> str:
    if minutes is None:
        return "Partition_Limit"
    return "UNLIMITED" if minutes == UNLIMITED else long_seconds(minutes * 60)


def tres_name(view: View, text: str) -> str:
    """gres:gpu:2 of older versions is gres/gpu:2 in later ones."""
    return text.replace("gres:", "gres/") if view.compat >= (23, 11) else text


def job_text(job: Mapping[str, Any], view: View, details: bool, one_line: bool) -> str:
    """The whole record with its end."""
    lines = _identity(job, view)
    lines += _life(job, view, details)
    lines += _times(job, view)
    lines += _place(job)
    lines += _size(job, view, details)
    lines += _rest(job, view)
    if one_line:
        return " ".join([*lines, "\n"])
    return "\n   ".join([*lines, "\n\n"])


def _identity(job: Mapping[str, Any], view: View) -> list[str]:
    first = f"JobId={job['job_id']} "
    if job["array_job_id"]:
        tasks = job["array_tasks"]
        if tasks:
            size = 64 if view.list_length is None else view.list_length
            shown = shortened(tasks, size) if size > 0 else tasks
            shown += f"%{job['array_limit']}" if job["array_limit"] else ""
        else:
            shown = "N/A" if job["array_task_id"] is None else str(job["array_task_id"])
        first += f"ArrayJobId={job['array_job_id']} ArrayTaskId={shown} "
        if job["array_limit"]:
            first += f"ArrayTaskThrottle={job['array_limit']} "
    elif job["het_job_id"]:
        first += f"HetJobId={job['het_job_id']} HetJobOffset={job['het_offset']} "
    lines = [first + f"JobName={job['name']}"]
    if job["het_job_id"]:
        lines.append(f"HetJobIdSet={job['het_job_id_set']}")
    if name := run_name(view, job["submit_time"], job["job_id"], job["restart_count"]):
        lines.append(f"SLUID={name}")
    user = f"UserId={job['user_name']}({job['uid']}) GroupId={job['group_name']}({job['gid']})"
    lines.append(f"{user} MCS_label={'N/A' if job['mcs_label'] is None else job['mcs_label']}")
    ranks = f"Priority={job['priority']} Nice={job['nice']} Account={as_given(job['account'])} QOS={or_null(job['qos'])}"
    lines.append(ranks + (f" WCKey={job['wckey'] or ''}" if view.wckeys else ""))
    return lines


def _life(job: Mapping[str, Any], view: View, details: bool) -> list[str]:
    from mgpu_slurm.facts.states import display_name

    code, signal = exit_pair(job["exit_code"])
    reason = (job["reason_text"] or job["reason"]).replace(" ", "_")
    state = f"JobState={display_name(job['state'], job['flags'])} Reason={reason}"
    lines = [
        f"{state} Dependency={or_null(job['dependency'])}",
        f"Requeue={int(bool(job['requeue']))} Restarts={job['restart_count']} BatchFlag={int(bool(job['batch']))}"
        f" Reboot={int(bool(job['reboot']))} ExitCode={code}:{signal}",
    ]
    if details:
        lines.append("DerivedExitCode={}:{}".format(*exit_pair(job["derived_exit_code"])))
    least = "N/A" if not job["time_min"] else limit(job["time_min"])
    lines.append(f"RunTime={long_seconds(job['run_seconds'])} TimeLimit={limit(job['time_limit'])} TimeMin={least}")
    return lines


def _times(job: Mapping[str, Any], view: View) -> list[str]:
    def shown(column: str, unknown: str = "Unknown") -> str:
        return view.time(job[column], unknown)

    return [
        f"SubmitTime={shown('submit_time')} EligibleTime={shown('eligible_time')}",
        f"AccrueTime={shown('accrue_time')}",
        *([f"ResizeTime={shown('resize_time')}"] if job["resize_time"] else []),
        f"StartTime={shown('start_time')} EndTime={shown('end_time')} Deadline={shown('deadline', 'N/A')}",
        f"SuspendTime={shown('suspend_time', 'None')} SecsPreSuspend=0 LastSchedEval={shown('last_sched')} Scheduler=Main",
    ]


def _place(job: Mapping[str, Any]) -> list[str]:
    lines = [
        f"Partition={job['partition']} AllocNode:Sid={job['submit_host'] or 'localhost'}:{job['alloc_sid']}",
        f"ReqNodeList={as_given(job['req_nodes'])} ExcNodeList={as_given(job['exc_nodes'])}",
        f"NodeList={job['nodes']}" + (f" SchedNodeList={job['sched_nodes']}" if job["sched_nodes"] else ""),
    ]
    if job["batch_host"] and job["nodes"]:
        lines.append(f"BatchHost={job['batch_host']}")
    return lines


def _size(job: Mapping[str, Any], view: View, details: bool) -> list[str]:
    def star(column: str) -> str:
        return str(job[column]) if job[column] else "*"

    nodes = str(job["num_nodes"])
    if job["state"] == "PENDING" and job["max_nodes"]:
        nodes = f"{min(job['num_nodes'], job['max_nodes'])}-{job['max_nodes']}"
    cpus = f"{job['num_cpus']}-{job['max_cpus']}" if job["max_cpus"] else job["num_cpus"]
    lines = [
        f"NumNodes={nodes} NumCPUs={cpus} NumTasks={job['ntasks']} CPUs/Task={job['cpus_per_task'] or 1}"
        f" ReqB:S:C:T=0:0:{star('cores_per_socket')}:{star('threads_per_core')}"
    ]
    if view.compat >= LATER:
        held = job["tres"] if job["nodes"] else ""
        lines += [f"ReqTRES={or_null(job['asked_tres'])}", f"AllocTRES={or_null(held)}"]
    else:
        lines.append(f"TRES={or_null(job['tres'])}")
    per = [str(job["ntasks_per_node"] or 0), "0", star("ntasks_per_socket"), star("ntasks_per_core")]
    spec = f"{job['thread_spec']} Threads" if job["thread_spec"] else star("core_spec")
    lines.append(f"Socks/Node={star('sockets_per_node')} NtasksPerN:B:S:C={':'.join(per)} CoreSpec={spec}")
    if details and job["details"]:
        lines.append(f"JOB_GRES={or_null(job['job_gres'])}")
        for names, cpus, mem, gres in job["details"]:
            lines.append(f"  Nodes={names} CPU_IDs={cpus} Mem={mem} GRES={gres}")
    return lines


def _rest(job: Mapping[str, Any], view: View) -> list[str]:
    delay = job["delay_boot"]
    lines = [
        f"MinCPUsNode={job['min_cpus_node']} MinMemory{job['memory_kind']}={memory(view, job['memory'])}"
        f" MinTmpDiskNode={memory(view, job['tmp_disk'])}",
        f"Features={as_given(job['features'])} DelayBoot={'UNLIMITED' if delay == UNLIMITED else long_seconds(delay)}",
    ]
    if job["cluster_features"] is not None:
        lines.append(f"ClusterFeatures={job['cluster_features']}")
    if job["prefer"] is not None:
        lines.append(f"Prefer={job['prefer']}")
    reservation = [f"Reservation={job['reservation']}"] if job["reservation"] else []
    early = view.compat < LATER
    lines += reservation if early else []
    lines.append(
        f"OverSubscribe={job['over_subscribe']} Contiguous={int(bool(job['contiguous']))}"
        f" Licenses={as_given(job['licenses'])} Network={as_given(job['network'])}"
    )
    lines += [] if early else reservation
    lines.append(f"Command={or_null(job['command'])}")
    if view.compat >= (24, 11) and job["submit_line"]:
        lines.append(f"SubmitLine={job['submit_line']}")
    lines.append(f"WorkDir={or_null(job['work_dir'])}")
    if job["admin_comment"]:
        lines.append(f"AdminComment={job['admin_comment']}" + (" " if view.compat < LATER else ""))
    if job["extra"]:
        lines.append(f"Extra={job['extra']}")
    if job["comment"] is not None:
        # 22.05 leaves a blank behind it
        lines.append(f"Comment={job['comment']}" + (" " if view.compat < LATER else ""))
    if job["batch"]:
        lines += [f"{key}={or_null(_file(job, column, view))}" for key, column in _FILES]
    if job["switches"]:
        wait = job["switches_wait"]
        wait = LONGEST_WAIT if wait is None else min(wait, LONGEST_WAIT)
        lines.append(f"Switches={job['switches']}@{long_seconds(wait)}")
    if job["burst_buffer"] is not None:
        lines.append(f"BurstBuffer={job['burst_buffer']}")
    if job["cpu_freq"]:
        lines.append(frequencies(job["cpu_freq"]))
    if view.compat < (24, 5):
        lines.append(f"Power={(job['power'] or '').upper()}")
    flags = _flags(job)
    if flags:
        # 22.05 forgets what should part them
        lines += flags if view.compat >= LATER else ["".join(flags)]
    for key, column in (
        ("CpusPerTres", "cpus_per_tres"), ("MemPerTres", "mem_per_tres"), ("TresBind", "tres_bind"), ("TresFreq", "tres_freq"),
        ("TresPerJob", "tres_per_job"), ("TresPerNode", "tres_per_node"), ("TresPerSocket", "tres_per_socket"),
        ("TresPerTask", "tres_per_task"),
    ):  # fmt: skip
        if job[column]:
            shown = gpu_binding.shown(job[column], view.compat) if column == "tres_bind" else tres_name(view, job[column])
            lines.append(f"{key}={shown}")
    if job["mail_type"] and job["mail_type"] != "NONE":
        lines.append(f"MailUser={or_null(job['mail_user'] or job['user_name'])} MailType={job['mail_type']}")
    if job["ntasks_per_gpu"]:
        lines.append(f"NtasksPerTRES={job['ntasks_per_gpu']}")
    if job["container"] is not None:
        lines.append(f"Container={job['container']}")
    return lines


def _file(job: Mapping[str, Any], column: str, view: View) -> str:
    """The name of a stream's file. Older versions fill in letters without a width alone, and hear neither a backslash nor a
    second percent sign."""
    if view.compat >= WHOLE_PATTERNS:
        return str(job[column] or "")
    values = {
        "j": job["job_id"],
        "A": job["array_job_id"] or job["job_id"],
        "a": 0xFFFFFFFE if job["array_task_id"] is None else job["array_task_id"],
        "u": job["user_name"],
        "x": job["name"],
    }
    return re.sub("%([jAaux])", lambda found: str(values[found[1]]), str(job[f"{column}_given"] or ""))


def frequencies(text: str) -> str:
    """The value of --cpu-freq as words of the record; Slurm sets a blank behind speeds."""
    low, high, governor = (cpu_frequency.WRITTEN.get(word, word) for word in cpu_frequency.parts(text))
    words = (f"CPU_min_freq={low} " if low else "", f"CPU_max_freq={high} " if high else "")
    return "".join(words) + (f"Governor={governor}" if governor else "")


def _flags(job: Mapping[str, Any]) -> list[str]:
    binding = (job["gres_flags"] or "").split(",")
    found = []
    for word, text in (("enforce-binding", "Yes"), ("disable-binding", "No")):
        if word in binding:
            found.append(f"GresEnforceBind={text}")
    if job["kill_on_invalid_dep"] is not None:
        found.append(f"KillOInInvalidDependent={'Yes' if job['kill_on_invalid_dep'] else 'No'}")
    if job["spread_job"]:
        found.append("SpreadJob=Yes")
    return found
