"""The GPUs a node offers: found by NVML, declared by the configuration, or declared and then looked up.

    found = survey()                       # what is there, from a process of its own
    gpus = offered(found.gpus)             # MIG slices as devices
    gpus = merge(declared(...), found)     # where gres.conf or --gpu-count says which of them to offer

`index` of the result is the number used in allocations. Asking NVML is node/nvml.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec

from mgpu_slurm import boot
from mgpu_slurm.node import nvml
from mgpu_slurm.records.gpu import Gpu, GpuReport

_DEVICE_NODE = re.compile(r"/dev/nvidia(\d+)\Z")
_TRAILING_NUMBER = re.compile(r"(\d+)\Z")
PROCESSES = "processes"
"""The question what processes use (node/gpu_use.py)."""
_CHILD = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from mgpu_slurm.node.gpus import main; main()"


def discover(environ: Mapping[str, str] | None = None) -> GpuReport:
    """Every GPU that NVML lists, healthy or not, asked in this process. Never raises for what driver or devices do.

    $MGPU_NVML_LIBRARY in `environ` (default: this process's) names a libnvidia-ml.so.1 in an unusual place.
    """
    return nvml.read(os.environ if environ is None else environ)


def survey(environ: Mapping[str, str] | None = None, timeout: float = 60.0) -> GpuReport:
    """`discover` in a process of its own, for daemons: a driver that hangs or crashes takes only that process along.

    `timeout` in seconds; the first NVML call after boot may take several while the driver wakes the devices.
    """
    environ = os.environ if environ is None else environ
    pipe = subprocess.PIPE
    try:
        asker = subprocess.Popen(child(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=dict(environ))
    except OSError as error:
        return GpuReport(error=f"cannot start a process to ask NVML: {error}")
    try:
        out, err = asker.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        asker.kill()
        # A process stuck inside the driver does not die; waiting for it would hang this daemon the same way.
        try:
            asker.communicate(timeout=1.0)
        except subprocess.TimeoutExpired:
            pass
        return GpuReport(error=f"NVML did not answer within {timeout:g} seconds")
    if asker.returncode == 0:
        try:
            return msgspec.json.decode(out, type=GpuReport)
        except msgspec.MsgspecError as error:
            return GpuReport(error=f"the process that asked NVML gave no report: {error}")
    last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
    ending = f"status {asker.returncode}" if asker.returncode > 0 else f"signal {-asker.returncode}"
    return GpuReport(error=f"the process that asked NVML ended with {ending}: {last or 'no message'}")


def child(question: str = "") -> list[str]:
    """The command line of a process that asks NVML: for the GPUs, or what else `question` says."""
    words = [question] if question else []
    if boot.FROZEN:
        return [sys.executable, boot.SURVEY, *words]
    return [sys.executable, "-I", "-S", "-c", _CHILD, json.dumps(sys.path), *words]


def main() -> None:
    """Writes the answer as JSON to standard output, which a chatty library cannot spoil: it gets standard error."""
    reply = os.dup(1)
    os.dup2(2, 1)
    if sys.argv[-1] == PROCESSES:
        from mgpu_slurm.node import gpu_use

        report = json.dumps(gpu_use.ask(os.environ)).encode()
    else:
        report = msgspec.json.encode(discover())
    with os.fdopen(reply, "wb") as out:
        out.write(report)


def declared(
    count: int | None = None,
    type: str = "",
    files: Sequence[str] = (),
    cores: Sequence[int] = (),
    links: Sequence[int] = (),
    start: int = 0,
) -> list[Gpu]:
    """GPUs that the configuration names, without asking anybody: --gpu-count, Gres=gpu:TYPE:N, a line of gres.conf.

    `count` defaults to the number of `files` (File=, already expanded); `cores` (Cores=) and `links` (Links=) hold for
    each of them. Numbered from `start`. Raises ValueError when `count` and `files` differ or `count` is negative.
    """
    if count is None:
        count = len(files)
    if count < 0:
        raise ValueError(f"a count of GPUs cannot be negative: {count}")
    if files and len(files) != count:
        raise ValueError(f"Count={count} but File= names {len(files)} device files")
    gpus = []
    for i in range(count):
        file = files[i] if files else ""
        number = _TRAILING_NUMBER.search(file)
        gpus.append(
            Gpu(
                index=start + i,
                minor=int(number[1]) if number else None,
                type=type.lower(),
                cpu_affinity=list(cores),
                links=list(links),
                device_file=file,
                declared=True,
            )
        )
    return gpus


def merge(wanted: Sequence[Gpu], report: GpuReport) -> list[Gpu]:
    """The declared GPUs with what NVML knows of them; GPUs that are not declared are not offered.

    A declared file is looked up by its path, a mere count takes what fits in order. The declared type is the one the
    GPU is called by, the found one becomes an alias. Without a report of GPUs the declaration is believed as it is;
    with one, a declared /dev/nvidiaN that NVML does not list is unhealthy.
    """
    found = offered(report.gpus)
    if not found:
        return list(wanted)
    free = list(range(len(found)))
    result: list[Gpu] = []
    sources: list[int | None] = []
    for gpu in wanted:
        if gpu.device_file:
            fits = [i for i in free if found[i].device_file == gpu.device_file]
        else:
            fits = [i for i in free if found[i].is_of_type(gpu.type)]
        index = len(result)
        if not fits:
            result.append(_unfound(gpu, index))
            sources.append(None)
            continue
        free.remove(fits[0])
        result.append(_joined(gpu, found[fits[0]], index))
        sources.append(fits[0])
    for place, (gpu, declared_gpu) in enumerate(zip(result, wanted, strict=True)):
        gpu.links, gpu.pcie = _rows(found, sources, place)
        if declared_gpu.links:
            gpu.links = list(declared_gpu.links)
    return result


def _unfound(gpu: Gpu, index: int) -> Gpu:
    lost = msgspec.structs.replace(gpu, index=index)
    if _DEVICE_NODE.match(gpu.device_file):
        lost.healthy = False
        lost.fault = f"NVML lists no GPU with the device file {gpu.device_file}"
    return lost


def _joined(wanted: Gpu, found: Gpu, index: int) -> Gpu:
    gpu = msgspec.structs.replace(found, index=index, declared=True)
    if wanted.type and wanted.type != found.type:
        gpu.type = wanted.type
        names = [found.type, *found.aliases]
        gpu.aliases = [name for name in dict.fromkeys(names) if name and name != wanted.type]
    if wanted.cpu_affinity:
        gpu.cpu_affinity = list(wanted.cpu_affinity)
    return gpu


def offered(gpus: Sequence[Gpu]) -> list[Gpu]:
    """The devices that jobs can get: every GPU, and in place of a GPU split by MIG each of its slices.

    A slice takes over its GPU's place, health and surroundings; it has its own type, UUID and memory. A GPU in MIG mode
    without slices cannot run anything and is not offered.
    """
    result: list[Gpu] = []
    sources: list[int | None] = []
    for i, gpu in enumerate(gpus):
        if not gpu.mig_enabled or not gpu.healthy:
            result.append(msgspec.structs.replace(gpu, index=len(result)))
            sources.append(i)
            continue
        for part in gpu.mig_instances:
            result.append(
                msgspec.structs.replace(
                    gpu,
                    index=len(result),
                    name=f"{gpu.name} MIG {part.profile}",
                    type=part.type,
                    aliases=list(part.aliases),
                    uuid=part.uuid,
                    memory_mib=part.memory_mib,
                    mig_instances=[part],
                )
            )
            sources.append(i)
    for place, gpu in enumerate(result):
        gpu.links, gpu.pcie = _rows(gpus, sources, place)
    return result


def _rows(gpus: Sequence[Gpu], sources: Sequence[int | None], place: int) -> tuple[list[int], list[str]]:
    """`links` and `pcie` of entry `place` in a list made of gpus[sources...]; None is a device that nobody knows.

    Slices of one GPU are on one board and have no NVLink to each other. What is not known is 0 and "".
    """
    source = sources[place]
    if source is None:
        return [], []
    of = gpus[source]
    links: list[int] = []
    pcie: list[str] = []
    for at, other in enumerate(sources):
        if at == place:
            links.append(-1)
            pcie.append("X")
        elif other == source:
            links.append(0)
            pcie.append("PSB")
        else:
            links.append(of.links[other] if other is not None and other < len(of.links) else 0)
            pcie.append(of.pcie[other] if other is not None and other < len(of.pcie) else "")
    return links, pcie


def gres_config(gpus: Sequence[Gpu]) -> str:
    """The Gres= text of a node that offers these, "gpu:a100:4"; types in order of first appearance; "" for none."""
    counts: dict[str, int] = {}
    for gpu in gpus:
        counts[gpu.type] = counts.get(gpu.type, 0) + 1
    return ",".join(f"gpu:{kind}:{count}" if kind else f"gpu:{count}" for kind, count in counts.items())
