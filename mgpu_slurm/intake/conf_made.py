"""Configurations made in memory, of clusters that have no file: a personal cluster, and one of the first generation's daemons."""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.intake.conf import Config
from mgpu_slurm.intake.conf_values import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.intake.conf_nodes import PartitionDef


def embedded(
    state_dir: str, hostname: str, cpus: int = 1, *, uid: int | None = None, boards: int = 1, sockets: int = 0,
    cores_per_socket: int = 1, threads_per_core: int = 1, real_memory: int = 1, tmp_disk: int = 0, gres: str = "",
    features: tuple[str, ...] = (), compat: str = "",
) -> Config:  # fmt: skip
    """The personal cluster of one user on one machine, without a file: one node, one partition `main`, no limits.

    Memory and disk in MiB; `gres` such as "gpu:a100:4". Sockets and state lie in `state_dir`. `uid` is the owner,
    by default the caller.
    """
    from mgpu_slurm.intake.conf_gres import GresDef
    from mgpu_slurm.intake.conf_nodes import NodeDef, shape

    config = Config(os.path.join(state_dir, "embedded"), os.getuid() if uid is None else uid)
    config.embedded_dir = state_dir
    config.values = {
        "ClusterName": "mgpu",
        "SlurmctldHost": hostname,
        "StateSaveLocation": state_dir,
        "SlurmdSpoolDir": os.path.join(state_dir, "spool"),
        "SlurmctldLogFile": os.path.join(state_dir, "log", "controller.log"),
        "SlurmdLogFile": os.path.join(state_dir, "log", "node.log"),
        "SelectTypeParameters": ("CR_CORE_MEMORY",),
        "GresTypes": ("gpu",),
        "AccountingStorageTRES": "gres/gpu",
        "ReturnToService": 2,
    }
    if compat:
        config.values["MgpuCompat"] = read("MgpuCompat", "version", None, compat)
    config.controllers = [(hostname, "127.0.0.1")]
    node = NodeDef(hostname, {
        "cpus": cpus, "boards": boards, "sockets": sockets, "cores_per_socket": cores_per_socket,
        "threads_per_core": threads_per_core, "real_memory": real_memory, "tmp_disk": tmp_disk, "gres": gres,
        "features": features, "addr": "127.0.0.1",
    })  # fmt: skip
    shape(node)
    config.nodes = [node]
    config.partitions = [_main_partition([hostname])]
    detect = GresDef("")
    detect.autodetect = "nvml"
    config.gres = [detect]
    return config


def from_first_generation(
    host: str, port: int, home: str, *, hostname: str = "localhost", node: str = "", uid: int | None = None
) -> Config:
    """The cluster of `mgpu_master --host --port` and `mgpu_node --node-id`, without a file: nodes join by themselves.

    `host` is the address to listen on or to reach, `hostname` the controller's name; `node` is the node's name, for a
    node daemon. State lies below ~/.local/state/mgpu/first/PORT, the key is ~/.config/mgpu/mgpu.key. Raises ConfigError
    for a port that is none.
    """
    if not 0 < port < 65536:
        raise ConfigError("--port", 0, f'SlurmctldPort value "{port}" is not a valid port')
    state = os.path.join(home, ".local/state/mgpu/first", str(port))
    config = Config(os.path.join(state, "first"), os.getuid() if uid is None else uid)
    config.values = {
        "ClusterName": "mgpu",
        "SlurmctldHost": hostname,
        "SlurmctldPort": port,
        "StateSaveLocation": state,
        "SlurmdSpoolDir": os.path.join(state, "spool", "%n"),
        "SlurmctldLogFile": os.path.join(state, "log", "controller.log"),
        "SlurmdLogFile": os.path.join(state, "log", "node.%n.log"),
        "SelectTypeParameters": ("CR_CORE_MEMORY",),
        "GresTypes": ("gpu",),
        "AccountingStorageTRES": "gres/gpu",
        "ReturnToService": 2,
        "MgpuKeyFile": os.path.join(home, ".config/mgpu/mgpu.key"),
        "MgpuRunDir": state,
    }
    config.controllers = [(hostname, host)]
    if node:
        from mgpu_slurm.intake.conf_nodes import NodeDef

        config.nodes = [NodeDef(node)]
    config.partitions = [_main_partition([node] if node else [])]
    return config


def _main_partition(nodes: list[str]) -> PartitionDef:
    from mgpu_slurm.intake.conf_nodes import PartitionDef

    partition = PartitionDef("main", {"default": True, "node_text": "ALL", "all_nodes": True})
    partition.nodes = nodes
    return partition
