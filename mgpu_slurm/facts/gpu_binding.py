"""Which of a step's GPUs each of its tasks on one node sees: --gpu-bind, and what --gpus-per-task and --ntasks-per-gpu imply.

Recorded from Slurm 22.05.8 with two nodes of four tasks: a single task on a node sees all of the step's GPUs there,
whatever was asked; `none` up to 22.05 leaves the variables out; numbers of maps and masks are the node's, and what they
name outside the step's GPUs is replaced by its first one, with a line on standard error.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any


class GpuBinding:
    """`gpus`: what the task sees, None for no variables at all; `lines`: for its standard error, errors first; `bound`:
    whether a binding took effect."""

    __slots__ = ("bound", "errors", "gpus", "report")

    def __init__(self, gpus: list[int] | None, bound: bool = False) -> None:
        self.gpus = gpus
        self.bound = bound
        self.errors: list[str] = []
        self.report = ""


def wanted(request: Mapping[str, Any]) -> str:
    """The binding that a StepRequest (plain data) asks for, openly or by implication; "" for none."""
    given = str(request.get("gpu_bind") or "")
    if given:
        return given
    if request.get("gpus_per_task"):
        return f"per_task:{str(request['gpus_per_task']).rpartition(':')[2]}"
    if request.get("ntasks_per_gpu"):
        return f"single:{request['ntasks_per_gpu']}"
    return ""


def shown(text: str, compat: tuple[int, int]) -> str:
    """As messages and SLURMD_TRES_BIND have it."""
    if compat >= (23, 11):
        return "gres/gpu:" + text
    return "gpu:" + text.replace("map:", "map_gpu:").replace("mask:", "mask_gpu:")


def bind(
    text: str,
    gpus: Sequence[int],
    local: int,
    tasks: int,
    compat: tuple[int, int],
    near: Mapping[int, Collection[int]] | None = None,
    cpus: Collection[int] = (),
    there: int = 0,
) -> GpuBinding:
    """For task `local` of `tasks` on a node where the step has `gpus`, of `there` (0: unknown). `near`: CPUs near each GPU;
    `cpus`: the task's own."""
    every = list(gpus)
    if not text or tasks < 2:
        return GpuBinding(every)
    if not every:
        return GpuBinding(every, bound=True)
    verbose, word = text.startswith("verbose,"), text.removeprefix("verbose,")
    kind, _, values = word.partition(":")
    if kind == "none":
        return GpuBinding(None if compat < (23, 2) else every, bound=compat < (23, 2))
    if word == "per_task:0" and compat < (23, 2):
        return GpuBinding(None, bound=True)
    made = GpuBinding([], bound=True)
    chosen = _choose(made, kind, values, every, local, near or {}, set(cpus), max(there, every[-1] + 1))
    if not chosen:
        made.errors.append(
            f"Bind request {shown(text, compat)} does not specify any devices within the allocation for task {local}. "
            "Binding to the first device in the allocation instead."
        )
        chosen = every[:1]
    made.gpus = chosen
    if verbose:
        listed = ",".join(str(gpu) for gpu in chosen)
        made.report = (
            f"gpu-bind: usable_gres=0x{_mask(chosen):X}; bit_alloc=0x{_mask(every):X}; local_inx=0; "
            f"global_list={listed}; local_list={listed}"
        )
    return made


def _choose(
    made: GpuBinding,
    kind: str,
    values: str,
    every: list[int],
    local: int,
    near: Mapping[int, Collection[int]],
    cpus: set[int],
    there: int,
) -> list[int]:
    if kind == "closest":
        close = [gpu for gpu in every if not cpus or not near.get(gpu) or cpus & set(near[gpu])]
        return close or every
    if kind in ("single", "per_task"):
        number = int(values) if values.isdecimal() else 0
        if number < 1:
            made.errors.append(f"_parse_tres_bind: {kind}:{values} does not specify a valid number. Defaulting to 1.")
            number = 1
        if kind == "single":
            return [every[local // number % len(every)]]
        own = every[local * number : (local + 1) * number]
        if len(own) < number:
            made.errors.append("Not enough gpus to bind for gpus per task")
        return own
    items = _items(values)
    if not items:
        return []
    mask = kind.startswith("mask")
    item = items[local % len(items)]
    try:
        number = int(item, 16 if mask or item.startswith("0x") else 10)
    except ValueError:
        number = 0
    asked = [at for at in range(number.bit_length()) if number >> at & 1] if mask else [number]
    if max(asked, default=0) >= there and not set(asked) & set(every):
        made.errors.append("Invalid --gpu-bind= value specified.")
    return [gpu for gpu in every if gpu in asked]


def _items(values: str) -> list[str]:
    """"0*2,1" -> 0, 0, 1."""
    items: list[str] = []
    for item in values.split(","):
        value, _, times = item.partition("*")
        items += [value] * (int(times) if times.isdecimal() else 1)
    return [item for item in items if item]


def _mask(gpus: Sequence[int]) -> int:
    return sum(1 << gpu for gpu in gpus)
