"""A GPU of one machine: what it is called, how it is reached, what it sits next to and whether it can be used.

The facts come from NVML (node/nvml.py), from the configuration (Gres=, gres.conf, --gpu-count), or from both.
What nobody told stays None, -1 or empty; `missing` keeps why.
"""

from __future__ import annotations

import msgspec


class MigInstance(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One MIG slice of a GPU, a schedulable device of its own. Memory in MiB."""

    index: int  # NVML's index of the slice within its GPU
    profile: str = ""  # "1g.5gb"
    type: str = ""  # gres type: the GPU's type, "_", the profile
    aliases: list[str] = []
    uuid: str = ""  # what CUDA_VISIBLE_DEVICES must name, slices have no ordinal
    memory_mib: int | None = None
    gpu_instance: int | None = None
    compute_instance: int | None = None
    device_files: list[str] = []  # all files a task needs for it: the GPU's and its capability files


class Gpu(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One GPU. `links`, `pcie` have an entry for every GPU of the same list, in its order. Memory in MiB."""

    index: int  # position among the GPUs that this node offers; the index used in allocations
    nvml_index: int | None = None  # NVML's number; by bus id, counting GPUs that are not ours too
    minor: int | None = None  # N of /dev/nvidiaN
    name: str = ""  # product name as NVML says it
    type: str = ""  # gres type; "" when not known
    aliases: list[str] = []  # further types that a request may name, e.g. "a100"
    uuid: str = ""
    pci_bus_id: str = ""  # 00000000:81:00.0
    memory_mib: int | None = None  # None: shares the machine's memory, or was not told
    numa_node: int | None = None
    cpu_affinity: list[int] = []  # CPUs near it, by the kernel's numbers
    links: list[int] = []  # NVLinks to each GPU, -1 at its own place
    pcie: list[str] = []  # common ancestor with each GPU in nvidia-smi's words (PIX ... SYS); X itself, "" unknown
    mig_enabled: bool = False
    mig_instances: list[MigInstance] = []
    healthy: bool = True
    fault: str | None = None  # why it is not healthy
    device_file: str = ""  # "/dev/nvidia0"
    declared: bool = False  # named by the configuration
    ecc_uncorrected: int | None = None  # uncorrectable memory errors since the driver was loaded
    retirement_pending: bool | None = None  # bad memory waits for a reset to be mapped out
    remap_failed: bool | None = None  # bad memory could not be mapped out
    missing: dict[str, str] = {}  # field -> why NVML did not tell it

    def is_of_type(self, wanted: str) -> bool:
        """Whether a request for gres type `wanted` ("" is any) may get this GPU. Case is ignored, as Slurm does."""
        lowered = wanted.lower()
        return not lowered or lowered == self.type.lower() or lowered in self.aliases


class GpuReport(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a look at the machine's GPUs gave. No GPUs and an `error` is the usual answer of a machine without any."""

    gpus: list[Gpu] = []
    driver_version: str = ""
    error: str | None = None  # why nothing, or not all, could be found out
    notes: list[str] = []  # things worth a line in the log that are no error
