"""Asks NVML about the GPUs of this machine, one question at a time.

Rule: an answer that does not come never costs the answers that do. Every call may fail on its own; its reason is kept
under the name of the fact (`Gpu.missing`). A failure that says that the device itself is gone or needs a reset makes
the GPU unhealthy, and it stays in the list: a GPU that vanishes from the list would shift the numbers of the others.
What NVML no longer tells of such a GPU is filled in from the driver's files under /proc, as far as they identify it.

Sources: NVML API reference (return codes, scopes of affinity), the kernel's sysfs-bus-pci.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

from mgpu_slurm.node.gpu_names import aliases, gres_type, mig_profile
from mgpu_slurm.node.nvml_links import read_links, read_pcie
from mgpu_slurm.node.nvml_questions import Questions, bus_id, reason
from mgpu_slurm.node.sysfiles import bits, cpu_list, read_text
from mgpu_slurm.records.gpu import Gpu, GpuReport, MigInstance

LIBRARY_VARIABLE = "MGPU_NVML_LIBRARY"
# Where drivers put the library when the dynamic linker is not told of it: WSL, containers that mount the driver, NixOS.
_ELSEWHERE = (
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
    "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
    "/run/opengl-driver/lib/libnvidia-ml.so.1",
)
_INIT_ADVICE = {
    "NVML_ERROR_LIBRARY_NOT_FOUND": "no NVIDIA driver here: libnvidia-ml.so.1 was not found",
    "NVML_ERROR_DRIVER_NOT_LOADED": "the NVIDIA kernel module is not loaded",
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH": "the NVIDIA kernel module and its library are of different versions, "
    "as after an update of the driver: reload the module or restart the machine",
    "NVML_ERROR_NO_PERMISSION": "no permission to use the NVIDIA driver's device files",
}


def read(environ: Mapping[str, str], proc: str = "/proc/driver/nvidia", sysfs: str = "/sys") -> GpuReport:
    """All GPUs that NVML lists. Never raises for what a driver or device does: the report says it."""
    try:
        import pynvml
    except ImportError as error:
        return GpuReport(error=f"the Python module pynvml cannot be used: {error}")
    try:
        load_library(environ.get(LIBRARY_VARIABLE, ""))
    except OSError as error:
        return GpuReport(error=f"{LIBRARY_VARIABLE} cannot be loaded: {error}")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return GpuReport(error=_init_failure(pynvml, error))
    report = GpuReport()
    try:
        report.driver_version = pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError as error:
        report.notes.append(f"driver version: {reason(error)}")
    try:
        _read_all(pynvml, report, proc, sysfs)
    except pynvml.NVMLError as error:
        report.error = f"NVML does not say how many GPUs there are: {reason(error)}"
    try:
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        report.notes.append(f"shutdown: {reason(error)}")
    return report


def load_library(path: str) -> None:
    """Loads the library from a place the linker does not search; pynvml then gets that one, by its soname.

    pynvml itself reports a library that is nowhere. OSError: the one that was named, by `path`, cannot be loaded.
    """
    if path:
        ctypes.CDLL(path)
        return
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
        return
    except OSError:
        pass  # not where the linker looks
    for candidate in _ELSEWHERE:
        try:
            ctypes.CDLL(candidate)
            return
        except OSError:
            continue


def _init_failure(pynvml: Any, error: Any) -> str:
    for name, advice in _INIT_ADVICE.items():
        if error.value == getattr(pynvml, name, None):
            return f"{advice} ({reason(error)})"
    return f"NVML does not start: {reason(error)}"


def _read_all(pynvml: Any, report: GpuReport, proc: str, sysfs: str) -> None:
    """Raises NVMLError when there is not even a count."""
    count = pynvml.nvmlDeviceGetCount()
    handles: list[Any] = []
    questions: list[Questions] = []
    for nvml_index in range(count):
        q = Questions(pynvml)
        handle = None
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(nvml_index)
        except pynvml.NVMLError as error:
            if error.value == pynvml.NVML_ERROR_NO_PERMISSION:
                # Somebody else's: a container or cgroup keeps it from us, and so from our jobs.
                report.notes.append(f"GPU {nvml_index} is left out: {reason(error)}")
                continue
            q.missing["handle"] = reason(error)
            q.fault = f"{reason(error)}, cannot be opened"
        gpu = Gpu(index=len(report.gpus), nvml_index=nvml_index)
        if handle is not None:
            _read_one(q, handle, gpu, proc, sysfs)
        report.gpus.append(gpu)
        handles.append(handle)
        questions.append(q)
    _fill_from_driver(report.gpus, proc)
    links = read_links(pynvml, handles, [gpu.pci_bus_id for gpu in report.gpus], questions)
    pcie = read_pcie(pynvml, handles, questions)
    for gpu, q, own_links, own_pcie in zip(report.gpus, questions, links, pcie, strict=True):
        gpu.links = own_links
        gpu.pcie = own_pcie
        gpu.missing = q.missing
        gpu.fault = q.fault
        gpu.healthy = q.fault is None


def _read_one(q: Questions, handle: Any, gpu: Gpu, proc: str, sysfs: str) -> None:
    p = q.pynvml
    gpu.name = q.ask("name", "", p.nvmlDeviceGetName, handle)
    gpu.uuid = q.ask("uuid", "", p.nvmlDeviceGetUUID, handle)
    gpu.minor = q.ask("minor", None, p.nvmlDeviceGetMinorNumber, handle)
    pci = q.ask("pci_bus_id", None, p.nvmlDeviceGetPciInfo, handle)
    gpu.pci_bus_id = bus_id(pci) if pci is not None else ""
    # GPUs that share the machine's memory (GB10, Tegra) answer "not supported".
    memory = q.ask("memory_mib", None, p.nvmlDeviceGetMemoryInfo, handle)
    gpu.memory_mib = memory.total // (1 << 20) if memory is not None else None
    _name(gpu)
    _read_affinity(q, handle, gpu, sysfs)
    gpu.ecc_uncorrected = q.ask(
        "ecc_uncorrected",
        None,
        p.nvmlDeviceGetTotalEccErrors,
        handle,
        p.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
        p.NVML_VOLATILE_ECC,
        optional=True,
    )
    rows = q.ask("remap_failed", None, p.nvmlDeviceGetRemappedRows, handle, optional=True)
    if rows is not None:
        gpu.retirement_pending, gpu.remap_failed = bool(rows[2]), bool(rows[3])
    else:
        pages = q.ask("retirement_pending", None, p.nvmlDeviceGetRetiredPagesPendingStatus, handle, optional=True)
        gpu.retirement_pending = None if pages is None else bool(pages)
    mode = q.ask("mig_enabled", None, p.nvmlDeviceGetMigMode, handle, optional=True)
    if mode is not None and mode[0] == p.NVML_DEVICE_MIG_ENABLE:
        gpu.mig_enabled = True
        gpu.mig_instances = _read_mig(q, handle, gpu, proc)


def _name(gpu: Gpu) -> None:
    gpu.type = gres_type(gpu.name)
    gpu.aliases = aliases(gpu.name)
    gpu.device_file = f"/dev/nvidia{gpu.minor}" if gpu.minor is not None else ""


def _read_affinity(q: Questions, handle: Any, gpu: Gpu, sysfs: str) -> None:
    """Near CPUs and memory. nvmlDeviceGetNumaNodeId is not what it seems: it is for GPUs that are a node themselves."""
    p = q.pynvml
    cpus = cpu_list(read_text(f"{sysfs}/devices/system/cpu/possible")) or range(os.cpu_count() or 1)
    nodes = cpu_list(read_text(f"{sysfs}/devices/system/node/possible")) or [0]
    mask = q.ask("cpu_affinity", None, p.nvmlDeviceGetCpuAffinity, handle, max(cpus) // 64 + 1)
    gpu.cpu_affinity = bits(mask) if mask is not None else []
    scope = p.NVML_AFFINITY_SCOPE_NODE
    near = q.ask("numa_node", None, p.nvmlDeviceGetMemoryAffinity, handle, max(nodes) // 64 + 1, scope)
    near_nodes = bits(near) if near is not None else []
    if len(near_nodes) == 1:
        gpu.numa_node = near_nodes[0]
    if not gpu.pci_bus_id:
        return
    device = f"{sysfs}/bus/pci/devices/{gpu.pci_bus_id[4:].lower()}"
    if not gpu.cpu_affinity:
        gpu.cpu_affinity = cpu_list(read_text(f"{device}/local_cpulist"))
        if gpu.cpu_affinity:
            q.missing.pop("cpu_affinity", None)
    if gpu.numa_node is None:
        node = read_text(f"{device}/numa_node")
        if node.isdigit():  # "-1" where the firmware does not say
            gpu.numa_node = int(node)
            q.missing.pop("numa_node", None)


def _read_mig(q: Questions, handle: Any, gpu: Gpu, proc: str) -> list[MigInstance]:
    p = q.pynvml
    found: list[MigInstance] = []
    for index in range(q.ask("mig_instances", 0, p.nvmlDeviceGetMaxMigDeviceCount, handle)):
        try:
            device = p.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except p.NVMLError as error:
            if error.value not in (p.NVML_ERROR_NOT_FOUND, p.NVML_ERROR_INVALID_ARGUMENT):
                q.note(f"mig_instance_{index}", error)
            continue
        fact = f"mig_instance_{index}_"
        name = q.ask(f"{fact}name", "", p.nvmlDeviceGetName, device)
        sizes = q.ask(f"{fact}attributes", None, p.nvmlDeviceGetAttributes, device)
        slice_ = MigInstance(
            index=index,
            profile=mig_profile(name) or _profile_of(sizes),
            uuid=q.ask(f"{fact}uuid", "", p.nvmlDeviceGetUUID, device),
            memory_mib=int(sizes.memorySizeMB) if sizes is not None else None,
            gpu_instance=q.ask(f"{fact}gpu_instance", None, p.nvmlDeviceGetGpuInstanceId, device),
            compute_instance=q.ask(f"{fact}compute_instance", None, p.nvmlDeviceGetComputeInstanceId, device),
        )
        slice_.type = f"{gpu.type}_{slice_.profile}".strip("_")
        slice_.aliases = [f"{alias}_{slice_.profile}" for alias in gpu.aliases] + [slice_.profile]
        slice_.device_files = _mig_files(gpu, slice_, proc)
        found.append(slice_)
    return found


def _profile_of(sizes: Any) -> str:
    """NVIDIA's name of a slice from its size: 3g.20gb, or 1c.3g.20gb for a part of its compute slices."""
    if sizes is None:
        return ""
    gpu_slices, compute_slices = sizes.gpuInstanceSliceCount, sizes.computeInstanceSliceCount
    part = "" if compute_slices == gpu_slices else f"{compute_slices}c."
    return f"{part}{gpu_slices}g.{max(1, round(sizes.memorySizeMB / 1024))}gb"


