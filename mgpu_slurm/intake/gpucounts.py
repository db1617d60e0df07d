"""Numbers of GPUs against each other and against nodes and tasks: what Slurm refuses before a job is made. Pure.

The same GPUs may be asked for by job, node, socket and task. Given together these must say one thing; what follows from them
(tasks of a node, of a socket) must not differ from what was said of it.
"""

from __future__ import annotations

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.intake import gres
from mgpu_slurm.intake.merge import ENVIRONMENT, Choice, Choices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FIELDS = ("gpus", "gpus_per_node", "gres", "gpus_per_task", "gpus_per_socket")
_NODE = "--gres=gpu/--gpus-per-node"
_FAILED = "Failed to validate job spec"


Counts = dict[str, int]
"""How many GPUs each field asks for of one type."""


def total(choices: Choices, field: str) -> int:
    """How many GPUs a field asks for. Malformed counts are the controller's to refuse, as in Slurm."""
    return sum(number for _, number in _kinds(choices, field))


def of_node(choices: Choices) -> int:
    """How many GPUs each node shall give; --gres is heard after --gpus-per-node."""
    return total(choices, "gres") or total(choices, "gpus_per_node")


def fixed_nodes(choices: Choices) -> int:
    """The number of nodes, where it is fixed: a node list alone only says how many at least; 0 where it is not."""
    least = choices.number("min_nodes")
    return least if least is not None and choices.number("max_nodes") == least else 0


def _kinds(choices: Choices, field: str) -> list[tuple[str | None, int]]:
    """(type, number) of the GPUs that a field asks for."""
    return _kinds_of(choices.text(field), field) if choices.has(field) else []


def _kinds_of(text: str, field: str, unread: str = "") -> list[tuple[str | None, int]]:
    """`unread`: the type that stands for a number that is none."""
    try:
        wanted = gres.parse(text, None if field == "gres" else "gpu")
    except SlurmError as problem:
        if problem.code == gres.ESLURM_INVALID_TRES:
            return [(unread, 0)] if unread and all(text.split(",")) else []
        raise UsageError(problem.text, 1) from None
    return [(kind, number) for name, kind, number in wanted if name == "gpu"]


def check(choices: Choices, compat: tuple[int, int]) -> None:
    """Raises UsageError."""
    by_kind: dict[str | None, Counts] = {}
    for field in _FIELDS:
        for kind, number in _kinds(choices, field):
            by_kind.setdefault(kind, {})[field] = number
    problem = _uncounted(choices, bool(by_kind))
    for counts in by_kind.values() if by_kind else ({},):
        problem = problem or _problem(choices, counts, compat)
    if problem:
        raise UsageError([problem, errors.strerror(gres.ESLURM_INVALID_GRES, compat)], 1)
    if None in by_kind and len(by_kind) > 1:
        raise UsageError(errors.strerror(gres.ESLURM_INVALID_GRES_TYPE, compat), 1)
    if total(choices, "gpus_per_task") and not any(total(choices, field) for field in _FIELDS[:3]):
        tasks = _tasks_of_nodes(choices)
        if tasks and not choices.has("ntasks"):
            given = choices.fields["gpus_per_task"]
            choices.put("ntasks", Choice(given.name, tasks, ENVIRONMENT, given.text))


def _uncounted(choices: Choices, given: bool) -> str:
    """What is asked for by GPU needs GPUs, or tasks that they can be counted by."""
    memory, tasks = choices.number("mem_per_gpu"), choices.number("ntasks_per_gpu")
    counted = total(choices, "gpus") or of_node(choices)
    if tasks and not counted:
        wanted = choices.number("ntasks")
        if wanted is not None and wanted % tasks:
            return f"{_FAILED}, -n/--ntasks has to be a multiple of --ntasks-per-gpu."
        if wanted is None and not fixed_nodes(choices):
            return (
                "gres_job_state_validate: --ntasks-per-tres needs either a GRES GPU specification or a node/ntask "
                "specification"
            )
    if memory and not (given or tasks):
        return f"Requested mem_per_tres=gres:gpu:{memory} but did not request any GPU."
    return ""


def check_step(request: Mapping[str, Any], compat: tuple[int, int]) -> None:
    """What is refused of a step (its request as plain data) before its job is asked: GPUs by type here and without one there,
    a step's own wishes and those of the job around it alike; tasks that --ntasks-per-gpu does not divide. UsageError."""
    found = {field: _kinds_of(str(request[field]), field, "?") for field in _FIELDS if request.get(field)}
    if len({kind is not None for kinds in found.values() for kind, _ in kinds}) > 1:
        raise UsageError(errors.strerror(gres.ESLURM_INVALID_GRES_TYPE, compat), 1)
    each = int(request.get("ntasks_per_gpu") or 0)
    if each and not any(number for field in _FIELDS[:3] for _, number in found.get(field, ())):
        tasks = int(request.get("ntasks") or request.get("min_nodes") or 1)
        if tasks % each:
            raise UsageError(errors.strerror(gres.ESLURM_INVALID_GRES, compat), 1)


def _tasks_of_nodes(choices: Choices) -> int:
    """A fixed number of nodes stands for as many tasks where nothing else says how many there are; 0: it does not."""
    said = choices.has("ntasks_per_node") or choices.has("cpus_per_task")
    return 0 if said else fixed_nodes(choices)


def _problem(choices: Choices, counts: Counts, compat: tuple[int, int]) -> str:
    """What is wrong with the GPUs of one type, in Slurm's words and order; "" where nothing is."""
    job = counts.get("gpus", 0)
    node = counts.get("gres") or counts.get("gpus_per_node", 0)
    task = counts.get("gpus_per_task", 0)
    socket = counts.get("gpus_per_socket", 0)
    least, most = choices.number("min_nodes"), choices.number("max_nodes")
    tasks_of_node = choices.number("ntasks_per_node")
    implied = _tasks_of_nodes(choices)
    tasks = choices.number("ntasks") or (tasks_of_node or 0) * (least or 1) or implied
    if job and job < max(node, socket, task):
        return f"Failed to ensure --gpus >= {_NODE} >= --gpus-per-socket"
    if node and node < max(socket, task):
        return "Failed to ensure --gpus >= --gpus-per-task"
    if socket and not choices.has("sockets_per_node"):
        return "--gpus-per-socket option requires --sockets-per-node specification"
    if compat < (23, 2) and choices.has("cpus_per_gpu") and choices.has("cpus_per_task"):
        return "--cpus-per-gpu is mutually exclusive with --cpus-per-task"
    counted = choices.has("ntasks") or implied or (tasks_of_node and most in (None, least))
    if task and not job and not counted:
        return f"{_FAILED}. --gpus-per-task used without either --gpus or -n/--ntasks is not allowed."
    return (
        _of_job(job, node, task, tasks, least, most)
        or _of_node(choices, node, socket, task)
        or _of_socket(choices, socket, task)
        or (f"{_FAILED}, --gpus < -N" if job and job < (least or 1) else "")
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
