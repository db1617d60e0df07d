"""The lines that a supervisor writes for the user, in Slurm's words."""

from __future__ import annotations

import os
import time

_REASONS = {
    "TIMEOUT": " DUE TO TIME LIMIT",
    "PREEMPTED": " DUE TO PREEMPTION",
    "NODE_FAIL": " DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS",
    "REQUEUED": " DUE TO JOB REQUEUE",
}


def banner(name: str, node: str, ending: str, hurry: bool, now: float, compat: tuple[int, int]) -> str:
    """Why a job or step is ended; `name` is "JOB 5" or "STEP 5.0"."""
    if ending == "FAILED":
        return f"*** {name} ON {node} FAILED (non-zero exit code or other failure mode) ***"
    why = _REASONS.get(ending, "")
    if ending == "CANCELLED" and compat >= (25, 5):
        why = f" DUE to SIGNAL {'Killed' if hurry else 'Terminated'}"
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now))
    return f"*** {name} ON {node} CANCELLED AT {at}{why} ***"


def no_directory(path: str, error: OSError) -> str:
    return f"couldn't chdir to `{path}': {error.strerror}: going to /tmp instead"


def no_exec(program: str, path: str, error: OSError) -> str:
    """Why a program did not start: itself, or the interpreter that its first line names."""
    interpreter = _interpreter(path) if error.errno == 2 and path else ""
    if interpreter:
        return f"execve(): bad interpreter({interpreter}): {error.strerror}"
    return f"execve(): {program}: {error.strerror}"


def _interpreter(path: str) -> str:
    try:
        with open(path, "rb") as file:
            line = file.readline(256)
    except OSError:
        return ""
    return os.fsdecode(line[2:].split(None, 1)[0]) if line.startswith(b"#!") and line[2:].strip() else ""


def out_of_memory(count: int, step: str, compat: tuple[int, int]) -> str:
    if compat < (23, 2):
        return (
            f"Detected {count} oom-kill event(s) in StepId={step}. Some of your processes may have been killed by the "
            "cgroup out-of-memory handler."
        )
    events = "event" if count == 1 else "events"
    return f"Detected {count} oom_kill {events} in StepId={step}. Some of the step tasks have been OOM Killed."
