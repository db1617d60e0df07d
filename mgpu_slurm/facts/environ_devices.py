"""Which variables tell a program its GPUs.

Without a cgroup that hides the others, programs are told by global index, as Slurm does without ConstrainDevices; with one they
count from 0, except for MIG slices, which have names. GPUs that
NVML has found get NVIDIA's variable alone; GPUs that are only declared could be anyone's and get them all, as Slurm's
gres without AutoDetect does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALL_VARIABLES = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
NVIDIA_VARIABLES = ("CUDA_VISIBLE_DEVICES",)


class Devices:
    """How this node's GPUs are called.

    `ordinals`: index in allocations -> the driver's ordinal, or the UUID of a MIG slice; absent ones are their own index.
    `near`: index -> the kernel's numbers of the CPUs next to it; absent where nobody knows. `hidden`: a program sees no others
    than its own. `count`: how many the node has, 0 where nobody says so.
    """

    __slots__ = ("count", "hidden", "near", "ordinals", "variables")

    def __init__(
        self,
        ordinals: Mapping[int, str] | None = None,
        variables: Sequence[str] = ALL_VARIABLES,
        near: Mapping[int, Sequence[int]] | None = None,
        hidden: bool = False,
        count: int = 0,
    ) -> None:
        self.count = count
        self.ordinals = dict(ordinals or {})
        self.near = dict(near or {})
        self.variables = tuple(variables)
        self.hidden = hidden

    def names(self, gpus: Sequence[int]) -> list[str]:
        """How a program that has these is to call them."""
        given = [self.ordinals.get(gpu, str(gpu)) for gpu in gpus]
        return [str(at) if self.hidden and name.isdigit() else name for at, name in enumerate(given)]


def device_variables(gpus: Sequence[int], devices: Devices | None, listing: str) -> dict[str, str | None]:
    """The variables for these GPUs; with none, whatever the user had set goes. `listing` is the SLURM_ name for them."""
    devices = devices or Devices()
    if not gpus:
        return {**dict.fromkeys(ALL_VARIABLES), listing: None}
    seen = ",".join(devices.names(gpus))
    changes: dict[str, str | None] = {listing: ",".join(str(gpu) for gpu in gpus)}
    changes.update(dict.fromkeys(devices.variables, seen))
    return changes
