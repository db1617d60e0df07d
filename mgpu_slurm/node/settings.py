"""What one node daemon needs to know of its cluster, whichever way it was started."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence

import msgspec

from mgpu_slurm.base.idset import parse
from mgpu_slurm.intake.conf import Config
from mgpu_slurm.node import gpus as gpu_lists
from mgpu_slurm.node import job_programs, stepsettings
from mgpu_slurm.node.constraints import Constraints
from mgpu_slurm.node.job_programs import Programs
from mgpu_slurm.node.stepsettings import StepSettings
from mgpu_slurm.records.gpu import Gpu, GpuReport
from mgpu_slurm.wire.client import Endpoint


class Settings(msgspec.Struct, kw_only=True):
    """Settings of one daemon. `port` None: no TCP; 0: any. `cluster`: what boot.py takes to find this cluster."""

    name: str
    spool: str
    key_file: str
    key_owner: int = 0  # SlurmUser
    log_file: str = ""
    unix_socket: str
    listen_host: str = ""
    port: int | None = None
    address: str = ""  # "": as the controller sees it
    controllers: list[tuple[str, int]] = []  # host, port
    controller_socket: str = ""
    cluster: str = "-"
    log_name: str = "slurmstepd"
    embedded: bool = False
    dynamic: bool = False
    declared: list[Gpu] = []
    detect: bool = True
    gres_text: str = ""
    tmp_fs: str = "/tmp"
    steps: StepSettings = StepSettings()
    programs: Programs = Programs()
    health: str = ""  # HealthCheckProgram=, where it is to run

    def endpoints(self) -> list[Endpoint]:
        """Where the controller may be, best first."""
        found = [Endpoint(path=self.controller_socket)] if self.controller_socket else []
        return found + [Endpoint(host=host, port=port) for host, port in self.controllers]


def configured(config: Config, name: str, named: bool, path: str) -> Settings:
    """A node of a configuration file. `named`: the name was given with -N. Raises KeyError: no such node."""
    node = config.node(name)
    if node is None:
        raise KeyError(name)
    port = int(config.get("SlurmctldPort"))
    return Settings(
        name=name,
        spool=config.node_path("SlurmdSpoolDir", name),
        key_file=config.key_file(),
        key_owner=config.slurm_uid(),
        log_file=config.node_path("SlurmdLogFile", name),
        unix_socket=config.node_socket(name),
        port=node.port or int(config.get("SlurmdPort")),
        address=node.addr if node.addr not in ("", name) else "",
        controllers=[(address, port) for _, address in config.controllers],
        cluster=os.path.abspath(path),
        log_name=f"slurmstepd-{name}" if named else "slurmstepd",
        declared=declared_gpus(config, name, node.gres),
        detect=detects(config, name, bool(node.gres)),
        tmp_fs=str(config.get("TmpFS") or "/tmp"),
        steps=stepsettings.of(config),
        programs=job_programs.of(config),
        health=str(config.get("HealthCheckProgram") or "") if config.get("HealthCheckInterval") else "",
    )


def embedded(config: Config, name: str) -> Settings:
    """The one node of a personal cluster."""
    directory = config.embedded_dir
    return Settings(
        name=name,
        spool=config.node_path("SlurmdSpoolDir", name),
        key_file=config.key_file(),
        log_file=config.node_path("SlurmdLogFile", name),
        unix_socket=config.node_socket(name),
        controller_socket=config.controller_socket(),
        cluster=f"embedded:{directory}",
        embedded=True,
        dynamic=True,
        steps=StepSettings(bind_cpus=True, constraints=Constraints(ram=True, asked=True)),
    )


def joining(config: Config, name: str, host: str, port: int, gpus: list[Gpu] | None, gres_text: str, address: str) -> Settings:
    """A node that no file lists. `gpus` None: those that are found."""
    return Settings(
        name=name,
        spool=config.node_path("SlurmdSpoolDir", name),
        key_file=config.key_file(),
        log_file=config.node_path("SlurmdLogFile", name),
        unix_socket=config.node_socket(name),
        port=0,
        address=address or route_to(host, port),
        controllers=[(host, port)],
        dynamic=True,
        declared=gpus or [],
        detect=gpus is None or bool(gpus),
        gres_text=gres_text,
        cluster=f"first:{host}:{port}",
    )


def declared_gpus(config: Config, name: str, gres: str) -> list[Gpu]:
    """The GPUs that gres.conf, or else Gres= of the node's own line, names."""
    made: list[Gpu] = []
    for entry in config.gres_of(name):
        if entry.name == "gpu":
            cores = sorted(parse(entry.cores)) if entry.cores else []
            made += gpu_lists.declared(
                entry.count, entry.type, entry.files if len(entry.files) == entry.count else (), cores, entry.links, len(made)
            )
    return made or from_gres_text(gres)


def from_gres_text(gres: str) -> list[Gpu]:
    """gpu:a100:4,gpu:2 -> GPUs. What is no GPU is skipped."""
    made: list[Gpu] = []
    for part in gres.split(","):
        words = part.split("(")[0].strip().split(":")
        if words[0].lower() != "gpu":
            continue
        count = int(words[-1]) if len(words) > 1 and words[-1].isdecimal() else 1
        kind = words[1] if len(words) > 2 or (len(words) == 2 and not words[1].isdecimal()) else ""
        made += gpu_lists.declared(count, kind, start=len(made))
    return made


def detects(config: Config, name: str, gres: bool) -> bool:
    """Whether NVML is to be asked: with AutoDetect, or to look up GPUs that are configured, unless it is switched off."""
    entries = config.gres_of(name)
    words = {entry.autodetect for entry in entries} - {""}
    return "off" not in words and (bool(words) or gres or any(entry.name == "gpu" for entry in entries))


def discover(
    declared: Sequence[Gpu], ask: bool, survey: Callable[[], GpuReport] = gpu_lists.survey
) -> tuple[list[Gpu], list[str]]:
    """The GPUs to offer, and what is worth a line in the log. May take seconds: the driver wakes devices."""
    if not ask or not driver_present():
        return list(declared), []
    report = survey()
    notes = list(report.notes)
    if report.error:
        notes.append(report.error)
    return (gpu_lists.merge(declared, report) if declared else gpu_lists.offered(report.gpus)), notes


def driver_present() -> bool:
    """Whether asking NVML can give anything: saves a process on machines without a driver."""
    return bool(os.environ.get("MGPU_NVML_LIBRARY")) or any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg"))


def route_to(host: str, port: int) -> str:
    """This machine's address on the way to a host; "" when there is none. Nothing is sent."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError:
        return ""
