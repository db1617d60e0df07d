"""Numbers of GPUs against each other and against nodes and tasks: what Slurm refuses before a job is made. Pure.

The same GPUs may be asked for by job, node, socket and task. Given together these must say one thing; what follows from them
(tasks of a node, of a socket) must not differ from what was said of it.
"""

from __future__ import annotations

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.intake import gres
from mgpu_slurm.intake.merge import Choice, Choices

_FIELDS = ("gpus", "gpus_per_node", "gres", "gpus_per_task", "gpus_per_socket")
_NODE = "--gres=gpu/--gpus-per-node"
_FAILED = "Failed to validate job spec"


def total(choices: Choices, field: str) -> int:
    """How many GPUs a field asks for. Malformed counts are the controller's to refuse, as in Slurm."""
    return sum(number for _, number in _kinds(choices, field))


def _kinds(choices: Choices, field: str) -> list[tuple[str | None, int]]:
    """(type, number) of the GPUs that a field asks for."""
    if not choices.has(field):
        return []
    try:
        wanted = gres.parse(choices.text(field), None if field == "gres" else "gpu")
    except SlurmError as problem:
        if problem.code == gres.ESLURM_INVALID_TRES:
            return []
        raise UsageError(problem.text, 1) from None
    return [(kind, number) for name, kind, number in wanted if name == "gpu"]


def check(choices: Choices, compat: tuple[int, int]) -> None:
    """Raises UsageError."""
    kinds = {kind is not None for field in _FIELDS for kind, _ in _kinds(choices, field)}
    if len(kinds) > 1:
        raise UsageError(errors.strerror(gres.ESLURM_INVALID_GRES_TYPE, compat), 1)
    problem = _problem(choices)
    if not problem and total(choices, "gpus_per_task") and not any(total(choices, field) for field in _FIELDS[:3]):
        tasks = _tasks_of_nodes(choices)
        if tasks and not choices.has("ntasks"):
            given = choices.fields["gpus_per_task"]
            choices.put("ntasks", Choice(given.name, tasks, given.source, given.text))
    if problem:
        raise UsageError([problem, errors.strerror(gres.ESLURM_INVALID_GRES, compat)], 1)


def _tasks_of_nodes(choices: Choices) -> int:
    """A fixed number of nodes stands for as many tasks where nothing else says how many there are; 0: it does not."""
    least = choices.number("min_nodes")
    said = choices.has("ntasks_per_node") or choices.has("cpus_per_task")
    return 0 if said or least is None or choices.number("max_nodes") != least else least


def _problem(choices: Choices) -> str:
    """What is wrong, in Slurm's words and order; "" where nothing is."""
    job = total(choices, "gpus")
    node = total(choices, "gpus_per_node") or total(choices, "gres")
    task = total(choices, "gpus_per_task")
    socket = total(choices, "gpus_per_socket")
    least, most = choices.number("min_nodes"), choices.number("max_nodes")
    fixed = least is not None and most in (None, least)
    tasks_of_node = choices.number("ntasks_per_node")
    implied = _tasks_of_nodes(choices)
    tasks = choices.number("ntasks") or (tasks_of_node or 0) * (least or 1) or implied
    if socket and not choices.has("sockets_per_node"):
        return "--gpus-per-socket option requires --sockets-per-node specification"
    if task and not job and not choices.has("ntasks") and not (fixed and (tasks_of_node or implied)):
        return f"{_FAILED}. --gpus-per-task used without either --gpus or -n/--ntasks is not allowed."
    if job and job < max(node, socket, task):
        return f"Failed to ensure --gpus >= {_NODE} >= --gpus-per-socket"
    if node and node < max(socket, task):
        return "Failed to ensure --gpus >= --gpus-per-task"
    return (
        _of_job(job, node, task, tasks, least, most)
        or _of_node(choices, node, socket, task)
        or _of_socket(choices, socket, task)
        or (f"{_FAILED}, --gpus < -N" if job and job < (least or 1) else "")
        or _of_gpu(choices, job, node, task or socket, fixed)
    )


def _of_job(job: int, node: int, task: int, tasks: int, least: int | None, most: int | None) -> str:
    if job and node:
        if job % node:
            return f"{_FAILED}, --gpus is not multiple of {_NODE}"
        nodes = job // node
        if least is not None and most is not None and not least <= nodes <= most:
            return (
                f"{_FAILED}. Based on --gpu and {_NODE} required nodes ({nodes}) doesn't fall between min_nodes ({least}) "
                f"and max_nodes ({most}) boundaries."
            )
    if job and task:
        if job % task:
            return f"{_FAILED}, --gpus not multiple of --gpus-per-task"
        if tasks and tasks != job // task:
            return f"{_FAILED}. Based on --gpus and --gpus-per-task number of requested tasks differ from -n/--ntasks."
    return ""


def _of_node(choices: Choices, node: int, socket: int, task: int) -> str:
    if node and socket:
        if node % socket:
            return f"{_FAILED}, {_NODE} not multiple of --gpus-per-socket."
        if choices.number("sockets_per_node") != node // socket:
            return f"{_FAILED}. Based on {_NODE} and --gpus-per-socket required number of sockets differ from --sockets-per-node."
    if node and task:
        if node % task:
            return f"{_FAILED}, {_NODE} not multiple of --gpus-per-task."
        if choices.number("ntasks_per_node") not in (None, node // task):
            return (
                f"{_FAILED}. Based on {_NODE} and --gpus-per-task requested number of tasks per node differ from "
                "--ntasks-per-node."
            )
    return ""


def _of_socket(choices: Choices, socket: int, task: int) -> str:
    if socket and task:
        if socket % task:
            return f"{_FAILED}, --gpus-per-socket not multiple of --gpus-per-task."
        if choices.number("ntasks_per_socket") not in (None, socket // task):
            return (
                f"{_FAILED}. Based on --gpus-per-socket and --gpus-per-task requested number of tasks per sockets differ from "
                "--ntasks-per-socket."
            )
    return ""


def _of_gpu(choices: Choices, job: int, node: int, other: int, fixed: bool) -> str:
    """What is asked for by GPU needs GPUs, or tasks that they can be counted by."""
    memory, tasks = choices.number("mem_per_gpu"), choices.number("ntasks_per_gpu")
    if memory and not (job or node or other):
        return f"Requested mem_per_tres=gres:gpu:{memory} but did not request any GPU."
    if tasks and not (job or node):
        wanted = choices.number("ntasks")
        if wanted is not None and wanted % tasks:
            return f"{_FAILED}, -n/--ntasks has to be a multiple of --ntasks-per-gpu."
        if wanted is None and not fixed:
            return (
                "gres_job_state_validate: --ntasks-per-tres needs either a GRES GPU specification or a node/ntask "
                "specification"
            )
    return ""