def _mig_files(gpu: Gpu, slice_: MigInstance, proc: str) -> list[str]:
    files = [gpu.device_file] if gpu.device_file else []
    if gpu.minor is None or slice_.gpu_instance is None:
        return files
    instance = f"{proc}/capabilities/gpu{gpu.minor}/mig/gi{slice_.gpu_instance}"
    for path in (f"{instance}/access", f"{instance}/ci{slice_.compute_instance}/access"):
        minor = _fields(read_text(path)).get("DeviceFileMinor", "")
        if minor.isdigit():
            files.append(f"/dev/nvidia-caps/nvidia-cap{minor}")
    return files


def _fields(text: str) -> dict[str, str]:
    """The "Name: value" lines of one of the driver's files."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _fill_from_driver(gpus: list[Gpu], proc: str) -> None:
    """Identifies GPUs that NVML cannot open by /proc/driver/nvidia/gpus/<bus id>/information.

    NVML lists GPUs by bus id, so when as many directories as GPUs are left over they belong together in that order;
    when the numbers differ (a container hides some) nothing is guessed.
    """
    root = f"{proc}/gpus"
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return
    by_bus = {f"{name.upper().partition(':')[0]:0>8}:{name.upper().partition(':')[2]}": name for name in names}
    unnamed = [gpu for gpu in gpus if not gpu.pci_bus_id]
    left = [bus for bus in by_bus if bus not in {gpu.pci_bus_id for gpu in gpus}]
    if unnamed and len(unnamed) == len(left):
        for gpu, bus in zip(unnamed, left, strict=True):
            gpu.pci_bus_id = bus
    for gpu in gpus:
        if gpu.pci_bus_id not in by_bus or (gpu.name and gpu.uuid and gpu.minor is not None):
            continue
        facts = _fields(read_text(f"{root}/{by_bus[gpu.pci_bus_id]}/information"))
        gpu.name = gpu.name or facts.get("Model", "")
        uuid = facts.get("GPU UUID", "")
        if not gpu.uuid and "?" not in uuid:  # the driver shows question marks until it has read it
            gpu.uuid = uuid
        if gpu.minor is None and facts.get("Device Minor", "").isdigit():
            gpu.minor = int(facts["Device Minor"])
        _name(gpu)
