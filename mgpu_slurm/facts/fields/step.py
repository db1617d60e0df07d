"""The fields of a step: letters and long names of squeue --steps."""

from __future__ import annotations

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.facts import cpu_frequency
from mgpu_slurm.facts.fields.field import (
    NONE,
    WORDS,
    Field,
    Fields,
    View,
    constant,
    minutes,
    moment,
    null,
    plain,
    seconds,
)


def step_id(_view: View, job: int, array: int, task: int | None, het: int, offset: int, step: str) -> str:
    """N.s, N_t.s; a component's step is known by the component's own id."""
    if array and task is not None:
        return f"{array}_{task}.{step}"
    return f"{job}.{step}"


def frequency(_view: View, text: str, step: str) -> str:
    return cpu_frequency.span(text, step)


def binding(view: View, text: str) -> str:
    if not text:
        return "(null)"
    from mgpu_slurm.facts import gpu_binding

    return gpu_binding.shown(text, view.compat)


def limit(_view: View, value: int | None) -> str:
    return minutes(_view, -1 if value is None else value)


STEP = Fields(
    [
        Field("", "ArrayJobId", "ARRAY_JOB_ID", "array_job_id", plain),
        Field("", "ArrayTaskId", "ARRAY_TASK_ID", "array_task_id", lambda _view, v: "N/A" if v is None else str(v)),
        Field("", "Cluster", "CLUSTER", "job_id", lambda view, _job: view.cluster or "N/A"),
        Field("", "Container", "CONTAINER", "job_id", constant("(null)")),
        Field("", "ContainerId", "CONTAINERID", "job_id", constant("(null)")),
        Field("", "CPUFreq", "CPU_FREQ", "cpu_freq step_id", frequency),
        Field("", "cpus-per-tres", "CPUS_PER_TRES", "cpus_per_tres", null),
        Field("b", "Gres tres-per-node", "TRES_PER_JOB", "tres_per_node", null),
        Field("", "JobId", "JOB_ID", "job_id", plain),
        Field("", "mem-per-tres", "MEM_PER_TRES", "mem_per_tres", null),
        Field("", "Network", "NETWORK", "job_id", constant("(null)")),
        Field("N", "Nodes", "NODELIST", "nodes", None, NONE),
        Field("", "NumCPUs", "NUM_CPUS", "num_cpus step_id", lambda _view, count, step: str(count if is_numbered(step) else 0)),
        Field("A", "NumTasks", "TASKS", "ntasks", plain),
        Field("P", "Partition", "PARTITION", "partition"),
        Field("", "ResvPorts", "RESERVED_PORTS", "job_id", constant("(null)")),
        Field("", "Runtime", "RUNTIME", "job_id", constant("(null)")),
        Field("S", "StartTime", "START_TIME", "start_time", moment),
        Field("", "StdErr", "STDERR", "job_id", constant("(null)")),
        Field("", "StdIn", "STDIN", "job_id", constant("(null)")),
        Field("", "StdOut", "STDOUT", "job_id", constant("(null)")),
        Field("i", "StepId", "STEPID", "job_id array_job_id array_task_id het_job_id het_offset step_id", step_id),
        Field("j", "StepName", "NAME", "name"),
        Field("", "StepState", "STATE", "state", null),
        Field("l", "TimeLimit", "TIME_LIMIT", "time_limit", limit, WORDS),
        Field("M", "TimeUsed", "TIME", "run_seconds", seconds, WORDS),
        Field("", "tres-bind", "TRES_BIND", "tres_bind", binding),
        Field("", "tres-freq", "TRES_FREQ", "tres_freq", null),
        Field("", "tres-per-job tres-per-step", "TRES_PER_STEP", "tres_per_step", null),
        Field("", "tres-per-socket", "TRES_PER_SOCKET", "tres_per_socket", null),
        Field("", "tres-per-task", "TRES_PER_TASK", "tres_per_task", null),
        Field("U", "UserId", "UID", "uid", plain),
        Field("u", "UserName", "USER", "user_name"),
    ]
)
