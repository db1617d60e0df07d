"""srun's --task-prolog and --task-epilog, run as the user around each task."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.order import Order


def task_prolog(order: Order, environment: dict[str, str]) -> None:
    """Run the prolog in the task's place and follow what it prints: `export NAME=value`, `unset NAME`, `print text`."""
    program = order.launch.get("task_prolog")
    if not program:
        return
    output = _output_of(program, {**environment, "SLURM_SCRIPT_CONTEXT": "prolog_task"})
    for line in output.splitlines():
        word, _, rest = line.strip().partition(b" ")
        if word == b"export" and b"=" in rest:
            name, _, value = rest.partition(b"=")
            environment[os.fsdecode(name.strip())] = os.fsdecode(value)
        elif word == b"unset":
            environment.pop(os.fsdecode(rest.strip()), None)
        elif word == b"print":
            os.write(1, rest + b"\n")


def _output_of(program: str, environment: dict[str, str]) -> bytes:
    out, into = os.pipe()
    try:
        pid = os.posix_spawn(program, [program], environment, file_actions=[(os.POSIX_SPAWN_DUP2, into, 1)])
    except OSError:
        os.close(into)
        os.close(out)
        return b""
    os.close(into)
    with open(out, "rb") as file:
        text = file.read(1 << 20)
    os.waitpid(pid, 0)
    return text
