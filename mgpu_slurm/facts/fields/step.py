"""The fields of a step: letters and long names of squeue --steps."""

from __future__ import annotations

from mgpu_slurm.facts.fields.field import (
    NONE,
    WORDS,
    Field,
    Fields,
    View,
    constant,
    minutes,
    moment,
    not_available,
    null,
    plain,
    seconds,
)


def step_id(_view: View, job: int, array: int, task: int | None, het: int, offset: int, step: str) -> str:
    """N.s, N_t.s, N+c.s."""
    if array and task is not None:
        return f"{array}_{task}.{step}"
    return f"{het}+{offset}.{step}" if het else f"{job}.{step}"


def limit(_view: View, value: int | None) -> str:
    return minutes(_view, -1 if value is None else value)


STEP = Fields(
    [
        Field("", "ArrayJobId", "ARRAY_JOB_ID", "array_job_id", not_available),
        Field("", "ArrayTaskId", "ARRAY_TASK_ID", "array_task_id", lambda _view, v: "N/A" if v is None else str(v)),
        Field("", "Cluster", "CLUSTER", "job_id", lambda view, _job: view.cluster or "N/A"),
        Field("", "Container", "CONTAINER", "job_id", constant("(null)")),
        Field("", "ContainerId", "CONTAINERID", "job_id", constant("(null)")),
        Field("", "CPUFreq", "CPU_FREQ", "job_id", constant("N/A")),
        Field("", "cpus-per-tres", "CPUS_PER_TRES", "job_id", constant("N/A")),
        Field("b", "Gres tres-per-node", "TRES_PER_JOB", "tres_per_node", not_available),
        Field("", "JobId", "JOB_ID", "job_id", plain),
        Field("", "mem-per-tres", "MEM_PER_TRES", "job_id", constant("N/A")),
        Field("", "Network", "NETWORK", "job_id", constant("(null)")),
        Field("N", "Nodes", "NODELIST", "nodes", None, NONE),
        Field("", "NumCPUs", "NUM_CPUS", "num_cpus", plain),
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
        Field("", "tres-bind", "TRES_BIND", "job_id", constant("N/A")),
        Field("", "tres-freq", "TRES_FREQ", "job_id", constant("N/A")),
        Field("", "tres-per-job tres-per-step", "TRES_PER_STEP", "job_id", constant("N/A")),
        Field("", "tres-per-socket", "TRES_PER_SOCKET", "job_id", constant("N/A")),
        Field("", "tres-per-task", "TRES_PER_TASK", "job_id", constant("N/A")),
        Field("U", "UserId", "UID", "uid", plain),
        Field("u", "UserName", "USER", "user_name"),
    ]
)
